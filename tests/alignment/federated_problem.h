/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_problem: synthetic latents of several users that share hidden causes. */
#ifndef TESTS_ALIGNMENT_FEDERATED_PROBLEM_H
#define TESTS_ALIGNMENT_FEDERATED_PROBLEM_H

#include "federated/federated.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>

enum { PROBLEM_USERS = 3, PROBLEM_HIDDEN = 24 };

typedef struct {
    federated_input_t input;
    federated_tensor_t y[PROBLEM_USERS], h[PROBLEM_USERS];
} problem_t;

static inline double *problem_draw(rng_t *rng, size_t count)
{
    float *from = malloc(count * sizeof *from);
    double *to = malloc(count * sizeof *to);
    rng_normal(rng, from, count);
    for (size_t i = 0; i < count; i++) {
        to[i] = (double)from[i];
    }
    free(from);
    return to;
}

/* rows features: a random mix of hidden[PROBLEM_HIDDEN][n], cause j weighted 0.85^j, and noise. */
static inline double *problem_latents(rng_t *rng, const double *hidden, int rows, int n)
{
    double *mix = problem_draw(rng, (size_t)(rows * PROBLEM_HIDDEN));
    double *out = problem_draw(rng, (size_t)(rows * n));
    for (int i = 0; i < rows; i++) {
        for (int s = 0; s < n; s++) {
            double sum = 0.1 * out[i * n + s];
            for (int j = 0; j < PROBLEM_HIDDEN; j++) {
                sum += mix[i * PROBLEM_HIDDEN + j] * pow(0.85, j) * hidden[j * n + s];
            }
            out[i * n + s] = sum;
        }
    }
    free(mix);
    return out;
}

/* X of `rows` real features; users of 2/3, 1/2 and 1/8 as many; channels n_r = n_t = antennas. */
static inline void problem_create(problem_t *p, uint64_t seed, int rows, int n, int antennas)
{
    const int m[PROBLEM_USERS] = {rows * 2 / 3, rows / 2, rows / 8 > 1 ? rows / 8 : 2};
    rng_t rng;
    rng_seed(&rng, seed, 7);
    double *hidden = problem_draw(&rng, (size_t)(PROBLEM_HIDDEN * n));
    *p = (problem_t){.input = {.users = PROBLEM_USERS,
                               .x = {rows, n, false, problem_latents(&rng, hidden, rows, n)}}};
    for (int k = 0; k < PROBLEM_USERS; k++) {
        double *h = problem_draw(&rng, (size_t)(2 * antennas * antennas));
        for (int i = 0; i < 2 * antennas * antennas; i++) {
            h[i] *= sqrt(0.5);
        }
        p->y[k] = (federated_tensor_t){m[k], n, false, problem_latents(&rng, hidden, m[k], n)};
        p->h[k] = (federated_tensor_t){antennas, antennas, true, h};
    }
    p->input.y = p->y;
    p->input.h = p->h;
    free(hidden);
}

static inline void problem_destroy(problem_t *p)
{
    free((void *)p->input.x.v);
    for (int k = 0; k < PROBLEM_USERS; k++) {
        free((void *)p->y[k].v);
        free((void *)p->h[k].v);
    }
}

#endif
