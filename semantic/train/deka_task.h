/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deka_task: what deka_trainer.c (setting up, running), deka_step.c (one step), deka_adapter.c (the
   adapter's file), and deka_figures.c (figures on pictures) share; nobody else includes this. */
#ifndef SEMANTIC_TRAIN_DEKA_TASK_H
#define SEMANTIC_TRAIN_DEKA_TASK_H

#include "images/dataset.h"
#include "latent/latent.h"
#include "nn/gradient_surgery.h"
#include "nn/lora.h"
#include "train/deka_bank.h"
#include "train/deka_link.h"

typedef struct {
    const options_t *options;
    deka_link_options_t link;
    latent_t *latent;
    deka_bank_t *bank;
    params_t *params; /* of the network */
    lora_t *lora;     /* NULL: all weights are trained */
    param_t *power;   /* the adapter's copy of the running power */
    gradient_surgery_t *surgery;
    deka_order_t order;
    int channels[DEKA_RATES], rates; /* what is trained */
    deka_link_t links[DEKA_RATES];   /* one, or one per rate (independent pairs) */
    int link_count;
    int64_t steps;                        /* of the schedule, for the sharpness */
    double error, commitment, divergence; /* running means */
} deka_task_t;

/* One step of train_run: gradients into the trained store. */
double deka_step(void *context, int64_t step);

/* Rewrites train.out as the file of an adapter.  0 or -1. */
int deka_adapter_write(const deka_task_t *task, err_t *err);

/* Measures the network on data.test and writes deka.table.  0 or -1. */
int deka_figures(deka_task_t *task, err_t *err);

#endif
