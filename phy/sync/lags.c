/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The maximum over f is the maximum-likelihood estimate of the offset from four
 * segments (Rife and Boorstyn 1974).  Between the grid's points it falls by 0.2 dB
 * at most; a parabola gives that back.
 */
#include "sync/lags.h"

#include <math.h>

lags_t lags_of(const float complex r[PREAMBLE_SEGMENTS])
{
    lags_t of = {0};
    for (int m = 0; m < PREAMBLE_SEGMENTS; m++) {
        of.power += crealf(r[m]) * crealf(r[m]) + cimagf(r[m]) * cimagf(r[m]);
        for (int l = 1; l <= m; l++) {
            of.re[l] += crealf(r[m - l]) * crealf(r[m]) + cimagf(r[m - l]) * cimagf(r[m]);
            of.im[l] += crealf(r[m - l]) * cimagf(r[m]) - cimagf(r[m - l]) * crealf(r[m]);
        }
    }
    return of;
}

void lags_add(lags_t *sum, const lags_t *of)
{
    sum->power += of->power;
    for (int l = 1; l < LAGS; l++) {
        sum->re[l] += of->re[l];
        sum->im[l] += of->im[l];
    }
}

lags_turns_t lags_turns(double f)
{
    lags_turns_t of;
    for (int l = 0; l < LAGS; l++) {
        of.re[l] = cos(2.0 * M_PI * f * l);
        of.im[l] = sin(2.0 * M_PI * f * l);
    }
    return of;
}

double lags_power(const lags_t *of, const lags_turns_t *at)
{
    double sum = 0.0;
    for (int l = 1; l < LAGS; l++) {
        sum += (double)of->re[l] * at->re[l] + (double)of->im[l] * at->im[l];
    }
    return (double)of->power + 2.0 * sum;
}

void lags_fill(lags_grid_t *grid)
{
    for (int i = 0; i < LAGS_GRID; i++) {
        lags_turns_t turns = lags_turns((double)(i - LAGS_GRID / 2) / LAGS_GRID);
        for (int l = 0; l < LAGS; l++) {
            grid->cosine[l][i] = (float)turns.re[l];
            grid->sine[l][i] = (float)turns.im[l];
        }
    }
}

static void on_grid(const lags_t *of, const lags_grid_t *grid, float value[LAGS_GRID])
{
    for (int i = 0; i < LAGS_GRID; i++) {
        value[i] = of->power;
    }
    for (int l = 1; l < LAGS; l++) {
        float re = 2.0f * of->re[l], im = 2.0f * of->im[l];
        for (int i = 0; i < LAGS_GRID; i++) {
            value[i] += re * grid->cosine[l][i] + im * grid->sine[l][i];
        }
    }
}

float lags_largest(const lags_t *of, const lags_grid_t *grid)
{
    float value[LAGS_GRID], four[4];
    on_grid(of, grid, value);
    for (int i = 0; i < LAGS_GRID / 2; i++) {
        value[i] = value[i] > value[i + LAGS_GRID / 2] ? value[i] : value[i + LAGS_GRID / 2];
    }
    for (int i = 0; i < 4; i++) {
        four[i] = value[i] > value[i + 4] ? value[i] : value[i + 4];
    }
    return fmaxf(fmaxf(four[0], four[1]), fmaxf(four[2], four[3]));
}

static double power_at(const lags_t *of, double f)
{
    lags_turns_t turns = lags_turns(f);
    return lags_power(of, &turns);
}

double lags_climb(const lags_t *of, double f, double step, double *power)
{
    double low = power_at(of, f - step), mid = power_at(of, f), high = power_at(of, f + step);
    double bend = low - 2.0 * mid + high;
    double move = bend < 0.0 ? 0.5 * (low - high) / bend : 0.0;
    f += step * fmax(-1.0, fmin(1.0, move));
    *power = power_at(of, f);
    return f;
}

double lags_top(const lags_t *of, const lags_grid_t *grid, double *power)
{
    float value[LAGS_GRID];
    int index = 0;
    on_grid(of, grid, value);
    for (int i = 1; i < LAGS_GRID; i++) {
        index = value[i] > value[index] ? i : index;
    }
    return lags_climb(of, (double)(index - LAGS_GRID / 2) / LAGS_GRID, 1.0 / LAGS_GRID, power);
}
