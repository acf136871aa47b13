/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One step: crops become inputs, the expert (if there is one) says what they should give, and the
 * slope of J goes back through the student.
 *
 * J's slope comes from two networks, the graph's losses from one.  So the student's loss is the
 * squared error to a goal g made after the forward run such that its slope is J's:
 *
 *     d/dp mean (p - g)^2 = 2 (p - g) / count = dJ/dp        g = p - dJ/dp count / 2
 *
 * With J = mean (p - y)^2 alone, g is y.
 */
#include "train/agent_task.h"

#include "nn/codebook.h"

#include <stdlib.h>
#include <string.h>

/* Streams of the seed: what becomes of a crop, and the level of a step; crops.c has those below. */
#define JOB_STREAM   (UINT64_C(2) << 50)
#define LEVEL_STREAM (UINT64_C(3) << 50)

/* 1 / (spread of pixel values)^2, so that the commitment weighs as in the VQ-VAE's paper. */
static const float error_scale = 16.0f;

static node_t dense_layers(graph_t *g, node_t codes, const agent_task_t *task)
{
    node_t x = graph_prelu(g, graph_linear(g, codes, "equal.0", task->hidden), "equal.act0");
    x = graph_prelu(g, graph_linear(g, x, "equal.1", task->hidden), "equal.act1");
    x = graph_linear_with(g, x, "equal.2", task->shape.code_size, 0.0f, true);
    return graph_add(g, codes, x);
}

int agent_network_create(agent_network_t *network, const agent_task_t *task, params_t *params,
                         graph_mode_t mode, int batch, int side, bool bf16, err_t *err)
{
    graph_t *g = graph_create(params, mode, batch, 1, err);
    if (g == NULL) {
        return -1;
    }
    bool dense = task->hidden > 0 && params == task->params;
    graph_use_bf16(g, bf16);
    network->graph = g;
    network->image = graph_input(g, side, side, 3);
    network->latent = agent_net_encoder(g, network->image, &task->shape);
    network->quantised = graph_codebook(g, network->latent, AGENT_CODES_NAME, AGENT_CODES);
    node_t codes = dense ? dense_layers(g, network->quantised, task) : network->quantised;
    network->picture = agent_net_decoder(g, codes, &task->shape);
    graph_keep(g, network->picture);
    if (mode == GRAPH_TRAIN) {
        network->goal = graph_input(g, side, side, 3);
        graph_add_loss(g, graph_mse(g, network->picture, network->goal), error_scale);
        network->commitment = graph_mse(g, network->latent, graph_detach(g, network->quantised));
        graph_add_loss(g, network->commitment, task->commitment);
    }
    if (graph_finish(g, err) < 0) {
        graph_destroy(g);
        network->graph = NULL;
        return -1;
    }
    return 0;
}

double agent_loss(agent_task_t *task, const float *picture, const float *target, int count,
                  float *slope, double *error, double *features)
{
    size_t all = (size_t)count * (size_t)task->side * (size_t)task->side * 3;
    *features = 0.0;
    if (task->perceptual != NULL) {
        *features = perceptual_distance(task->perceptual, picture, target, NULL, slope);
    } else if (slope != NULL) {
        memset(slope, 0, all * sizeof(*slope));
    }
    double sum = 0.0;
    const float share = 2.0f / (float)all;
    for (size_t i = 0; i < all; i++) {
        float e = picture[i] - target[i];
        sum += (double)(e * e);
        if (slope != NULL) {
            slope[i] = task->feature_weight * slope[i] + share * e;
        }
    }
    *error = sum / (double)all;
    return *error + (double)task->feature_weight * *features;
}

/* Fills task->clean and task->shown. */
static void fill(agent_task_t *task, int64_t step)
{
    uint64_t seed = (uint64_t)options_int(task->options, "train.seed");
    size_t each = (size_t)task->side * (size_t)task->side * 3;
    step = task->crops_batches > 0 ? step % task->crops_batches : step;
    crops_fill(task->crops, step, 0, task->batch, task->clean);
    for (int n = 0; n < task->batch; n++) {
        rng_t rng;
        rng_seed(&rng, seed, JOB_STREAM + (uint64_t)step * CROPS_BATCH_MAX + (uint64_t)n);
        agent_job_apply(task->job, task->side, task->clean + (size_t)n * each,
                        task->shown + (size_t)n * each, &rng);
    }
}

/* Distillation draws a level (equation (7)). */
static int draw_level(const agent_task_t *task, int64_t step)
{
    if (task->levels == NULL) {
        return 0;
    }
    rng_t rng;
    rng_seed(&rng, (uint64_t)options_int(task->options, "train.seed"),
             LEVEL_STREAM + (uint64_t)step);
    return 1 + (int)rng_below(&rng, (uint32_t)options_int(task->options, "agent.levels"));
}

static const float *target_of(agent_task_t *task, size_t bytes)
{
    if (task->expert.graph == NULL) {
        return task->clean;
    }
    memcpy(graph_data(task->expert.graph, task->expert.image), task->shown, bytes);
    graph_forward(task->expert.graph);
    return graph_data(task->expert.graph, task->expert.picture);
}

double agent_step(void *context, int64_t step)
{
    agent_task_t *task = context;
    agent_network_t *student = &task->student;
    size_t count = graph_count(student->graph, student->image), bytes = count * sizeof(float);
    int level = draw_level(task, step);
    fill(task, step);
    const float *target = target_of(task, bytes);
    agent_method_merge(task, level);
    params_zero_gradients(task->params);
    memcpy(graph_data(student->graph, student->image), task->shown, bytes);
    graph_forward(student->graph);
    const float *picture = graph_data(student->graph, student->picture);
    double error, features;
    double loss = agent_loss(task, picture, target, task->batch, task->slope, &error, &features);
    float *goal = graph_data(student->graph, student->goal);
    for (size_t i = 0; i < count; i++) {
        goal[i] = picture[i] - 0.5f * (float)count * task->slope[i];
    }
    graph_backward(student->graph);
    agent_method_gradients(task, level);
    double share = step == 0 ? 1.0 : 0.02;
    task->error += share * (error - task->error);
    task->features += share * (features - task->features);
    task->commit += share * (graph_mean(student->graph, student->commitment) - task->commit);
    return loss;
}
