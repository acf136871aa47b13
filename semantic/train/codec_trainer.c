/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One network for all rates and SNRs.  Each step draws one rate and one kind of
 * channel for the batch (a prefix is a property of the whole batch: its power
 * is normalised together), and an SNR for each picture.
 *
 *     loss = 500 * w(gamma) * v_p * mean (x_hat - x)^2 + eta * commitment
 *     w(gamma) = 2.2 / (1 + 10^(-.09 (gamma_dB - 12)))
 *
 * w is about one over the error to expect at that SNR (else low SNR would
 * dominate), v_p the same for the rates.  The gradient's norm is clipped well
 * below its usual size, which makes the steps' size independent of the scale.
 */
#include "train/codec_trainer.h"

#include "codec/codec_net.h"
#include "train/batches.h"
#include "train/crops.h"
#include "train/evaluate.h"
#include "train/fading.h"
#include "train/train_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYMBOL_REALS = 2 * CODEC_CHANNELS, CHECK_IMAGES = 500 };
enum { SIDE_MAX = 256, PLACES_MAX = SIDE_MAX / CODEC_STRIDE * (SIDE_MAX / CODEC_STRIDE) };

/* Streams of the seed: one per step, one per picture of each step. */
#define STEP_STREAM    (UINT64_C(1) << 49)
#define CHANNEL_STREAM (UINT64_C(1) << 50)

static const float rate_share[CODEC_RATES] = {0.2f, 0.4f, 0.2f, 0.2f};
static const float rate_weight[CODEC_RATES] = {0.6f, 1.0f, 1.4f, 1.8f};
static const double snr_slip_db = 5.0, snr_slip_share = 0.25; /* design SNRs that are wrong */
static const double spread_min_s = 30e-9, spread_max_s = 300e-9;

typedef struct {
    const options_t *options;
    codec_shape_t shape;
    batches_t *batches; /* of whole pictures … */
    crops_t *crops;     /* … or of cuts from photos; the other is NULL */
    int side, places;   /* of a picture: pixels each way, places of its grid in all */
    params_t *params;
    workers_t *workers;
    int batch, count; /* pictures of a step, of one worker */
    int p;            /* the step's rate … */
    bool fading;      /* … and kind of channel */
    codec_encoder_nodes_t encoder;
    node_t mode, h, noise, n0, weight; /* mode: the decoder's */
    dataset_t *test;
} trainer_t;

static graph_t *build(void *context, params_t *params, int batch, err_t *err)
{
    trainer_t *t = context;
    graph_t *g = graph_create(params, GRAPH_TRAIN, batch, 1, err);
    if (g == NULL) {
        return NULL;
    }
    t->count = batch;
    graph_use_bf16(g, options_bool(t->options, "train.bf16"));
    int rows = t->side / CODEC_STRIDE;
    codec_net_encoder(g, t->side, t->side, &t->shape, &t->encoder);
    t->mode = graph_input(g, 1, 1, CODEC_MODE_FEATURES);
    t->h = graph_input(g, rows, rows, SYMBOL_REALS);
    t->noise = graph_input(g, rows, rows, SYMBOL_REALS);
    t->n0 = graph_input(g, 1, 1, 1);
    t->weight = graph_input(g, 1, 1, 1);
    node_t soft = graph_channel(g, t->encoder.symbols, t->h, t->noise, t->n0);
    node_t picture = codec_net_decoder(g, soft, t->mode, &t->shape);
    graph_add_loss(g, graph_mse_weighted(g, picture, t->encoder.image, t->weight), 1.0f);
    double commitment = options_real(t->options, "codec.commitment");
    if (commitment > 0.0) {
        graph_add_loss(g, graph_commitment(g, t->encoder.bounded, t->encoder.points),
                       (float)commitment);
    }
    if (graph_finish(g, err) < 0) {
        graph_destroy(g);
        return NULL;
    }
    return g;
}

static int draw_rate(rng_t *rng)
{
    float u = rng_uniform(rng);
    int p = 1;
    for (; p < CODEC_RATES && u >= rate_share[p - 1]; p++) {
        u -= rate_share[p - 1];
    }
    return p;
}

static double normal(rng_t *rng)
{
    float x;
    rng_normal(rng, &x, 1);
    return (double)x;
}

/* The design SNR is the channel's within a decibel, or (snr_slip_share) a few decibels off it, for
   real transmitters know it only so well. */
static void draw_mode(const trainer_t *t, graph_t *graph, rng_t *rng, int n, double snr_db)
{
    bool slips = (double)rng_uniform(rng) < snr_slip_share;
    double error_db = slips ? snr_slip_db * normal(rng) : (double)rng_uniform(rng) - 0.5;
    float *encoder = graph_data(graph, t->encoder.mode) + (size_t)n * CODEC_MODE_FEATURES;
    float *decoder = graph_data(graph, t->mode) + (size_t)n * CODEC_MODE_FEATURES;
    codec_net_mode(t->p, snr_db + error_db, encoder);
    memcpy(decoder, encoder, CODEC_MODE_FEATURES * sizeof(*decoder));
}

/* One picture's channel: h and noise of every used symbol, N0, and the loss's weight. */
static void draw_channel(const trainer_t *t, graph_t *graph, rng_t *rng, int n)
{
    float complex h[FADING_CARRIERS], noise[PLACES_MAX];
    double snr_min_db = options_real(t->options, "codec.snr_min_db");
    double snr_max_db = options_real(t->options, "codec.snr_max_db");
    double snr_db = snr_min_db + (snr_max_db - snr_min_db) * (double)rng_uniform(rng);
    float n0 = (float)pow(10.0, -snr_db / 10.0);
    if (t->fading) {
        double spread =
            log(spread_min_s) + log(spread_max_s / spread_min_s) * (double)rng_uniform(rng);
        fading_draw(rng, exp(spread), h);
    }
    float *h_out = graph_data(graph, t->h) + (size_t)n * (size_t)t->places * SYMBOL_REALS;
    float *n_out = graph_data(graph, t->noise) + (size_t)n * (size_t)t->places * SYMBOL_REALS;
    for (int c = 0; c < t->p * CODEC_CHANNELS_PER_RATE; c++) {
        rng_complex_normal(rng, n0, noise, (size_t)t->places);
        for (int i = 0; i < t->places; i++) {
            float complex gain = t->fading ? h[(c * t->places + i) % FADING_CARRIERS] : 1.0f;
            int at = i * SYMBOL_REALS + 2 * c;
            h_out[at] = crealf(gain);
            h_out[at + 1] = cimagf(gain);
            n_out[at] = crealf(noise[i]);
            n_out[at + 1] = cimagf(noise[i]);
        }
    }
    draw_mode(t, graph, rng, n, snr_db);
    graph_data(graph, t->n0)[n] = n0;
    graph_data(graph, t->weight)[n] = (float)(500.0 * 2.2 * (double)rate_weight[t->p - 1] /
                                              (1.0 + pow(10.0, -0.09 * (snr_db - 12.0))));
}

static uint64_t seed_of(const trainer_t *t)
{
    return (uint64_t)options_int(t->options, "train.seed");
}

static void begin(void *context, int64_t step)
{
    trainer_t *t = context;
    rng_t rng;
    if (t->batches != NULL) {
        batches_begin(t->batches, step);
    }
    rng_seed(&rng, seed_of(t), STEP_STREAM + (uint64_t)step);
    t->p = draw_rate(&rng);
    t->fading = (double)rng_uniform(&rng) < options_real(t->options, "codec.fading_share");
}

static void fill(void *context, graph_t *graph, int64_t step, int first, int count)
{
    const trainer_t *t = context;
    float *pictures = graph_data(graph, t->encoder.image);
    if (t->crops != NULL) {
        crops_fill(t->crops, step, first, count, pictures);
    } else {
        batches_fill(t->batches, step, first, count, pictures, NULL);
    }
    for (int n = 0; n < count; n++) {
        rng_t rng;
        rng_seed(&rng, seed_of(t),
                 CHANNEL_STREAM + (uint64_t)step * BATCHES_PICTURES_MAX + (uint64_t)(first + n));
        draw_channel(t, graph, &rng, n);
    }
    graph_set_prefix(graph, t->p * CODEC_CHANNELS_PER_RATE);
}

/* Squared quantisation error per axis (floor .0079), and the points' power per rate. */
static void describe(void *context, char *text, size_t size)
{
    trainer_t *t = context;
    graph_t *graph = workers_graph(t->workers);
    const float *x = graph_data(graph, t->encoder.bounded);
    const float *q = graph_data(graph, t->encoder.points);
    int used = 2 * graph_prefix(graph);
    double sum = 0.0;
    for (int i = 0; i < t->count * t->places; i++) {
        for (int c = 0; c < used; c++) {
            double d = (double)(x[i * SYMBOL_REALS + c] - q[i * SYMBOL_REALS + c]);
            sum += d * d;
        }
    }
    const float *power = params_find(t->params, CODEC_POWER_NAME)->value;
    snprintf(text, size, "quantisation %.4f power %.2f %.2f %.2f %.2f",
             sum / (double)(t->count * t->places * used), (double)power[3], (double)power[7],
             (double)power[11], (double)power[15]);
}

static int measure(codec_t *codec, const dataset_t *set, int p, bool rayleigh, double snr_db,
                   size_t images, char *text, size_t size, err_t *err)
{
    evaluate_point_t point = {.mode = codec_mode(codec, p, snr_db),
                              .snr_db = snr_db,
                              .rayleigh = rayleigh,
                              .delay_spread_s = 100e-9,
                              .seed = 1,
                              .images = images};
    quality_sum_t sum = QUALITY_SUM_INIT;
    if (evaluate_point(codec, set, NULL, &point, &sum, NULL, err) < 0) {
        return -1;
    }
    size_t used = strlen(text);
    snprintf(text + used, size - used, " %g:%.2f", snr_db, quality_sum_psnr_db(&sum));
    return 0;
}

static int validate(void *context, const char *path, bool final, char *text, size_t size,
                    err_t *err)
{
    static const struct {
        const char *title;
        int p;
        bool rayleigh;
        int snr_db[7], count;
    } rows[] = {{"AWGN 1/6", 2, false, {0, 5, 10, 15, 20, 25}, 6},
                {" 1/12", 1, false, {10}, 1},
                {" 1/4", 3, false, {10}, 1},
                {" 1/3", 4, false, {10, 20}, 2},
                {" Rayleigh 1/6", 2, true, {10, 20}, 2}};
    trainer_t *t = context;
    codec_t *codec = codec_open(path, err);
    int status = codec == NULL ? -1 : 0;
    text[0] = '\0';
    for (size_t r = 0; status == 0 && r < sizeof(rows) / sizeof(rows[0]); r++) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s", rows[r].title);
        for (int i = 0; status == 0 && i < rows[r].count; i++) {
            status = measure(codec, t->test, rows[r].p, rows[r].rayleigh, rows[r].snr_db[i],
                             final ? 0 : CHECK_IMAGES, text, size, err);
        }
    }
    codec_close(codec);
    return status;
}

static void describe_shape(const trainer_t *t, train_task_t *task)
{
    const char *keys[] = {"codec", "width", "encoder_blocks", "decoder_blocks", "bound"};
    const char *values[] = {"image32", options_text(t->options, "codec.width"),
                            options_text(t->options, "codec.encoder_blocks"),
                            options_text(t->options, "codec.decoder_blocks"),
                            options_text(t->options, "codec.bound")};
    for (int i = 0; i < 5; i++) {
        task->keys[i] = keys[i];
        task->values[i] = values[i];
    }
    task->notes = 5;
}

static int open_batches(trainer_t *t, err_t *err)
{
    const char *mix = options_string(t->options, "data.mix");
    batches_options_t data = {.main_spec = options_string(t->options, "data.train"),
                              .mix_spec = mix[0] != '\0' ? mix : NULL,
                              .mix_share = options_real(t->options, "data.mix_share"),
                              .batch = t->batch,
                              .flip = options_bool(t->options, "data.flip"),
                              .crop_pad = (int)options_int(t->options, "data.crop_pad"),
                              .seed = seed_of(t)};
    t->batches = batches_create(&data, err);
    return t->batches == NULL ? -1 : 0;
}

static int open_crops(trainer_t *t, err_t *err)
{
    crops_options_t data = {.spec = options_string(t->options, "data.train"),
                            .side = t->side,
                            .flip = options_bool(t->options, "data.flip"),
                            .seed = seed_of(t)};
    if (t->side % CODEC_STRIDE != 0) {
        return err_set(err, ERR_ARGUMENT, "codec.crop = %d is no multiple of %d", t->side,
                       CODEC_STRIDE);
    }
    t->crops = crops_create(&data, err);
    return t->crops == NULL ? -1 : 0;
}

static int prepare(trainer_t *t, err_t *err)
{
    const char *test = options_string(t->options, "data.test");
    int crop = (int)options_int(t->options, "codec.crop");
    t->side = crop > 0 ? crop : BATCHES_SIDE;
    t->places = t->side / CODEC_STRIDE * (t->side / CODEC_STRIDE);
    if ((crop > 0 ? open_crops(t, err) : open_batches(t, err)) < 0) {
        return -1;
    }
    if (test[0] != '\0' && (t->test = dataset_open(test, err)) == NULL) {
        return -1;
    }
    t->params = params_create(seed_of(t), err);
    if (t->params == NULL) {
        return -1;
    }
    t->workers = workers_create((int)options_int(t->options, "train.workers"), t->batch, t->params,
                                build, fill, t, err);
    return t->workers == NULL ? -1 : 0;
}

/* An epoch of photos is as many cuts as there are photos. */
static int64_t steps_per_epoch(const trainer_t *t)
{
    if (t->batches != NULL) {
        return batches_per_epoch(t->batches);
    }
    int64_t steps = (int64_t)crops_photos(t->crops) / t->batch;
    return steps > 0 ? steps : 1;
}

int codec_trainer_command(const options_t *options, err_t *err)
{
    trainer_t t = {.options = options, .batch = (int)options_int(options, "train.batch")};
    t.shape = (codec_shape_t){(int)options_int(options, "codec.width"),
                              (int)options_int(options, "codec.encoder_blocks"),
                              (int)options_int(options, "codec.decoder_blocks"),
                              (float)options_real(options, "codec.bound")};
    int status = prepare(&t, err);
    if (status == 0) {
        train_task_t task = {.kind = "codec",
                             .context = &t,
                             .params = t.params,
                             .workers = t.workers,
                             .steps_per_epoch = steps_per_epoch(&t),
                             .begin = begin,
                             .describe = describe,
                             .validate = t.test != NULL ? validate : NULL};
        describe_shape(&t, &task);
        status = train_run(options, &task, err);
    }
    workers_destroy(t.workers);
    params_destroy(t.params);
    batches_destroy(t.batches);
    crops_destroy(t.crops);
    dataset_close(t.test);
    return status;
}
