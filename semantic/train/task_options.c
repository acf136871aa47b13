/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/task_options.h"

#include <math.h>

const option_t task_options[] = {
    {.section = "task", .name = "widths", .type = OPTION_STRING, .fallback = "16,32,64,128",
     .help = "channels of the first convolution and of the layers"},
    {.section = "task", .name = "depths", .type = OPTION_STRING, .fallback = "2,2,2",
     .help = "bottlenecks of each layer, 1 .. 5, as task-search finds them"},
    {.section = "task", .name = "features", .type = OPTION_INT, .fallback = "64", .min = 4,
     .max = 2048, .help = "numbers of the semantic feature: as many as the teacher's"},
    {.section = "task", .name = "classes", .type = OPTION_INT, .fallback = "10", .min = 2,
     .max = TASK_CLASSES_MAX, .help = "of the data set"},
    {.section = "task", .name = "ratio", .type = OPTION_REAL, .fallback = "0.5", .min = 0.25,
     .max = 0.9375, .help = "compression ratio: 256 (1 - ratio) symbols a picture, in steps of 1/16"},
    {.section = "task", .name = "quantised", .type = OPTION_BOOL, .fallback = "true",
     .help = "64-QAM points; no: symbols as they are"},
    {.section = "task", .name = "teacher", .type = OPTION_STRING,
     .help = "the teacher's cache for data.train; empty: no distillation"},
    {.section = "task", .name = "stage", .type = OPTION_CHOICE, .fallback = "joint",
     .choices = "encoder|joint", .help = "encoder alone, or all through the channel"},
    {.section = "task", .name = "freeze_encoder", .type = OPTION_BOOL, .fallback = "false",
     .help = "joint: the semantic encoder keeps its weights"},
    {.section = "task", .name = "kd", .type = OPTION_REAL, .fallback = "1", .min = 0, .max = 1000,
     .help = "weight of the distance to the teacher's feature"},
    {.section = "task", .name = "re", .type = OPTION_REAL, .fallback = "0.1", .min = 0,
     .max = 1000, .help = "joint: weight of the distance between sent and received feature"},
    {.section = "task", .name = "ce", .type = OPTION_REAL, .fallback = "1", .min = 0, .max = 1000,
     .help = "weight of the cross-entropy"},
    {.section = "task", .name = "snr_min_db", .type = OPTION_REAL, .fallback = "-12", .min = -30,
     .max = 60, .unit = "dB", .help = "lowest Es/N0 of training"},
    {.section = "task", .name = "snr_max_db", .type = OPTION_REAL, .fallback = "25", .min = -30,
     .max = 60, .unit = "dB", .help = "highest Es/N0 of training"},
    {.section = "task", .name = "fading_share", .type = OPTION_REAL, .fallback = "0.5", .min = 0,
     .max = 1, .help = "share of pictures with Rayleigh fading, delay spread 30 .. 300 ns"},
    {.section = "task", .name = "method", .type = OPTION_CHOICE, .fallback = "kdl",
     .choices = "kdl|darts", .help = "task-search: KDL-DARTS, or DARTS without teacher and penalty"},
    {.section = "task", .name = "search", .type = OPTION_STRING,
     .help = "task-search: data set whose loss chooses the architecture"},
    {.section = "task", .name = "search_teacher", .type = OPTION_STRING,
     .help = "task-search: the teacher's cache for task.search"},
    {.section = "task", .name = "alpha_lr", .type = OPTION_REAL, .fallback = "0.025", .min = 0,
     .max = 100, .help = "task-search: learning rate of the architecture, falls to 1e-4 as a cosine"},
    {.section = "task", .name = "penalty", .type = OPTION_REAL, .fallback = "0.05", .min = 0,
     .max = 100, .help = "task-search: weight of the complexity (eq. 19)"},
    {.section = "task", .name = "alpha_temperature", .type = OPTION_REAL, .fallback = "1",
     .min = 0.01, .max = 100, .help = "task-search: of the mixture (eq. 13)"},
    {.section = "task", .name = "beta_temperature", .type = OPTION_REAL, .fallback = "2",
     .min = 0.01, .max = 100, .help = "task-search: of the penalty factors (eq. 17)"},
    {0}};

int task_options_shape(const options_t *options, task_shape_t *shape, err_t *err)
{
    double ratio = options_real(options, "task.ratio");
    if (task_shape_parse(shape, options_string(options, "task.widths"),
                         options_string(options, "task.depths"), err) < 0) {
        return -1;
    }
    shape->kept = 2 * (int)lround((1.0 - ratio) * TASK_EMBED / 2.0);
    shape->features = (int)options_int(options, "task.features");
    shape->classes = (int)options_int(options, "task.classes");
    shape->quantised = options_bool(options, "task.quantised");
    return 0;
}
