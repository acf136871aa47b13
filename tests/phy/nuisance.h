/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nuisance: signals that hold no preamble of ours, for the detector's false
 * alarms; and impulses to add to signals that do.
 */
#ifndef TESTS_PHY_NUISANCE_H
#define TESTS_PHY_NUISANCE_H

#include "link.h"

typedef enum {
    NUISANCE_NOISE = 0, /* white, Gaussian */
    NUISANCE_IMPULSES,  /* noise, and impulses 40 dB above on 10^-4 … 10^-2 of the samples */
    NUISANCE_BURSTS,    /* noise, and bursts of 2 … 300 samples, 40 dB above */
    NUISANCE_TONES,     /* three tones, on and between carriers, over weak noise */
    NUISANCE_STEPS,     /* noise whose gain changes by up to 100 dB */
    NUISANCE_PAYLOAD,   /* symbols of our own waveform, without preambles */
    NUISANCE_NARROW,    /* another OFDM of the same FFT size: 24 carriers, cp 18 */
    NUISANCE_SATURATED, /* one bit per axis */
    NUISANCE_SILENCE,   /* zeros */
    NUISANCE_DC,
    NUISANCE_KINDS
} nuisance_kind_t;

typedef struct {
    nuisance_kind_t kind;
    rng_t rng;
    double phase[3], speed[3];
    float gain;
    float complex symbol[NUMEROLOGY_FFT + NUMEROLOGY_CP_NORMAL];
    size_t used; /* of symbol */
} nuisance_t;

static inline const char *nuisance_name(nuisance_kind_t kind)
{
    static const char *const name[NUISANCE_KINDS] = {"noise",   "impulses", "bursts", "tones",
                                                     "steps",   "payload",  "narrow", "saturated",
                                                     "silence", "dc"};
    return name[kind];
}

/* The kind of that name, or NUISANCE_KINDS. */
static inline nuisance_kind_t nuisance_named(const char *name)
{
    int kind = 0;
    while (kind < NUISANCE_KINDS && strcmp(name, nuisance_name((nuisance_kind_t)kind)) != 0) {
        kind++;
    }
    return (nuisance_kind_t)kind;
}

static inline nuisance_t *nuisance_create(nuisance_kind_t kind, uint64_t seed)
{
    nuisance_t *s = calloc(1, sizeof(*s));
    s->kind = kind;
    s->gain = 1.0f;
    s->used = sizeof(s->symbol) / sizeof(*s->symbol);
    rng_seed(&s->rng, seed, 100 + (uint64_t)kind);
    return s;
}

static inline void nuisance_destroy(nuisance_t *s)
{
    free(s);
}

/* Adds impulses of this amplitude, random in phase, on `part` of the samples. */
static inline void nuisance_impulses(rng_t *rng, double part, double amplitude, float complex *x,
                                     size_t count)
{
    if (part <= 0.0) {
        return;
    }
    size_t n = 0;
    for (;;) {
        n += 1 + (size_t)(log(1.0 - (double)rng_uniform(rng)) / log(1.0 - part));
        if (n >= count) {
            return;
        }
        x[n] += (float complex)(amplitude * cexp(2.0 * I * M_PI * (double)rng_uniform(rng)));
    }
}

static inline void nuisance_bursts(nuisance_t *s, float complex *x, size_t count)
{
    for (size_t n = rng_below(&s->rng, 2000); n < count; n += 300 + rng_below(&s->rng, 4000)) {
        size_t length = 2 + rng_below(&s->rng, 299);
        for (size_t i = n; i < n + length && i < count; i++) {
            x[i] *= 100.0f;
        }
    }
}

static inline void nuisance_tones(nuisance_t *s, float complex *x, size_t count)
{
    for (int t = 0; t < 3; t++) {
        s->speed[t] =
            (double)rng_below(&s->rng, 2 * NUMEROLOGY_USED + 1) / 2.0 - NUMEROLOGY_USED / 2.0;
    }
    for (size_t n = 0; n < count; n++) {
        double complex sum = 0.003 * (double complex)x[n];
        for (int t = 0; t < 3; t++) {
            sum += cexp(2.0 * I * M_PI * s->phase[t]) * (t == 1 ? 0.1 : 1.0);
            s->phase[t] = fmod(s->phase[t] + s->speed[t] / NUMEROLOGY_FFT, 1.0);
        }
        x[n] = (float complex)sum;
    }
}

static inline void nuisance_steps(nuisance_t *s, float complex *x, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        if (n % 64 == 0 && rng_below(&s->rng, 16) == 0) {
            s->gain = (float)pow(10.0, 5.0 * (double)rng_uniform(&s->rng));
        }
        x[n] *= s->gain;
    }
}

/* Random points on `carriers` of the used carriers, prefix in front. */
static inline void nuisance_symbol(nuisance_t *s, int carriers)
{
    double complex step[NUMEROLOGY_FFT];
    float complex bins[NUMEROLOGY_FFT] = {0}, *out = s->symbol + NUMEROLOGY_CP_NORMAL;
    for (int k = 0; k < carriers; k++) {
        link_qam(&s->rng, &bins[(k + 1 - carriers / 2 + NUMEROLOGY_FFT) % NUMEROLOGY_FFT], 1);
    }
    for (int n = 0; n < NUMEROLOGY_FFT; n++) {
        step[n] = cexp(2.0 * I * M_PI * n / NUMEROLOGY_FFT);
    }
    for (int n = 0; n < NUMEROLOGY_FFT; n++) {
        double complex sum = 0.0;
        for (int k = 0; k < NUMEROLOGY_FFT; k++) {
            sum += bins[k] * step[k * n % NUMEROLOGY_FFT];
        }
        out[n] = (float complex)sum;
    }
    memcpy(s->symbol, out + NUMEROLOGY_FFT - NUMEROLOGY_CP_NORMAL,
           NUMEROLOGY_CP_NORMAL * sizeof(*out));
}

static inline void nuisance_ofdm(nuisance_t *s, int carriers, float complex *x, size_t count)
{
    enum { LENGTH = NUMEROLOGY_FFT + NUMEROLOGY_CP_NORMAL };
    for (size_t n = 0; n < count; n++) {
        if (s->used == LENGTH) {
            nuisance_symbol(s, carriers);
            s->used = 0;
        }
        x[n] = s->symbol[s->used++] + 0.01f * x[n];
    }
}

/* The next `count` samples. */
static inline void nuisance_make(nuisance_t *s, float complex *x, size_t count)
{
    if (s->kind == NUISANCE_SILENCE || s->kind == NUISANCE_DC) {
        for (size_t n = 0; n < count; n++) {
            x[n] = s->kind == NUISANCE_DC ? 1.0f : 0.0f;
        }
        return;
    }
    rng_complex_normal(&s->rng, 1.0f, x, count);
    switch (s->kind) {
    case NUISANCE_IMPULSES:
        nuisance_impulses(&s->rng, pow(10.0, -2.0 - 2.0 * (double)rng_uniform(&s->rng)), 100.0, x,
                          count);
        break;
    case NUISANCE_BURSTS:
        nuisance_bursts(s, x, count);
        break;
    case NUISANCE_TONES:
        nuisance_tones(s, x, count);
        break;
    case NUISANCE_STEPS:
        nuisance_steps(s, x, count);
        break;
    case NUISANCE_PAYLOAD:
        nuisance_ofdm(s, NUMEROLOGY_USED, x, count);
        break;
    case NUISANCE_NARROW:
        nuisance_ofdm(s, 24, x, count);
        break;
    case NUISANCE_SATURATED:
        for (size_t n = 0; n < count; n++) {
            x[n] = CMPLXF(crealf(x[n]) > 0.0f ? 1.0f : -1.0f, cimagf(x[n]) > 0.0f ? 1.0f : -1.0f);
        }
        break;
    default:
        break;
    }
}

#endif
