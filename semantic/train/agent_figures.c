/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Losses on crops of data.test, COLUMNS x ROWS of them from each photo, evenly spaced; what becomes
 * of crop k of photo i depends on i and k alone, so lines of different runs compare pictures with
 * the same noise.  One line a photo and level (the highest one only, before the end), numbers with
 * their names:
 *
 *     step, task, method, level, photo
 *     bytes             traffic of this level or method
 *     flop              spent on training so far (agent_method.c)
 *     loss, mse, features          J and its parts between the result and the target: the expert's
 *                                  result, or the clean picture where there is no expert
 *     before, before_mse           the same of agent.init, nothing aligned; 0 before the end
 *     clean, expert_clean, before_clean   squared error against the clean picture
 */
#include "train/agent_task.h"

#include "images/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 4, ROWS = 3, CROPS = COLUMNS * ROWS };
/* The picture: crop SHOWN_CROP of the first photos, each pixel ZOOM x ZOOM. */
enum { SHOWN_PHOTOS = 3, SHOWN_CROP = 5, ZOOM = 2, GAP = 4, TILES = 6 };
/* Its columns. */
enum { TILE_INPUT, TILE_BEFORE, TILE_FIRST, TILE_TOP, TILE_TARGET, TILE_CLEAN };

#define TEST_STREAM (UINT64_C(4) << 50)

typedef struct {
    agent_task_t *task;
    params_t *base;
    agent_network_t student, before, expert; /* graph NULL: there is none */
    perceptual_t *perceptual;
    size_t count; /* floats of a photo's crops */
    float *clean, *shown, *target, *before_result;
    FILE *out;       /* NULL: only the sums are wanted */
    bool top_only;   /* the highest level */
    image_t picture; /* empty: none is wanted */
    int64_t step;
    double sum_loss, sum_mse; /* of the highest level, over the photos */
} figures_t;

static double squared_error(const float *a, const float *b, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)((a[i] - b[i]) * (a[i] - b[i]));
    }
    return sum / (double)count;
}

static const float *run(const figures_t *f, agent_network_t *network)
{
    memcpy(graph_data(network->graph, network->image), f->shown, f->count * sizeof(float));
    graph_forward(network->graph);
    return graph_data(network->graph, network->picture);
}

static double loss(figures_t *f, const float *picture, double *mse, double *features)
{
    *mse = squared_error(picture, f->target, f->count);
    *features = f->perceptual != NULL
                    ? perceptual_distance(f->perceptual, picture, f->target, NULL, NULL)
                    : 0.0;
    return *mse + (double)f->task->feature_weight * *features;
}

static int create(figures_t *f, err_t *err)
{
    agent_task_t *task = f->task;
    const char *init = options_string(task->options, "agent.init");
    f->count = (size_t)CROPS * (size_t)task->side * (size_t)task->side * 3;
    float **arrays[] = {&f->clean, &f->shown, &f->target, &f->before_result};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        if ((*arrays[i] = calloc(f->count, sizeof(float))) == NULL) {
            return err_set(err, ERR_MEMORY, "no memory for test crops");
        }
    }
    if (init[0] != '\0' && ((f->base = params_open(init, err)) == NULL ||
                            agent_network_create(&f->before, task, f->base, GRAPH_INFER, CROPS,
                                                 task->side, false, err) < 0)) {
        return -1;
    }
    if (task->expert_params != NULL &&
        agent_network_create(&f->expert, task, task->expert_params, GRAPH_INFER, CROPS, task->side,
                             false, err) < 0) {
        return -1;
    }
    if (task->feature_weight > 0.0f &&
        (f->perceptual = perceptual_create(options_string(task->options, "agent.features"),
                                           task->side, CROPS, false, err)) == NULL) {
        return -1;
    }
    return agent_network_create(&f->student, task, task->params, GRAPH_INFER, CROPS, task->side,
                                false, err);
}

static void destroy(figures_t *f)
{
    graph_destroy(f->student.graph);
    graph_destroy(f->before.graph);
    graph_destroy(f->expert.graph);
    perceptual_destroy(f->perceptual);
    params_destroy(f->base);
    free(f->clean);
    free(f->shown);
    free(f->target);
    free(f->before_result);
    image_free(&f->picture);
}

/* ---- the picture ------------------------------------------------------------------ */

static int start_picture(figures_t *f, err_t *err)
{
    int tile = ZOOM * f->task->side + GAP;
    if (options_string(f->task->options, "agent.picture")[0] == '\0') {
        return 0;
    }
    if (image_resize(&f->picture, TILES * tile - GAP, SHOWN_PHOTOS * tile - GAP, err) < 0) {
        return -1;
    }
    memset(f->picture.rgb, 255, image_bytes(&f->picture));
    return 0;
}

/* `crops`: of a photo, as the networks take and give them. */
static void show(figures_t *f, size_t photo, int column, const float *crops)
{
    int side = f->task->side, tile = ZOOM * side + GAP;
    if (f->picture.rgb == NULL || photo >= SHOWN_PHOTOS) {
        return;
    }
    const float *crop = crops + (size_t)SHOWN_CROP * f->count / CROPS;
    for (int y = 0; y < ZOOM * side; y++) {
        size_t row = photo * (size_t)tile + (size_t)y;
        uint8_t *out =
            f->picture.rgb + (row * (size_t)f->picture.width + (size_t)(column * tile)) * 3;
        for (int x = 0; x < ZOOM * side * 3; x++) {
            float value = crop[(y / ZOOM * side + x / 3 / ZOOM) * 3 + x % 3];
            out[x] = (uint8_t)(255.0f * fminf(fmaxf(value, 0.0f), 1.0f) + 0.5f);
        }
    }
}

static int cut(figures_t *f, const image_t *photo, uint64_t index, err_t *err)
{
    int side = f->task->side;
    size_t each = f->count / CROPS;
    if (photo->width < side || photo->height < side) {
        return err_set(err, ERR_ARGUMENT, "data.test has a picture of %d x %d, smaller than a crop",
                       photo->width, photo->height);
    }
    for (int k = 0; k < CROPS; k++) {
        int left = (photo->width - side) * (k % COLUMNS) / (COLUMNS - 1);
        int top = (photo->height - side) * (k / COLUMNS) / (ROWS - 1);
        float *out = f->clean + (size_t)k * each;
        for (int y = 0; y < side; y++) {
            const uint8_t *row =
                photo->rgb + ((size_t)(top + y) * (size_t)photo->width + (size_t)left) * 3;
            for (int x = 0; x < 3 * side; x++) {
                *out++ = (float)row[x] * (1.0f / 255.0f);
            }
        }
        rng_t rng;
        rng_seed(&rng, 1, TEST_STREAM + index * CROPS + (uint64_t)k);
        agent_job_apply(f->task->job, side, f->clean + (size_t)k * each,
                        f->shown + (size_t)k * each, &rng);
    }
    return 0;
}

static int top_level(const agent_task_t *task)
{
    return task->levels != NULL ? (int)options_int(task->options, "agent.levels") : 0;
}

static void measure_level(figures_t *f, size_t photo, int level)
{
    agent_task_t *task = f->task;
    const options_t *o = task->options;
    double before = 0.0, before_mse = 0.0, before_clean = 0.0, mse, features, none;
    if (f->before.graph != NULL) {
        before = loss(f, f->before_result, &before_mse, &none);
        before_clean = squared_error(f->before_result, f->clean, f->count);
    }
    agent_method_merge(task, level);
    const float *result = run(f, &f->student);
    double now = loss(f, result, &mse, &features);
    if (level <= 1) {
        show(f, photo, TILE_FIRST, result);
    }
    if (level == top_level(task)) {
        show(f, photo, TILE_TOP, result);
    }
    f->sum_loss += level == top_level(task) ? now : 0.0;
    f->sum_mse += level == top_level(task) ? mse : 0.0;
    if (f->out == NULL) {
        return;
    }
    double bytes = task->levels != NULL ? 2.0 * (double)lora_levels_size(task->levels, level)
                                        : task->traffic_bytes;
    fprintf(f->out,
            "step=%lld task=%s method=%s level=%d photo=%zu bytes=%.0f units=%.3f flop=%.4g "
            "loss=%.6g mse=%.6g features=%.6g before=%.6g before_mse=%.6g clean=%.6g "
            "expert_clean=%.6g before_clean=%.6g\n",
            (long long)f->step, options_text(o, "agent.task"), options_text(o, "agent.method"),
            level, photo, bytes, task->unit_bytes > 0.0 ? bytes / task->unit_bytes : 0.0,
            agent_method_flop(task) * (double)f->step, now, mse, features, before, before_mse,
            squared_error(result, f->clean, f->count), squared_error(f->target, f->clean, f->count),
            before_clean);
}

static int measure(figures_t *f, const dataset_t *set, err_t *err)
{
    image_t photo = IMAGE_EMPTY;
    int status = 0;
    int levels = top_level(f->task);
    for (size_t i = 0; status == 0 && i < dataset_count(set); i++) {
        if (dataset_get(set, i, &photo, NULL, err) < 0 || cut(f, &photo, i, err) < 0) {
            status = -1;
            break;
        }
        memcpy(f->target, f->expert.graph != NULL ? run(f, &f->expert) : f->clean,
               f->count * sizeof(float));
        if (f->before.graph != NULL) {
            memcpy(f->before_result, run(f, &f->before), f->count * sizeof(float));
        }
        show(f, i, TILE_INPUT, f->shown);
        show(f, i, TILE_TARGET, f->target);
        show(f, i, TILE_CLEAN, f->clean);
        if (f->before.graph != NULL) {
            show(f, i, TILE_BEFORE, f->before_result);
        }
        for (int level = levels > 0 && !f->top_only ? 1 : levels; level <= levels; level++) {
            measure_level(f, i, level);
        }
    }
    image_free(&photo);
    return status;
}

int agent_figures(agent_task_t *task, int64_t step, bool final, err_t *err)
{
    const char *path = options_string(task->options, "agent.table");
    if (path[0] == '\0') {
        return 0;
    }
    figures_t f = {.task = task, .step = step, .top_only = !final};
    dataset_t *set = dataset_open(options_string(task->options, "data.test"), err);
    int status = set == NULL || create(&f, err) < 0 ? -1 : 0;
    if (status == 0 && (f.out = fopen(path, "a")) == NULL) {
        status = err_set(err, ERR_IO, "%s: cannot be written", path);
    }
    if (status == 0 && final) {
        status = start_picture(&f, err);
    }
    status = status == 0 ? measure(&f, set, err) : status;
    if (status == 0 && f.picture.rgb != NULL) {
        status = image_save_png(options_string(task->options, "agent.picture"), &f.picture, err);
    }
    if (f.out != NULL && fclose(f.out) != 0 && status == 0) {
        status = err_set(err, ERR_IO, "%s: cannot be written", path);
    }
    dataset_close(set);
    destroy(&f);
    return status;
}

int agent_validate(void *context, const char *path, bool final, char *text, size_t size, err_t *err)
{
    figures_t f = {.task = context, .top_only = true};
    dataset_t *set = dataset_open(options_string(f.task->options, "data.test"), err);
    int status = set == NULL || create(&f, err) < 0 ? -1 : measure(&f, set, err);
    (void)path;
    (void) final;
    if (status == 0) {
        double photos = (double)dataset_count(set);
        snprintf(text, size, "loss %.6f PSNR %.2f dB over %d crops of %zu photos",
                 f.sum_loss / photos, -10.0 * log10(f.sum_mse / photos), CROPS * (int)photos,
                 dataset_count(set));
    }
    dataset_close(set);
    destroy(&f);
    return status;
}
