/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stage "encoder" (eq. 25): the semantic encoder alone learns the teacher's feature,
 *     kd |h - h^Tea|^2 / D + ce CE(head(h))
 * Stage "joint" (eq. 26): everything, each picture through a channel of its own,
 *     kd |h~ - h^Tea|^2 / D + re |h~ - h|^2 / D + ce CE(head(h~))
 * where h in the second term is a constant: else the encoder would be pulled towards what survives.
 * SNR uniform in decibels.  Without a teacher the first term is gone: the baseline.
 */
#include "train/task_trainer.h"

#include "codec/codec.h"
#include "train/fading.h"
#include "train/task_data.h"
#include "train/task_measure.h"
#include "train/task_options.h"
#include "train/train_run.h"
#include "train/whiten.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHANNEL_STREAM (UINT64_C(1) << 50)

enum { CHECK_IMAGES = 1000, SYMBOLS_MAX = TASK_TOKENS * TASK_EMBED / 2 };

static const double spread_min_s = 30e-9, spread_max_s = 300e-9, slip_db = 3.0;

typedef struct {
    const options_t *options;
    task_shape_t shape;
    task_data_t data;
    params_t *params;
    workers_t *workers;
    int batch, count;
    bool joint;
    node_t picture, label, target, snr, h, noise, n0, logits;
    dataset_t *test;
    char symbols[16], kept[16];
} trainer_t;

static double weight_of(const trainer_t *t, const char *name)
{
    return options_real(t->options, name);
}

static void add_losses(trainer_t *t, graph_t *g, node_t sent, node_t received)
{
    double kd = t->data.teacher != NULL ? weight_of(t, "task.kd") : 0.0;
    double re = t->joint ? weight_of(t, "task.re") : 0.0;
    if (kd > 0.0) {
        graph_add_loss(g, graph_mse(g, received, t->target), (float)kd);
    }
    if (re > 0.0) {
        graph_add_loss(g, graph_mse(g, received, graph_detach(g, sent)), (float)re);
    }
    t->logits = task_net_head(g, received, &t->shape);
    graph_add_loss(g, graph_cross_entropy(g, t->logits, t->label, 0.0f),
                   (float)weight_of(t, "task.ce"));
}

static graph_t *build(void *context, params_t *params, int batch, err_t *err)
{
    trainer_t *t = context;
    graph_t *g = graph_create(params, GRAPH_TRAIN, batch, 1, err);
    if (g == NULL) {
        return NULL;
    }
    t->count = batch;
    graph_use_bf16(g, options_bool(t->options, "train.bf16"));
    t->picture = graph_input(g, TASK_SIDE, TASK_SIDE, 3);
    t->label = graph_input(g, 1, 1, 1);
    t->target = graph_input(g, 1, 1, t->shape.features);
    node_t sent = task_net_encoder(g, t->picture, &t->shape), received = sent;
    if (t->joint) {
        int reals = 2 * task_shape_symbols(&t->shape);
        t->snr = graph_input(g, 1, 1, 1);
        t->h = graph_input(g, 1, 1, reals);
        t->noise = graph_input(g, 1, 1, reals);
        t->n0 = graph_input(g, 1, 1, 1);
        node_t symbols = task_net_sender(g, sent, t->snr, &t->shape);
        node_t soft = graph_channel(g, symbols, t->h, t->noise, t->n0);
        received = task_net_receiver(g, soft, &t->shape);
    }
    add_losses(t, g, sent, received);
    if (graph_finish(g, err) < 0) {
        graph_destroy(g);
        return NULL;
    }
    return g;
}

/* One picture's channel, and the design SNR: within a few decibels of the true one. */
static void draw_channel(const trainer_t *t, graph_t *graph, rng_t *rng, int n)
{
    float complex gain[FADING_CARRIERS], noise[SYMBOLS_MAX];
    int symbols = task_shape_symbols(&t->shape);
    double low = weight_of(t, "task.snr_min_db"), high = weight_of(t, "task.snr_max_db");
    double snr_db = low + (high - low) * (double)rng_uniform(rng);
    double error_db = slip_db * (2.0 * (double)rng_uniform(rng) - 1.0);
    float n0 = (float)pow(10.0, -snr_db / 10.0);
    bool fades = (double)rng_uniform(rng) < weight_of(t, "task.fading_share");
    if (fades) {
        double spread =
            log(spread_min_s) + log(spread_max_s / spread_min_s) * (double)rng_uniform(rng);
        fading_draw(rng, exp(spread), gain);
    }
    rng_complex_normal(rng, n0, noise, (size_t)symbols);
    float *h = graph_data(graph, t->h) + (size_t)n * 2 * (size_t)symbols;
    float *out = graph_data(graph, t->noise) + (size_t)n * 2 * (size_t)symbols;
    for (int k = 0; k < symbols; k++) {
        float complex g = fades ? gain[k % FADING_CARRIERS] : 1.0f;
        h[2 * k] = crealf(g);
        h[2 * k + 1] = cimagf(g);
        out[2 * k] = crealf(noise[k]);
        out[2 * k + 1] = cimagf(noise[k]);
    }
    graph_data(graph, t->snr)[n] = task_net_snr(snr_db + error_db);
    graph_data(graph, t->n0)[n] = n0;
}

static void begin(void *context, int64_t step)
{
    trainer_t *t = context;
    batches_begin(t->data.batches, step);
}

static void fill(void *context, graph_t *graph, int64_t step, int first, int count)
{
    const trainer_t *t = context;
    task_data_fill(&t->data, graph, step, first, count, t->picture, t->label, t->target);
    for (int n = 0; t->joint && n < count; n++) {
        rng_t rng;
        rng_seed(&rng, (uint64_t)options_int(t->options, "train.seed"),
                 CHANNEL_STREAM + (uint64_t)step * BATCHES_PICTURES_MAX + (uint64_t)(first + n));
        draw_channel(t, graph, &rng, n);
    }
}

static void describe(void *context, char *text, size_t size)
{
    trainer_t *t = context;
    graph_t *graph = workers_graph(t->workers);
    double right = task_measure_right(graph_data(graph, t->logits), graph_data(graph, t->label),
                                      t->count, t->shape.classes);
    snprintf(text, size, "accuracy on this batch %.3f", right / t->count);
}

static int validate_joint(trainer_t *t, const char *path, bool final, char *text, size_t size,
                          err_t *err)
{
    static const double snr_db[] = {-10, -5, 0, 10, 25};
    codec_t *codec = codec_open(path, err);
    int status = codec == NULL ? -1 : 0;
    for (size_t i = 0; status == 0 && i < 2 * sizeof(snr_db) / sizeof(snr_db[0]); i++) {
        task_point_t point = {.snr_db = snr_db[i / 2],
                              .rayleigh = i % 2 == 1,
                              .delay_spread_s = 100e-9,
                              .seed = 1,
                              .images = final ? 0 : CHECK_IMAGES};
        task_result_t result;
        status = task_measure_point(codec, t->test, &point, &result, err);
        if (status == 0) {
            size_t used = strlen(text);
            snprintf(text + used, size - used, "%s%s%g:%.4f", i > 0 ? " " : "",
                     point.rayleigh ? "R" : "A", point.snr_db,
                     (double)result.right / (double)result.images);
        }
    }
    codec_close(codec);
    return status;
}

static int validate(void *context, const char *path, bool final, char *text, size_t size,
                    err_t *err)
{
    trainer_t *t = context;
    task_result_t result;
    text[0] = '\0';
    if (t->joint) {
        return validate_joint(t, path, final, text, size, err);
    }
    if (task_measure_encoder(path, &t->shape, t->test, final ? 0 : CHECK_IMAGES, &result, err) <
        0) {
        return -1;
    }
    snprintf(text, size, "accuracy without a channel %.4f (%zu of %zu)",
             (double)result.right / (double)result.images, result.right, result.images);
    return 0;
}

static int prepare(trainer_t *t, err_t *err)
{
    const char *test = options_string(t->options, "data.test");
    if (task_options_shape(t->options, &t->shape, err) < 0 ||
        task_data_open(&t->data, t->options, options_string(t->options, "data.train"),
                       options_string(t->options, "task.teacher"), err) < 0) {
        return -1;
    }
    if (test[0] != '\0' && (t->test = dataset_open(test, err)) == NULL) {
        return -1;
    }
    t->params = params_create((uint64_t)options_int(t->options, "train.seed"), err);
    if (t->params == NULL ||
        whiten_stem(t->params, t->data.batches, t->batch, t->shape.stem, err) < 0) {
        return -1;
    }
    if (options_bool(t->options, "task.freeze_encoder")) {
        graph_t *graph = build(t, t->params, 1, err); /* the names must exist to be frozen */
        graph_destroy(graph);
        params_freeze(t->params, "stem.", true);
        params_freeze(t->params, "layer.", true);
        params_freeze(t->params, "feature.", true);
    }
    t->workers = workers_create((int)options_int(t->options, "train.workers"), t->batch, t->params,
                                build, fill, t, err);
    return t->workers == NULL ? -1 : 0;
}

static void describe_shape(trainer_t *t, train_task_t *task)
{
    snprintf(t->symbols, sizeof(t->symbols), "%d", task_shape_symbols(&t->shape));
    snprintf(t->kept, sizeof(t->kept), "%d", t->shape.kept);
    const char *notes[][2] = {{"codec", t->joint ? "task" : "task-encoder"},
                              {"widths", options_string(t->options, "task.widths")},
                              {"depths", options_string(t->options, "task.depths")},
                              {"features", options_text(t->options, "task.features")},
                              {"classes", options_text(t->options, "task.classes")},
                              {"kept", t->kept},
                              {"symbols", t->symbols},
                              {"quantised", t->shape.quantised ? "1" : "0"}};
    task->notes = (int)(sizeof(notes) / sizeof(notes[0]));
    for (int i = 0; i < task->notes; i++) {
        task->keys[i] = notes[i][0];
        task->values[i] = notes[i][1];
    }
}

int task_trainer_command(const options_t *options, err_t *err)
{
    trainer_t t = {.options = options,
                   .batch = (int)options_int(options, "train.batch"),
                   .joint = options_choice(options, "task.stage") == TASK_STAGE_JOINT};
    int status = prepare(&t, err);
    if (status == 0) {
        train_task_t task = {.kind = "task",
                             .context = &t,
                             .params = t.params,
                             .workers = t.workers,
                             .steps_per_epoch = batches_per_epoch(t.data.batches),
                             .begin = begin,
                             .describe = describe,
                             .validate = t.test != NULL ? validate : NULL};
        describe_shape(&t, &task);
        status = train_run(options, &task, err);
    }
    workers_destroy(t.workers);
    params_destroy(t.params);
    task_data_close(&t.data);
    dataset_close(t.test);
    return status;
}
