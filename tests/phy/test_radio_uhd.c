/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radio=uhd: libuhd itself against virtual USRPs: what is set, and what is sent. */
#include "usrp_radio.h"

static void test_actual_values(void)
{
    bench_t bench = bench_clean("");
    char args[64];
    radio_config_t config = config_at(&bench, 0, args);
    config.freq_hz = 2.45e9;
    config.lo_offset_hz = 1e6;
    config.tx_gain_db = 10;
    config.rx_gain_db = 20;
    config.antenna = "TX/RX";
    config.bandwidth_hz = 40e6;
    config.reference = "external";
    config.pps = "external";
    radio_t *radio = open_radio(&config);
    CHECK_NEAR(radio_rate_hz(radio), AIR_HZ, 1e-3);
    CHECK_NEAR(radio_freq_hz(radio), 2.45e9, 1);
    CHECK_NEAR(radio_tx_gain_db(radio), 10, 0.25);
    CHECK_NEAR(radio_rx_gain_db(radio), 20, 0.25);
    CHECK_AT_LEAST((double)radio_now(radio), 1);
    radio_close(radio);
    bench_close(&bench);
}

/* Sends a timed burst and finds it, sample for sample, where it should be. */
static void check_burst(const char *wire_format, float tolerance)
{
    static float complex x[LENGTH], y[20 * LENGTH];
    bench_t bench = bench_clean("");
    char args[64], other_args[64];
    radio_config_t config = config_at(&bench, 0, args), other = config_at(&bench, 1, other_args);
    config.wire_format = other.wire_format = wire_format;
    config.lo_offset_hz = 2e6; /* which must not be seen */
    radio_t *sender = open_radio(&config), *receiver = open_radio(&other);
    rng_t rng;
    rng_seed(&rng, 2, 0);
    for (int i = 0; i < LENGTH; i++) {
        x[i] = CMPLXF(rng_uniform(&rng) - 0.5f, rng_uniform(&rng) - 0.5f);
    }
    CHECK_INT(radio_start(receiver, NULL), 0);
    const float complex *const sent[] = {x};
    const radio_push_t how = {true, true, radio_now(sender) + (uint64_t)(0.1 * AIR_HZ)};
    CHECK_INT(radio_push(sender, sent, LENGTH, &how, 5, NULL), LENGTH);
    CHECK_INT(radio_drained(sender, 5), true);
    size_t found = 0, at = 0;
    for (int tries = 0; tries < 2000 && at < LENGTH; tries++) {
        float complex *const antennas[] = {y + found};
        radio_pull_t info;
        const ssize_t n = radio_pull(receiver, antennas, LENGTH, 0.05, &info, NULL);
        for (ssize_t i = 0; i < n; i++) { /* keeps from the first loud sample on */
            if (at > 0 || cabsf(y[found + (size_t)i]) > 0.05f) {
                y[at++] = y[found + (size_t)i];
            }
        }
        found = at;
    }
    CHECK_AT_LEAST((double)at, LENGTH);
    size_t skipped = 0; /* the first ones may have been quiet */
    while (skipped < 10 && fabsf(cabsf(x[skipped]) - cabsf(y[0])) > tolerance) {
        skipped++;
    }
    /* Two oscillators: one phase between them, all the time. */
    float complex product = 0;
    for (size_t i = skipped; i < LENGTH; i++) {
        product += y[i - skipped] * conjf(x[i]);
    }
    const float complex turn = product / cabsf(product);
    float worst = 0;
    for (size_t i = skipped; i < LENGTH; i++) {
        worst = fmaxf(worst, cabsf(turn * x[i] - y[i - skipped]));
    }
    CHECK_AT_MOST(worst, tolerance);
    CHECK_INT(radio_counts(sender).late + radio_counts(sender).underflows, 0);
    radio_close(sender);
    radio_close(receiver);
    bench_close(&bench);
}

static void test_burst(void)
{
    check_burst("sc16", 1e-4f);
}

static void test_burst_in_eight_bits(void)
{
    check_burst("sc8", 0.02f);
}

static void test_late_burst(void)
{
    static const float complex x[LENGTH];
    bench_t bench = bench_clean("");
    radio_t *radio = open_at(&bench, 0);
    const float complex *const sent[] = {x};
    radio_event_t event;
    while (radio_now(radio) < 100000) {
        clock_sleep_s(0.01);
    }
    CHECK_INT(radio_push(radio, sent, LENGTH, &(radio_push_t){true, true, 1000}, 5, NULL), LENGTH);
    CU_ASSERT(wait_event(radio, RADIO_EVENT_LATE, 5, &event));
    CHECK_INT(event.timestamp, 1000);
    CHECK_INT(event.count, LENGTH);
    CHECK_INT(radio_counts(radio).late, 1);
    CHECK_INT(radio_counts(radio).late_samples, LENGTH);
    radio_close(radio);
    bench_close(&bench);
}

static void test_starving_burst(void)
{
    static const float complex x[LENGTH];
    bench_t bench = bench_clean("");
    radio_t *radio = open_at(&bench, 0);
    const float complex *const sent[] = {x};
    radio_event_t event;
    CHECK_INT(radio_push(radio, sent, LENGTH, &(radio_push_t){true, false, RADIO_ASAP}, 5, NULL),
              LENGTH);
    CU_ASSERT(wait_event(radio, RADIO_EVENT_UNDERFLOW, 5, &event));
    err_t err = ERR_INIT;
    CHECK_INT(radio_push(radio, sent, 1, &(radio_push_t){true, false, RADIO_ASAP}, 5, &err), -1);
    CHECK_INT(err.code, ERR_STATE);
    CHECK_INT(radio_push(radio, sent, 0, &(radio_push_t){false, true, 0}, 5, NULL), 0);
    radio_close(radio);
    bench_close(&bench);
}

static const check_test_t tests[] = {
    {"rate, carrier, gains, antenna, bandwidth, reference and pulse are set and read back",
     test_actual_values},
    {"a timed burst arrives unchanged, with the oscillator beside the carrier", test_burst},
    {"and in 8 bits", test_burst_in_eight_bits},
    {"a late burst is an event and is not sent", test_late_burst},
    {"a burst that starves is an event", test_starving_burst},
};

int main(void)
{
    return check_run("radio_uhd", tests, CHECK_COUNT(tests));
}
