/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The search: for each variant the highest level that fits, by bisection (sizes rise with
 * the level but for a few bytes); of those the one whose picture, decoded as the receiver will,
 * has the least squared error.
 */
#include "stills/still.h"

#include "quality/quality.h"
#include "stills/still_kind.h"

#include <stdlib.h>
#include <string.h>

static const still_kind_ops_t *const kinds[STILL_KINDS] = {&still_jpeg, &still_webp, &still_avif};

struct still {
    const still_kind_ops_t *ops;
    void *state;
    size_t budget, rgb_bytes;
    uint8_t *trial; /* [budget] a stream under test */
    uint8_t *fit;   /* [budget] the best of the variant */
    uint8_t *shown; /* [rgb_bytes] what it decodes to */
};

const char *still_name(still_kind_t kind)
{
    return kinds[kind]->name;
}

int still_find(const char *name)
{
    for (int kind = 0; kind < STILL_KINDS; kind++) {
        if (strcmp(kinds[kind]->name, name) == 0) {
            return kind;
        }
    }
    return -1;
}

static int check(int width, int height, size_t budget, err_t *err)
{
    if (width < 1 || height < 1 || width > STILL_SIDE_MAX || height > STILL_SIDE_MAX) {
        return err_set(err, ERR_ARGUMENT, "a still of %dx%d pixels is not within 1 … %d a side",
                       width, height, STILL_SIDE_MAX);
    }
    if (budget < 1 || budget > STILL_BUDGET_MAX) {
        return err_set(err, ERR_ARGUMENT, "a still's budget of %zu bytes is not in 1 … %d", budget,
                       STILL_BUDGET_MAX);
    }
    return 0;
}

still_t *still_create(still_kind_t kind, int width, int height, size_t budget, err_t *err)
{
    if (check(width, height, budget, err) != 0) {
        return NULL;
    }
    still_t *still = calloc(1, sizeof *still);
    if (still == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a still");
        return NULL;
    }
    still->ops = kinds[kind];
    still->budget = budget;
    still->rgb_bytes = 3 * (size_t)width * (size_t)height;
    still->trial = malloc(budget);
    still->fit = malloc(budget);
    still->shown = malloc(still->rgb_bytes);
    if (still->trial == NULL || still->fit == NULL || still->shown == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a still of %dx%d pixels", width, height);
    } else {
        still->state = still->ops->open(width, height, budget, err);
    }
    if (still->state == NULL) {
        still_destroy(still);
        return NULL;
    }
    return still;
}

void still_destroy(still_t *still)
{
    if (still == NULL) {
        return;
    }
    still->ops->close(still->state);
    free(still->trial);
    free(still->fit);
    free(still->shown);
    free(still);
}

size_t still_budget(const still_t *still)
{
    return still->budget;
}

/* The highest level of the variant that fits goes into `fit`; false: none does. */
static bool search(still_t *still, const uint8_t *rgb, int variant)
{
    int low = 0, high = still->ops->levels; /* below `low` all fit, from `high` on none */
    bool found = false;
    while (low < high) {
        int level = (low + high) / 2;
        size_t size = still->ops->compress(still->state, rgb, variant, level, still->trial);
        if (size == 0) {
            high = level;
            continue;
        }
        memset(still->trial + size, 0, still->budget - size);
        uint8_t *swap = still->fit;
        still->fit = still->trial;
        still->trial = swap;
        found = true;
        low = level + 1;
    }
    return found;
}

still_outcome_t still_encode(still_t *still, const uint8_t *rgb, uint8_t *bytes)
{
    double least = -1.0;
    memset(bytes, 0, still->budget);
    for (int variant = 0; variant < still->ops->variants(still->state); variant++) {
        if (!search(still, rgb, variant) ||
            !still->ops->expand(still->state, still->fit, still->shown)) {
            continue;
        }
        double mse = quality_mse(rgb, still->shown, still->rgb_bytes);
        if (least < 0.0 || mse < least) {
            least = mse;
            memcpy(bytes, still->fit, still->budget);
        }
    }
    return least < 0.0 ? STILL_OVER_BUDGET : STILL_SENT;
}

bool still_decode(still_t *still, const uint8_t *bytes, uint8_t *rgb)
{
    return still->ops->expand(still->state, bytes, rgb);
}

void still_mean_colour(const uint8_t *rgb, size_t pixels, uint8_t *out)
{
    uint64_t sum[3] = {0, 0, 0};
    for (size_t i = 0; i < 3 * pixels; i++) {
        sum[i % 3] += rgb[i];
    }
    for (size_t i = 0; i < 3 * pixels; i++) {
        out[i] = (uint8_t)((sum[i % 3] + pixels / 2) / pixels);
    }
}
