/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cross-entropy with label smoothing on clean, augmented pictures. */
#include "train/encoder_trainer.h"

#include "encoder/encoder.h"
#include "nn/vector.h"
#include "train/accuracy.h"
#include "train/batches.h"
#include "train/train_run.h"
#include "train/whiten.h"

#include <stdio.h>
#include <string.h>

const option_t encoder_options[] = {{.section = "encoder",
                                     .name = "kind",
                                     .type = OPTION_CHOICE,
                                     .fallback = "residual",
                                     .choices = ENCODER_KIND_CHOICES,
                                     .help = "architecture"},
                                    {.section = "encoder",
                                     .name = "widths",
                                     .type = OPTION_STRING,
                                     .fallback = "24,48,96,160",
                                     .help = "its sizes: residual stem and three stages; plain one "
                                             "a layer; dense stem, growth, layers a "
                                             "stage; attention width, heads, blocks"},
                                    {.section = "encoder",
                                     .name = "features",
                                     .type = OPTION_INT,
                                     .fallback = "192",
                                     .min = 2,
                                     .max = ENCODER_FEATURES_MAX,
                                     .help = "length of the latent"},
                                    {.section = "encoder",
                                     .name = "smoothing",
                                     .type = OPTION_REAL,
                                     .fallback = "0.1",
                                     .min = 0,
                                     .max = 0.9,
                                     .help = "label smoothing"},

                                    {.section = "latents",
                                     .name = "encoders",
                                     .type = OPTION_STRING,
                                     .help = "encoders (names, or files), with commas between"},
                                    {.section = "latents",
                                     .name = "data",
                                     .type = OPTION_STRING,
                                     .fallback = "fashion-mnist:train",
                                     .help = "data set to align on"},
                                    {.section = "latents",
                                     .name = "first",
                                     .type = OPTION_INT,
                                     .fallback = "0",
                                     .min = 0,
                                     .max = 1e9,
                                     .help = "pictures of it to pass over"},
                                    {.section = "latents",
                                     .name = "pictures",
                                     .type = OPTION_INT,
                                     .fallback = "2000",
                                     .min = 0,
                                     .max = 1e9,
                                     .help = "how many from there; 0: all"},
                                    {.section = "latents",
                                     .name = "test",
                                     .type = OPTION_STRING,
                                     .fallback = "fashion-mnist:test",
                                     .help = "data set to send"},
                                    {.section = "latents",
                                     .name = "tests",
                                     .type = OPTION_INT,
                                     .fallback = "0",
                                     .min = 0,
                                     .max = 1e9,
                                     .help = "how many pictures of it; 0: all"},
                                    {.section = "latents",
                                     .name = "out",
                                     .type = OPTION_STRING,
                                     .fallback = ".",
                                     .help = "folder to write into, a file for each encoder"},
                                    {0}};

typedef struct {
    const options_t *options;
    encoder_shape_t shape;
    char features[16];
    batches_t *batches;
    params_t *params;
    workers_t *workers;
    int batch;
    node_t picture, label;
    encoder_nodes_t out;
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
    graph_use_bf16(graph, options_bool(t->options, "train.bf16"));
    t->picture = graph_input(graph, ENCODER_SIDE, ENCODER_SIDE, 3);
    t->label = graph_input(graph, 1, 1, 1);
    t->out = encoder_net(graph, t->picture, &t->shape);
    float smoothing = (float)options_real(t->options, "encoder.smoothing");
    graph_add_loss(graph, graph_cross_entropy(graph, t->out.logits, t->label, smoothing), 1.0f);
    if (graph_finish(graph, err) < 0) {
        graph_destroy(graph);
        return NULL;
    }
    return graph;
}

static void classify(void *encoder, const uint8_t *pictures, int count, int *predicted)
{
    float logits[ACCURACY_BATCH * ENCODER_CLASSES];
    encoder_encode(encoder, pictures, count, NULL, logits);
    for (int n = 0; n < count; n++) {
        predicted[n] = vector_argmax(logits + n * ENCODER_CLASSES, ENCODER_CLASSES);
    }
}

static int validate(void *context, const char *path, bool final, char *text, size_t size,
                    err_t *err)
{
    (void) final;
    trainer_t *t = context;
    size_t right;
    encoder_t *encoder = encoder_open(path, err);
    int status = encoder == NULL ? -1 : accuracy_count(t->test, classify, encoder, &right, err);
    if (status == 0) {
        snprintf(text, size, "accuracy %.4f (%zu of %zu)",
                 (double)right / (double)dataset_count(t->test), right, dataset_count(t->test));
    }
    encoder_close(encoder);
    return status;
}

static int prepare(trainer_t *t, err_t *err)
{
    const options_t *o = t->options;
    const char *test = options_string(o, "data.test");
    batches_options_t data = {.main_spec = options_string(o, "data.train"),
                              .batch = t->batch,
                              .flip = options_bool(o, "data.flip"),
                              .crop_pad = (int)options_int(o, "data.crop_pad"),
                              .seed = (uint64_t)options_int(o, "train.seed")};
    int features = (int)options_int(o, "encoder.features");
    snprintf(t->features, sizeof(t->features), "%d", features);
    if (encoder_shape_parse(&t->shape, options_text(o, "encoder.kind"),
                            options_string(o, "encoder.widths"), features, err) < 0 ||
        (t->batches = batches_create(&data, err)) == NULL ||
        (test[0] != '\0' && (t->test = dataset_open(test, err)) == NULL) ||
        (t->params = params_create(data.seed, err)) == NULL) {
        return -1;
    }
    int stem = encoder_stem(&t->shape);
    if (stem > 0 && whiten_stem(t->params, t->batches, t->batch, stem, err) < 0) {
        return -1;
    }
    t->workers = workers_create((int)options_int(o, "train.workers"), t->batch, t->params, build,
                                fill, t, err);
    return t->workers == NULL ? -1 : 0;
}

int encoder_trainer_command(const options_t *options, err_t *err)
{
    trainer_t t = {.options = options, .batch = (int)options_int(options, "train.batch")};
    int status = prepare(&t, err);
    if (status == 0) {
        train_task_t task = {.kind = "encoder",
                             .context = &t,
                             .params = t.params,
                             .workers = t.workers,
                             .steps_per_epoch = batches_per_epoch(t.batches),
                             .begin = begin,
                             .validate = t.test != NULL ? validate : NULL,
                             .keys = {"encoder", "widths", "features"},
                             .values = {options_text(options, "encoder.kind"),
                                        options_string(options, "encoder.widths"), t.features},
                             .notes = 3};
        status = train_run(options, &task, err);
    }
    workers_destroy(t.workers);
    params_destroy(t.params);
    batches_destroy(t.batches);
    dataset_close(t.test);
    return status;
}
