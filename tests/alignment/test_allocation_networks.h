/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks for the allocation's tests: of the paper's kind, and nastier ones. */
#ifndef TESTS_ALIGNMENT_TEST_ALLOCATION_NETWORKS_H
#define TESTS_ALIGNMENT_TEST_ALLOCATION_NETWORKS_H

#include "allocation/allocation.h"
#include "check.h"
#include "rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_AGENTS = 60 };

typedef struct {
    allocation_input_t input;
    double loss[ALLOCATION_MAX_LEVELS], size[ALLOCATION_MAX_LEVELS];
    double frequency[MOST_AGENTS * MOST_AGENTS], rate[MOST_AGENTS * MOST_AGENTS];
} nets_t;

/* The paper's: uniform F with rows of one, lognormal R, S = 1, weights 1, 0.5, 0.1. */
static inline void nets_paper(nets_t *net, int agents, int levels, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 11);
    net->input = (allocation_input_t){agents,    levels,         1.0,      0.5, 0.1, net->loss,
                                      net->size, net->frequency, net->rate};
    double loss = 0.6;
    for (int l = 0; l < levels; l++) {
        net->loss[l] = loss;
        net->size[l] = 1.0;
        loss *= 0.55 + 0.25 * (double)rng_uniform(&rng);
    }
    for (int i = 0; i < agents; i++) {
        double sum = 0.0;
        for (int j = 0; j < agents; j++) {
            const int at = i * agents + j;
            float normal;
            rng_normal(&rng, &normal, 1);
            net->rate[at] = exp((double)normal);
            net->frequency[at] = i == j ? 0.0 : 1e-3 + (double)rng_uniform(&rng);
            sum += net->frequency[at];
        }
        for (int j = 0; j < agents && sum > 0.0; j++) {
            net->frequency[i * agents + j] /= sum;
        }
    }
}

/* Any weights, sizes and losses (also rising ones), missing ways, agents without traffic. */
static inline void nets_nasty(nets_t *net, int agents, int levels, uint64_t seed)
{
    nets_paper(net, agents, levels, seed);
    rng_t rng;
    rng_seed(&rng, seed, 12);
    net->input.eta_a = rng_below(&rng, 8) == 0 ? 0.0 : 0.2 + 2.0 * (double)rng_uniform(&rng);
    net->input.eta_t = rng_below(&rng, 8) == 0 ? 0.0 : (double)rng_uniform(&rng);
    net->input.eta_s = rng_below(&rng, 8) == 0 ? 0.0 : 0.6 * (double)rng_uniform(&rng);
    for (int l = 0; l < levels; l++) {
        net->size[l] = 0.2 + 2.0 * (double)rng_uniform(&rng);
        if (rng_below(&rng, 3) == 0) {
            net->loss[l] = 0.7 * (double)rng_uniform(&rng);
        }
    }
    for (int i = 0; i < agents * agents; i++) {
        if (rng_below(&rng, 5) == 0) {
            net->rate[i] = rng_below(&rng, 2) ? 0.0 : (double)NAN;
        }
        if (rng_below(&rng, 4) == 0) {
            net->frequency[i] = 0.0;
        }
    }
    if (rng_below(&rng, 3) == 0) {
        for (int j = 0; j < agents; j++) { /* the last agent talks to nobody */
            net->frequency[(agents - 1) * agents + j] = 0.0;
            net->frequency[j * agents + agents - 1] = 0.0;
        }
    }
}

static inline allocation_t *nets_problem(const nets_t *net, allocation_reading_t reading)
{
    err_t err = ERR_INIT;
    allocation_t *a = allocation_create(&net->input, reading, ALLOCATION_ROWS_ANY, &err);
    if (a == NULL) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    return a;
}

/* T_i[l] by the definition; infinite without a holder in reach. */
static inline double nets_time(const nets_t *net, const uint8_t *held, int i, int l)
{
    const int n = net->input.agents, levels = net->input.levels;
    double least = INFINITY;
    for (int h = 0; h < n; h++) {
        const double rate = net->rate[h * n + i];
        if (held[h * levels + l]) {
            least = fmin(least, h == i ? 0.0 : rate > 0.0 ? net->size[l] / rate : INFINITY);
        }
    }
    return least;
}

static inline double nets_storage(const nets_t *net, const uint8_t *held)
{
    double sum = 0.0;
    bool somebody = false;
    for (int i = 0; i < net->input.agents; i++) {
        somebody |= held[i * net->input.levels] != 0;
        for (int l = 0; l < net->input.levels; l++) {
            sum += held[i * net->input.levels + l] * net->size[l];
        }
    }
    return somebody ? net->input.eta_s * sum : INFINITY;
}

/* eta_T times the time of the levels 0 ... depth; infinite times no weight stays infinite. */
static inline double nets_fetch(const nets_t *net, const uint8_t *held, int i, int depth)
{
    double sum = 0.0;
    for (int l = 0; l <= depth; l++) {
        const double time = nets_time(net, held, i, l);
        sum += isinf(time) ? INFINITY : net->input.eta_t * time;
    }
    return sum;
}

/* J as the paper's (12) with Proposition 1, per link. */
static inline double nets_link_value(const nets_t *net, const uint8_t *held)
{
    const int n = net->input.agents;
    double sum = nets_storage(net, held);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            const double f = net->frequency[i * n + j];
            double least = INFINITY;
            for (int l = 0; l < net->input.levels; l++) {
                least = fmin(least, net->input.eta_a * net->loss[l] + nets_fetch(net, held, i, l) +
                                        nets_fetch(net, held, j, l));
            }
            sum += i != j && f > 0.0 ? f * least : 0.0;
        }
    }
    return sum;
}

static inline double nets_depths_value(const nets_t *net, const uint8_t *held, const int *depth)
{
    const int n = net->input.agents;
    double sum = nets_storage(net, held);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            const double f = net->frequency[i * n + j];
            double loss = INFINITY;
            for (int l = 0; l <= depth[i] && l <= depth[j]; l++) {
                loss = fmin(loss, net->input.eta_a * net->loss[l]);
            }
            sum += i != j && f > 0.0 ? f * (loss + nets_fetch(net, held, i, depth[i]) +
                                            nets_fetch(net, held, j, depth[j]))
                                     : 0.0;
        }
    }
    return sum;
}

/* The same per agent: all depths tried. */
static inline double nets_agent_value(const nets_t *net, const uint8_t *held)
{
    int depth[MOST_AGENTS] = {0};
    double least = INFINITY;
    for (;;) {
        least = fmin(least, nets_depths_value(net, held, depth));
        int i = 0;
        while (i < net->input.agents && ++depth[i] == net->input.levels) {
            depth[i++] = 0;
        }
        if (i == net->input.agents) {
            return least;
        }
    }
}

#endif
