/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * link: a transmitter and a few channels for the waveform's tests.  phy/air has
 * the real emulator; this one is small enough to trust at sight.
 */
#ifndef TESTS_PHY_LINK_H
#define TESTS_PHY_LINK_H

#include "rng.h"
#include "waveform/receiver.h"
#include "waveform/transmitter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINK_TAPS = 18 };

typedef struct {
    float complex tap[LINK_TAPS];
    double cfo;   /* sub-carriers */
    double phase; /* radians */
    double n0;    /* noise variance over symbol energy: 1 / (Es/N0) when E|h|^2 = 1 */
    float gain;   /* of everything, noise too */
} link_channel_t;

static inline link_channel_t link_clean(void)
{
    link_channel_t c = {.gain = 1.0f};
    c.tap[0] = 1.0f;
    return c;
}

static inline link_channel_t link_awgn(double snr_db)
{
    link_channel_t c = link_clean();
    c.n0 = pow(10.0, -snr_db / 10.0);
    return c;
}

/* Block Rayleigh, exponential profile of `spread_ns`, E|h|^2 = 1. */
static inline link_channel_t link_rayleigh(double snr_db, double spread_ns, rng_t *rng)
{
    link_channel_t c = link_awgn(snr_db);
    double power[LINK_TAPS], sum = 0.0;
    for (int i = 0; i < LINK_TAPS; i++) {
        power[i] = exp(-i * 1e9 / 7.68e6 / spread_ns);
        sum += power[i];
    }
    for (int i = 0; i < LINK_TAPS; i++) {
        rng_complex_normal(rng, (float)(power[i] / sum), &c.tap[i], 1);
    }
    return c;
}

/* Block Rayleigh, `taps` of equal power one sample apart, E|h|^2 = 1. */
static inline link_channel_t link_equal(double snr_db, int taps, rng_t *rng)
{
    link_channel_t c = link_awgn(snr_db);
    c.tap[0] = 0.0f;
    rng_complex_normal(rng, 1.0f / (float)taps, c.tap, (size_t)taps);
    return c;
}

/* The true h of the 132 carriers, the first tap at delay 0. */
static inline void link_response(const link_channel_t *c, float complex h[NUMEROLOGY_USED])
{
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        double complex sum = 0.0;
        for (int i = 0; i < LINK_TAPS; i++) {
            sum += c->tap[i] * cexp(-2.0 * I * M_PI * numerology_bin(u) * i / NUMEROLOGY_FFT);
        }
        h[u] = (float complex)(sum * (double)c->gain);
    }
}

static inline double link_power(const link_channel_t *c)
{
    float complex h[NUMEROLOGY_USED];
    double sum = 0.0;
    link_response(c, h);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        sum += creal(h[u] * conjf(h[u])) / NUMEROLOGY_USED;
    }
    return sum;
}

/* out[count] = channel(in[used] at `offset`, silence elsewhere) + noise. */
static inline void link_pass(const link_channel_t *c, const float complex *in, size_t used,
                             size_t offset, rng_t *rng, float complex *out, size_t count)
{
    rng_complex_normal(rng, (float)(c->n0 * (double)NUMEROLOGY_SYMBOL_ENERGY), out, count);
    int last = 0;
    for (int i = 0; i < LINK_TAPS; i++) {
        last = c->tap[i] != 0.0f ? i : last;
    }
    for (size_t n = 0; n < used + (size_t)last && offset + n < count; n++) {
        float complex sum = 0.0f;
        for (int i = 0; i <= last; i++) {
            if (n >= (size_t)i && n - (size_t)i < used) {
                sum += c->tap[i] * in[n - (size_t)i];
            }
        }
        double angle = 2.0 * M_PI * c->cfo * (double)n / NUMEROLOGY_FFT + c->phase;
        out[offset + n] += sum * CMPLXF((float)cos(angle), (float)sin(angle));
    }
    for (size_t n = 0; n < count; n++) {
        out[n] *= c->gain;
    }
}

/* 64-QAM points of unit mean energy. */
static inline void link_qam(rng_t *rng, float complex *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float re = 2.0f * (float)rng_below(rng, 8) - 7.0f, im = 2.0f * (float)rng_below(rng, 8) - 7.0f;
        points[i] = CMPLXF(re, im) / sqrtf(42.0f);
    }
}

static inline frame_header_t link_header(uint16_t frame, uint8_t images, uint32_t symbols)
{
    return (frame_header_t){.source = 1, .destination = 2, .frame = frame, .dataset = 3,
                            .image_id = 1000u + frame, .images = images, .codec = 4, .rate = 2,
                            .adapter_tag = 0xbeef, .width = 32, .height = 32,
                            .symbols = symbols, .flags = 5};
}

static inline bool link_same_header(const frame_header_t *a, const frame_header_t *b)
{
    uint8_t x[HEADER_BYTES], y[HEADER_BYTES];
    header_pack(a, x);
    header_pack(b, y);
    return memcmp(x, y, sizeof(x)) == 0;
}

#endif
