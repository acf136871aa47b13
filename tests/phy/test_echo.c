/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 64-QAM symbol errors behind an echo: y[n] = x[n] + a x[n - 3] + noise, at
 * Es/N0 of the direct path, by the whole receiver and by one that is told
 * everything.  With arguments: one line,
 *
 *     phy_test_echo AMPLITUDE ESN0_DB FRAMES
 */
#include "stream.h"

enum { SYMBOLS = 3600, COUNT = 20000, START = 700 };

typedef struct {
    int frames, found;
    long compared, errors, genie_errors;
} echo_t;

static const float complex *sent;

static float nearest(float part)
{
    float level = 2.0f * floorf(0.5f * part * sqrtf(42.0f)) + 1.0f;
    return fmaxf(-7.0f, fminf(7.0f, level)) / sqrtf(42.0f);
}

static long count_errors(const received_frame_t *f)
{
    long errors = 0;
    for (size_t i = 0; i < f->symbol_count; i++) {
        float complex s = f->symbols[i] / fmaxf(1.0f - f->noise_var[i], 1e-6f);
        errors += fabsf(nearest(crealf(s)) - crealf(sent[i])) > 0.1f ||
                  fabsf(nearest(cimagf(s)) - cimagf(sent[i])) > 0.1f;
    }
    return errors;
}

static void on_frame(void *context, const received_frame_t *f)
{
    echo_t *e = context;
    if (f->status == RECEIVED_OK) {
        e->found++;
        e->errors += count_errors(f);
        e->compared += (long)f->symbol_count;
    }
}

static echo_t measure(float amplitude, double snr_db, int frames)
{
    static float complex x[COUNT], samples[COUNT], points[SYMBOLS], h[NUMEROLOGY_USED];
    echo_t e = {.frames = frames};
    receiver_config_t config = receiver_default();
    config.max_symbols = SYMBOLS;
    config.on_frame = on_frame;
    config.context = &e;
    receiver_t *rx = receiver_create(&config, NULL);
    transmitter_t *tx = transmitter_create(&config.numerology, NULL);
    link_channel_t c = link_awgn(snr_db);
    c.tap[3] = amplitude;
    link_response(&c, h);
    sent = points;
    rng_t rng;
    rng_seed(&rng, 5, (uint64_t)(amplitude * 100.0f));
    for (int i = 0; i < frames; i++) {
        frame_header_t header = link_header((uint16_t)i, 1, SYMBOLS);
        link_qam(&rng, points, SYMBOLS);
        transmitter_modulate(tx, &header, points, samples);
        link_pass(&c, samples, transmitter_frame_samples(tx, &header), START, &rng, x, COUNT);
        const float complex *antenna = x;
        receiver_reset(rx);
        receiver_push(rx, &antenna, COUNT, 0);
        receiver_flush(rx);
        receiver_genie_t genie = {.start = START, .channel = h, .n0 = c.n0, .header = &header};
        received_frame_t f;
        (void)receiver_demodulate_genie(rx, x, COUNT, &genie, &f);
        e.genie_errors += count_errors(&f);
    }
    transmitter_destroy(tx);
    receiver_destroy(rx);
    return e;
}

static void a_weak_echo_costs_nothing(void)
{
    echo_t e = measure(0.3f, 30.0, 10);
    CHECK_INT(e.found, 10);
    CHECK_AT_MOST((double)e.errors / (double)e.compared, 1e-3);
}

static void a_strong_echo_costs_what_it_must(void)
{
    echo_t e = measure(0.9f, 30.0, 20);
    CHECK_INT(e.found, 20);
    CHECK_AT_LEAST(e.genie_errors, 300);
    CHECK_AT_MOST((double)e.errors / (double)e.genie_errors, 1.2);
}

static const check_test_t tests[] = {
    {"[1 0 0 .3], 30 dB: fewer than one 64-QAM symbol in 1,000 is wrong", a_weak_echo_costs_nothing},
    {"[1 0 0 .9], 30 dB: within 1.2 of a receiver that knows", a_strong_echo_costs_what_it_must},
};

int main(int argc, char **argv)
{
    if (argc < 4) {
        return check_run("echo", tests, CHECK_COUNT(tests));
    }
    echo_t e = measure((float)atof(argv[1]), atof(argv[2]), atoi(argv[3]));
    printf("echo %s, Es/N0 %s dB: %d of %d frames, %ld of %ld symbols wrong (%.5f), genie %ld (%.5f), "
           "ratio %.3f (0 of 0: nan)\n",
           argv[1], argv[2], e.found, e.frames, e.errors, e.compared,
           (double)e.errors / (double)e.compared, e.genie_errors,
           (double)e.genie_errors / ((double)e.frames * SYMBOLS),
           (double)e.errors / (double)e.genie_errors);
    return 0;
}
