/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/crops.h"

#include "images/dataset.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

static const float half_share = 0.2f;

struct crops {
    crops_options_t options;
    size_t count;
    image_t *photos;
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Mean over r x r pixels of one channel, rounded. */
static uint8_t reduced_pixel(const image_t *in, int x, int y, int channel, int r)
{
    unsigned sum = 0, area = (unsigned)(r * r);
    for (int dy = 0; dy < r; dy++) {
        const uint8_t *row =
            in->rgb + ((size_t)(y * r + dy) * (size_t)in->width + (size_t)(x * r)) * 3;
        for (int dx = 0; dx < r; dx++) {
            sum += row[3 * dx + channel];
        }
    }
    return (uint8_t)((sum + area / 2) / area);
}

static int keep(image_t *photo, const image_t *in, err_t *err)
{
    int r = smaller(in->width, in->height) / CROPS_SHORT_SIDE;
    r = r > 1 ? r : 1;
    if (image_resize(photo, in->width / r, in->height / r, err) < 0) {
        return -1;
    }
    uint8_t *out = photo->rgb;
    for (int y = 0; y < photo->height; y++) {
        for (int x = 0; x < photo->width; x++) {
            for (int c = 0; c < 3; c++) {
                *out++ = reduced_pixel(in, x, y, c, r);
            }
        }
    }
    return 0;
}

static int read_photos(crops_t *crops, const dataset_t *set, err_t *err)
{
    image_t in = IMAGE_EMPTY;
    int status = 0, side = crops->options.side;
    for (size_t i = 0; i < crops->count && status == 0; i++) {
        status = dataset_get(set, i, &in, NULL, err);
        if (status == 0 && (in.width < side || in.height < side)) {
            status = err_set(err, ERR_ARGUMENT,
                             "data set %s: picture %zu is %d x %d, smaller than a crop of %d",
                             dataset_name(set), i, in.width, in.height, side);
        }
        status = status == 0 ? keep(&crops->photos[i], &in, err) : status;
    }
    image_free(&in);
    return status;
}

crops_t *crops_create(const crops_options_t *options, err_t *err)
{
    dataset_t *set = dataset_open(options->spec, err);
    if (set == NULL) {
        return NULL;
    }
    crops_t *crops = calloc(1, sizeof(*crops));
    if (crops == NULL) {
        err_set(err, ERR_MEMORY, "no memory for crops");
        dataset_close(set);
        return NULL;
    }
    crops->options = *options;
    crops->count = dataset_count(set);
    crops->photos = calloc(crops->count, sizeof(*crops->photos));
    int status = crops->photos == NULL
                     ? err_set(err, ERR_MEMORY, "no memory for %zu photos", crops->count)
                     : read_photos(crops, set, err);
    dataset_close(set);
    if (status < 0) {
        crops_destroy(crops);
        return NULL;
    }
    return crops;
}

void crops_destroy(crops_t *crops)
{
    if (crops == NULL) {
        return;
    }
    for (size_t i = 0; crops->photos != NULL && i < crops->count; i++) {
        image_free(&crops->photos[i]);
    }
    free(crops->photos);
    free(crops);
}

size_t crops_photos(const crops_t *crops)
{
    return crops->count;
}

static void cut(const image_t *photo, int left, int top, int side, int r, bool flip, float *out)
{
    const float scale = 1.0f / (255.0f * (float)(r * r));
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
            int from = left + (flip ? side - 1 - x : x) * r;
            for (int c = 0; c < 3; c++) {
                unsigned sum = 0;
                for (int k = 0; k < r * r; k++) {
                    size_t row = (size_t)(top + y * r + k / r);
                    sum += photo->rgb[(row * (size_t)photo->width + (size_t)(from + k % r)) * 3 +
                                      (size_t)c];
                }
                *out++ = (float)sum * scale;
            }
        }
    }
}

void crops_fill(const crops_t *crops, int64_t step, int first, int count, float *out)
{
    int side = crops->options.side;
    for (int n = 0; n < count; n++) {
        rng_t rng;
        rng_seed(&rng, crops->options.seed,
                 (uint64_t)step * CROPS_BATCH_MAX + (uint64_t)(first + n));
        const image_t *photo = &crops->photos[rng_below(&rng, (uint32_t)crops->count)];
        int r = rng_uniform(&rng) < half_share ? 2 : 1;
        r = smaller(photo->width, photo->height) >= r * side ? r : 1;
        int left = (int)rng_below(&rng, (uint32_t)(photo->width - r * side + 1));
        int top = (int)rng_below(&rng, (uint32_t)(photo->height - r * side + 1));
        bool flip = crops->options.flip && rng_below(&rng, 2) == 1;
        cut(photo, left, top, side, r, flip, out + (size_t)n * (size_t)(side * side) * 3);
    }
}
