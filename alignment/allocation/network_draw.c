/* SPDX-License-Identifier: GPL-3.0-or-later */
/* network: drawn at random as in the paper's section IV-A, or from places in a square. */
#include "allocation/network_private.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>

static void draw_frequencies(rng_t *rng, size_t n, double *frequency)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < n; j++) {
            frequency[i * n + j] = i != j ? (double)rng_uniform(rng) : 0.0;
            sum += frequency[i * n + j];
        }
        for (size_t j = 0; j < n && sum > 0.0; j++) {
            frequency[i * n + j] /= sum;
        }
    }
}

static void draw_lognormal(rng_t *rng, size_t n, double *rate)
{
    for (size_t c = 0; c < n * n; c++) {
        float normal;
        rng_normal(rng, &normal, 1);
        rate[c] = exp((double)normal);
    }
}

static void draw_square(rng_t *rng, size_t n, double *rate)
{
    double place[ALLOCATION_MAX_AGENTS][2];
    for (size_t i = 0; i < n; i++) {
        place[i][0] = (double)rng_uniform(rng);
        place[i][1] = (double)rng_uniform(rng);
    }
    for (size_t h = 0; h < n; h++) {
        for (size_t i = 0; i < n; i++) {
            const double d = hypot(place[h][0] - place[i][0], place[h][1] - place[i][1]);
            rate[h * n + i] = log2(1.0 + pow(0.5 / fmax(d, 1e-3), 3.0));
        }
    }
}

static json_t *array_of(const double *numbers, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(array, json_real(numbers[i]));
    }
    return array;
}

static json_t *matrix_of(const double *numbers, int count)
{
    json_t *rows = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(rows, array_of(numbers + (size_t)i * (size_t)count, count));
    }
    return rows;
}

static int fill_root(network_t *network, err_t *err)
{
    const allocation_input_t *in = &network->input;
    json_t *root = network->root = json_object();
    int failed = json_object_set_new(root, "N", json_integer(in->agents));
    failed |= json_object_set_new(root, "L", json_integer(in->levels));
    failed |= json_object_set_new(root, "eta_A", json_real(in->eta_a));
    failed |= json_object_set_new(root, "eta_T", json_real(in->eta_t));
    failed |= json_object_set_new(root, "eta_S", json_real(in->eta_s));
    failed |= json_object_set_new(root, "J_A", array_of(in->loss, in->levels));
    failed |= json_object_set_new(root, "S", array_of(in->size, in->levels));
    failed |= json_object_set_new(root, "F", matrix_of(in->frequency, in->agents));
    failed |= json_object_set_new(root, "R", matrix_of(in->rate, in->agents));
    return failed ? err_set(err, ERR_MEMORY, "no memory for a network of %d agents", in->agents)
                  : 0;
}

network_t *network_draw(const network_draw_t *draw, err_t *err)
{
    if (draw->agents < 1 || draw->agents > ALLOCATION_MAX_AGENTS || draw->levels < 1 ||
        draw->levels > ALLOCATION_MAX_LEVELS) {
        err_set(err, ERR_ARGUMENT, "a network has 1 to %d agents and 1 to %d levels",
                ALLOCATION_MAX_AGENTS, ALLOCATION_MAX_LEVELS);
        return NULL;
    }
    network_t *network = calloc(1, sizeof(*network));
    if (network == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a network");
        return NULL;
    }
    if (network_allocate(network, draw->agents, draw->levels, err) != 0) {
        network_destroy(network);
        return NULL;
    }
    network->input.eta_a = draw->eta_a;
    network->input.eta_t = draw->eta_t;
    network->input.eta_s = draw->eta_s;
    for (int l = 0; l < draw->levels; l++) {
        network->loss[l] = draw->loss[l];
        network->size[l] = 1.0;
    }
    rng_t rng;
    rng_seed(&rng, draw->seed, 0);
    draw_frequencies(&rng, (size_t)draw->agents, network->frequency);
    if (draw->kind == NETWORK_SQUARE) {
        draw_square(&rng, (size_t)draw->agents, network->rate);
    } else {
        draw_lognormal(&rng, (size_t)draw->agents, network->rate);
    }
    if (fill_root(network, err) != 0) {
        network_destroy(network);
        return NULL;
    }
    return network;
}
