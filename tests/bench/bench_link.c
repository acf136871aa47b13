/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The channel is the same for both: y[n] = (x[n] + 0.1j x[n - 3]) e^(j 2 pi f n / 256) + w[n],
 * mild enough for liquid, which fits the channel with a polynomial.  The noise is set by
 * each recording's own power, so that both have the same Es/N0.
 *
 * liquid counts a frame's symbols for itself: its callback says when a frame is
 * complete.  The error is measured in every 64th frame, so that it costs nobody time.
 */
#include "bench_link.h"

#include "rng.h"
#include "waveform/transmitter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ECHO_DELAY = 3, LOOK_EVERY = 64, HEAD_SYMBOLS = 13 };

static void take_points(bench_link_t *l, const float complex *points, size_t count)
{
    memcpy(l->received + l->filled, points, count * sizeof(*points));
    l->filled += count;
}

static void end_frame(bench_link_t *l)
{
    if (l->filled == l->count && l->frames++ % LOOK_EVERY == 0) {
        double error = 0.0;
        for (size_t i = 0; i < l->count; i++) {
            float complex off = l->received[i] - l->points[i];
            error += (double)(crealf(off) * crealf(off) + cimagf(off) * cimagf(off));
        }
        l->worst = fmax(l->worst, error / (double)l->count);
    }
    l->filled = 0;
}

static void on_frame(void *context, const received_frame_t *frame)
{
    bench_link_t *l = context;
    if (frame->status == RECEIVED_OK && frame->symbol_count == l->count) {
        take_points(l, frame->symbols, frame->symbol_count);
    }
    end_frame(l);
}

static int on_symbol(float complex *bins, unsigned char *type, unsigned int size, void *context)
{
    (void)type;
    (void)size;
    bench_link_t *l = context;
    float complex *out = l->received + l->filled;
    for (int d = 0; d < NUMEROLOGY_DATA; d++) {
        out[d] = bins[l->bin[d]];
    }
    l->filled += NUMEROLOGY_DATA;
    if (l->filled < l->count) {
        return 0;
    }
    end_frame(l);
    return 1; /* liquid looks for the next frame */
}

static int allocate(bench_link_t *l, const bench_link_setup_t *setup, size_t symbols,
                    size_t frame_samples, err_t *err)
{
    size_t frames = (size_t)setup->frames, gap = (size_t)setup->gap;
    l->setup = *setup;
    l->count = symbols * NUMEROLOGY_DATA;
    l->length = gap + frames * (frame_samples + gap);
    l->points = malloc(l->count * sizeof(*l->points));
    l->received = calloc(l->count, sizeof(*l->received));
    l->samples = calloc(l->length, sizeof(*l->samples));
    if (l->points == NULL || l->received == NULL || l->samples == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a recording of %zu samples", l->length);
    }
    rng_t rng;
    rng_seed(&rng, 3, 0);
    for (size_t i = 0; i < l->count; i++) {
        float re = 2.0f * (float)rng_below(&rng, 8) - 7.0f;
        float im = 2.0f * (float)rng_below(&rng, 8) - 7.0f;
        l->points[i] = CMPLXF(re, im) / sqrtf(42.0f);
    }
    return 0;
}

/* Puts the frame in place as often as wanted and sends all through the channel. */
static int record(bench_link_t *l, const float complex *frame, size_t length, err_t *err)
{
    const bench_link_setup_t *s = &l->setup;
    size_t gap = (size_t)s->gap;
    float complex *clean = calloc(l->length, sizeof(*clean));
    if (clean == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a recording of %zu samples", l->length);
    }
    double power = 0.0;
    for (size_t n = 0; n < length; n++) {
        power += creal((double complex)frame[n] * conj((double complex)frame[n])) / (double)length;
    }
    for (size_t f = 0; f < (size_t)s->frames; f++) {
        memcpy(clean + gap + f * (length + gap), frame, length * sizeof(*frame));
    }
    /* The used carriers hold all the power: their noise is 132 / 256 of the noise. */
    double noise = power * NUMEROLOGY_FFT / NUMEROLOGY_USED * pow(10.0, -s->esn0_db / 10.0);
    rng_t rng;
    rng_seed(&rng, 4, 0);
    rng_complex_normal(&rng, (float)noise, l->samples, l->length);
    for (size_t n = ECHO_DELAY; n < l->length; n++) {
        double complex y = clean[n] + 0.1 * I * (double complex)clean[n - ECHO_DELAY];
        y *= cexp(2.0 * I * M_PI * fmod(s->cfo * (double)n / NUMEROLOGY_FFT, 1.0));
        l->samples[n] += (float complex)y;
    }
    free(clean);
    return 0;
}

int bench_link_open_ours(bench_link_t *l, const bench_link_setup_t *setup, err_t *err)
{
    memset(l, 0, sizeof(*l));
    numerology_t numerology = numerology_default();
    size_t symbols = (size_t)setup->symbols;
    frame_header_t header = {.images = 1,
                             .width = 32,
                             .height = 32,
                             .rate = 1,
                             .symbols = (uint32_t)(symbols * NUMEROLOGY_DATA)};
    receiver_config_t config = receiver_default();
    config.max_symbols = header.symbols;
    config.cfo_range = setup->cfo_range;
    config.on_frame = on_frame;
    config.context = l;
    l->rx = receiver_create(&config, err);
    transmitter_t *tx = l->rx != NULL ? transmitter_create(&numerology, err) : NULL;
    if (tx == NULL) {
        return -1;
    }
    size_t length = transmitter_frame_samples(tx, &header);
    float complex *frame = malloc(length * sizeof(*frame));
    int status = frame == NULL ? err_set(err, ERR_MEMORY, "no memory for a frame")
                               : allocate(l, setup, symbols, length, err);
    if (status == 0) {
        transmitter_modulate(tx, &header, l->points, frame);
        status = record(l, frame, length, err);
    }
    free(frame);
    transmitter_destroy(tx);
    return status;
}

int bench_link_open_liquid(bench_link_t *l, const bench_link_setup_t *setup, err_t *err)
{
    memset(l, 0, sizeof(*l));
    /* As long as ours: data symbols stand where ours has more head than liquid. */
    size_t symbols = (size_t)(setup->symbols + HEAD_SYMBOLS);
    size_t length = (LIQUID_OFDM_HEAD + symbols) * LIQUID_OFDM_SYMBOL;
    for (int d = 0; d < NUMEROLOGY_DATA; d++) {
        l->bin[d] = liquid_ofdm_bin(d);
    }
    l->synchroniser = liquid_ofdm_synchroniser(on_symbol, l);
    ofdmframegen generator = l->synchroniser != NULL ? liquid_ofdm_generator() : NULL;
    if (generator == NULL) {
        return err_set(err, ERR_MEMORY, "liquid has no OFDM frames for us");
    }
    float complex *frame = malloc(length * sizeof(*frame));
    float complex *bins = malloc(symbols * NUMEROLOGY_FFT * sizeof(*bins));
    int status = frame == NULL || bins == NULL ? err_set(err, ERR_MEMORY, "no memory for a frame")
                                               : allocate(l, setup, symbols, length, err);
    if (status == 0) {
        liquid_ofdm_lay_out(l->points, symbols, bins);
        liquid_ofdm_frame(generator, bins, symbols, frame);
        status = record(l, frame, length, err);
    }
    free(bins);
    free(frame);
    ofdmframegen_destroy(generator);
    return status;
}

void bench_link_close(bench_link_t *l)
{
    receiver_destroy(l->rx);
    if (l->synchroniser != NULL) {
        ofdmframesync_destroy(l->synchroniser);
    }
    free(l->points);
    free(l->received);
    free(l->samples);
}

double bench_link_run(bench_link_t *l)
{
    if (l->rx != NULL) {
        const float complex *const x[] = {l->samples};
        receiver_push(l->rx, x, l->length, l->now);
    } else {
        ofdmframesync_execute(l->synchroniser, l->samples, (unsigned)l->length);
    }
    l->now += l->length;
    l->passes++;
    return (double)l->length;
}

int bench_link_verify(bench_link_t *l, const char *who, double evm_db, err_t *err)
{
    if (l->rx != NULL) {
        receiver_flush(l->rx); /* the search looks ahead of what it has been given */
    }
    uint64_t sent = l->passes * (uint64_t)l->setup.frames;
    if (l->frames != sent) {
        return err_set(err, ERR_STATE, "%s received %llu of %llu frames", who,
                       (unsigned long long)l->frames, (unsigned long long)sent);
    }
    double worst_db = 10.0 * log10(l->worst);
    if (!(worst_db <= evm_db)) {
        return err_set(err, ERR_STATE, "%s: error vector %.1f dB, more than %.1f dB", who, worst_db,
                       evm_db);
    }
    return 0;
}
