/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * optimizer: Adam (Kingma and Ba), AdamW, SGD with momentum, Muon, clipping, EMA.
 *
 * A Muon step is scaled by .2 sqrt(max(rows, columns)), which gives its elements the size that
 * Adam's have (J. Liu and others, "Muon is scalable for LLM training", 2025): one rate serves both.
 */
#include "nn/optimizer.h"

#include "nn/optimizer_state.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static float *zeroed(size_t count)
{
    return calloc(count ? count : 1, sizeof(float));
}

static bool options_good(const optimizer_options_t *o)
{
    return o->beta1 >= 0.0f && o->beta1 < 1.0f && o->beta2 >= 0.0f && o->beta2 < 1.0f &&
           o->decay >= 0.0f && o->clip_norm >= 0.0f && o->ema >= 0.0f && o->ema < 1.0f &&
           (o->kind == OPTIMIZER_SGD_KIND || o->epsilon > 0.0f) && o->momentum >= 0.0f &&
           o->momentum < 1.0f;
}

static int slot_add(optimizer_t *optimizer, param_t *param, err_t *err)
{
    optimizer_slot_t *slot = &optimizer->slot[optimizer->count];
    bool buffer = param->flags & PARAM_BUFFER;
    slot->param = param;
    slot->muon = !buffer && optimizer->options.kind == OPTIMIZER_MUON_KIND && param->rank == 4;
    bool adam = optimizer->options.kind != OPTIMIZER_SGD_KIND && !slot->muon;
    slot->m = buffer ? NULL : zeroed(param->count);
    slot->v = buffer || !adam ? NULL : zeroed(param->count);
    slot->ema = optimizer->options.ema > 0.0f ? zeroed(param->count) : NULL;
    optimizer->count++;
    if ((!buffer && !slot->m) || (!buffer && adam && !slot->v) ||
        (optimizer->options.ema > 0.0f && !slot->ema)) {
        return err_set(err, ERR_MEMORY, "no memory for the moments of %s", param->name);
    }
    if (slot->ema) {
        memcpy(slot->ema, param->value, param->count * sizeof(float));
    }
    return 0;
}

/* Rows and columns of a convolution's weight [O][I][k][k]. */
static size_t rows_of(const param_t *param)
{
    return (size_t)param->shape[0];
}

static size_t columns_of(const param_t *param)
{
    return param->count / rows_of(param);
}

static int make_muon(optimizer_t *optimizer, err_t *err)
{
    size_t side = 1, count = 1;
    for (int i = 0; i < params_count(optimizer->params); i++) {
        const param_t *param = params_at(optimizer->params, i);
        if (param->rank == 4) {
            size_t rows = rows_of(param), columns = columns_of(param);
            size_t shorter = rows < columns ? rows : columns;
            side = shorter > side ? shorter : side;
            count = param->count > count ? param->count : count;
        }
    }
    optimizer->muon = muon_create(side, count, err);
    optimizer->direction = zeroed(2 * count);
    if (optimizer->muon != NULL && optimizer->direction == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the optimiser's workspace");
    }
    return optimizer->muon != NULL && optimizer->direction != NULL ? 0 : -1;
}

optimizer_t *optimizer_create(params_t *params, const optimizer_options_t *options, err_t *err)
{
    if (!options_good(options)) {
        err_set(err, ERR_ARGUMENT, "an optimiser option is out of range");
        return NULL;
    }
    if (params_need_gradients(params, err) < 0) {
        return NULL;
    }
    optimizer_t *optimizer = calloc(1, sizeof *optimizer);
    int count = params_count(params);
    if (!optimizer || !(optimizer->slot = calloc((size_t)count + 1, sizeof *optimizer->slot))) {
        free(optimizer);
        err_set(err, ERR_MEMORY, "no memory for an optimiser");
        return NULL;
    }
    optimizer->params = params;
    optimizer->options = *options;
    if (options->kind == OPTIMIZER_MUON_KIND && make_muon(optimizer, err) < 0) {
        optimizer_destroy(optimizer);
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        param_t *param = params_at(params, i);
        if (!(param->flags & PARAM_FROZEN) && slot_add(optimizer, param, err) < 0) {
            optimizer_destroy(optimizer);
            return NULL;
        }
    }
    return optimizer;
}

void optimizer_destroy(optimizer_t *optimizer)
{
    if (!optimizer) {
        return;
    }
    for (int i = 0; i < optimizer->count; i++) {
        free(optimizer->slot[i].m);
        free(optimizer->slot[i].v);
        free(optimizer->slot[i].ema);
    }
    free(optimizer->slot);
    muon_destroy(optimizer->muon);
    free(optimizer->direction);
    free(optimizer);
}

/* ---- one step ------------------------------------------------------------- */

static double gradient_square(const optimizer_t *optimizer)
{
    enum { BLOCK = 1024 };
    double total = 0.0;
    for (int i = 0; i < optimizer->count; i++) {
        const param_t *param = optimizer->slot[i].param;
        if (!optimizer->slot[i].m) {
            continue;
        }
        for (size_t first = 0; first < param->count; first += BLOCK) {
            size_t end = first + BLOCK < param->count ? first + BLOCK : param->count;
            const float *restrict g = param->grad;
            float part = 0.0f;
#pragma omp simd reduction(+ : part)
            for (size_t k = first; k < end; k++) {
                part += g[k] * g[k];
            }
            total += (double)part;
        }
    }
    return total;
}

static void adam(const optimizer_t *o, const optimizer_slot_t *slot, float rate, float factor)
{
    const float b1 = o->options.beta1, b2 = o->options.beta2, epsilon = o->options.epsilon;
    double steps = (double)o->steps + 1.0;
    float step = (float)((double)rate / (1.0 - pow((double)b1, steps)));
    float unbias = (float)(1.0 / sqrt(1.0 - pow((double)b2, steps)));
    float keep = slot->param->flags & PARAM_NO_DECAY ? 1.0f : 1.0f - rate * o->options.decay;
    float *restrict w = slot->param->value, *restrict m = slot->m, *restrict v = slot->v;
    const float *restrict g = slot->param->grad;
#pragma omp simd
    for (size_t k = 0; k < slot->param->count; k++) {
        float gradient = g[k] * factor;
        m[k] = b1 * m[k] + (1.0f - b1) * gradient;
        v[k] = b2 * v[k] + (1.0f - b2) * gradient * gradient;
        w[k] = keep * w[k] - step * m[k] / (sqrtf(v[k]) * unbias + epsilon);
    }
}

static void sgd(const optimizer_t *o, const optimizer_slot_t *slot, float rate, float factor)
{
    const float momentum = o->options.beta1, look = o->options.nesterov ? 1.0f : 0.0f;
    float keep = slot->param->flags & PARAM_NO_DECAY ? 1.0f : 1.0f - rate * o->options.decay;
    float *restrict w = slot->param->value, *restrict m = slot->m;
    const float *restrict g = slot->param->grad;
#pragma omp simd
    for (size_t k = 0; k < slot->param->count; k++) {
        float gradient = g[k] * factor;
        m[k] = momentum * m[k] + gradient;
        float move = look * (gradient + momentum * m[k]) + (1.0f - look) * m[k];
        w[k] = keep * w[k] - rate * move;
    }
}

static void muon(const optimizer_t *o, const optimizer_slot_t *slot, float rate)
{
    const param_t *param = slot->param;
    const float momentum = o->options.momentum;
    size_t rows = rows_of(param), columns = columns_of(param);
    float *restrict m = slot->m, *restrict look = o->direction + param->count, *w = param->value;
    const float *restrict g = param->grad;
    for (size_t k = 0; k < param->count; k++) {
        m[k] = momentum * m[k] + (1.0f - momentum) * g[k];
        look[k] = momentum * m[k] + (1.0f - momentum) * g[k];
    }
    muon_orthogonalise(o->muon, rows, columns, look, o->direction);
    float step = rate * 0.2f * sqrtf((float)(rows > columns ? rows : columns));
    float keep = param->flags & PARAM_NO_DECAY ? 1.0f : 1.0f - rate * o->options.decay;
    for (size_t k = 0; k < param->count; k++) {
        w[k] = keep * w[k] - step * o->direction[k];
    }
}

/*
 * Young averages follow faster.  An element that is exactly zero was never
 * seen (the running power of a rate not trained yet): it starts where the value is.
 */
static void average(const optimizer_t *o, const optimizer_slot_t *slot)
{
    float age = (float)(o->steps + 1), decay = fminf(o->options.ema, age / (age + 10.0f));
    float *restrict ema = slot->ema;
    const float *restrict w = slot->param->value;
#pragma omp simd
    for (size_t k = 0; k < slot->param->count; k++) {
        float d = ema[k] == 0.0f ? 0.0f : decay;
        ema[k] = d * ema[k] + (1.0f - d) * w[k];
    }
}

float optimizer_step(optimizer_t *optimizer, float learning_rate)
{
    assert(!optimizer->swapped);
    double norm = sqrt(gradient_square(optimizer));
    if (!isfinite(norm)) {
        optimizer->skipped++;
        return (float)norm;
    }
    double clip = (double)optimizer->options.clip_norm;
    float factor = clip > 0.0 && norm > clip ? (float)(clip / norm) : 1.0f;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < optimizer->count; i++) {
        const optimizer_slot_t *slot = &optimizer->slot[i];
        if (slot->v) {
            adam(optimizer, slot, learning_rate, factor);
        } else if (slot->m && !slot->muon) {
            sgd(optimizer, slot, learning_rate, factor);
        }
        if (slot->ema && !slot->muon) {
            average(optimizer, slot);
        }
    }
    for (int i = 0; i < optimizer->count; i++) { /* each with all threads inside its products */
        const optimizer_slot_t *slot = &optimizer->slot[i];
        if (slot->muon) {
            muon(optimizer, slot, learning_rate);
        }
        if (slot->muon && slot->ema) {
            average(optimizer, slot);
        }
    }
    optimizer->steps++;
    params_changed(optimizer->params);
    return (float)norm;
}

uint64_t optimizer_steps(const optimizer_t *optimizer)
{
    return optimizer->steps;
}

uint64_t optimizer_skipped(const optimizer_t *optimizer)
{
    return optimizer->skipped;
}

void optimizer_swap_ema(optimizer_t *optimizer)
{
    if (optimizer->options.ema <= 0.0f) {
        return;
    }
    for (int i = 0; i < optimizer->count; i++) {
        optimizer_slot_t *slot = &optimizer->slot[i];
        for (size_t k = 0; k < slot->param->count; k++) {
            float other = slot->ema[k];
            slot->ema[k] = slot->param->value[k];
            slot->param->value[k] = other;
        }
    }
    optimizer->swapped = !optimizer->swapped;
    params_changed(optimizer->params);
}

float schedule_cosine(uint64_t step, uint64_t warmup, uint64_t total, float peak, float floor)
{
    if (step < warmup) {
        return peak * (float)((double)(step + 1) / (double)warmup);
    }
    if (step >= total || total <= warmup) {
        return floor;
    }
    double part = (double)(step - warmup) / (double)(total - warmup);
    return floor + (peak - floor) * (float)(0.5 * (1.0 + cos(3.14159265358979323846 * part)));
}
