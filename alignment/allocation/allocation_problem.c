/* SPDX-License-Identifier: GPL-3.0-or-later */
/* allocation: the problem, reduced to useful levels. */
#include "allocation/allocation_private.h"
#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Merges levels that are no link's last into the next that is. */
static void reduce_levels(allocation_t *a)
{
    double best = INFINITY;
    int first = 0;
    a->depth = 0;
    for (int l = 0; l < a->levels; l++) {
        a->merged[l] = -1;
        if (!(a->loss[l] < best)) {
            continue;
        }
        best = a->loss[l];
        a->base[a->depth] = best;
        a->size[a->depth] = 0.0;
        for (; first <= l; first++) {
            a->merged[first] = a->depth;
            a->size[a->depth] += a->full_size[first];
        }
        a->depth++;
    }
}

static void fill_weights(allocation_t *a, const allocation_input_t *in, allocation_rows_t rows)
{
    const size_t n = (size_t)a->agents, stride = (size_t)a->stride;
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < n; j++) {
            sum += i != j ? in->frequency[i * n + j] : 0.0;
        }
        const double factor = rows == ALLOCATION_ROWS_SCALE && sum > 0.0 ? 1.0 / sum : 1.0;
        for (size_t j = 0; j < n; j++) {
            if (i != j) {
                const double f = in->frequency[i * n + j] * factor;
                a->weight[i * stride + j] += f;
                a->weight[j * stride + i] += f;
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            a->traffic[i] += a->weight[i * stride + j];
        }
        a->served[i] = a->traffic[i] > 0.0;
    }
}

static void fill_times(allocation_t *a, const allocation_input_t *in)
{
    const size_t n = (size_t)a->agents, stride = (size_t)a->stride;
    double total = 0.0, longest = 0.0, sizes = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += a->traffic[i];
        for (size_t j = 0; j < n; j++) {
            const double r = in->rate[i * n + j];
            if (i != j && r > 0.0) {
                longest = fmax(longest, in->eta_t / r);
            }
        }
    }
    for (int l = 0; l < a->levels; l++) {
        sizes += a->full_size[l];
    }
    a->scale = 0.5 * total * a->loss[0] + a->eta_s * sizes * (double)n;
    a->scale = a->scale > 0.0 ? a->scale : 1.0;
    /* Dearer than storing everything everywhere, for a mean agent, and than any real way. */
    const double mean = total > 0.0 ? total / (double)n : 1.0;
    a->far = 1e4 * (a->scale / (mean * a->size[0]) + longest);
    for (size_t h = 0; h < n; h++) {
        for (size_t i = 0; i < n; i++) {
            const double r = in->rate[h * n + i];
            const double t = h == i ? 0.0 : r > 0.0 ? in->eta_t / r : a->far;
            a->time[h * stride + i] = t;
            a->fetch[i * stride + h] = t;
        }
    }
}

static int by_time(const void *left, const void *right, void *row)
{
    const uint16_t l = *(const uint16_t *)left, r = *(const uint16_t *)right;
    const double *time = row;
    if (time[l] != time[r]) {
        return time[l] < time[r] ? -1 : 1;
    }
    return (l > r) - (l < r);
}

static void sort_holders(allocation_t *a)
{
    const size_t n = (size_t)a->agents;
    for (size_t i = 0; i < n; i++) {
        uint16_t *order = a->order + i * n;
        for (size_t h = 0; h < n; h++) {
            order[h] = (uint16_t)h;
        }
        /* The agent itself first, whatever else takes no time. */
        order[0] = (uint16_t)i;
        order[i] = 0;
        qsort_r(order + 1, n - 1, sizeof(*order), by_time, a->fetch + i * (size_t)a->stride);
    }
}

/* Can agent h as the only holder save more than it stores?  A link uses the level only if both
   ends' fetches take less than the level saves. */
static bool pays_alone(const allocation_t *a, int h, int level)
{
    enum { MOST = 160 };
    const size_t stride = (size_t)a->stride;
    const double saves = a->base[level - 1] - a->base[level], size = a->size[level];
    const double *time = a->time + (size_t)h * stride;
    int client[MOST], count = 0;
    for (int i = 0; i < a->agents; i++) {
        if (size * time[i] < saves) {
            if (count == MOST) {
                return true; /* not worth finding out */
            }
            client[count++] = i;
        }
    }
    double saved = 0.0;
    for (int p = 1; p < count; p++) {
        const double *weight = a->weight + (size_t)client[p] * stride;
        for (int q = 0; q < p; q++) {
            const double left = saves - size * (time[client[p]] + time[client[q]]);
            saved += left > 0.0 ? weight[client[q]] * left : 0.0;
        }
    }
    return saved > a->eta_s * size * (1.0 - 1e-9);
}

static void find_alone(allocation_t *a)
{
    for (int l = 0; l < a->depth; l++) {
        for (int h = 0; h < a->agents; h++) {
            a->alone[l * a->agents + h] = l == 0 || pays_alone(a, h, l);
        }
    }
}

static bool allocate(allocation_t *a)
{
    const size_t n = (size_t)a->agents, stride = (size_t)a->stride;
    a->time = calloc(n * stride, sizeof(*a->time));
    a->fetch = calloc(n * stride, sizeof(*a->fetch));
    a->weight = calloc(n * stride, sizeof(*a->weight));
    a->traffic = calloc(stride, sizeof(*a->traffic));
    a->order = calloc(n * n, sizeof(*a->order));
    a->scratch = calloc((ALLOCATION_MAX_LEVELS + 2) * stride, sizeof(*a->scratch));
    a->served = calloc(n, sizeof(*a->served));
    a->alone = calloc(n * (size_t)a->levels, sizeof(*a->alone));
    return a->alone && a->time && a->fetch && a->weight && a->traffic && a->order && a->scratch &&
           a->served;
}

allocation_t *allocation_create(const allocation_input_t *input, allocation_reading_t reading,
                                allocation_rows_t rows, err_t *err)
{
    const double start_s = clock_thread_cpu_s();
    if (allocation_check(input, rows, err) != 0) {
        return NULL;
    }
    allocation_t *a = calloc(1, sizeof(*a));
    if (a != NULL) {
        a->agents = input->agents;
        a->levels = input->levels;
        a->stride = (input->agents + ALLOCATION_LANES - 1) / ALLOCATION_LANES * ALLOCATION_LANES;
    }
    if (a == NULL || !allocate(a)) {
        allocation_destroy(a);
        err_set(err, ERR_MEMORY, "no memory for a network of %d agents", input->agents);
        return NULL;
    }
    a->reading = reading;
    a->eta_s = input->eta_s;
    for (int l = 0; l < a->levels; l++) {
        a->loss[l] = input->eta_a * input->loss[l];
        a->full_size[l] = input->size[l];
    }
    reduce_levels(a);
    fill_weights(a, input, rows);
    fill_times(a, input);
    sort_holders(a);
    find_alone(a);
    a->create_s = clock_thread_cpu_s() - start_s;
    return a;
}

void allocation_destroy(allocation_t *a)
{
    if (a == NULL) {
        return;
    }
    free(a->time);
    free(a->fetch);
    free(a->weight);
    free(a->traffic);
    free(a->order);
    free(a->scratch);
    free(a->served);
    free(a->alone);
    free(a);
}

int allocation_agents(const allocation_t *a)
{
    return a->agents;
}

int allocation_levels(const allocation_t *a)
{
    return a->levels;
}

size_t allocation_hold_size(const allocation_t *a)
{
    return (size_t)a->depth * (size_t)a->agents;
}

void allocation_reduce(const allocation_t *a, const uint8_t *held, uint8_t *hold)
{
    memset(hold, 1, allocation_hold_size(a));
    for (int i = 0; i < a->agents; i++) {
        for (int l = 0; l < a->levels; l++) {
            /* Of a merged level: held when all of its parts are. */
            if (a->merged[l] >= 0 && !held[i * a->levels + l]) {
                hold[a->merged[l] * a->agents + i] = 0;
            }
        }
    }
}

void allocation_expand(const allocation_t *a, const uint8_t *hold, uint8_t *held)
{
    for (int i = 0; i < a->agents; i++) {
        for (int l = 0; l < a->levels; l++) {
            held[i * a->levels + l] = a->merged[l] >= 0 && hold[a->merged[l] * a->agents + i];
        }
    }
}

static bool reaches(const allocation_t *a, const uint8_t *hold, int agent)
{
    for (int h = 0; h < a->agents; h++) {
        if (hold[h] && a->fetch[(size_t)agent * (size_t)a->stride + (size_t)h] < a->far) {
            return true;
        }
    }
    return false;
}

void allocation_make_feasible(const allocation_t *a, uint8_t *hold)
{
    if (memchr(hold, 1, (size_t)a->agents) == NULL) {
        hold[0] = 1;
    }
    for (int i = 0; i < a->agents; i++) {
        if (a->served[i] && !hold[i] && !reaches(a, hold, i)) {
            hold[i] = 1;
        }
    }
}
