/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one virtual USRP sends and the other hears: levels, carriers, rates, clocks. */
#include "usrp_host.h"

enum { AHEAD = 30000000, LENGTH = 20000 };
enum { RX_CHIP = 16, TX_CHIP = 128 };

static float complex x[LENGTH], y[LENGTH];

typedef struct {
    bench_t bench;
    host_t sender, receiver;
} pair_t;

static pair_t pair_open(const char *more, uint32_t tx_rate, uint32_t rx_rate)
{
    pair_t pair = {.bench = bench_clean(more)};
    pair.sender = host_open_at(pair.bench.address[0], tx_rate, tx_rate);
    pair.receiver = host_open_at(pair.bench.address[1], rx_rate, rx_rate);
    return pair;
}

static void pair_close(pair_t *pair)
{
    host_close(&pair->sender);
    host_close(&pair->receiver);
    bench_close(&pair->bench);
}

static uint64_t last_pulse(host_t *host)
{
    const uint32_t high = command(host, false, 14, 0, 0), low = command(host, false, 15, 0, 0);
    return (uint64_t)high << 32 | low;
}

/* A time of the sender's clock on the receiver's: the pulse per second is the same for both. */
static uint64_t at_receiver(pair_t *pair, uint64_t time)
{
    uint64_t here, there;
    do {
        here = last_pulse(&pair->sender);
        there = last_pulse(&pair->receiver);
    } while (last_pulse(&pair->sender) != here);
    return time - here + there;
}

static void fill_tone(double cycles_a_sample, float amplitude)
{
    for (int i = 0; i < LENGTH; i++) {
        const double phase = 2 * M_PI * fmod(cycles_a_sample * i, 1.0);
        x[i] = amplitude * CMPLXF(cos(phase), sin(phase));
    }
}

/* Sends x[0 … sent-1] in a while and receives `count` samples, from `skip` after its first on. */
static bool exchange(pair_t *pair, size_t sent, int64_t skip, size_t count)
{
    const uint64_t when = (time_now(&pair->sender) + AHEAD) / DIVIDER * DIVIDER;
    const uint64_t from = at_receiver(pair, when) + (uint64_t)(skip * DIVIDER);
    for (size_t done = 0; done < sent; done += 250) {
        transmit(&pair->sender, x + done, 250, done == 0, done + 250 == sent, done == 0 ? when : 0);
    }
    return capture(&pair->receiver, y, count, from) != 0;
}

/* A tone's amplitude, and its frequency in cycles a sample. */
static double tone_frequency(size_t from, size_t count, double *amplitude)
{
    double power = 0;
    double complex lag = 0;
    /* Coarse from neighbours, then finer from samples 100 apart. */
    for (size_t i = from; i + 1 < from + count; i++) {
        power += crealf(y[i] * conjf(y[i]));
        lag += y[i + 1] * conjf(y[i]);
    }
    *amplitude = sqrt(power / (double)(count - 1));
    const double coarse = carg(lag) / (2 * M_PI);
    lag = 0;
    for (size_t i = from; i + 1000 < from + count; i++) {
        lag += y[i + 1000] * conjf(y[i]);
    }
    const double turns = carg(lag) / (2 * M_PI);
    return (round(coarse * 1000 - turns) + turns) / 1000;
}

/* `count` samples from within a burst of x. */
static bool listen_to_tone(pair_t *pair, size_t count)
{
    return exchange(pair, LENGTH, 2000, count);
}

/* ---- time ---- */

static void test_sample_exact(void)
{
    pair_t pair = pair_open("", RATE_OF_AIR, RATE_OF_AIR);
    rng_t rng;
    rng_seed(&rng, 1, 0);
    for (int i = 0; i < 2000; i++) {
        x[i] = CMPLXF(rng_uniform(&rng) - 0.5f, rng_uniform(&rng) - 0.5f);
    }
    /* The clocks' zeros lie anywhere between the air's samples. */
    CU_ASSERT(exchange(&pair, 2000, -100, 2200));
    size_t first = 0;
    while (first < 200 && cabsf(y[first]) < 1e-3f) {
        first++;
    }
    CHECK_NEAR((double)first, 100, 1);
    float worst = 0;
    for (size_t i = 0; i < 2000; i++) {
        worst = fmaxf(worst, cabsf(y[first + i] - x[i]));
    }
    CHECK_AT_MOST(worst, 1e-4); /* two roundings to 16 bits */
    pair_close(&pair);
}

/* ---- levels ---- */

/* The pins of both attenuators. */
static void set_gains(host_t *host, double rx_db, double tx_db)
{
    const uint32_t rx = ~(uint32_t)lround(2 * (31.5 - rx_db)) & 63;
    const uint32_t tx = ~(uint32_t)lround(2 * (31.5 - tx_db)) & 63;
    poke(host, 187, tx << 24 | rx << 8);
}

static void test_gains(void)
{
    pair_t pair = pair_open("", RATE_OF_AIR, RATE_OF_AIR);
    static const struct {
        double rx_db, tx_db;
    } cases[] = {{0, 0}, {10, 0}, {0, 10.5}, {12, 6.5}, {31.5, 0}};
    fill_tone(0.1, 0.01f);
    for (int i = 0; i < CHECK_COUNT(cases); i++) {
        double amplitude;
        set_gains(&pair.sender, 0, cases[i].tx_db);
        set_gains(&pair.receiver, cases[i].rx_db, 0);
        CU_ASSERT(listen_to_tone(&pair, 8000));
        tone_frequency(0, 8000, &amplitude);
        CHECK_NEAR(20 * log10(amplitude / 0.01), cases[i].rx_db + cases[i].tx_db, 0.05);
    }
    pair_close(&pair);
}

static void test_clipping(void)
{
    pair_t pair = pair_open("", RATE_OF_AIR, RATE_OF_AIR);
    fill_tone(0.1, 0.5f);
    set_gains(&pair.receiver, 20, 0);
    CU_ASSERT(listen_to_tone(&pair, 4000));
    float most = 0;
    for (int i = 0; i < 4000; i++) {
        most = fmaxf(most, fmaxf(fabsf(crealf(y[i])), fabsf(cimagf(y[i]))));
    }
    CHECK_NEAR(most, 1, 1e-4);
    pair_close(&pair);
}

static void test_reference_gains(void)
{
    pair_t pair = pair_open(",txref=20,rxref=10", RATE_OF_AIR, RATE_OF_AIR);
    double amplitude;
    fill_tone(0.1, 0.25f);
    set_gains(&pair.sender, 0, 20);
    set_gains(&pair.receiver, 10, 0);
    CU_ASSERT(listen_to_tone(&pair, 8000));
    tone_frequency(0, 8000, &amplitude);
    CHECK_NEAR(20 * log10(amplitude / 0.25), 0, 0.05);
    pair_close(&pair);
}

/* The part of y that turns with `cycles` a sample, as a complex amplitude. */
static double part(double cycles, size_t count)
{
    double complex sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double complex)y[i] * cexp(-2 * M_PI * I * fmod(cycles * (double)i, 1));
    }
    return cabs(sum) / (double)count;
}

/* Image of a mixer, against the tone: |1 - g e^(-i phi)| over |1 + g e^(i phi)|. */
static double image_db(double gain_db, double phase_deg)
{
    const double gain = pow(10, gain_db / 20);
    const double complex turn = cexp(I * phase_deg * M_PI / 180);
    return 20 * log10(cabs(1 - gain * conj(turn)) / cabs(1 + gain * turn));
}

static void test_mixer(const char *more)
{
    pair_t pair = pair_open(more, RATE_OF_AIR, RATE_OF_AIR);
    fill_tone(0.1, 0.25f);
    CU_ASSERT(listen_to_tone(&pair, 10000));
    const double tone = part(0.1, 10000);
    CHECK_NEAR(20 * log10(part(-0.1, 10000) / tone), image_db(1, 5), 0.1);
    CHECK_NEAR(20 * log10(part(0, 10000)), -25, 0.1);
    pair_close(&pair);
}

static void test_sending_mixer(void)
{
    test_mixer(",txdc=-25,txiqgain=1,txiqphase=5");
}

static void test_receiving_mixer(void)
{
    test_mixer(",rxdc=-25,rxiqgain=1,rxiqphase=5");
}

/* ---- carriers ---- */

static void test_carriers(void)
{
    pair_t pair = pair_open("", RATE_OF_AIR, RATE_OF_AIR);
    double amplitude;
    fill_tone(0.01, 0.25f);
    tune(&pair.sender, TX_CHIP, 2400e6);
    tune(&pair.receiver, RX_CHIP, 2400e6);
    CU_ASSERT(listen_to_tone(&pair, 8000));
    CHECK_NEAR(tone_frequency(0, 8000, &amplitude), 0.01, 1e-5);
    CHECK_NEAR(amplitude, 0.25, 1e-3);

    /* 6.25 MHz apart: they don't hear each other. */
    tune(&pair.receiver, RX_CHIP, 2406.25e6);
    CU_ASSERT(listen_to_tone(&pair, 8000));
    tone_frequency(0, 8000, &amplitude);
    CHECK_AT_MOST(amplitude, 1e-6);

    /* The mixer behind the synthesiser brings it back: it turns against the carrier. */
    poke(&pair.receiver, 48, (uint32_t)(int32_t)lround(6.25e6 / 100e6 * 4294967296.0));
    CU_ASSERT(listen_to_tone(&pair, 8000));
    CHECK_NEAR(tone_frequency(0, 8000, &amplitude), 0.01, 1e-5);
    CHECK_NEAR(amplitude, 0.25, 1e-3);

    /* The transmitter's mixer turns with it: a word of +1 MHz moves it up. */
    poke(&pair.sender, 160, (uint32_t)lround(1e6 / 100e6 * 4294967296.0));
    CU_ASSERT(listen_to_tone(&pair, 8000));
    CHECK_NEAR(tone_frequency(0, 8000, &amplitude), 0.01 + 1e6 / AIR_HZ, 1e-5);
    pair_close(&pair);
}

static void test_other_board_is_deaf_to_old_tuning(void)
{
    pair_t pair = pair_open("", RATE_OF_AIR, RATE_OF_AIR);
    double amplitude;
    fill_tone(0.01, 0.25f);
    tune(&pair.sender, RX_CHIP, 900e6); /* the wrong half of the board */
    tune(&pair.sender, TX_CHIP, 2400e6);
    tune(&pair.receiver, RX_CHIP, 900e6);
    CU_ASSERT(listen_to_tone(&pair, 4000));
    tone_frequency(0, 4000, &amplitude);
    CHECK_AT_MOST(amplitude, 1e-6);
    pair_close(&pair);
}

/* ---- rates ---- */

enum { DIVIDE_BY_100 = 1 << 8 | 1 << 9 | 25, DIVIDE_BY_10 = 1 << 9 | 5 };

/* UHD's scale register for a factor d of the CIC filter, and the filter's power. */
static uint32_t scale_of(int d, int power)
{
    const double p = pow(d, power);
    return (uint32_t)lround(131072 * exp2(ceil(log2(p))) / (1.65 * p) / 2);
}

static void check_rates(uint32_t tx_rate, int tx_cic, int tx_divider, uint32_t rx_rate, int rx_cic,
                        int rx_divider)
{
    pair_t pair = pair_open("", tx_rate, rx_rate);
    /* Scaled down by 2, as UHD does when the register would overflow; twice is 4. */
    poke(&pair.sender, 161, scale_of(tx_cic, 3));
    poke(&pair.receiver, 49, scale_of(rx_cic, 4));
    double amplitude;
    fill_tone(0.1, 0.8f);
    CU_ASSERT(listen_to_tone(&pair, 3000));
    const double frequency = tone_frequency(500, 2000, &amplitude);
    CHECK_NEAR(frequency, 0.1 * rx_divider / tx_divider, 1e-5);
    CHECK_NEAR(20 * log10(amplitude / 0.2), 0, 0.1);
    pair_close(&pair);
}

static void test_faster_device(void)
{
    check_rates(DIVIDE_BY_100, 25, 100, DIVIDE_BY_10, 5, 10);
}

static void test_slower_device(void)
{
    check_rates(DIVIDE_BY_100, 25, 100, DIVIDE_BY_100, 25, 100);
}

/* ---- clocks ---- */

static void test_clock_offset(void)
{
    /* Both are off by the same: their air is not. */
    pair_t pair = pair_open(",ppm=50", RATE_OF_AIR, RATE_OF_AIR);
    usrp_destroy(pair.bench.usrp[1]);
    usrp_config_t config;
    char text[64];
    snprintf(text, sizeof text, "usrp:%s", pair.bench.address[1]);
    CHECK_INT(usrp_config_parse(text, &config, NULL), 0);
    pair.bench.usrp[1] = usrp_create(&config, pair.bench.name, AIR_HZ, NULL);
    CHECK_INT(usrp_start(pair.bench.usrp[1], NULL), 0);
    host_close(&pair.receiver);
    pair.receiver = host_open(pair.bench.address[1]);
    tune(&pair.sender, TX_CHIP, 1000e6);
    tune(&pair.receiver, RX_CHIP, 1000e6);
    double amplitude;
    fill_tone(0.1, 0.25f);
    CU_ASSERT(listen_to_tone(&pair, 10000));
    /* The carrier is 50 kHz too high, and the samples come 50 ppm too fast. */
    CHECK_NEAR(tone_frequency(1000, 8000, &amplitude), 0.1 * (1 + 50e-6) + 50e3 / AIR_HZ, 2e-6);
    CHECK_NEAR(amplitude, 0.25, 1e-3);
    pair_close(&pair);
}

static const check_test_t tests[] = {
    {"a timed burst arrives to the sample, unchanged but for two roundings", test_sample_exact},
    {"both attenuators act, in steps of 0.5 dB", test_gains},
    {"the receiver clips", test_clipping},
    {"txref and rxref say at which gain samples are as they are", test_reference_gains},
    {"txdc, txiqgain and txiqphase are what leaks and mirrors", test_sending_mixer},
    {"rxdc, rxiqgain and rxiqphase too", test_receiving_mixer},
    {"synthesisers and mixers act; tuned apart means deaf", test_carriers},
    {"the board's halves tune apart", test_other_board_is_deaf_to_old_tuning},
    {"rates above the air's", test_faster_device},
    {"rates below the air's", test_slower_device},
    {"a clock offset moves carrier and samples", test_clock_offset},
};

int main(void)
{
    return check_run("usrp_signal", tests, CHECK_COUNT(tests));
}
