/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radio=uhd when samples go lost: each is counted, and reception goes on. */
#include "usrp_radio.h"

static void test_continuous(void)
{
    bench_t bench = bench_clean("");
    radio_t *radio = open_at(&bench, 0);
    CHECK_INT(radio_start(radio, NULL), 0);
    const story_t story = follow(radio, 1000000);
    CHECK_INT(story.wrong, 0);
    CHECK_INT(story.samples + story.lost, story.next - story.first);
    CHECK_INT(radio_counts(radio).overflow_samples, story.lost);
    radio_close(radio);
    bench_close(&bench);
}

static void test_lost_packets(void)
{
    bench_t bench = bench_clean(",loss=0.02");
    radio_t *radio = open_at(&bench, 0);
    CHECK_INT(radio_start(radio, NULL), 0);
    const story_t story = follow(radio, 1000000);
    const radio_counts_t counts = radio_counts(radio);
    CHECK_INT(story.wrong, 0);
    CHECK_AT_LEAST(story.gaps, 20); /* 2,750 packets, 55 lost */
    CHECK_INT(story.samples + story.lost, story.next - story.first);
    CHECK_AT_LEAST((double)counts.sequence_gaps, story.gaps);
    CHECK_INT(counts.silent_gaps, 0);
    radio_close(radio);
    bench_close(&bench);
}

/* The packets' count has 4 bits: UHD says nothing when 16 are missing. */
static void test_silent_losses(void)
{
    bench_t bench = bench_clean(",loss=0.005,run=16");
    radio_t *radio = open_at(&bench, 0);
    CHECK_INT(radio_start(radio, NULL), 0);
    const story_t story = follow(radio, 1000000);
    const radio_counts_t counts = radio_counts(radio);
    CHECK_INT(story.wrong, 0);
    CHECK_AT_LEAST(story.gaps, 2);
    CHECK_INT(story.samples + story.lost, story.next - story.first);
    CHECK_AT_LEAST((double)counts.silent_gaps, 2);
    radio_close(radio);
    bench_close(&bench);
}

static void test_overflows(void)
{
    bench_t bench = bench_clean(",overflow=0.1");
    radio_t *radio = open_at(&bench, 0);
    CHECK_INT(radio_start(radio, NULL), 0);
    const story_t story = follow(radio, 2000000);
    const radio_counts_t counts = radio_counts(radio);
    CHECK_INT(story.wrong, 0);
    CHECK_AT_LEAST(story.gaps, 2); /* in at least 0.32 s */
    CHECK_INT(story.samples + story.lost, story.next - story.first);
    CHECK_AT_LEAST((double)(counts.overflows - counts.sequence_gaps - counts.silent_gaps), 2);
    radio_close(radio);
    bench_close(&bench);
}

static const check_test_t tests[] = {
    {"every sample is there or counted", test_continuous},
    {"lost packets are gaps of the right length", test_lost_packets},
    {"losses that UHD does not see are seen", test_silent_losses},
    {"reception goes on after an overflow", test_overflows},
};

int main(void)
{
    return check_run("radio_uhd_losses", tests, CHECK_COUNT(tests));
}
