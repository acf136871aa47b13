/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The axes of a square QAM are independent, and so are their bits' likelihoods:
 * 2 x 2^(m/2) distances a symbol instead of 2^m.  With complex noise variance N the
 * exponent of a level a is -(y - a)^2 / N.
 */
#include "modem/demapper.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_LEVELS = 1 << MODULATION_MAX_AXIS_BITS };

static const float least_noise = 1e-9f; /* below: LLRs of 1e9 tell no more */
static const float most_noise = 1e9f;
static const float most_value = 1e4f;
static const float underflow = 1e-30f;

typedef struct {
    int bits, levels;
    bool exact;
    float level[MAX_LEVELS];
} axis_t;

/* The exponents of the likeliest level with the bit 0 and with the bit 1. */
static void nearest(const axis_t *axis, const float *exponent, int mask, float best[2])
{
    best[0] = best[1] = -INFINITY;
    for (int l = 0; l < axis->levels; l++) {
        int one = (l & mask) != 0;
        best[one] = exponent[l] > best[one] ? exponent[l] : best[one];
    }
}

/* llr[0], llr[step], llr[2 step] ... of one axis. */
static void axis_llr(const axis_t *axis, float y, float noise_var, float *llr, int step)
{
    if (axis->bits == 1) {
        llr[0] = 4.0f * axis->level[0] * y / noise_var; /* what the rest comes to */
        return;
    }
    float exponent[MAX_LEVELS], weight[MAX_LEVELS], most = -INFINITY;
    for (int l = 0; l < axis->levels; l++) {
        float off = y - axis->level[l];
        exponent[l] = -off * off / noise_var;
        most = exponent[l] > most ? exponent[l] : most;
    }
    for (int l = 0; axis->exact && l < axis->levels; l++) {
        weight[l] = expf(exponent[l] - most);
    }
    for (int bit = 0; bit < axis->bits; bit++) {
        int mask = 1 << (axis->bits - 1 - bit);
        float sum[2] = {0.0f, 0.0f}, best[2];
        for (int l = 0; axis->exact && l < axis->levels; l++) {
            sum[(l & mask) != 0] += weight[l];
        }
        if (sum[0] > underflow && sum[1] > underflow) {
            llr[bit * step] = logf(sum[0] / sum[1]);
        } else { /* max-log, and where one sum has underflowed */
            nearest(axis, exponent, mask, best);
            llr[bit * step] = best[0] - best[1];
        }
    }
}

static float clamp(float x, float least, float most)
{
    return x < least ? least : x > most ? most : x;
}

static void symbol_llr(modulation_t modulation, const axis_t *axis, float complex y,
                       float noise_var, float *llr)
{
    float re = crealf(y), im = cimagf(y);
    if (!isfinite(re) || !isfinite(im) || !isfinite(noise_var)) {
        memset(llr, 0, (size_t)modulation_bits(modulation) * sizeof(*llr));
        return;
    }
    noise_var = clamp(noise_var, least_noise, most_noise);
    re = clamp(re, -most_value, most_value);
    im = clamp(im, -most_value, most_value);
    if (modulation == MODULATION_BPSK) {
        axis_llr(axis, (re + im) * (float)M_SQRT1_2, noise_var, llr, 1);
    } else {
        axis_llr(axis, re, noise_var, llr, 2);
        axis_llr(axis, im, noise_var, llr + 1, 2);
    }
}

static axis_t make_axis(modulation_t modulation, demapper_algorithm_t algorithm)
{
    axis_t axis = {.exact = algorithm == DEMAPPER_LOG_MAP};
    axis.bits = modulation_axis(modulation, axis.level);
    axis.levels = 1 << axis.bits;
    return axis;
}

void demapper_unbiased(modulation_t modulation, demapper_algorithm_t algorithm,
                       const float complex *y, const float *noise_var, size_t count, float *llr)
{
    axis_t axis = make_axis(modulation, algorithm);
    int bits = modulation_bits(modulation);
    for (size_t i = 0; i < count; i++, llr += bits) {
        symbol_llr(modulation, &axis, y[i], noise_var[i], llr);
    }
}

void demapper_mmse(modulation_t modulation, demapper_algorithm_t algorithm,
                   const float complex *s_hat, const float *noise_var, size_t count, float *llr)
{
    axis_t axis = make_axis(modulation, algorithm);
    int bits = modulation_bits(modulation);
    for (size_t i = 0; i < count; i++, llr += bits) {
        float gain = 1.0f - noise_var[i]; /* NaN, 0 or less: nothing was received */
        float scale = gain > 0.0f ? 1.0f / gain : NAN;
        symbol_llr(modulation, &axis, s_hat[i] * scale, noise_var[i] * scale, llr);
    }
}
