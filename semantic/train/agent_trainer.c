/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent_trainer: the store's tensors first (a small network made once), then the base's values,
   then what the method trains, then the networks of the steps. */
#include "train/agent_trainer.h"

#include "codec/agent_codes.h"
#include "train/agent_task.h"
#include "train/train_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_options(agent_task_t *task)
{
    const options_t *o = task->options;
    task->shape = (agent_shape_t){
        (int)options_int(o, "agent.width"), (int)options_int(o, "agent.encoder_blocks"),
        (int)options_int(o, "agent.decoder_blocks"), (int)options_int(o, "agent.code_size")};
    task->job = (agent_job_t)options_choice(o, "agent.task");
    task->method = (agent_method_t)options_choice(o, "agent.method");
    task->side = (int)options_int(o, "agent.crop");
    task->batch = (int)options_int(o, "train.batch");
    task->feature_weight = (float)options_real(o, "agent.feature_weight");
    task->commitment = (float)options_real(o, "agent.commitment");
}

static int check_options(const agent_task_t *task, err_t *err)
{
    const options_t *o = task->options;
    bool init = options_string(o, "agent.init")[0] != '\0';
    bool expert = options_string(o, "agent.expert")[0] != '\0';
    if (task->side % 8 != 0) {
        return err_set(err, ERR_ARGUMENT, "agent.crop = %d is no multiple of 8", task->side);
    }
    if (task->method != AGENT_TRAIN && (!init || !expert)) {
        return err_set(err, ERR_ARGUMENT, "agent.method = %s needs agent.init and agent.expert",
                       options_text(o, "agent.method"));
    }
    if (task->method == AGENT_TRAIN && expert) {
        return err_set(err, ERR_ARGUMENT, "agent.expert is for the other methods");
    }
    return 0;
}

/* Creates the store's tensors with their flags. */
static int make_tensors(agent_task_t *task, err_t *err)
{
    agent_network_t network;
    const int channels = AGENT_CHANNELS;
    if (agent_network_create(&network, task, task->params, GRAPH_INFER, 1, 8, false, err) < 0 ||
        params_add(task->params, AGENT_POWER_NAME, 1, &channels, PARAM_BUFFER | PARAM_NO_DECAY,
                   PARAM_INIT_CONSTANT, 1.0f, err) == NULL) {
        return -1;
    }
    graph_destroy(network.graph);
    return 0;
}

static int make_params(agent_task_t *task, err_t *err)
{
    const options_t *o = task->options;
    const char *init = options_string(o, "agent.init");
    const char *expert = options_string(o, "agent.expert");
    task->params = params_create((uint64_t)options_int(o, "train.seed"), err);
    if (task->params == NULL || make_tensors(task, err) < 0) {
        return -1;
    }
    if (init[0] != '\0') {
        if (params_load(task->params, init, "", PARAMS_EXACT, err) < 0) {
            return -1;
        }
        params_freeze(task->params, AGENT_CODES_NAME, true);
    }
    if (expert[0] != '\0' && (task->expert_params = params_open(expert, err)) == NULL) {
        return -1;
    }
    return agent_method_begin(task, err);
}

static int make_networks(agent_task_t *task, err_t *err)
{
    bool bf16 = options_bool(task->options, "train.bf16");
    size_t count = (size_t)task->batch * (size_t)task->side * (size_t)task->side * 3;
    task->shown = calloc(count, sizeof(float));
    task->clean = calloc(count, sizeof(float));
    task->slope = calloc(count, sizeof(float));
    if (task->shown == NULL || task->clean == NULL || task->slope == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a batch of %d", task->batch);
    }
    if (agent_network_create(&task->student, task, task->params, GRAPH_TRAIN, task->batch,
                             task->side, bf16, err) < 0 ||
        (task->expert_params != NULL &&
         agent_network_create(&task->expert, task, task->expert_params, GRAPH_INFER, task->batch,
                              task->side, bf16, err) < 0)) {
        return -1;
    }
    if (task->feature_weight > 0.0f) {
        task->perceptual = perceptual_create(options_string(task->options, "agent.features"),
                                             task->side, task->batch, bf16, err);
        return task->perceptual == NULL ? -1 : 0;
    }
    return 0;
}

static int open_crops(agent_task_t *task, err_t *err)
{
    const options_t *o = task->options;
    crops_options_t data = {.spec = options_string(o, "data.train"),
                            .side = task->side,
                            .flip = options_bool(o, "data.flip"),
                            .seed = (uint64_t)options_int(o, "train.seed")};
    task->crops = crops_create(&data, err);
    return task->crops == NULL ? -1 : 0;
}

static void clean_up(agent_task_t *task)
{
    graph_destroy(task->student.graph);
    graph_destroy(task->expert.graph);
    perceptual_destroy(task->perceptual);
    agent_method_end(task);
    params_destroy(task->params);
    params_destroy(task->expert_params);
    crops_destroy(task->crops);
    free(task->shown);
    free(task->clean);
    free(task->slope);
}

/* ---- running ----------------------------------------------------------------------- */

/* Measures where agent.marks asks for it; a failure only leaves its lines out. */
static void mark(agent_task_t *task, int64_t step)
{
    err_t err = ERR_INIT;
    for (size_t i = 0; i < options_count(task->options, "agent.marks"); i++) {
        if (step > 0 && options_real_at(task->options, "agent.marks", i) == (double)step &&
            agent_figures(task, step, false, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
        }
    }
}

/* As agent_step; the points' power follows the use of the codes while they are learned. */
static double base_step(void *context, int64_t step)
{
    agent_task_t *task = context;
    mark(task, step);
    double loss = agent_step(context, step);
    const param_t *codebook = params_find(task->params, AGENT_CODES_NAME ".codebook");
    const param_t *usage = params_find(task->params, AGENT_CODES_NAME ".usage");
    param_t *power = params_find(task->params, AGENT_POWER_NAME);
    if ((power->flags & PARAM_FROZEN) == 0 && step % 50 == 0) {
        agent_order_t order;
        agent_order(&order, codebook->value, task->shape.code_size);
        for (size_t i = 0; i < power->count; i++) {
            power->value[i] = agent_order_power(&order, usage->value);
        }
    }
    return loss;
}

static void describe(void *context, char *text, size_t size)
{
    const agent_task_t *task = context;
    snprintf(text, size, "PSNR %.2f dB features %.4f commitment %.4f", -10.0 * log10(task->error),
             task->features, task->commit);
}

static void add_notes(const agent_task_t *task, train_task_t *run)
{
    const options_t *o = task->options;
    const char *notes[][2] = {{"codec", "agent"},
                              {"width", options_text(o, "agent.width")},
                              {"encoder_blocks", options_text(o, "agent.encoder_blocks")},
                              {"decoder_blocks", options_text(o, "agent.decoder_blocks")},
                              {"code_size", options_text(o, "agent.code_size")},
                              {"task", options_text(o, "agent.task")}};
    /* Distilled levels are no codec, nor is a network with more layers. */
    int first = task->method == AGENT_DISTIL || task->method == AGENT_LATENT ? 1 : 0;
    for (size_t i = (size_t)first; i < sizeof(notes) / sizeof(notes[0]); i++) {
        run->keys[run->notes] = notes[i][0];
        run->values[run->notes++] = notes[i][1];
    }
}

static int run_training(agent_task_t *task, err_t *err)
{
    const options_t *o = task->options;
    train_task_t run = {.kind = "agent",
                        .context = task,
                        .params = agent_method_params(task),
                        .steps_per_epoch = options_int(o, "agent.epoch"),
                        .step = base_step,
                        .validate = options_string(o, "data.test")[0] != '\0' &&
                                            options_string(o, "agent.table")[0] == '\0'
                                        ? agent_validate
                                        : NULL,
                        .describe = describe};
    add_notes(task, &run);
    int status = train_run(o, &run, err);
    int64_t steps = llround(options_real(o, "train.epochs") * (double)run.steps_per_epoch);
    if (status == 0 && task->method != AGENT_TRAIN && task->method != AGENT_DATA) {
        status = agent_method_round(task, err);
    }
    if (status == 0 && task->method == AGENT_DISTIL) {
        status = agent_adapter_write(task, err);
    }
    return status == 0 ? agent_figures(task, steps, true, err) : status;
}

int agent_trainer_command(const options_t *options, err_t *err)
{
    agent_task_t task = {.options = options};
    read_options(&task);
    int status = check_options(&task, err);
    if (status == 0 && (open_crops(&task, err) < 0 || make_params(&task, err) < 0 ||
                        make_networks(&task, err) < 0)) {
        status = -1;
    }
    if (status == 0) {
        status = run_training(&task, err);
    }
    clean_up(&task);
    return status;
}
