/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rng.h"
#include "sequence.h"

#include "check.h"

static void test_baseline(void)
{
    sequence_t s = {0};
    sequence_step_t step = sequence_frame(&s, 1, 0, 500);
    CU_ASSERT(step.first);
    CHECK_INT(step.lost, 0);
    CHECK_INT(sequence_frame(&s, 1, 0, 501).lost, 0);
    CHECK_INT(sequence_frame(&s, 1, 0, 505).lost, 3);
    CHECK_INT(sequence_frame(&s, 2, 0, 9).lost, 0);
    CHECK_INT(sequence_frame(&s, 1, 0, 506).lost, 0);
}

static void test_wrap(void)
{
    sequence_t s = {0};
    sequence_frame(&s, 1, 0, 65534);
    sequence_step_t step = sequence_frame(&s, 1, 0, 1);
    CHECK_INT(step.lost, 2);
    CU_ASSERT_FALSE(step.restarted);
}

static void test_restart(void)
{
    sequence_t s = {0};
    sequence_frame(&s, 1, 3, 5000);
    sequence_step_t step = sequence_frame(&s, 1, 3, 2);
    CU_ASSERT(step.restarted);
    CHECK_INT(step.lost, 0);
    step = sequence_frame(&s, 1, 4, 300);
    CU_ASSERT(step.restarted);
    CHECK_INT(step.lost, 0);
    step = sequence_frame(&s, 1, 4, 302);
    CU_ASSERT_FALSE(step.restarted);
    CHECK_INT(step.lost, 1);
}

static void test_headers(void)
{
    sequence_t s = {0};
    sequence_lost_header(&s); /* before any frame: belongs to nobody */
    sequence_frame(&s, 1, 0, 10);
    sequence_lost_header(&s);
    sequence_lost_header(&s);
    CHECK_INT(sequence_frame(&s, 1, 0, 15).lost, 2);
    sequence_lost_header(&s); /* a false alarm: no gap follows */
    CHECK_INT(sequence_frame(&s, 1, 0, 16).lost, 0);
    CHECK_INT(sequence_frame(&s, 1, 0, 18).lost, 1);
}

/* Whatever is lost how: seen + lost_header + lost_gap = sent. */
static void test_accounts(void)
{
    rng_t rng;
    rng_seed(&rng, 1, 0);
    sequence_t s = {0};
    uint64_t sent = 200000, seen = 0, headers = 0, gaps = 0, before_end = 0;
    for (uint64_t i = 0; i < sent; i++) {
        uint32_t fate = i == 0 || i + 1 == sent ? 0 : rng_below(&rng, 4);
        if (fate == 1) {
            sequence_lost_header(&s);
            headers++;
        } else if (fate != 2) {
            gaps += sequence_frame(&s, 7, 1, (uint16_t)i).lost;
            seen++;
        } else {
            before_end++;
        }
    }
    CHECK_INT(gaps, before_end);
    CHECK_INT(seen + headers + gaps, sent);
}

static const check_test_t tests[] = {
    {"the first frame sets the baseline, later gaps are counted", test_baseline},
    {"the counter wraps without a loss", test_wrap},
    {"a transmitter that starts anew is recognised", test_restart},
    {"a frame with an unreadable header is not counted twice", test_headers},
    {"seen, unreadable and missing frames add up to those sent", test_accounts},
};

int main(void)
{
    return check_run("sequence", tests, CHECK_COUNT(tests));
}
