/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One step: one rate in turn, or all of them.  Everything random comes from the seed, the
 * step, and the rate, so that a run that was stopped goes on as it would have.
 */
#include "nn/constellation.h"
#include "train/deka_task.h"

#include <math.h>
#include <string.h>

#define CROP_STREAM    (UINT64_C(1) << 51)
#define CHANNEL_STREAM (UINT64_C(1) << 52)
#define ORDER_STREAM   (UINT64_C(1) << 53)

enum { BATCH_MAX = 4096 };

static uint64_t seed_of(const deka_task_t *task)
{
    return (uint64_t)options_int(task->options, "train.seed");
}

static double pick(const options_t *options, const char *key, rng_t *rng)
{
    return options_real_at(options, key, rng_below(rng, (uint32_t)options_count(options, key)));
}

/* Crops and channels of batch number `batch`. */
static void fill(deka_task_t *task, deka_link_t *link, int64_t batch)
{
    int side = link->rows * DEKA_STRIDE;
    size_t each = (size_t)side * (size_t)side * DEKA_LATENT_CHANNELS;
    float *z = graph_data(link->graph, link->latent);
    for (int n = 0; n < link->batch; n++) {
        uint64_t index = (uint64_t)batch * BATCH_MAX + (uint64_t)n;
        rng_t rng;
        deka_bank_crop(task->bank, seed_of(task), CROP_STREAM + index, side, z + (size_t)n * each);
        rng_seed(&rng, seed_of(task), CHANNEL_STREAM + index);
        double snr_db = pick(task->options, "deka.snr_db", &rng);
        deka_link_draw(link, n, snr_db, pick(task->options, "deka.delay_spread_ns", &rng), &rng);
    }
}

/* Soft at first, nearly hard in the last tenth. */
static void set_sharpness(const deka_task_t *task, deka_link_t *link, int64_t step)
{
    double start = options_real(task->options, "deka.sharpness");
    double end = options_real(task->options, "deka.sharpness_end");
    double part = (double)step / (0.9 * (double)task->steps);
    double value = start * pow(end / start, part < 1.0 ? part : 1.0);
    graph_set_sharpness(link->graph, link->soft, (float)value);
}

static void average(double *mean, double value, int64_t step)
{
    *mean += (step == 0 ? 1.0 : 0.01) * (value - *mean);
}

/* Forward and backward of one rate; gradients are added to the network's store. */
static double run_rate(deka_task_t *task, int rate, int64_t batch, int64_t step)
{
    deka_link_t *link = &task->links[task->link_count > 1 ? rate : 0];
    fill(task, link, batch);
    deka_link_set_channels(link, task->channels[rate]);
    if (link->soft != NODE_NONE) {
        set_sharpness(task, link, step);
    }
    graph_forward(link->graph);
    graph_backward(link->graph);
    average(&task->error, graph_mean(link->graph, link->error), step);
    if (link->commitment != NODE_NONE) {
        average(&task->commitment, graph_mean(link->graph, link->commitment), step);
    }
    if (link->divergence != NODE_NONE) {
        average(&task->divergence, graph_mean(link->graph, link->divergence), step);
    }
    return graph_total_loss(link->graph);
}

static void scale_gradients(params_t *params, float factor)
{
    for (int i = 0; i < params_count(params); i++) {
        param_t *param = params_at(params, i);
        for (size_t k = 0; param->grad != NULL && k < param->count; k++) {
            param->grad[k] *= factor;
        }
    }
}

static double run_all(deka_task_t *task, int64_t step)
{
    double loss = 0.0;
    params_zero_gradients(task->params);
    for (int rate = 0; rate < task->rates; rate++) {
        if (task->order == DEKA_ORDER_PCGRAD) {
            params_zero_gradients(task->params);
        }
        loss += run_rate(task, rate, step * task->rates + rate, step) / task->rates;
        if (task->order == DEKA_ORDER_PCGRAD) {
            gradient_surgery_take(task->surgery, rate);
        }
    }
    if (task->order == DEKA_ORDER_PCGRAD) {
        rng_t rng;
        rng_seed(&rng, seed_of(task), ORDER_STREAM + (uint64_t)step);
        gradient_surgery_finish(task->surgery, &rng);
    } else {
        scale_gradients(task->params, 1.0f / (float)task->rates);
    }
    return loss;
}

double deka_step(void *context, int64_t step)
{
    deka_task_t *task = context;
    param_t *power = task->lora != NULL ? params_find(task->params, DEKA_POWER_NAME) : NULL;
    double loss;
    if (task->lora != NULL) {
        lora_merge(task->lora);
        memcpy(power->value, task->power->value, power->count * sizeof(float));
    }
    if (task->order == DEKA_ORDER_ALTERNATING) {
        params_zero_gradients(task->params);
        loss = run_rate(task, (int)(step % task->rates), step, step);
    } else {
        loss = run_all(task, step);
    }
    if (task->lora != NULL) {
        memcpy(task->power->value, power->value, power->count * sizeof(float));
        lora_gradients(task->lora);
    }
    return loss;
}
