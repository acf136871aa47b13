/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DeKA-g's transmission knowledge, section IV-C: the rates are trained with one
 * pair at a default channel (equation (21)), then low-rank adapters for groups of
 * SNRs over all delay spreads on the frozen result (equation (22)).
 */
#include "train/deka_trainer.h"

#include "train/deka_task.h"
#include "train/train_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- setting up ---------------------------------------------------------------- */

static void read_options(deka_task_t *task)
{
    const options_t *o = task->options;
    task->link = (deka_link_options_t){
        .shape = {(int)options_int(o, "deka.width"), (int)options_int(o, "deka.encoder_blocks"),
                  (int)options_int(o, "deka.decoder_blocks"), (float)options_real(o, "deka.bound"),
                  (deka_pair_t)options_choice(o, "deka.pair")},
        .objective = (deka_objective_t)options_choice(o, "deka.objective"),
        .eta = options_real(o, "deka.eta"),
        .kl_weight = options_real(o, "deka.kl_weight"),
        .sharpness = (float)options_real(o, "deka.sharpness"),
        .bf16 = options_bool(o, "deka.bf16")};
    task->order = (deka_order_t)options_choice(o, "deka.order");
    task->rates = 0;
    for (size_t i = 0; i < options_count(o, "deka.channels") && task->rates < DEKA_RATES; i++) {
        task->channels[task->rates++] = (int)options_real_at(o, "deka.channels", i);
    }
    if (task->link.shape.pair == DEKA_PAIR_NONE) { /* 8 axes are 4 channels, no more and no less */
        task->channels[0] = DEKA_FEATURES / 2;
        task->rates = 1;
    }
    task->link_count = task->link.shape.pair == DEKA_PAIR_INDEPENDENT ? task->rates : 1;
}

static int open_data(deka_task_t *task, err_t *err)
{
    const options_t *o = task->options;
    task->latent = latent_open(options_string(o, "deka.latent"), err);
    dataset_t *photos =
        task->latent == NULL ? NULL : dataset_open(options_string(o, "data.train"), err);
    if (photos == NULL) {
        return -1;
    }
    task->bank = deka_bank_create(photos, task->latent, options_string(o, "deka.bank"), err);
    dataset_close(photos);
    int crop = (int)options_int(o, "deka.crop");
    if (task->bank != NULL && (crop % DEKA_STRIDE != 0 || crop > deka_bank_side(task->bank))) {
        return err_set(err, ERR_ARGUMENT,
                       "deka.crop = %d is odd or more than the smallest latent's %d", crop,
                       deka_bank_side(task->bank));
    }
    return task->bank == NULL ? -1 : 0;
}

/* Creates the store's tensors: a network made once and thrown away. */
static int make_tensors(deka_task_t *task, err_t *err)
{
    for (int i = 0; i < task->link_count; i++) {
        deka_link_t link;
        if (deka_link_create(&link, task->params, GRAPH_INFER, 1, 1, 1, task->channels[i], 1,
                             &task->link, err) < 0) {
            return -1;
        }
        deka_link_destroy(&link);
    }
    return 0;
}

static int make_params(deka_task_t *task, err_t *err)
{
    const options_t *o = task->options;
    const char *init = options_string(o, "deka.init");
    uint64_t seed = (uint64_t)options_int(o, "train.seed");
    int rank = (int)options_int(o, "deka.rank");
    task->params = params_create(seed, err);
    if (task->params == NULL || make_tensors(task, err) < 0 ||
        (init[0] != '\0' &&
         params_load(task->params, init, "", rank > 0 ? PARAMS_EXACT : PARAMS_PARTIAL, err) < 0)) {
        return -1;
    }
    if (rank == 0) {
        return 0;
    }
    if (init[0] == '\0' || task->link.shape.pair != DEKA_PAIR_VARIABLE) {
        return err_set(err, ERR_ARGUMENT, "deka.rank needs deka.init and deka.pair = variable");
    }
    task->lora = lora_create(task->params, rank, (float)options_real(o, "deka.alpha"), seed, err);
    if (task->lora == NULL) {
        return -1;
    }
    const param_t *power = params_find(task->params, DEKA_POWER_NAME);
    task->power = params_add(lora_params(task->lora), "projection." DEKA_POWER_NAME, 1,
                             power->shape, PARAM_BUFFER, PARAM_INIT_CONSTANT, 0.0f, err);
    if (task->power != NULL) {
        memcpy(task->power->value, power->value, power->count * sizeof(float));
    }
    return task->power == NULL ? -1 : 0;
}

static int make_links(deka_task_t *task, err_t *err)
{
    const options_t *o = task->options;
    int side = (int)options_int(o, "deka.crop") / DEKA_STRIDE;
    for (int i = 0; i < task->link_count; i++) {
        if (deka_link_create(&task->links[i], task->params, GRAPH_TRAIN,
                             (int)options_int(o, "train.batch"), side, side, task->channels[i],
                             (int)options_int(o, "deka.threads"), &task->link, err) < 0) {
            return -1;
        }
    }
    if (task->order == DEKA_ORDER_PCGRAD) {
        task->surgery = gradient_surgery_create(task->params, task->rates, err);
        return task->surgery == NULL ? -1 : 0;
    }
    return 0;
}

static void clean_up(deka_task_t *task)
{
    for (int i = 0; i < task->link_count; i++) {
        deka_link_destroy(&task->links[i]);
    }
    gradient_surgery_destroy(task->surgery);
    lora_destroy(task->lora);
    params_destroy(task->params);
    deka_bank_destroy(task->bank);
    latent_close(task->latent);
}

/* ---- running ----------------------------------------------------------------------- */

static void describe(void *context, char *text, size_t size)
{
    const deka_task_t *task = context;
    const deka_link_t *link = &task->links[0];
    int used = snprintf(text, size, "latent mse %.4f", task->error);
    if (link->commitment != NODE_NONE) {
        used += snprintf(text + used, size - (size_t)used, " quantisation %.4f",
                         0.5 * task->commitment);
    }
    if (link->divergence != NODE_NONE) {
        snprintf(text + used, size - (size_t)used, " divergence %.4f", task->divergence);
    }
}

static void add_notes(const deka_task_t *task, train_task_t *run, const char *hash)
{
    const options_t *o = task->options;
    const char *notes[][2] = {{"codec", "deka"},
                              {"latent", options_string(o, "deka.latent")},
                              {"latent_hash", hash},
                              {"width", options_text(o, "deka.width")},
                              {"encoder_blocks", options_text(o, "deka.encoder_blocks")},
                              {"decoder_blocks", options_text(o, "deka.decoder_blocks")},
                              {"bound", options_text(o, "deka.bound")}};
    /* An adapter is no codec, nor is a network with another pair. */
    int first = task->lora != NULL || task->link.shape.pair != DEKA_PAIR_VARIABLE ? 1 : 0;
    for (size_t i = (size_t)first; i < sizeof(notes) / sizeof(notes[0]); i++) {
        run->keys[run->notes] = notes[i][0];
        run->values[run->notes++] = notes[i][1];
    }
}

static int run_training(deka_task_t *task, err_t *err)
{
    const options_t *o = task->options;
    char hash[32];
    int64_t batches = options_int(o, "deka.epoch");
    int each = task->order == DEKA_ORDER_ALTERNATING ? 1 : task->rates;
    train_task_t run = {.kind = "deka",
                        .context = task,
                        .params = task->lora != NULL ? lora_params(task->lora) : task->params,
                        .steps_per_epoch = batches / each > 0 ? batches / each : 1,
                        .step = deka_step,
                        .describe = describe};
    snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)latent_hash(task->latent));
    add_notes(task, &run, hash);
    task->steps = (int64_t)(options_real(o, "train.epochs") * (double)run.steps_per_epoch + 0.5);
    int status = train_run(o, &run, err);
    if (status == 0 && task->lora != NULL) {
        lora_merge(task->lora);
        status = deka_adapter_write(task, err);
    }
    if (status == 0 && options_string(o, "deka.table")[0] != '\0') {
        status = deka_figures(task, err);
    }
    return status;
}

int deka_trainer_command(const options_t *options, err_t *err)
{
    deka_task_t task = {.options = options};
    read_options(&task);
    int status = open_data(&task, err);
    if (status == 0 && (make_params(&task, err) < 0 || make_links(&task, err) < 0)) {
        status = -1;
    }
    if (status == 0) {
        status = run_training(&task, err);
    }
    clean_up(&task);
    return status;
}
