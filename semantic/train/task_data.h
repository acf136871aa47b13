/* SPDX-License-Identifier: GPL-3.0-or-later */
/* task_data: pictures with what their teacher said, checked before any training starts. */
#ifndef SEMANTIC_TRAIN_TASK_DATA_H
#define SEMANTIC_TRAIN_TASK_DATA_H

#include "nn/graph.h"
#include "options.h"
#include "train/batches.h"
#include "train/teacher.h"

typedef struct {
    batches_t *batches;
    teacher_t *teacher; /* NULL: none */
    int features;
} task_data_t;

/* `spec` in dataset_open's words; `cache` "" = no teacher.  Classes, feature size and labels
   must fit (teacher.h).  Close also after a failure. */
int task_data_open(task_data_t *data, const options_t *options, const char *spec, const char *cache,
                   err_t *err);
void task_data_close(task_data_t *data);

/* Pictures [first, first + count) of a step into the three inputs; `target` is left alone without
   a teacher. */
void task_data_fill(const task_data_t *data, graph_t *graph, int64_t step, int first, int count,
                    node_t picture, node_t label, node_t target);

#endif
