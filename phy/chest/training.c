/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines are fitted to angles against a channel that is known well enough
 * for that: the maximum-likelihood estimate at any useful SNR.  The slope over
 * the carriers is measured about their energy's centre, so that phase and
 * delay do not share an error.
 */
#include "chest/training.h"

#include "sync/rotor.h"

#include <math.h>
#include <string.h>

enum { N = NUMEROLOGY_USED };

/* The channel counts as moving when its variance is so many standard deviations of the test, and
   above what rounding and the last of an oscillator's wander may leave. */
#define MOVED_SIGMAS 4.0
#define MOVED_LEAST 1e-5

/* Re sum a conj(b): real and imaginary parts alike, in lanes that need no reassociation. */
static double along(const float complex *a, const float complex *b)
{
    enum { LANES = 8 };
    const float *x = (const float *)a, *y = (const float *)b;
    float lane[LANES] = {0};
    for (int i = 0; i < 2 * N; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            lane[l] += x[i + l] * y[i + l];
        }
    }
    return (((double)lane[0] + lane[4]) + ((double)lane[1] + lane[5])) +
           (((double)lane[2] + lane[6]) + ((double)lane[3] + lane[7]));
}

/* i b, so that along(a, i b) = Im sum a conj(b) */
static void quarter_turn(const float complex *b, float complex *out)
{
    for (int u = 0; u < N; u++) {
        out[u] = CMPLXF(-cimagf(b[u]), crealf(b[u]));
    }
}

/* Mean |a - 2 b + c|^2 / 6: the noise of each, whatever moves evenly from a to c. */
static double second_difference(const float complex *a, const float complex *b,
                                const float complex *c)
{
    float lane[4] = {0};
    for (int u = 0; u < N; u += 4) {
        for (int l = 0; l < 4; l++) {
            float complex d = a[u + l] - 2.0f * b[u + l] + c[u + l];
            lane[l] += crealf(d) * crealf(d) + cimagf(d) * cimagf(d);
        }
    }
    return ((double)lane[0] + lane[1] + lane[2] + lane[3]) / (6.0 * N);
}

/* Takes the lines off the symbols. */
static void straighten(training_t *t, const float complex (*ls)[N], const double *time, int count)
{
    float complex ramp[N], step[N];
    bool sloped = t->rate != 0.0;
    if (sloped) { /* the times lie one symbol apart: the ramps multiply up */
        rotor_ramp(ramp, t->rate * (time[0] - t->mean_time));
        rotor_ramp(step, t->rate);
    }
    for (int s = 0; s < count; s++) {
        float angle = (float)remainder(t->phase + t->drift * time[s], 2.0 * M_PI);
        float complex turn = CMPLXF(cosf(angle), -sinf(angle));
        float complex *out = t->straight[s];
        for (int u = 0; u < N; u++) {
            out[u] = ls[s][u] * turn;
        }
        if (sloped) {
            for (int u = 0; u < N; u++) {
                out[u] *= ramp[u];
                ramp[u] *= step[u];
            }
        }
    }
}

/* Noise when the channel stands still, or moves evenly; says which. */
static void settle_noise(training_t *t, double about_mean, double mean, int count, bool even)
{
    t->n0 = about_mean;
    t->moved = 0.0;
    if (!even || count < 8) {
        return;
    }
    double second = 0.0;
    for (int s = 2; s < count; s++) {
        second += second_difference(t->straight[s - 2], t->straight[s - 1], t->straight[s]) /
                  (count - 2);
    }
    /* The second differences overlap: their mean has 35/18 of the variance of independent ones. */
    double sigma = second * sqrt((35.0 / 18.0) / (N * (count - 2.0)));
    if (about_mean - second > MOVED_SIGMAS * sigma + MOVED_LEAST * mean) {
        t->n0 = second;
        t->moved = about_mean - second;
    }
}

/* Mean of the symbols with the lines taken off, the noise about it, and the power. */
static void average(training_t *t, const float complex (*ls)[N], const double *time, int count,
                    bool even)
{
    float complex off[N];
    straighten(t, ls, time, count);
    memset(t->h_ls, 0, sizeof(t->h_ls));
    for (int s = 0; s < count; s++) {
        for (int u = 0; u < N; u++) {
            t->h_ls[u] += t->straight[s][u];
        }
    }
    float part = 1.0f / (float)count;
    for (int u = 0; u < N; u++) {
        t->h_ls[u] *= part;
    }
    double noise = 0.0, mean = along(t->h_ls, t->h_ls) / N;
    double tail = along(t->straight[count - 1], t->h_ls) + along(t->straight[count - 2], t->h_ls);
    t->tail = mean > 0.0 ? tail / (2.0 * N * mean) : 0.0;
    double common = along(t->straight[count - 1], t->straight[count - 2]);
    t->tail_power = mean > 0.0 ? common / (N * mean) : 0.0;
    for (int s = 0; s < count; s++) {
        for (int u = 0; u < N; u++) {
            off[u] = t->straight[s][u] - t->h_ls[u];
        }
        noise += along(off, off);
    }
    /* The lines' slopes took one or two real degrees of freedom; their levels are part of h. */
    noise /= N * (count - 1) - (even ? 1.0 : 0.5);
    settle_noise(t, noise, mean, count, even);
    t->power = fmax(mean - (t->n0 + t->moved) / count, 1e-3 * mean);
}

static void set_times(training_t *t, const double *time, int count)
{
    t->count = count;
    t->mean_time = t->spread = 0.0;
    for (int s = 0; s < count; s++) {
        t->mean_time += time[s] / count;
    }
    for (int s = 0; s < count; s++) {
        t->spread += (time[s] - t->mean_time) * (time[s] - t->mean_time);
    }
}

/* h turned by what a delay of one sample does to first order, about the energy's centre. */
static void slope_reference(training_t *t, const float complex *h, float complex *reference)
{
    double energy = 0.0, moment = 0.0, second = 0.0;
    for (int u = 0; u < N; u++) {
        double k = numerology_radians(u);
        double e = (double)(crealf(h[u]) * crealf(h[u]) + cimagf(h[u]) * cimagf(h[u]));
        energy += e;
        moment += e * k;
        second += e * k * k;
    }
    double centre = energy > 0.0 ? moment / energy : 0.0;
    for (int u = 0; u < N; u++) {
        reference[u] = (float)(numerology_radians(u) - centre) * h[u];
    }
    t->slope_energy = fmax(second - moment * centre, 0.0) / N;
}

void training_refine(training_t *t, const float complex (*ls)[N], const double *time, int count,
                     const float complex *h, bool even)
{
    double level = 0.0, drift = 0.0, rate = 0.0;
    float complex slope[N], h_turned[N], slope_turned[N];
    set_times(t, time, count);
    slope_reference(t, h, slope);
    quarter_turn(h, h_turned);
    quarter_turn(slope, slope_turned);
    straighten(t, ls, time, count);
    for (int s = 0; s < count; s++) {
        double away = time[s] - t->mean_time;
        double off = atan2(along(t->straight[s], h_turned), along(t->straight[s], h));
        level += off / count;
        drift += off * away / t->spread;
        if (even && t->slope_energy > 0.0) {
            double tilt = along(t->straight[s], slope_turned) * cos(off) -
                          along(t->straight[s], slope) * sin(off);
            rate -= tilt / (N * t->slope_energy) * away / t->spread;
        }
    }
    t->phase += level - drift * t->mean_time;
    t->drift += drift;
    t->rate += rate;
    average(t, ls, time, count, even);
}

void training_start(training_t *t, const float complex (*ls)[N], const double *time, int count)
{
    float complex h[N];
    t->phase = t->drift = t->rate = 0.0;
    set_times(t, time, count);
    average(t, ls, time, count, false);
    memcpy(h, t->h_ls, sizeof(h));
    training_refine(t, ls, time, count, h, false);
}

static double line_variance(const training_t *t, double energy, double time, double *slope_var,
                            double *cov)
{
    double var = t->n0 / (2.0 * N * energy), ahead = time - t->mean_time;
    *slope_var = var / t->spread;
    *cov = ahead * *slope_var;
    return var / t->count + ahead * ahead * *slope_var;
}

void training_predict(const training_t *t, double time, double *phase, double *phase_var,
                      double *drift_var, double *cov)
{
    *phase = t->phase + t->drift * time;
    *phase_var = line_variance(t, t->power, time, drift_var, cov);
}

void training_predict_delay(const training_t *t, double time, double *delay, double *delay_var,
                            double *rate_var, double *cov)
{
    *delay = t->rate * (time - t->mean_time);
    *delay_var = line_variance(t, t->slope_energy + 1e-30, time, rate_var, cov);
}
