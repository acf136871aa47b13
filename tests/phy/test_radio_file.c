/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radio=file: what is sent is what is received, with the same times. */
#include "check.h"
#include "clock.h"
#include "file.h"
#include "radio/radio.h"
#include "radio/recorder.h"
#include "rng.h"

#include <stdlib.h>
#include <unistd.h>

enum { LONG = 50000 };

static char folder[64] = "/tmp/semradio-file-XXXXXX";
static float complex sent[LONG], got[LONG];

static radio_t *open_with(const char *address, double rate_hz, err_t *err)
{
    radio_config_t config = radio_config_default();
    config.backend = "file";
    config.address = address;
    config.rate_hz = rate_hz;
    return radio_open(&config, err);
}

/* open_radio("rx=NAME"): NAME lies in the folder. */
static radio_t *open_radio(const char *side, const char *name, const char *more)
{
    char address[256];
    err_t err = ERR_INIT;
    snprintf(address, sizeof address, "%s=%s/%s%s", side, folder, name, more);
    radio_t *radio = open_with(address, 1e6, &err);
    if (radio == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return radio;
}

static void push(radio_t *radio, size_t from, size_t count, uint64_t when)
{
    const float complex *x[1] = {sent + from};
    const radio_push_t how = {.start = true, .end = true, .timestamp = when};
    CHECK_INT(radio_push(radio, x, count, &how, 5.0, NULL), count);
}

static ssize_t pull(radio_t *radio, size_t count, radio_pull_t *info, err_t *err)
{
    float complex *x[1] = {got};
    return radio_pull(radio, x, count, 5.0, info, err);
}

static void test_round_trip(void)
{
    radio_pull_t info;
    radio_event_t event;
    err_t err = ERR_INIT;
    radio_t *tx = open_radio("tx", "trip", "");
    push(tx, 0, 20000, RADIO_ASAP);
    push(tx, 20000, 100, 25000);
    push(tx, 0, 10, 25099); /* late */
    push(tx, 20100, 50, RADIO_ASAP);
    CHECK_INT(radio_now(tx), 25150);
    CU_ASSERT(radio_next_event(tx, &event));
    CHECK_INT(event.kind, RADIO_EVENT_LATE);
    CHECK_INT(event.count, 10);
    radio_close(tx);
    radio_t *rx = open_radio("rx", "trip", "");
    CHECK_INT(pull(rx, 1, &info, &err), -1);
    CHECK_INT(err.code, ERR_STATE);
    CHECK_INT(radio_start(rx, NULL), 0);
    CHECK_INT(pull(rx, LONG, &info, &err), 25150);
    CHECK_INT(info.timestamp, 0);
    CU_ASSERT(info.discontinuous);
    CHECK_INT(memcmp(got, sent, 20000 * sizeof *got), 0);
    CHECK_INT(memcmp(got + 25000, sent + 20000, 150 * sizeof *got), 0);
    CHECK_NEAR(cabsf(got[20000]) + cabsf(got[24999]), 0, 0);
    CHECK_INT(pull(rx, LONG, &info, &err), -1);
    CHECK_INT(err.code, ERR_CLOSED);
    CHECK_ERROR_NAMES(&err, "trip");
    radio_close(rx);
    sigmf_t *meta;
    char path[128];
    snprintf(path, sizeof path, "%s/trip", folder);
    meta = sigmf_load(path, &err);
    CHECK_INT(meta->annotation_count, 3);
    CHECK_INT(meta->annotations[1].start, 25000);
    CHECK_INT(meta->annotations[1].count, 100);
    CU_ASSERT_STRING_EQUAL(meta->annotations[1].label, "burst");
    sigmf_free(meta);
}

static void test_gaps(void)
{
    char path[128];
    radio_pull_t info;
    err_t err = ERR_INIT;
    snprintf(path, sizeof path, "%s/gaps", folder);
    const recorder_config_t config = {.path = path, .rate_hz = 1e6, .freq_hz = 1e9};
    recorder_t *rec = recorder_open(&config, &err);
    recorder_push(rec, sent, 1000, 500);
    recorder_push(rec, sent + 1000, 1000, 1500);
    recorder_push(rec, sent + 2000, 1000, 2777);
    recorder_push(rec, sent + 3000, 1000, 0); /* a clock that began anew */
    CHECK_INT(recorder_close(rec, &err), 0);
    radio_t *rx = open_radio("rx", "gaps", "");
    radio_start(rx, NULL);
    CHECK_INT(pull(rx, 1500, &info, &err), 1500);
    CHECK_INT(info.timestamp, 500);
    CHECK_INT(pull(rx, LONG, &info, &err), 500); /* never across a gap */
    CHECK_INT(info.timestamp, 2000);
    CU_ASSERT(!info.discontinuous);
    CHECK_INT(pull(rx, LONG, &info, &err), 1000);
    CHECK_INT(info.timestamp, 2777);
    CHECK_INT(info.lost, 277);
    CU_ASSERT(info.discontinuous);
    CHECK_INT(memcmp(got, sent + 2000, 1000 * sizeof *got), 0);
    CHECK_INT(pull(rx, LONG, &info, &err), 1000);
    CHECK_AT_LEAST(info.timestamp, 3778);
    CU_ASSERT(info.discontinuous);
    CHECK_INT(radio_counts(rx).overflows, 2);
    radio_close(rx);
}

static void test_ci16(void)
{
    radio_pull_t info;
    radio_t *tx = open_radio("tx", "half", ",tx_format=ci16");
    push(tx, 0, LONG, RADIO_ASAP);
    radio_close(tx);
    radio_t *rx = open_radio("rx", "half.sigmf-data", "");
    radio_start(rx, NULL);
    CHECK_INT(pull(rx, LONG, &info, NULL), LONG);
    double worst = 0;
    for (size_t i = 0; i < LONG; i++) {
        worst = fmax(worst, (double)cabsf(got[i] - sent[i]));
    }
    CHECK_AT_MOST(worst, 0.72 / 32767);
    radio_close(rx);
}

/* Never ahead of the clock. */
static void test_paced(void)
{
    radio_pull_t info;
    radio_t *tx = open_radio("tx", "slow", "");
    push(tx, 0, LONG, RADIO_ASAP);
    radio_close(tx);
    radio_t *rx = open_radio("rx", "slow", ",pace=clock");
    radio_start(rx, NULL);
    const uint64_t start_ns = clock_now_ns();
    size_t done = 0;
    while (done < LONG) {
        const ssize_t n = pull(rx, 3000, &info, NULL);
        CHECK_INT(info.timestamp, done);
        if (n < 0) {
            break;
        }
        done += (size_t)n;
    }
    CHECK_INT(done, LONG);
    CHECK_AT_LEAST((double)(clock_now_ns() - start_ns), 0.05 * 1e9);
    radio_close(rx);
}

static void refuse(const char *address, double rate_hz, err_code_t code, const char *names)
{
    char full[512];
    err_t err = ERR_INIT;
    snprintf(full, sizeof full, address, folder);
    radio_t *radio = open_with(full, rate_hz, &err);
    CU_ASSERT_PTR_NULL(radio);
    CHECK_INT(err.code, code);
    CHECK_ERROR_NAMES(&err, names);
    radio_close(radio);
}

static void damage(const char *name, const char *suffix, long bytes)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, suffix);
    CHECK_INT(truncate(path, bytes), 0);
}

static void test_refusals(void)
{
    radio_t *tx = open_radio("tx", "odd", "");
    push(tx, 0, 100, RADIO_ASAP);
    radio_close(tx);
    refuse("rx=%s/odd", 2e6, ERR_UNSUPPORTED, "2e+06");
    refuse("tx=%s/odd", 1e6, ERR_STATE, "odd.sigmf-meta");
    refuse("rx=%s/none", 1e6, ERR_IO, "none.sigmf-meta");
    refuse("%s/odd", 1e6, ERR_ARGUMENT, "key=value");
    refuse("pace=free", 1e6, ERR_ARGUMENT, "rx=");
    refuse("rx=%s/odd,speed=3", 1e6, ERR_ARGUMENT, "speed");
    refuse("rx=%s/odd,pace=warp", 1e6, ERR_ARGUMENT, "free|clock");
    damage("odd", ".sigmf-data", 799);
    refuse("rx=%s/odd", 1e6, ERR_FORMAT, "whole number");
    damage("odd", ".sigmf-data", 792);
    refuse("rx=%s/odd", 1e6, ERR_FORMAT, "99 samples");
    damage("odd", ".sigmf-meta", 50);
    refuse("rx=%s/odd", 1e6, ERR_FORMAT, "JSON");
}

static const check_test_t tests[] = {
    {"what is sent is received bit for bit, at its time", test_round_trip},
    {"gaps of a recording are gaps in time", test_gaps},
    {"ci16 costs half the room and a little precision", test_ci16},
    {"pace=clock never runs ahead", test_paced},
    {"what does not fit or is damaged is refused, by name", test_refusals},
};

int main(void)
{
    rng_t rng;
    char command[128];
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    rng_seed(&rng, 5, 0);
    rng_complex_normal(&rng, 0.01f, sent, LONG);
    const int failed = check_run("radio_file", tests, CHECK_COUNT(tests));
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0 || failed;
}
