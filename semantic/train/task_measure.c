/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/task_measure.h"

#include "train/fading.h"

#include "clock.h"
#include "rng.h"
#include "nn/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32, PIXELS = TASK_SIDE * TASK_SIDE * 3, SYMBOLS_MAX = 256 };

typedef struct {
    uint8_t rgb[BATCH * PIXELS];
    float labels[BATCH];
    int count;
} block_t;

static int read_block(const dataset_t *set, size_t first, size_t end, image_t *picture,
                      block_t *block, err_t *err)
{
    block->count = 0;
    for (size_t i = first; i < end && block->count < BATCH; i++) {
        int label;
        if (dataset_get(set, i, picture, &label, err) < 0) {
            return -1;
        }
        if (picture->width != TASK_SIDE || picture->height != TASK_SIDE || label < 0) {
            return err_set(err, ERR_ARGUMENT, "%s: picture %zu is not 32 x 32 with a class",
                           dataset_name(set), i);
        }
        memcpy(block->rgb + block->count * PIXELS, picture->rgb, PIXELS);
        block->labels[block->count++] = (float)label;
    }
    return 0;
}

static size_t images_of(const dataset_t *set, size_t wanted)
{
    return wanted > 0 && wanted < dataset_count(set) ? wanted : dataset_count(set);
}

int task_measure_right(const float *logits, const float *labels, int count, int classes)
{
    int right = 0;
    for (int n = 0; n < count; n++) {
        right += vector_argmax(logits + n * classes, classes) == (int)labels[n];
    }
    return right;
}

/* ---- without a channel -------------------------------------------------------- */

static int run_encoder(graph_t *graph, node_t picture, node_t logits, int classes,
                       const dataset_t *set, size_t images, task_result_t *result, err_t *err)
{
    static _Thread_local block_t block;
    image_t image = IMAGE_EMPTY;
    int status = 0;
    *result = (task_result_t){.images = images_of(set, images)};
    for (size_t i = 0; status == 0 && i < result->images; i += BATCH) {
        status = read_block(set, i, result->images, &image, &block, err);
        for (int p = 0; status == 0 && p < block.count * PIXELS; p++) {
            graph_data(graph, picture)[p] = (float)block.rgb[p] * (1.0f / 255.0f);
        }
        if (status == 0) {
            graph_forward(graph);
            result->right += (size_t)task_measure_right(graph_data(graph, logits), block.labels,
                                                        block.count, classes);
        }
    }
    image_free(&image);
    return status;
}

int task_measure_encoder(const char *path, const task_shape_t *shape, const dataset_t *set,
                         size_t images, task_result_t *result, err_t *err)
{
    params_t *params = params_open(path, err);
    graph_t *graph = params == NULL ? NULL : graph_create(params, GRAPH_INFER, BATCH, 1, err);
    int status = -1;
    if (graph != NULL) {
        node_t picture = graph_input(graph, TASK_SIDE, TASK_SIDE, 3);
        node_t logits = task_net_head(graph, task_net_encoder(graph, picture, shape), shape);
        status = graph_finish(graph, err) < 0 ? -1
                                              : run_encoder(graph, picture, logits, shape->classes,
                                                            set, images, result, err);
    }
    graph_destroy(graph);
    params_destroy(params);
    return status;
}

/* ---- through a channel ---------------------------------------------------------- */

/* s becomes s_hat; picture number `index` always sees the same noise and fading. */
static void transmit(const task_point_t *point, size_t index, float complex *s, float *noise_var,
                     size_t symbols, double *power)
{
    float complex h[FADING_CARRIERS], noise[SYMBOLS_MAX];
    float n0 = (float)pow(10.0, -point->snr_db / 10.0);
    rng_t rng;
    rng_seed(&rng, point->seed, index);
    if (point->rayleigh) {
        fading_draw(&rng, point->delay_spread_s, h);
    }
    rng_complex_normal(&rng, n0, noise, symbols);
    for (size_t k = 0; k < symbols; k++) {
        float complex gain = point->rayleigh ? h[k % FADING_CARRIERS] : 1.0f;
        float gain2 = crealf(gain) * crealf(gain) + cimagf(gain) * cimagf(gain);
        *power += (double)(crealf(s[k]) * crealf(s[k]) + cimagf(s[k]) * cimagf(s[k]));
        s[k] = conjf(gain) * (gain * s[k] + noise[k]) / (gain2 + n0);
        noise_var[k] = n0 / (gain2 + n0);
    }
}

static int measure_block(codec_t *codec, const block_t *block, size_t first,
                         const task_point_t *point, int mode, task_result_t *result, err_t *err)
{
    static _Thread_local float complex symbols[BATCH * SYMBOLS_MAX];
    static _Thread_local float noise_var[BATCH * SYMBOLS_MAX];
    int predicted[BATCH];
    float confidence[BATCH];
    size_t each = codec_symbols(codec, TASK_SIDE, TASK_SIDE, mode);
    if (codec_encode_batch(codec, block->count, block->rgb, TASK_SIDE, TASK_SIDE, mode, symbols,
                           err) < 0) {
        return -1;
    }
    for (int n = 0; n < block->count; n++) {
        size_t at = (size_t)n * each;
        transmit(point, first + (size_t)n, symbols + at, noise_var + at, each, &result->power);
    }
    if (codec_classify_batch(codec, block->count, symbols, noise_var, TASK_SIDE, TASK_SIDE, mode,
                             predicted, confidence, err) < 0) {
        return -1;
    }
    for (int n = 0; n < block->count; n++) {
        result->right += predicted[n] == (int)block->labels[n];
        result->confidence += (double)confidence[n];
    }
    return 0;
}

int task_measure_point(codec_t *codec, const dataset_t *set, const task_point_t *point,
                       task_result_t *result, err_t *err)
{
    static _Thread_local block_t block;
    int mode = codec_mode(codec, 1, point->snr_db), status = 0;
    size_t each = codec_symbols(codec, TASK_SIDE, TASK_SIDE, mode);
    if (codec_classes(codec) == 0 || each > SYMBOLS_MAX) {
        return err_set(err, ERR_ARGUMENT, "codec %s: not a task codec of up to %d symbols",
                       codec_name(codec), SYMBOLS_MAX);
    }
    image_t image = IMAGE_EMPTY;
    *result = (task_result_t){.images = images_of(set, point->images)};
    for (size_t i = 0; status == 0 && i < result->images; i += BATCH) {
        status = read_block(set, i, result->images, &image, &block, err);
        status = status == 0 ? measure_block(codec, &block, i, point, mode, result, err) : status;
    }
    image_free(&image);
    result->power /= (double)(result->images * each);
    result->confidence /= (double)result->images;
    return status;
}

/* ---- the table -------------------------------------------------------------------- */

/* Half the width of the interval that holds the true share with 95 %. */
static double half_width(const task_result_t *result)
{
    double n = (double)result->images, p = (double)result->right / n;
    return 1.96 * sqrt(p * (1.0 - p) / n);
}

static int print_table(codec_t *codec, const dataset_t *set, const options_t *options, err_t *err)
{
    enum { RAYLEIGH = 1 };
    size_t points = options_count(options, "evaluate.snr_db");
    printf("%s, %zu symbols, %d classes; %s\n", codec_name(codec),
           codec_symbols(codec, TASK_SIDE, TASK_SIDE, 1), codec_classes(codec), dataset_name(set));
    printf("%8s %9s %8s %8s %10s %8s\n", "snr_db", "accuracy", "+-95%", "right", "confidence",
           "power");
    for (size_t i = 0; i < points; i++) {
        task_result_t result;
        task_point_t point = {.snr_db = options_real_at(options, "evaluate.snr_db", i),
                              .rayleigh = options_choice(options, "evaluate.channel") == RAYLEIGH,
                              .delay_spread_s =
                                  options_real(options, "evaluate.delay_spread_ns") * 1e-9,
                              .seed = (uint64_t)options_int(options, "evaluate.seed"),
                              .images = (size_t)options_int(options, "evaluate.images")};
        if (task_measure_point(codec, set, &point, &result, err) < 0) {
            return -1;
        }
        printf("%8g %9.4f %8.4f %5zu/%-5zu %7.3f %8.3f\n", point.snr_db,
               (double)result.right / (double)result.images, half_width(&result), result.right,
               result.images, result.confidence, result.power);
        fflush(stdout);
    }
    return 0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Medians of processor time, one picture at a time. */
static int print_times(codec_t *codec, err_t *err)
{
    enum { TIMES = 201 };
    static uint8_t rgb[PIXELS];
    float complex symbols[SYMBOLS_MAX];
    float noise_var[SYMBOLS_MAX], confidence;
    double encode_s[TIMES], classify_s[TIMES];
    int predicted, mode = codec_mode(codec, 1, 10.0), status = 0;
    for (size_t k = 0; k < SYMBOLS_MAX; k++) {
        noise_var[k] = 0.1f;
    }
    for (int i = 0; i < TIMES && status == 0; i++) {
        double start = clock_thread_cpu_s();
        status = codec_encode(codec, rgb, TASK_SIDE, TASK_SIDE, mode, symbols, err);
        double middle = clock_thread_cpu_s();
        status = status < 0 ? -1
                            : codec_classify_batch(codec, 1, symbols, noise_var, TASK_SIDE,
                                                   TASK_SIDE, mode, &predicted, &confidence, err);
        encode_s[i] = middle - start;
        classify_s[i] = clock_thread_cpu_s() - middle;
    }
    qsort(encode_s, TIMES, sizeof(double), ascending);
    qsort(classify_s, TIMES, sizeof(double), ascending);
    if (status == 0) {
        printf("encode %.3f ms, classify %.3f ms, one picture, one thread, median of %d\n",
               1e3 * encode_s[TIMES / 2], 1e3 * classify_s[TIMES / 2], TIMES);
    }
    return status;
}

int task_measure_command(const options_t *options, err_t *err)
{
    codec_t *codec = codec_open(options_string(options, "evaluate.weights"), err);
    dataset_t *set =
        codec == NULL ? NULL : dataset_open(options_string(options, "evaluate.data"), err);
    int status = set == NULL ? -1 : print_table(codec, set, options, err);
    status = status == 0 ? print_times(codec, err) : status;
    dataset_close(set);
    codec_close(codec);
    return status;
}
