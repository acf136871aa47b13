/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Training steps as semradio-train takes them: workers that share a batch,
 * forward, backward, AdamW; one fixed batch over an AWGN channel.
 */
#include "bench_nn_side.h"
#include "codec/codec_state.h" /* the shipped network's shape, which the public header hides */
#include "nn/optimizer.h"
#include "train/workers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYMBOL_REALS = 2 * CODEC_CHANNELS };

typedef struct {
    nn_job_t job;
    const nn_data_t *data;
    codec_t *codec; /* image32: who knows the shape */
    params_t *params;
    workers_t *workers;
    optimizer_t *optimizer;
    node_t picture, mode[2], h, noise, n0; /* of all workers alike; NODE_NONE: has none */
    int64_t step;
    double first_loss;
} training_t;

static void build_image32(training_t *t, graph_t *g)
{
    int places = t->job.side / NN_STRIDE;
    codec_encoder_nodes_t nodes;
    const codec_shape_t *shape = &t->codec->weights->shape;
    codec_net_encoder(g, t->job.side, t->job.side, shape, &nodes);
    t->picture = nodes.image;
    t->mode[0] = nodes.mode;
    t->mode[1] = graph_input(g, 1, 1, CODEC_MODE_FEATURES);
    t->h = graph_input(g, places, places, SYMBOL_REALS);
    t->noise = graph_input(g, places, places, SYMBOL_REALS);
    t->n0 = graph_input(g, 1, 1, 1);
    node_t soft = graph_channel(g, nodes.symbols, t->h, t->noise, t->n0);
    graph_add_loss(g, graph_mse(g, codec_net_decoder(g, soft, t->mode[1], shape), nodes.image),
                   500.0f);
    graph_set_prefix(g, NN_CHANNELS);
}

static void build_small(training_t *t, graph_t *g)
{
    int places = t->job.side / NN_STRIDE;
    t->picture = graph_input(g, t->job.side, t->job.side, 3);
    t->noise = graph_input(g, places, places, 2 * NN_CHANNELS);
    node_t sent = graph_power_norm(g, nn_small_encoder(g, t->picture), "power");
    node_t picture = nn_small_decoder(g, graph_add(g, sent, t->noise));
    graph_add_loss(g, graph_mse(g, picture, t->picture), 500.0f);
    t->mode[0] = t->mode[1] = t->h = t->n0 = NODE_NONE;
}

static graph_t *build(void *context, params_t *params, int batch, err_t *err)
{
    training_t *t = context;
    graph_t *g = graph_create(params, GRAPH_TRAIN, batch, 1, err);
    if (g == NULL) {
        return NULL;
    }
    graph_use_bf16(g, t->job.bf16);
    if (t->codec != NULL) {
        build_image32(t, g);
    } else {
        build_small(t, g);
    }
    if (graph_finish(g, err) < 0) {
        graph_destroy(g);
        return NULL;
    }
    return g;
}

/* Symbol k of a picture is channel-major in image32, place by place in the small codec. */
static void put_noise(const training_t *t, graph_t *graph, int first, int count)
{
    size_t places = t->data->symbols / NN_CHANNELS;
    size_t reals = t->codec != NULL ? SYMBOL_REALS : 2 * NN_CHANNELS;
    const float root = sqrtf(NN_N0);
    float *out = graph_data(graph, t->noise);
    for (size_t n = 0; n < (size_t)count; n++) {
        const float complex *from = t->data->received + ((size_t)first + n) * t->data->symbols;
        for (size_t i = 0; i < places; i++) {
            for (size_t c = 0; c < NN_CHANNELS; c++) {
                float complex x =
                    from[t->codec != NULL ? c * places + i : i * NN_CHANNELS + c] * root;
                out[(n * places + i) * reals + 2 * c] = crealf(x);
                out[(n * places + i) * reals + 2 * c + 1] = cimagf(x);
            }
        }
    }
}

static void fill(void *context, graph_t *graph, int64_t step, int first, int count)
{
    const training_t *t = context;
    size_t bytes = (size_t)(t->job.side * t->job.side) * 3;
    float *picture = graph_data(graph, t->picture);
    (void)step;
    for (size_t i = 0; i < (size_t)count * bytes; i++) {
        picture[i] = (float)t->data->pictures[(size_t)first * bytes + i] * (1.0f / 255.0f);
    }
    put_noise(t, graph, first, count);
    if (t->codec == NULL) {
        return;
    }
    for (int n = 0; n < count; n++) {
        for (int half = 0; half < 2; half++) {
            codec_net_mode(NN_RATE, 10.0,
                           graph_data(graph, t->mode[half]) + n * CODEC_MODE_FEATURES);
        }
        graph_data(graph, t->n0)[n] = NN_N0;
    }
    for (size_t i = 0; i < graph_count(graph, t->h); i += 2) {
        graph_data(graph, t->h)[i] = 1.0f;
    }
}

static void destroy(void *work)
{
    training_t *t = work;
    if (t != NULL) {
        optimizer_destroy(t->optimizer);
        workers_destroy(t->workers);
        params_destroy(t->params);
        if (t->codec != NULL) {
            codec_close(t->codec);
        }
        free(t);
    }
}

static int prepare(training_t *t, nn_data_t *data, err_t *err)
{
    optimizer_options_t options = OPTIMIZER_ADAMW;
    options.decay = 0.0f;
    options.clip_norm = 0.0f;
    if (strcmp(t->job.network, "image32") == 0) {
        snprintf(data->weights, sizeof(data->weights), "%s/image32.safetensors",
                 SEMRADIO_MODELS_DIR);
        t->codec = codec_open("image32", err);
        if (t->codec == NULL) {
            return -1;
        }
    }
    t->params = params_create(1, err);
    t->workers = t->params == NULL ? NULL
                                   : workers_create(t->job.threads, t->job.images, t->params, build,
                                                    fill, t, err);
    if (t->workers == NULL) {
        return -1;
    }
    if (t->codec == NULL) {
        snprintf(data->weights, sizeof(data->weights), "%s/small.safetensors", data->folder);
        if (nn_small_write(t->params, data->weights, err) < 0) {
            return -1;
        }
    } else if (params_load(t->params, data->weights, "", PARAMS_EXACT, err) < 0) {
        return -1;
    }
    t->optimizer = optimizer_create(t->params, &options, err);
    return t->optimizer == NULL ? -1 : 0;
}

static void *create(const nn_job_t *job, nn_data_t *data, err_t *err)
{
    training_t *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    t->job = *job;
    t->data = data;
    if (prepare(t, data, err) < 0) {
        destroy(t);
        return NULL;
    }
    return t;
}

static void run(void *work)
{
    training_t *t = work;
    double loss = workers_step(t->workers, t->step);
    t->first_loss = t->step == 0 ? loss : t->first_loss;
    optimizer_step(t->optimizer, 1e-4f);
    t->step++;
}

static void output(void *work, float *out)
{
    *out = (float)((training_t *)work)->first_loss;
}

const nn_side_t nn_training = {.create = create, .destroy = destroy, .run = run, .output = output};
