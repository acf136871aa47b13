/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent_task: what agent_trainer.c (setting up, running), agent_student.c (the networks),
   agent_method.c (what is trained, and its traffic), agent_figures.c (losses on pictures) and
   agent_adapter.c (the adapter's file) share; nobody else includes this. */
#ifndef SEMANTIC_TRAIN_AGENT_TASK_H
#define SEMANTIC_TRAIN_AGENT_TASK_H

#include "codec/agent_net.h"
#include "nn/lora_levels.h"
#include "quality/perceptual.h"
#include "train/agent_jobs.h"
#include "train/crops.h"

/* A network from picture to picture. */
typedef struct {
    graph_t *graph;
    node_t image, goal; /* goal: a target that makes the slope of J (agent_step) */
    node_t latent, quantised, picture;
    node_t commitment;
} agent_network_t;

typedef struct {
    const options_t *options;
    agent_shape_t shape;
    agent_job_t job;
    agent_method_t method;
    int side, batch;
    int hidden; /* of the dense layers between codes and decoder; 0: there are none */
    float feature_weight, commitment;
    crops_t *crops;
    int64_t crops_batches; /* data: so many batches, again and again; 0: never the same twice */
    params_t *params, *expert_params;
    agent_network_t student, expert;  /* expert.graph NULL: the clean picture is the target */
    perceptual_t *perceptual;         /* NULL: squared error only */
    lora_levels_t *levels;            /* distil */
    float *mask;                      /* sparse: 0 or 1 for each trained number, in store order */
    float *shown, *clean, *slope;     /* [batch][side][side][3] */
    double traffic_bytes, unit_bytes; /* sparse, data, latent: really used; of level 1 */
    double error, features, commit;   /* running means */
} agent_task_t;

/* Lists the layers on the task's shape. `training`: with losses.  0 or -1. */
int agent_network_create(agent_network_t *network, const agent_task_t *task, params_t *params,
                         graph_mode_t mode, int batch, int side, bool bf16, err_t *err);

/*
 * J = mean squared error + feature_weight * distance of features between `picture` and `target`,
 * [count][side][side][3]; `error` and `features` get the two parts.  `slope` (NULL: not wanted)
 * gets dJ/dpicture.
 */
double agent_loss(agent_task_t *task, const float *picture, const float *target, int count,
                  float *slope, double *error, double *features);

/* Chooses what is trained; before the student exists.  After: tensors of the base are there. */
int agent_method_begin(agent_task_t *task, err_t *err);
/* The store that the optimiser trains. */
params_t *agent_method_params(agent_task_t *task);
/* Around a step: weights before forward, gradients after backward.  `level` 0: all. */
void agent_method_merge(agent_task_t *task, int level);
void agent_method_gradients(agent_task_t *task, int level);
/* Rounds what was trained to halves, as it is sent.  0 or -1. */
int agent_method_round(agent_task_t *task, err_t *err);
void agent_method_end(agent_task_t *task);
/* Floating-point operations of a step. */
double agent_method_flop(const agent_task_t *task);

/* One step of train_run. */
double agent_step(void *context, int64_t step);

/* Losses on data.test, photo by photo, appended to agent.table: of the highest level or, at the
   end, of every one, with agent.picture.  `step`: how many were trained.  0 or -1. */
int agent_figures(agent_task_t *task, int64_t step, bool final, err_t *err);

/* For train_run: mean loss on data.test, against the clean picture or the expert's result. */
int agent_validate(void *context, const char *path, bool final, char *text, size_t size,
                   err_t *err);

/* Rewrites train.out as the file of an adapter with all its levels.  0 or -1. */
int agent_adapter_write(const agent_task_t *task, err_t *err);

#endif
