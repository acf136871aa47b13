/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The test.  The four segments' correlations c_m (one per 256 samples, at the
 * offset the search tried) are added with the best linear phase:
 *
 *     metric = max_d |sum_m sign_m c_m exp(-2 pi i d m)|^2 / (4 * 132 * E)
 *
 * E being the energy of the same 1024 samples within our band.  This is the
 * generalised likelihood ratio for unknown gain, phase and carrier offset.  In
 * Gaussian noise that is white over our band, each d gives a Beta(1, 4*135-1)
 * variable: P(metric > t) = (1 - t)^539.  With t = 0.047 and 40 independent
 * offsets: 2e-10 per sample.
 *
 * The offset.  The maximum over d is the maximum-likelihood estimate for four
 * segments; a parabola through three points near the top, twice, each time
 * turning the samples by what is already known (Rife and Boorstyn 1974).
 */
#include "sync/acquire.h"

#include "sync/preamble.h"
#include "sync/rotor.h"
#include "waveform/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEG = PREAMBLE_SEGMENT,
    GRID = 32,      /* trial offsets per sub-carrier */
    SKIRT = 1,      /* bins beyond the used ones that count as our band */
    FIRST_REACH = 24, /* most samples before the strongest path that may hold an earlier one */
    CP_SPARE = 8,     /* of the prefix, kept for the paths after the strongest */
};

struct acquire {
    fft_t *forward, *backward;
    float complex spectrum[NUMEROLOGY_USED]; /* conjugate */
    float taper[NUMEROLOGY_USED];
    float complex turn[ROTOR_SIZE];
    double turn_cfo;
    double complex grid[GRID]; /* exp(-2 pi i d), d = -1/2 … */
    float complex y[SEG];
};

acquire_t *acquire_create(err_t *err)
{
    acquire_t *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        err_set(err, ERR_MEMORY, "acquire: out of memory");
        return NULL;
    }
    a->forward = fft_create(SEG, FFT_FORWARD, err);
    a->backward = fft_create(SEG, FFT_BACKWARD, err);
    if (a->forward == NULL || a->backward == NULL) {
        acquire_destroy(a);
        return NULL;
    }
    rotor_fill(a->turn, 0.0);
    for (int i = 0; i < GRID; i++) {
        a->grid[i] = cexp(-2.0 * I * M_PI * (i - GRID / 2) / GRID);
    }
    preamble_spectrum(a->spectrum);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        a->spectrum[u] = conjf(a->spectrum[u]);
        a->taper[u] = (float)(0.5 - 0.5 * cos(2.0 * M_PI * (u + 0.5) / NUMEROLOGY_USED));
    }
    return a;
}

void acquire_destroy(acquire_t *a)
{
    if (a != NULL) {
        fft_destroy(a->forward);
        fft_destroy(a->backward);
        free(a);
    }
}

static void set_turn(acquire_t *a, double cfo)
{
    if (cfo != a->turn_cfo) { /* the search offers the same few again and again */
        rotor_fill(a->turn, cfo);
        a->turn_cfo = cfo;
    }
}

/* Energy of the bins -67 … 67. */
static float band_energy(const float complex *bins)
{
    enum { EDGE = NUMEROLOGY_USED / 2 + SKIRT };
    float lane[4] = {0};
    const float *up = (const float *)bins, *down = (const float *)(bins + SEG - EDGE);
    for (int i = 0; i < 2 * EDGE - 2; i += 4) {
        for (int l = 0; l < 4; l++) {
            lane[l] += up[i + l] * up[i + l] + down[i + l] * down[i + l];
        }
    }
    for (int l = 0; l < 2; l++) {
        lane[l] += up[2 * EDGE - 2 + l] * up[2 * EDGE - 2 + l] + up[2 * EDGE + l] * up[2 * EDGE + l] +
                   down[2 * EDGE - 2 + l] * down[2 * EDGE - 2 + l];
    }
    return lane[0] + lane[1] + lane[2] + lane[3];
}

static float complex band_correlation(const acquire_t *a, const float complex *bins)
{
    float complex used[NUMEROLOGY_USED], lane[4] = {0};
    numerology_gather(bins, used);
    for (int u = 0; u < NUMEROLOGY_USED; u += 4) {
        for (int l = 0; l < 4; l++) {
            lane[l] += used[u + l] * a->spectrum[u + l];
        }
    }
    return lane[0] + lane[1] + (lane[2] + lane[3]);
}

/* The signed correlations of the four segments, turned by cfo; returns the energy in the band. */
static double segments(acquire_t *a, const float complex *x, double cfo,
                       double complex c[PREAMBLE_SEGMENTS])
{
    double energy = 0.0;
    set_turn(a, cfo);
    for (int m = 0; m < PREAMBLE_SEGMENTS; m++) {
        float complex *in = fft_in(a->forward);
        for (int n = 0; n < SEG; n++) {
            in[n] = x[m * SEG + n] * a->turn[n];
        }
        fft_execute(a->forward);
        energy += (double)band_energy(fft_out(a->forward));
        c[m] = band_correlation(a, fft_out(a->forward)) * (double)preamble_sign[m] *
               cexp(-2.0 * I * M_PI * cfo * m);
    }
    return energy;
}

/* |sum c_m z^m|^2 */
static double power_with(const double complex c[PREAMBLE_SEGMENTS], double complex z)
{
    double complex sum = c[0] + z * (c[1] + z * (c[2] + z * c[3]));
    return creal(sum) * creal(sum) + cimag(sum) * cimag(sum);
}

static double power_at(const double complex c[PREAMBLE_SEGMENTS], double d)
{
    return power_with(c, cexp(-2.0 * I * M_PI * d));
}

/* Top of the parabola through three points around d; *power: the value there. */
static double climb(const double complex c[PREAMBLE_SEGMENTS], double d, double step, double *power)
{
    double low = power_at(c, d - step), mid = power_at(c, d), high = power_at(c, d + step);
    double bend = low - 2.0 * mid + high;
    double move = bend < 0.0 ? 0.5 * (low - high) / bend : 0.0;
    d += step * fmax(-1.0, fmin(1.0, move));
    *power = power_at(c, d);
    return d;
}

static acquire_result_t judge(double power, double energy, double cfo)
{
    acquire_result_t r = {.metric = 0.0, .cfo = cfo};
    double most = PREAMBLE_SEGMENTS * NUMEROLOGY_USED * energy;
    if (most > 0.0 && isfinite(power) && isfinite(most)) {
        r.metric = fmin(power / most, 1.0);
    }
    return r;
}

acquire_result_t acquire_test(acquire_t *a, const float complex *x, double cfo)
{
    double complex c[PREAMBLE_SEGMENTS];
    double energy = segments(a, x, cfo, c), best = -1.0, at = 0.0;
    for (int i = 0; i < GRID; i++) {
        double power = power_with(c, a->grid[i]);
        if (power > best) {
            best = power;
            at = (double)(i - GRID / 2) / GRID;
        }
    }
    at = climb(c, at, 1.0 / GRID, &best);
    return judge(best, energy, cfo + at);
}

acquire_result_t acquire_refine(acquire_t *a, const float complex *x, double cfo)
{
    double complex c[PREAMBLE_SEGMENTS];
    double energy = 0.0, best = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        energy = segments(a, x, cfo, c);
        double d = climb(c, 0.0, 1.0 / 16, &best);
        d = climb(c, d, 1.0 / 64, &best);
        cfo += d;
    }
    return judge(best, energy, cfo);
}

/* |impulse response|^2 of the four segments' mean, circular, from -ACQUIRE_MARGIN. */
static void impulse(acquire_t *a, const float complex *x, double cfo, float power[SEG])
{
    set_turn(a, cfo);
    memset(a->y, 0, sizeof(a->y));
    for (int m = 0; m < PREAMBLE_SEGMENTS; m++) {
        float complex turn =
            (float complex)(cexp(-2.0 * I * M_PI * cfo * m) * (double)preamble_sign[m]);
        const float complex *at = x - ACQUIRE_MARGIN + m * SEG;
        for (int n = 0; n < SEG; n++) {
            a->y[n] += at[n] * turn;
        }
    }
    float complex *in = fft_in(a->forward), used[NUMEROLOGY_USED];
    for (int n = 0; n < SEG; n++) {
        in[n] = a->y[n] * a->turn[n];
    }
    fft_execute(a->forward);
    numerology_gather(fft_out(a->forward), used);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        used[u] *= a->spectrum[u] * a->taper[u];
    }
    numerology_scatter(used, fft_in(a->backward));
    fft_execute(a->backward);
    const float complex *out = fft_out(a->backward);
    for (int n = 0; n < SEG; n++) {
        power[n] = crealf(out[n]) * crealf(out[n]) + cimagf(out[n]) * cimagf(out[n]);
    }
}

int acquire_timing(acquire_t *a, const float complex *x, double cfo, int cp)
{
    float power[SEG], noise = 0.0f;
    impulse(a, x, cfo, power);
    for (int n = 96; n < 224; n++) { /* far from any path */
        noise += power[n] / 128.0f;
    }
    int peak = ACQUIRE_MARGIN;
    for (int n = ACQUIRE_MARGIN - 4; n <= ACQUIRE_MARGIN + 4; n++) {
        peak = power[n] > power[peak] ? n : peak;
    }
    /* Noise passes twelve times its mean once in 160,000: no early path where there is none. */
    float threshold = fmaxf(0.03f * power[peak], 12.0f * noise);
    int first = peak, reach = cp - CP_SPARE < FIRST_REACH ? cp - CP_SPARE : FIRST_REACH;
    for (int n = peak; n >= peak - reach; n--) {
        first = power[n] >= threshold ? n : first;
    }
    /* A lone path crosses the threshold up to three samples before its peak (the taper's width). */
    int start = first - 1 - ACQUIRE_MARGIN;
    return start < -ACQUIRE_MARGIN ? -ACQUIRE_MARGIN : start;
}
