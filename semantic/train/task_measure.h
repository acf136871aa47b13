/* SPDX-License-Identifier: GPL-3.0-or-later */
/* task_measure: how often a task codec names the right class, without and with an ideal channel. */
#ifndef SEMANTIC_TRAIN_TASK_MEASURE_H
#define SEMANTIC_TRAIN_TASK_MEASURE_H

#include "codec/codec.h"
#include "codec/task_net.h"
#include "images/dataset.h"
#include "options.h"

#include <stdbool.h>

typedef struct {
    double snr_db; /* true Es/N0, also the design SNR */
    bool rayleigh; /* one draw a picture (fading.h); else h = 1 */
    double delay_spread_s;
    uint64_t seed;
    size_t images; /* the first so many; 0 = all */
} task_point_t;

typedef struct {
    size_t right, images;
    double power;      /* mean |s|^2 sent */
    double confidence; /* mean of what the codec says of its own choice */
} task_result_t;

/* The channel of evaluate.h.  0 or -1 (pictures that are not 32x32, without labels). */
int task_measure_point(codec_t *codec, const dataset_t *set, const task_point_t *point,
                       task_result_t *result, err_t *err);

/* head(h) of the weights in `path`, no channel. */
int task_measure_encoder(const char *path, const task_shape_t *shape, const dataset_t *set,
                         size_t images, task_result_t *result, err_t *err);

/* How many of `count` rows of logits have their largest number at the label. */
int task_measure_right(const float *logits, const float *labels, int count, int classes);

/* `semradio-train task-figures`: a table of accuracy over SNR on standard output. */
int task_measure_command(const options_t *options, err_t *err);

#endif
