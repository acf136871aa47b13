/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cross-entropy with label smoothing on clean, augmented pictures. */
#include "train/judge_trainer.h"

#include "quality/judge.h"
#include "quality/judge_net.h"
#include "nn/vector.h"
#include "train/accuracy.h"
#include "train/batches.h"
#include "train/train_run.h"
#include "train/whiten.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const options_t *options;
    judge_shape_t shape;
    batches_t *batches;
    params_t *params;
    workers_t *workers;
    int batch, count; /* pictures of a step, of one worker */
    node_t picture, label, logits;
    dataset_t *test;
} trainer_t;

static void begin(void *context, int64_t step)
{
    trainer_t *t = context;
    batches_begin(t->batches, step);
}

static void fill(void *context, graph_t *graph, int64_t step, int first, int count)
{
    trainer_t *t = context;
    batches_fill(t->batches, step, first, count, graph_data(graph, t->picture),
                 graph_data(graph, t->label));
}

static graph_t *build(void *context, params_t *params, int batch, err_t *err)
{
    trainer_t *t = context;
    graph_t *graph = graph_create(params, GRAPH_TRAIN, batch, 1, err);
    if (graph == NULL) {
        return NULL;
    }
    t->count = batch;
    t->picture = graph_input(graph, JUDGE_SIDE, JUDGE_SIDE, 3);
    t->label = graph_input(graph, 1, 1, 1);
    t->logits = judge_net(graph, t->picture, &t->shape);
    float smoothing = (float)options_real(t->options, "judge.smoothing");
    graph_add_loss(graph, graph_cross_entropy(graph, t->logits, t->label, smoothing), 1.0f);
    if (graph_finish(graph, err) < 0) {
        graph_destroy(graph);
        return NULL;
    }
    return graph;
}

/* Share of this batch that the network in training got right. */
static void describe(void *context, char *text, size_t size)
{
    trainer_t *t = context;
    graph_t *graph = workers_graph(t->workers);
    const float *logits = graph_data(graph, t->logits), *labels = graph_data(graph, t->label);
    int right = 0;
    for (int n = 0; n < t->count; n++) {
        right += vector_argmax(logits + n * JUDGE_CLASSES, JUDGE_CLASSES) == (int)labels[n];
    }
    snprintf(text, size, "accuracy on this batch %.3f", (double)right / t->count);
}

static void classify(void *judge, const uint8_t *pictures, int count, int *predicted)
{
    judge_classify_batch(judge, pictures, count, predicted);
}

static int validate(void *context, const char *path, bool final, char *text, size_t size,
                    err_t *err)
{
    (void) final;
    trainer_t *t = context;
    size_t right;
    judge_t *judge = judge_open(path, err);
    int status = judge == NULL ? -1 : accuracy_count(t->test, classify, judge, &right, err);
    if (status == 0) {
        snprintf(text, size, "accuracy %.4f (%zu of %zu)",
                 (double)right / (double)dataset_count(t->test), right, dataset_count(t->test));
    }
    judge_close(judge);
    return status;
}

static int prepare(trainer_t *t, err_t *err)
{
    const char *test = options_string(t->options, "data.test");
    batches_options_t data = {.main_spec = options_string(t->options, "data.train"),
                              .batch = t->batch,
                              .flip = options_bool(t->options, "data.flip"),
                              .crop_pad = (int)options_int(t->options, "data.crop_pad"),
                              .seed = (uint64_t)options_int(t->options, "train.seed")};
    if (judge_shape_parse(&t->shape, options_string(t->options, "judge.widths"), err) < 0) {
        return -1;
    }
    t->batches = batches_create(&data, err);
    if (t->batches == NULL) {
        return -1;
    }
    if (test[0] != '\0' && (t->test = dataset_open(test, err)) == NULL) {
        return -1;
    }
    t->params = params_create(data.seed, err);
    if (t->params == NULL ||
        whiten_stem(t->params, t->batches, t->batch, t->shape.width[0], err) < 0) {
        return -1;
    }
    t->workers = workers_create((int)options_int(t->options, "train.workers"), t->batch, t->params,
                                build, fill, t, err);
    return t->workers == NULL ? -1 : 0;
}

int judge_trainer_command(const options_t *options, err_t *err)
{
    trainer_t t = {.options = options, .batch = (int)options_int(options, "train.batch")};
    int status = prepare(&t, err);
    if (status == 0) {
        train_task_t task = {.kind = "judge",
                             .context = &t,
                             .params = t.params,
                             .workers = t.workers,
                             .steps_per_epoch = batches_per_epoch(t.batches),
                             .begin = begin,
                             .describe = describe,
                             .validate = t.test != NULL ? validate : NULL,
                             .keys = {"judge", "widths"},
                             .values = {"resnet", options_string(options, "judge.widths")},
                             .notes = 2};
        status = train_run(options, &task, err);
    }
    workers_destroy(t.workers);
    params_destroy(t.params);
    batches_destroy(t.batches);
    dataset_close(t.test);
    return status;
}
