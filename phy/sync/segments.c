/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Levelling.  A sub-band that a tone or another system fills with energy would
 * dominate the sum, and so would a segment before a step of the gain; levelled,
 * it counts like the others.  Each level is measured over 44 cells and more,
 * which costs 0.1 dB in white noise.  Levels are bounded from below at 10^-9 of
 * the whole: beside a pure tone there is nothing but rounding.
 */
#include "sync/segments.h"

#include "sync/clip.h"
#include "sync/rotor.h"
#include "waveform/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEG = PREAMBLE_SEGMENT, M = PREAMBLE_SEGMENTS, BANDS = 12, WIDE = NUMEROLOGY_USED / BANDS };

#define ROUNDING 1e-9f

struct segments {
    fft_t *forward, *backward;
    float complex spectrum[NUMEROLOGY_USED]; /* conjugate */
    float taper[2][NUMEROLOGY_USED];         /* by segments_taper_t */
    float complex turn[ROTOR_SIZE];
    double turn_cfo;
    float complex used[M][NUMEROLOGY_USED];
    float complex response[M][SEG];
};

segments_t *segments_create(err_t *err)
{
    segments_t *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        err_set(err, ERR_MEMORY, "segments: out of memory");
        return NULL;
    }
    s->forward = fft_create(SEG, FFT_FORWARD, err);
    s->backward = fft_create(SEG, FFT_BACKWARD, err);
    if (s->forward == NULL || s->backward == NULL) {
        segments_destroy(s);
        return NULL;
    }
    rotor_fill(s->turn, 0.0);
    preamble_spectrum(s->spectrum);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        s->spectrum[u] = conjf(s->spectrum[u]);
        double sine = sin(M_PI * (u + 0.5) / NUMEROLOGY_USED);
        s->taper[SEGMENTS_SINE][u] = (float)sine;
        s->taper[SEGMENTS_HANN][u] = (float)(sine * sine);
    }
    return s;
}

void segments_destroy(segments_t *s)
{
    if (s != NULL) {
        fft_destroy(s->forward);
        fft_destroy(s->backward);
        free(s);
    }
}

/* The used carriers of segment m. */
static void transform(segments_t *s, const float complex *x, int m)
{
    float complex *in = fft_in(s->forward);
    float energy[CLIP_GROUPS];
    clip_block(x + m * SEG, in, energy);
    for (int n = 0; n < SEG; n++) {
        in[n] *= s->turn[n];
    }
    fft_execute(s->forward);
    numerology_gather(fft_out(s->forward), s->used[m]);
}

static void measure(const segments_t *s, float energy[M][BANDS])
{
    for (int m = 0; m < M; m++) {
        for (int b = 0; b < BANDS; b++) {
            const float complex *at = s->used[m] + b * WIDE;
            energy[m][b] = 0.0f;
            for (int i = 0; i < WIDE; i++) {
                energy[m][b] += crealf(at[i]) * crealf(at[i]) + cimagf(at[i]) * cimagf(at[i]);
            }
        }
    }
}

/* scale = wanted energy over what there is, at least `least` */
static float scale(float wanted, float energy, float least)
{
    float of = energy > least ? energy : least;
    return of > 0.0f ? wanted / of : 0.0f;
}

/* Factors that level the segments, then the sub-bands. */
static void find_levels(const segments_t *s, float factor[M][BANDS])
{
    float energy[M][BANDS], segment[M] = {0}, total = 0.0f, band[BANDS] = {0};
    measure(s, energy);
    for (int m = 0; m < M; m++) {
        for (int b = 0; b < BANDS; b++) {
            segment[m] += energy[m][b];
        }
        total += segment[m];
    }
    for (int m = 0; m < M; m++) {
        segment[m] = scale(NUMEROLOGY_USED, segment[m], ROUNDING * total);
        for (int b = 0; b < BANDS; b++) {
            band[b] += segment[m] * energy[m][b];
        }
    }
    for (int b = 0; b < BANDS; b++) {
        band[b] = scale(M * WIDE, band[b], ROUNDING * M * NUMEROLOGY_USED);
        for (int m = 0; m < M; m++) {
            factor[m][b] = sqrtf(segment[m] * band[b]);
        }
    }
}

void segments_take(segments_t *s, const float complex *x, double cfo, bool level)
{
    float factor[M][BANDS];
    if (cfo != s->turn_cfo) { /* the search offers the same few again and again */
        rotor_fill(s->turn, cfo);
        s->turn_cfo = cfo;
    }
    for (int m = 0; m < M; m++) {
        transform(s, x, m);
    }
    if (level) {
        find_levels(s, factor);
    }
    for (int m = 0; m < M; m++) {
        float complex turn =
            (float complex)(cexp(-2.0 * I * M_PI * cfo * m) * (double)preamble_sign[m]);
        for (int b = 0; b < BANDS; b++) {
            float complex by = level ? turn * factor[m][b] : turn;
            for (int u = b * WIDE; u < (b + 1) * WIDE; u++) {
                s->used[m][u] *= s->spectrum[u] * by;
            }
        }
        numerology_scatter(s->used[m], fft_in(s->backward));
        fft_execute(s->backward);
        memcpy(s->response[m], fft_out(s->backward), sizeof(s->response[m]));
    }
}

void segments_at(const segments_t *s, int d, float complex r[M])
{
    for (int m = 0; m < M; m++) {
        r[m] = s->response[m][d & (SEG - 1)];
    }
}

void segments_profile(segments_t *s, segments_taper_t taper, float power[SEG])
{
    float complex mean[NUMEROLOGY_USED];
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        mean[u] =
            (s->used[0][u] + s->used[1][u] + (s->used[2][u] + s->used[3][u])) * s->taper[taper][u];
    }
    numerology_scatter(mean, fft_in(s->backward));
    fft_execute(s->backward);
    const float complex *out = fft_out(s->backward);
    for (int d = 0; d < SEG; d++) {
        power[d] = crealf(out[d]) * crealf(out[d]) + cimagf(out[d]) * cimagf(out[d]);
    }
}
