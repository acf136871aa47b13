/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both sets are held in memory as bytes; a batch is converted as it is drawn. */
#include "train/batches.h"

#include "rng.h"

#include <stdlib.h>
#include <string.h>

enum { PICTURE_BYTES = BATCHES_SIDE * BATCHES_SIDE * 3 };

/* Streams of the seed: one per picture of each step, and one per epoch far above them. */
#define EPOCH_STREAM (UINT64_C(1) << 48)

typedef struct {
    size_t count;
    uint8_t *pixels; /* [count][32][32][3] */
    int *labels;
} pool_t;

struct batches {
    batches_options_t options;
    pool_t main, mix;
    uint32_t *order; /* of the epoch `ordered` */
    int64_t ordered;
};

static int pool_read(pool_t *pool, const dataset_t *set, err_t *err)
{
    image_t picture = IMAGE_EMPTY;
    int status = 0;
    for (size_t i = 0; i < pool->count && status == 0; i++) {
        status = dataset_get(set, i, &picture, &pool->labels[i], err);
        if (status == 0 && (picture.width != BATCHES_SIDE || picture.height != BATCHES_SIDE)) {
            status = err_set(err, ERR_ARGUMENT, "data set %s: picture %zu is %d x %d, not 32 x 32",
                             dataset_name(set), i, picture.width, picture.height);
        }
        if (status == 0) {
            memcpy(pool->pixels + i * PICTURE_BYTES, picture.rgb, PICTURE_BYTES);
        }
    }
    image_free(&picture);
    return status;
}

static int pool_open(pool_t *pool, const char *spec, err_t *err)
{
    dataset_t *set = dataset_open(spec, err);
    if (set == NULL) {
        return -1;
    }
    pool->count = dataset_count(set);
    pool->pixels = malloc(pool->count * PICTURE_BYTES);
    pool->labels = calloc(pool->count, sizeof(*pool->labels));
    int status = pool->pixels == NULL || pool->labels == NULL
                     ? err_set(err, ERR_MEMORY, "no memory for %zu pictures", pool->count)
                     : pool_read(pool, set, err);
    dataset_close(set);
    return status;
}

static int open_pools(batches_t *batches, err_t *err)
{
    const batches_options_t *options = &batches->options;
    if (pool_open(&batches->main, options->main_spec, err) < 0) {
        return -1;
    }
    if (options->mix_spec != NULL && pool_open(&batches->mix, options->mix_spec, err) < 0) {
        return -1;
    }
    if (batches->main.count < (size_t)options->batch) {
        return err_set(err, ERR_ARGUMENT, "%s has %zu pictures, fewer than a batch of %d",
                       options->main_spec, batches->main.count, options->batch);
    }
    batches->order = malloc(batches->main.count * sizeof(*batches->order));
    return batches->order == NULL ? err_set(err, ERR_MEMORY, "no memory for a shuffle") : 0;
}

batches_t *batches_create(const batches_options_t *options, err_t *err)
{
    batches_t *batches = calloc(1, sizeof(*batches));
    if (batches == NULL) {
        err_set(err, ERR_MEMORY, "no memory for batches");
        return NULL;
    }
    batches->options = *options;
    batches->ordered = -1;
    if (open_pools(batches, err) < 0) {
        batches_destroy(batches);
        return NULL;
    }
    return batches;
}

void batches_destroy(batches_t *batches)
{
    if (batches == NULL) {
        return;
    }
    free(batches->main.pixels);
    free(batches->main.labels);
    free(batches->mix.pixels);
    free(batches->mix.labels);
    free(batches->order);
    free(batches);
}

int64_t batches_per_epoch(const batches_t *batches)
{
    return (int64_t)batches->main.count / batches->options.batch;
}

static void shuffle(batches_t *batches, int64_t epoch)
{
    rng_t rng;
    rng_seed(&rng, batches->options.seed, EPOCH_STREAM + (uint64_t)epoch);
    uint32_t count = (uint32_t)batches->main.count;
    for (uint32_t i = 0; i < count; i++) {
        batches->order[i] = i;
    }
    for (uint32_t i = count - 1; i > 0; i--) {
        uint32_t j = rng_below(&rng, i + 1), kept = batches->order[i];
        batches->order[i] = batches->order[j];
        batches->order[j] = kept;
    }
    batches->ordered = epoch;
}

/* Mirrors an index that left 0 .. 31: -1 -> 1, 32 -> 30. */
static int reflect(int index)
{
    index = index < 0 ? -index : index;
    return index < BATCHES_SIDE ? index : 2 * (BATCHES_SIDE - 1) - index;
}

static void augment(const uint8_t *in, bool flip, int dx, int dy, float *out)
{
    for (int y = 0; y < BATCHES_SIDE; y++) {
        const uint8_t *row = in + reflect(y + dy) * BATCHES_SIDE * 3;
        for (int x = 0; x < BATCHES_SIDE; x++) {
            const uint8_t *pixel = row + reflect((flip ? BATCHES_SIDE - 1 - x : x) + dx) * 3;
            for (int c = 0; c < 3; c++) {
                *out++ = (float)pixel[c] * (1.0f / 255.0f);
            }
        }
    }
}

static int shift_of(rng_t *rng, int pad)
{
    return pad == 0 ? 0 : (int)rng_below(rng, 2 * (uint32_t)pad + 1) - pad;
}

void batches_begin(batches_t *batches, int64_t step)
{
    int64_t epoch = step / batches_per_epoch(batches);
    if (batches->ordered != epoch) {
        shuffle(batches, epoch);
    }
}

typedef struct {
    const pool_t *pool;
    size_t index;
    bool flip;
    int dx, dy;
} view_t;

/* What picture n of a step's batch shows. */
static view_t draw_view(const batches_t *batches, int64_t step, int n)
{
    const batches_options_t *options = &batches->options;
    int64_t at = step % batches_per_epoch(batches) * options->batch + n;
    view_t view = {.pool = &batches->main, .index = batches->order[at]};
    rng_t rng;
    rng_seed(&rng, options->seed, (uint64_t)step * BATCHES_PICTURES_MAX + (uint64_t)n);
    if (batches->mix.count > 0 && (double)rng_uniform(&rng) < options->mix_share) {
        view.pool = &batches->mix;
        view.index = rng_below(&rng, (uint32_t)view.pool->count);
    }
    view.flip = options->flip && rng_below(&rng, 2) == 1;
    view.dx = shift_of(&rng, options->crop_pad);
    view.dy = shift_of(&rng, options->crop_pad);
    return view;
}

void batches_fill(const batches_t *batches, int64_t step, int first, int count, float *pictures,
                  float *labels)
{
    for (int n = 0; n < count; n++) {
        view_t view = draw_view(batches, step, first + n);
        augment(view.pool->pixels + view.index * PICTURE_BYTES, view.flip, view.dx, view.dy,
                pictures + (size_t)n * PICTURE_BYTES);
        if (labels != NULL) {
            labels[n] = (float)view.pool->labels[view.index];
        }
    }
}

void batches_views(const batches_t *batches, int64_t step, int first, int count, int64_t *views)
{
    for (int n = 0; n < count; n++) {
        view_t view = draw_view(batches, step, first + n);
        views[n] = view.pool == &batches->main ? 2 * (int64_t)view.index + view.flip : -1;
    }
}

size_t batches_count(const batches_t *batches)
{
    return batches->main.count;
}

int batches_label(const batches_t *batches, size_t index)
{
    return batches->main.labels[index];
}
