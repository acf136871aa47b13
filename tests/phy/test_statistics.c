/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rates over many frames.  Without arguments: a few hundred frames, against
 * loose bounds.  With arguments: one line of docs/WAVEFORM.md's table,
 *
 *     phy_test_statistics MODEL ESN0_DB FRAMES [SPREAD_NS [CFO_RANGE [SYMBOLS]]]
 *
 * MODEL: awgn, rayleigh (block fading, exponential profile), taps8 (block fading, 8 taps of equal
 * power), noise (no frames at all: every report is a false alarm).
 */
#include "stream.h"

#include <time.h>

typedef struct {
    const char *model;
    double snr_db, spread_ns, cfo_range;
    uint32_t symbols;
    int frames;
} setup_t;

typedef struct {
    int ok, lost_header, damaged, silent, wrong; /* silent: not even a preamble found */
    double snr_db, cfo_square, error, said, spread_ns, seconds;
    size_t samples, symbols;
} result_t;

typedef struct {
    result_t *result;
    const float complex *truth;
    uint16_t frame;
    double cfo;
    int reports;
} listener_t;

static void listen(void *context, const received_frame_t *f)
{
    listener_t *l = context;
    result_t *r = l->result;
    l->reports++;
    r->lost_header += f->status == RECEIVED_LOST_HEADER;
    r->damaged += f->status == RECEIVED_DAMAGED;
    if (f->status != RECEIVED_OK) {
        return;
    }
    r->ok++;
    r->wrong += f->header.frame != l->frame;
    r->snr_db += f->snr_db;
    r->spread_ns += f->delay_spread_ns;
    r->cfo_square += pow(f->cfo_hz / 30e3 - l->cfo, 2.0);
    r->symbols += f->symbol_count;
    for (size_t i = 0; i < f->symbol_count; i++) {
        float complex off = f->symbols[i] - l->truth[i];
        r->error += (double)(crealf(off) * crealf(off) + cimagf(off) * cimagf(off));
        r->said += (double)f->noise_var[i];
    }
}

static double thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static link_channel_t draw(const setup_t *s, rng_t *rng)
{
    link_channel_t c = s->model[0] == 'r'   ? link_rayleigh(s->snr_db, s->spread_ns, rng)
                       : s->model[0] == 't' ? link_equal(s->snr_db, 8, rng)
                                            : link_awgn(s->snr_db);
    c.cfo = s->cfo_range * (2.0 * (double)rng_uniform(rng) - 1.0);
    c.phase = 2.0 * M_PI * (double)rng_uniform(rng);
    return c;
}

static result_t measure(const setup_t *s)
{
    numerology_t n = numerology_default();
    size_t length = numerology_frame_samples(&n, s->symbols), count = length + 4500;
    float complex *samples = malloc(length * sizeof(*samples)), *x = malloc(count * sizeof(*x));
    float complex *points = malloc(s->symbols * sizeof(*points));
    result_t r = {0};
    listener_t listener = {.result = &r, .truth = points};
    receiver_config_t config = receiver_default();
    config.on_frame = listen;
    config.context = &listener;
    receiver_t *rx = receiver_create(&config, NULL);
    transmitter_t *tx = transmitter_create(&n, NULL);
    rng_t rng;
    rng_seed(&rng, 1, 7);
    for (int i = 0; i < s->frames; i++) {
        frame_header_t h = link_header((uint16_t)i, 1, s->symbols);
        link_qam(&rng, points, s->symbols);
        transmitter_modulate(tx, &h, points, samples);
        link_channel_t c = draw(s, &rng);
        size_t offset = 200 + rng_below(&rng, 1800);
        link_pass(&c, samples, s->model[0] == 'n' ? 0 : length, offset, &rng, x, count);
        listener.frame = (uint16_t)i;
        listener.cfo = c.cfo;
        listener.reports = 0;
        const float complex *antenna = x;
        double begun = thread_seconds();
        receiver_push(rx, &antenna, count, (uint64_t)i * count);
        r.seconds += thread_seconds() - begun;
        r.silent += listener.reports == 0;
        r.samples += count;
    }
    receiver_destroy(rx);
    transmitter_destroy(tx);
    free(samples);
    free(x);
    free(points);
    return r;
}

static int print_line(const setup_t *s)
{
    result_t r = measure(s);
    printf("%s Es/N0 %.1f dB, %d frames: ok %d, lost header %d, damaged %d, not found %d, wrong %d\n",
           s->model, s->snr_db, s->frames, r.ok, r.lost_header, r.damaged, r.silent, r.wrong);
    if (r.ok > 0) {
        printf("    measured Es/N0 %.3f dB, carrier offset off by %.5f sub-carriers rms, symbol error "
               "%.5f (said %.5f), delay spread %.0f ns\n",
               r.snr_db / r.ok, sqrt(r.cfo_square / r.ok), r.error / (double)r.symbols,
               r.said / (double)r.symbols, r.spread_ns / r.ok);
    }
    printf("    %zu samples, %.1f MS/s on one core\n", r.samples, (double)r.samples / r.seconds / 1e6);
    return 0;
}

static void awgn_loses_nothing(void)
{
    result_t r = measure(&(setup_t){"awgn", 5.0, 0.0, 2.0, 512, 150});
    CHECK_INT(r.ok, 150);
    CHECK_INT(r.wrong + r.damaged + r.lost_header, 0);
    r = measure(&(setup_t){"awgn", -3.0, 0.0, 0.5, 512, 150});
    CHECK_AT_LEAST(r.ok, 149);
}

static void rayleigh_loses_little(void)
{
    result_t r = measure(&(setup_t){"rayleigh", 10.0, 300.0, 2.0, 512, 150});
    CHECK_INT(r.ok, 150);
    CHECK_NEAR(r.spread_ns / r.ok, 300.0, 45.0); /* a random draw's own spread, on average */
    r = measure(&(setup_t){"rayleigh", 0.0, 300.0, 0.5, 512, 150});
    CHECK_AT_LEAST(r.ok, 143);
    CHECK_INT(r.damaged, 0);
}

static void found_at_minus_ten(void)
{
    /* -10 dB over the whole band of 7.68 MHz is Es/N0 = -7.1 dB; headers need not be readable. */
    result_t r = measure(&(setup_t){"awgn", -10.0 + 10.0 * log10(256.0 / 132.0), 0.0, 2.0, 512, 150});
    CHECK_AT_MOST(r.silent, 1);
    CHECK_INT(r.wrong, 0);
}

static const check_test_t tests[] = {
    {"AWGN: no frame lost at 5 dB, 99 % received at -3 dB", awgn_loses_nothing},
    {"Rayleigh 300 ns: no frame lost at 10 dB, usable at 0 dB", rayleigh_loses_little},
    {"preambles found at -10 dB over the band, +- 2 sub-carriers", found_at_minus_ten},
};

int main(int argc, char **argv)
{
    if (argc < 4) {
        return check_run("statistics", tests, CHECK_COUNT(tests));
    }
    setup_t s = {argv[1], atof(argv[2]), 300.0, 0.5, 512, atoi(argv[3])};
    s.spread_ns = argc > 4 ? atof(argv[4]) : s.spread_ns;
    s.cfo_range = argc > 5 ? atof(argv[5]) : s.cfo_range;
    s.symbols = argc > 6 ? (uint32_t)atoi(argv[6]) : s.symbols;
    return print_line(&s);
}
