/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation: the genetic algorithm, for comparison.  A plan is a string of N L bits; parents by
 * tournaments of three, uniform crossover, each bit flips with probability 1/(N L), the two best
 * survive.  The first generation has one full plan and random ones; what can't be reached is made
 * feasible.
 */
#include "allocation/allocation_private.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

enum { PLANS = 60, ROUNDS = 200, ELITE = 2 };

typedef struct {
    allocation_t *a;
    rng_t rng;
    size_t size;
    uint8_t *plan, *next; /* [PLANS][size] */
    double value[PLANS];
} genetic_t;

static void judge(genetic_t *g)
{
    for (int p = 0; p < PLANS; p++) {
        uint8_t *plan = g->plan + (size_t)p * g->size;
        allocation_make_feasible(g->a, plan);
        g->value[p] = allocation_value(g->a, plan);
    }
}

static int winner(genetic_t *g)
{
    int best = (int)rng_below(&g->rng, PLANS);
    for (int k = 0; k < 2; k++) {
        const int other = (int)rng_below(&g->rng, PLANS);
        best = g->value[other] < g->value[best] ? other : best;
    }
    return best;
}

static int nth_best(const genetic_t *g, int nth)
{
    int best = 0;
    for (int p = 0; p < PLANS; p++) {
        int lower = 0;
        for (int q = 0; q < PLANS; q++) {
            lower += g->value[q] < g->value[p] || (g->value[q] == g->value[p] && q < p);
        }
        best = lower == nth ? p : best;
    }
    return best;
}

static void breed(genetic_t *g)
{
    for (int p = 0; p < PLANS; p++) {
        uint8_t *child = g->next + (size_t)p * g->size;
        if (p < ELITE) {
            memcpy(child, g->plan + (size_t)nth_best(g, p) * g->size, g->size);
            continue;
        }
        const uint8_t *mother = g->plan + (size_t)winner(g) * g->size;
        const uint8_t *father = g->plan + (size_t)winner(g) * g->size;
        for (size_t b = 0; b < g->size; b++) {
            child[b] = rng_bits(&g->rng) & 1u ? mother[b] : father[b];
            child[b] ^= rng_below(&g->rng, (uint32_t)g->size) == 0;
        }
    }
    uint8_t *old = g->plan;
    g->plan = g->next;
    g->next = old;
}

int allocation_genetic(allocation_t *a, uint64_t seed, uint8_t *hold, err_t *err)
{
    genetic_t g = {.a = a, .size = allocation_hold_size(a)};
    g.plan = malloc(PLANS * g.size);
    g.next = malloc(PLANS * g.size);
    if (g.plan == NULL || g.next == NULL) {
        free(g.plan);
        free(g.next);
        return err_set(err, ERR_MEMORY, "no memory for %d plans of %d agents", PLANS, a->agents);
    }
    rng_seed(&g.rng, seed, 1);
    memset(g.plan, 1, g.size);
    for (size_t b = g.size; b < PLANS * g.size; b++) {
        g.plan[b] = rng_bits(&g.rng) & 1u;
    }
    judge(&g);
    for (int round = 0; round < ROUNDS; round++) {
        breed(&g);
        judge(&g);
    }
    memcpy(hold, g.plan + (size_t)nth_best(&g, 0) * g.size, g.size);
    free(g.plan);
    free(g.next);
    return 0;
}
