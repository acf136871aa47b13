/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/task_data.h"

int task_data_open(task_data_t *data, const options_t *options, const char *spec, const char *cache,
                   err_t *err)
{
    batches_options_t pictures = {.main_spec = spec,
                                  .batch = (int)options_int(options, "train.batch"),
                                  .flip = options_bool(options, "data.flip"),
                                  .crop_pad = (int)options_int(options, "data.crop_pad"),
                                  .seed = (uint64_t)options_int(options, "train.seed")};
    int classes = (int)options_int(options, "task.classes");
    data->features = (int)options_int(options, "task.features");
    data->batches = batches_create(&pictures, err);
    if (data->batches == NULL || teacher_check_classes(data->batches, classes, err) < 0) {
        return -1;
    }
    if (cache[0] != '\0') {
        data->teacher = teacher_open(cache, data->batches, data->features, classes, err);
    }
    return cache[0] != '\0' && data->teacher == NULL ? -1 : 0;
}

void task_data_close(task_data_t *data)
{
    teacher_close(data->teacher);
    batches_destroy(data->batches);
}

void task_data_fill(const task_data_t *data, graph_t *graph, int64_t step, int first, int count,
                    node_t picture, node_t label, node_t target)
{
    batches_fill(data->batches, step, first, count, graph_data(graph, picture),
                 graph_data(graph, label));
    for (int n = 0; data->teacher != NULL && n < count; n++) {
        int64_t view;
        batches_views(data->batches, step, first + n, 1, &view);
        teacher_fill(data->teacher, &view, 1,
                     graph_data(graph, target) + (size_t)n * (size_t)data->features);
    }
}
