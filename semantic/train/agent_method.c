/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each method trains, and what has to be sent for it, in units of a distilled level 1 whose
 * matrices are sent as halves:
 *
 *     distil  the levels' matrices
 *     sparse  k values as halves and which they are: at least log2 C(n, k) bits = k H(k/n) n/k
 *     data    pictures: the codes (9 bits a place) and the expert's result (8 bits a channel); the
 *             receiver is given the input itself for nothing
 *     latent  the dense layers as halves
 */
#include "train/agent_task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sparse ------------------------------------------------------------------------- */

static double sparse_bytes(double kept, double all)
{
    double p = kept / all;
    double which = kept <= 0.0 || kept >= all ? 0.0 : -p * log2(p) - (1.0 - p) * log2(1.0 - p);
    return (16.0 * kept + which * all) / 8.0;
}

static int descending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* |expert - base| of every trained number; returns how many there are. */
static size_t moves(const agent_task_t *task, float *out)
{
    size_t all = 0;
    for (int i = 0; i < params_count(task->params); i++) {
        const param_t *from = params_at(task->params, i);
        const param_t *to = params_find(task->expert_params, from->name);
        if (from->flags & (PARAM_BUFFER | PARAM_FROZEN)) {
            continue;
        }
        for (size_t k = 0; k < from->count; k++, all++) {
            if (out != NULL) {
                out[all] = to != NULL && to->count == from->count
                               ? fabsf(to->value[k] - from->value[k])
                               : 0.0f;
            }
        }
    }
    return all;
}

/* Keeps as many as the traffic allows, and starts from where the expert moved them. */
static int begin_sparse(agent_task_t *task, double units, err_t *err)
{
    size_t all = moves(task, NULL), at = 0;
    float *sorted = calloc(all + 1, sizeof(*sorted));
    task->mask = calloc(all + 1, sizeof(*task->mask));
    if (sorted == NULL || task->mask == NULL) {
        free(sorted);
        return err_set(err, ERR_MEMORY, "no memory to choose weights");
    }
    double low = 0.0, high = (double)all;
    for (int k = 0; k < 60; k++) {
        double middle = 0.5 * (low + high);
        *(sparse_bytes(middle, (double)all) <= units * task->unit_bytes ? &low : &high) = middle;
    }
    size_t kept = (size_t)low;
    task->traffic_bytes = sparse_bytes((double)kept, (double)all);
    moves(task, task->mask);
    memcpy(sorted, task->mask, all * sizeof(*sorted));
    qsort(sorted, all, sizeof(*sorted), descending);
    float least = kept < all ? sorted[kept] : -1.0f; /* kept are those above */
    free(sorted);
    for (int i = 0; i < params_count(task->params); i++) {
        param_t *param = params_at(task->params, i);
        const param_t *to = params_find(task->expert_params, param->name);
        if (param->flags & (PARAM_BUFFER | PARAM_FROZEN)) {
            continue;
        }
        for (size_t k = 0; k < param->count; k++, at++) {
            task->mask[at] = task->mask[at] > least ? 1.0f : 0.0f;
            if (task->mask[at] > 0.0f && to != NULL) {
                param->value[k] = to->value[k];
            }
        }
    }
    params_changed(task->params);
    return 0;
}

static void keep_masked(const agent_task_t *task)
{
    const float *mask = task->mask;
    for (int i = 0; i < params_count(task->params); i++) {
        param_t *param = params_at(task->params, i);
        if (param->flags & (PARAM_BUFFER | PARAM_FROZEN)) {
            continue;
        }
        for (size_t k = 0; k < param->count; k++) {
            param->grad[k] *= *mask++;
        }
    }
}

/* ---- data, latent --------------------------------------------------------------------- */

/* Whole batches of as many pictures as the traffic allows; the batch shrinks to them. */
static int begin_data(agent_task_t *task, double units, err_t *err)
{
    double places = (double)task->side * task->side / (AGENT_STRIDE * AGENT_STRIDE);
    double each = places * AGENT_CODE_BITS / 8.0 + 3.0 * task->side * task->side;
    int pictures = (int)(units * task->unit_bytes / each);
    if (pictures < 1) {
        return err_set(err, ERR_ARGUMENT, "%g units are less than one picture of %.0f bytes", units,
                       each);
    }
    task->batch = pictures < task->batch ? pictures : task->batch;
    task->crops_batches = pictures / task->batch;
    task->traffic_bytes = (double)task->crops_batches * task->batch * each;
    return 0;
}

/* D h + h h + h D weights, biases and slopes. */
static double dense_size(int h, int d)
{
    return (double)h * h + 2.0 * d * h + 4.0 * h + d;
}

static void begin_latent(agent_task_t *task, double units)
{
    int d = task->shape.code_size, h = 4;
    while (2.0 * dense_size(h + 1, d) <= units * task->unit_bytes) {
        h++;
    }
    task->hidden = h;
    task->traffic_bytes = 2.0 * dense_size(h, d);
    params_freeze(task->params, "", true);
}

/* ---- all ------------------------------------------------------------------------------ */

static size_t matrix_weights(const params_t *params)
{
    size_t all = 0;
    for (int i = 0; i < params_count(params); i++) {
        const param_t *param = params_at(params, i);
        const char *dot = strrchr(param->name, '.');
        all += param->rank == 4 && dot != NULL && strcmp(dot, ".weight") == 0 ? param->count : 0;
    }
    return all;
}

int agent_method_begin(agent_task_t *task, err_t *err)
{
    const options_t *o = task->options;
    double ratio = options_real(o, "agent.ratio"), units = options_real(o, "agent.units");
    task->unit_bytes = 2.0 * ratio * (double)matrix_weights(task->params);
    switch (task->method) {
    case AGENT_TRAIN:
        return 0;
    case AGENT_DISTIL:
        task->levels =
            lora_levels_create(task->params, (int)options_int(o, "agent.levels"), ratio,
                               options_choice(o, "agent.start") == 0 ? task->expert_params : NULL,
                               (uint64_t)options_int(o, "train.seed"), err);
        return task->levels == NULL ? -1 : 0;
    case AGENT_SPARSE:
        return begin_sparse(task, units, err);
    case AGENT_DATA:
        return begin_data(task, units, err);
    case AGENT_LATENT:
        begin_latent(task, units);
        return 0;
    }
    return 0;
}

params_t *agent_method_params(agent_task_t *task)
{
    return task->levels != NULL ? lora_levels_params(task->levels) : task->params;
}

void agent_method_merge(agent_task_t *task, int level)
{
    if (task->levels != NULL) {
        lora_levels_merge(task->levels, level);
    }
}

void agent_method_gradients(agent_task_t *task, int level)
{
    if (task->levels != NULL) {
        lora_levels_gradients(task->levels, level);
    }
    if (task->mask != NULL) {
        keep_masked(task);
    }
}

/*
 * With M multiply-adds of the network's matrices for a crop and F of its features: forward 2 M, and
 * as much again backward for the inputs' and for the weights' gradients; the expert 2 M; features
 * of two pictures 4 F and back through one of them 2 F.  The dense layers of "latent" need neither
 * the encoder's way back nor gradients of the frozen weights.  Merging and projecting onto the
 * pairs: 2 and 4 times rank I O.
 */
double agent_method_flop(const agent_task_t *task)
{
    double places = (double)task->side * task->side / (AGENT_STRIDE * AGENT_STRIDE);
    double m = 0.0, decoder = 0.0, pairs = 0.0, dense = dense_size(task->hidden, 0) * places;
    for (int i = 0; i < params_count(task->params); i++) {
        const param_t *param = params_at(task->params, i);
        if (param->rank == 4) {
            m += (double)param->count * places;
            decoder +=
                strncmp(param->name, "decoder.", 8) == 0 ? (double)param->count * places : 0.0;
        }
    }
    double features = task->perceptual != NULL ? 6.0 * perceptual_macs(task->perceptual) : 0.0;
    double expert = task->expert_params != NULL ? 2.0 * m : 0.0;
    double student = task->method == AGENT_LATENT ? 2.0 * m + 2.0 * decoder + 6.0 * dense : 6.0 * m;
    for (int i = 0; task->levels != NULL && i < lora_levels_pairs(task->levels); i++) {
        pairs += 6.0 * (double)lora_levels_weights(task->levels) / lora_levels_pairs(task->levels) *
                 lora_levels_rank(task->levels, i, 3);
    }
    return task->batch * (student + expert + features) + pairs;
}

void agent_method_end(agent_task_t *task)
{
    lora_levels_destroy(task->levels);
    free(task->mask);
}
