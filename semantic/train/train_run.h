/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * train_run: the loop every training shares: schedule, steps, progress, log,
 * checkpoints, resuming, and the exported file.
 *
 * A task (codec_trainer, judge_trainer) owns the network and fills its inputs.
 * Everything random in step s comes from the seed and s, so a run that was
 * stopped and resumed ends with the same weights, at the same number of workers.
 * SIGINT and SIGTERM stop it after a checkpoint.
 */
#ifndef SEMANTIC_TRAIN_TRAIN_RUN_H
#define SEMANTIC_TRAIN_TRAIN_RUN_H

#include "nn/graph.h"
#include "nn/optimizer.h"
#include "options.h"
#include "train/workers.h"

enum { TRAIN_NOTES_MAX = 16, TRAIN_TEXT_MAX = 8192 };

typedef struct {
    const char *kind; /* "codec" or "judge": a section of the options */
    void *context;
    params_t *params;
    workers_t *workers; /* their networks are finished, with losses added */
    int64_t steps_per_epoch;
    /* Instead of the workers (then NULL): leaves gradients in `params`, returns the loss. */
    double (*step)(void *context, int64_t step);

    /* Before the workers fill their networks for `step`.  May be NULL with a `step` of its own. */
    void (*begin)(void *context, int64_t step);
    /* After a step: more figures for the log, "quantisation 0.0079 …". */
    void (*describe)(void *context, char *text, size_t size);
    /* Figures on the test set with the weights just exported to `path`.  May be NULL. */
    int (*validate)(void *context, const char *path, bool final, char *text, size_t size,
                    err_t *err);
    /* For the exported file's metadata, beside what train_run knows. */
    const char *keys[TRAIN_NOTES_MAX];
    const char *values[TRAIN_NOTES_MAX];
    int notes;
} train_task_t;

/* Trains to the end and writes train.out.  0; 1: stopped by a signal, resumable; -1: error. */
int train_run(const options_t *options, train_task_t *task, err_t *err);

#endif
