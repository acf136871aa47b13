/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radio=uhd: libuhd itself against virtual USRPs in this process. */
#include "usrp_host.h"

#include "radio/radio.h"

enum { LENGTH = 6000, BLOCK = 8192 };

static radio_config_t config_at(const bench_t *bench, int device, char args[64])
{
    radio_config_t config = radio_config_default();
    snprintf(args, 64, "addr=%s", bench->address[device]);
    config.backend = "uhd";
    config.address = args;
    config.rate_hz = AIR_HZ;
    config.timeout_s = 5;
    return config;
}

static radio_t *open_radio(const radio_config_t *config)
{
    err_t err = ERR_INIT;
    radio_t *radio = radio_open(config, &err);
    if (radio == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return radio;
}

static radio_t *open_at(const bench_t *bench, int device)
{
    char args[64];
    radio_config_t config = config_at(bench, device, args);
    return open_radio(&config);
}

static bool wait_event(radio_t *radio, radio_event_kind_t kind, double seconds,
                       radio_event_t *event)
{
    const uint64_t end = clock_now_ns() + (uint64_t)(seconds * 1e9);
    do {
        while (radio_next_event(radio, event)) {
            if (event->kind == kind) {
                return true;
            }
        }
        clock_sleep_s(0.005);
    } while (clock_now_ns() < end);
    return false;
}

typedef struct {
    uint64_t first, next, samples, lost; /* timestamps, and what is between them */
    int gaps, wrong;                     /* pulls that did not say what their timestamp says */
} story_t;

/* Pulls for a number of samples; every timestamp must be explained. */
static story_t follow(radio_t *radio, uint64_t samples)
{
    static float complex x[BLOCK];
    float complex *const antennas[] = {x};
    story_t story = {0};
    for (int tries = 0; story.samples < samples && tries < 4000; tries++) {
        radio_pull_t info;
        const ssize_t n = radio_pull(radio, antennas, BLOCK, 0.05, &info, NULL);
        if (n <= 0) {
            story.wrong += n < 0;
            continue;
        }
        if (story.samples == 0) {
            story.first = info.timestamp;
        } else {
            story.wrong += info.timestamp != story.next + info.lost;
            story.wrong += info.discontinuous != (info.lost > 0);
            story.gaps += info.lost > 0;
            story.lost += info.lost;
        }
        story.next = info.timestamp + (uint64_t)n;
        story.samples += (uint64_t)n;
    }
    return story;
}

/* ---- what it does ---- */

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

/* ---- what gets lost ---- */

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

static void test_gone_and_back(void)
{
    static const float complex x[LENGTH];
    bench_t bench = bench_clean("");
    radio_t *radio = open_at(&bench, 0);
    const float complex *const sent[] = {x};
    radio_event_t event;
    CHECK_INT(radio_start(radio, NULL), 0);
    CHECK_AT_LEAST((double)follow(radio, 100000).samples, 100000);
    usrp_destroy(bench.usrp[0]);
    CU_ASSERT(wait_event(radio, RADIO_EVENT_DEVICE_GONE, 10, &event));
    CHECK_INT(radio_now(radio), 0);
    err_t err = ERR_INIT;
    CHECK_INT(radio_push(radio, sent, LENGTH, &(radio_push_t){true, true, RADIO_ASAP}, 0, &err),
              -1);
    CHECK_INT(err.code, ERR_CLOSED);
    usrp_config_t config;
    char text[64];
    snprintf(text, sizeof text, "usrp:%s", bench.address[0]);
    CHECK_INT(usrp_config_parse(text, &config, NULL), 0);
    bench.usrp[0] = usrp_create(&config, bench.name, AIR_HZ, NULL);
    CHECK_INT(usrp_start(bench.usrp[0], NULL), 0);
    CU_ASSERT(wait_event(radio, RADIO_EVENT_DEVICE_BACK, 20, &event));
    const story_t story = follow(radio, 100000);
    CHECK_INT(story.wrong, 0);
    CHECK_AT_LEAST((double)story.samples, 100000);
    CHECK_INT(radio_push(radio, sent, LENGTH, &(radio_push_t){true, true, RADIO_ASAP}, 5, NULL),
              LENGTH);
    radio_close(radio);
    bench_close(&bench);
}

/* ---- what it refuses ---- */

static void expect_failure(const radio_config_t *config, err_code_t code, const char *names)
{
    err_t err = ERR_INIT;
    radio_t *radio = radio_open(config, &err);
    CU_ASSERT_PTR_NULL(radio);
    CHECK_INT(err.code, code);
    CHECK_ERROR_NAMES(&err, names);
    radio_close(radio);
}

static void test_refusals(void)
{
    bench_t bench = bench_clean("");
    char args[64];
    radio_config_t config = config_at(&bench, 0, args);
    config.timeout_s = 0;

    radio_config_t wrong = config;
    wrong.address = "addr=127.251.251.251";
    expect_failure(&wrong, ERR_TIMEOUT, "127.251.251.251");
    wrong = config;
    wrong.address = "type=b200";
    expect_failure(&wrong, ERR_TIMEOUT, "type=b200");
    wrong = config;
    wrong.rate_hz = 200e6;
    expect_failure(&wrong, ERR_UNSUPPORTED, "radio.rate_hz");
    wrong = config;
    wrong.freq_hz = 60e9;
    expect_failure(&wrong, ERR_UNSUPPORTED, "radio.freq_hz");
    wrong = config;
    wrong.antenna = "J2";
    expect_failure(&wrong, ERR_ARGUMENT, "radio.ant");
    wrong = config;
    wrong.antennas = 2;
    expect_failure(&wrong, ERR_UNSUPPORTED, "channels");
    wrong = config;
    wrong.reference = "moonlight";
    expect_failure(&wrong, ERR_UNSUPPORTED, "radio.ref");
    bench_close(&bench);
}

static void test_two_programs(void)
{
    bench_t bench = bench_clean("");
    char args[64], other[96];
    radio_config_t config = config_at(&bench, 0, args);
    radio_t *radio = open_radio(&config);
    config.timeout_s = 0;
    expect_failure(&config, ERR_STATE, "in use");
    radio_close(radio);
    radio = open_radio(&config);
    radio_close(radio);

    /* A program that is not ours: the device itself turns the second one away. */
    host_t host = host_open(bench.address[0]);
    ask_register(&host, 1, 4711, 6);
    ask_register(&host, 0, 12345 | 1, 6);
    snprintf(other, sizeof other, "type=usrp2,%s", args);
    config.address = other;
    expect_failure(&config, ERR_TIMEOUT, "does no other program use it");
    host_close(&host);
    bench_close(&bench);
}

static const check_test_t tests[] = {
    {"rate, carrier, gains, antenna, bandwidth, reference and pulse are set and read back",
     test_actual_values},
    {"a timed burst arrives unchanged, with the oscillator beside the carrier", test_burst},
    {"and in 8 bits", test_burst_in_eight_bits},
    {"a late burst is an event and is not sent", test_late_burst},
    {"a burst that starves is an event", test_starving_burst},
    {"every sample is there or counted", test_continuous},
    {"lost packets are gaps of the right length", test_lost_packets},
    {"losses that UHD does not see are seen", test_silent_losses},
    {"reception goes on after an overflow", test_overflows},
    {"a device that goes is waited for, and all goes on", test_gone_and_back},
    {"what cannot be is refused by name", test_refusals},
    {"two programs on one device: the second is told", test_two_programs},
};

int main(void)
{
    return check_run("radio_uhd", tests, CHECK_COUNT(tests));
}
