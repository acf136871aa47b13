/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Modes go from many bytes to few.  Fewer bytes never look better, so the search ends as
 * soon as the present picture quality, received always, could not beat the best any more.
 */
#include "digital_choice.h"

#include "digital_loss.h"
#include "digital_pipe.h"
#include "modem/modem.h"
#include "quality/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const modulation_t modulations[] = {MODULATION_QPSK, MODULATION_QAM16, MODULATION_QAM64,
                                           MODULATION_QAM256};
static const int rates[][2] = {{1, 3}, {2, 5}, {1, 2}, {3, 5}, {2, 3}, {3, 4}, {5, 6}};

enum {
    MODULATIONS = sizeof modulations / sizeof modulations[0],
    RATES = sizeof rates / sizeof rates[0],
    MODES = MODULATIONS * RATES,
};

typedef struct {
    digital_mode_t mode;
    size_t bytes; /* that a group has in it */
} entry_t;

typedef struct {
    const scheme_config_t *scheme;
    const digital_config_t *config;
    const scheme_place_t *place;
    const frame_header_t *header;
    entry_t entries[MODES];
    int count;
    digital_mode_t best;
    double best_mse;
} choice_t;

/* ---- how good pictures look ---- */

/* Calibration pictures of one size, as many as a mosaic takes. */
typedef struct {
    int pictures, width, height;
    uint8_t *rgb, *seen;
} group_t;

static void group_free(group_t *group)
{
    free(group->rgb);
    free(group->seen);
    *group = (group_t){0};
}

/* Loads pictures from `first` on, up to the first of another size: how many, or -1. */
static int group_load(const choice_t *c, size_t first, size_t end, group_t *group, err_t *err)
{
    image_t picture = IMAGE_EMPTY;
    *group = (group_t){0};
    while (group->pictures < c->config->mosaic && first + (size_t)group->pictures < end) {
        size_t index = first + (size_t)group->pictures;
        if (dataset_get(c->place->calibration, index, &picture, NULL, err) != 0) {
            break;
        }
        size_t bytes = image_bytes(&picture);
        if (group->pictures == 0) {
            group->width = picture.width;
            group->height = picture.height;
            group->rgb = malloc(bytes * (size_t)c->config->mosaic);
            group->seen = malloc(bytes * (size_t)c->config->mosaic);
            if (group->rgb == NULL || group->seen == NULL) {
                err_set(err, ERR_MEMORY, "no memory for calibration pictures");
                group_free(group);
                break;
            }
        } else if (picture.width != group->width || picture.height != group->height) {
            break;
        }
        memcpy(group->rgb + (size_t)group->pictures * bytes, picture.rgb, bytes);
        group->pictures++;
    }
    image_free(&picture);
    return group->pictures > 0 ? group->pictures : -1;
}

/* Sums of squared error over the group's pictures: by this mode, and of the mean colours. */
static int group_measure(const choice_t *c, const digital_mode_t *mode, group_t *group,
                         double *error, double *blank, err_t *err)
{
    size_t pixels = (size_t)group->width * (size_t)group->height;
    size_t symbols = (size_t)group->pictures * digital_symbols(c->scheme->rate_numerator,
                                                               c->scheme->rate_denominator,
                                                               group->width, group->height);
    digital_pipe_t *pipe =
        digital_pipe_create(mode, group->pictures, group->width, group->height, symbols, err);
    if (pipe == NULL) {
        return -1;
    }
    double blanks = 0.0;
    for (int i = 0; i < group->pictures; i++) {
        size_t at = 3 * pixels * (size_t)i;
        still_mean_colour(group->rgb + at, pixels, group->seen + at);
        blanks += quality_mse(group->rgb + at, group->seen + at, 3 * pixels);
    }
    size_t bytes = 3 * pixels * (size_t)group->pictures;
    *blank += blanks;
    *error += digital_pipe_squeeze(pipe, group->rgb, group->seen)
                  ? quality_mse(group->rgb, group->seen, bytes) * group->pictures
                  : blanks;
    digital_pipe_destroy(pipe);
    return 0;
}

/* Mean squared errors over the calibration pictures. */
static int picture_error(const choice_t *c, const digital_mode_t *mode, double *error,
                         double *blank, err_t *err)
{
    size_t count = dataset_count(c->place->calibration), at = 0;
    size_t end = (size_t)c->config->calibration_images;
    end = end < count ? end : count;
    *error = *blank = 0.0;
    while (at < end) {
        group_t group;
        int pictures = group_load(c, at, end, &group, err);
        int status = pictures > 0 ? group_measure(c, mode, &group, error, blank, err) : -1;
        group_free(&group);
        if (status != 0) {
            return -1;
        }
        at += (size_t)pictures;
    }
    *error /= (double)end;
    *blank /= (double)end;
    return 0;
}

/* ---- which modes there are ---- */

static int by_bytes(const void *a, const void *b)
{
    const entry_t *x = a, *y = b;
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? 1 : -1;
    }
    /* As many bytes: the smaller modulation first, whatever qsort does. */
    return (int)x->mode.modulation - (int)y->mode.modulation;
}

static void add(choice_t *c, digital_mode_t mode)
{
    size_t symbols = (size_t)c->config->mosaic * c->header->symbols;
    size_t bytes = modem_payload_bytes(mode.modulation, symbols, digital_code_rate(&mode));
    if (bytes > 0) {
        c->entries[c->count++] = (entry_t){.mode = mode, .bytes = bytes};
    }
}

static void list(choice_t *c)
{
    digital_mode_t mode = c->config->mode;
    for (int i = 0; c->config->best_mcs && i < MODES; i++) {
        mode.modulation = modulations[i / RATES];
        mode.rate_numerator = rates[i % RATES][0];
        mode.rate_denominator = rates[i % RATES][1];
        add(c, mode);
    }
    if (!c->config->best_mcs) {
        add(c, mode);
    }
    qsort(c->entries, (size_t)c->count, sizeof c->entries[0], by_bytes);
}

/* ---- the search ---- */

/* All formats that are open, at one modulation and code rate; *floor_mse: had nothing been lost. */
static int weigh(choice_t *c, digital_mode_t mode, const digital_count_t *loss, double *floor_mse,
                 err_t *err)
{
    double p = (loss->lost + 0.5) / (loss->sent + 1.0);
    double never = 0.5 / (loss->sent + 1.0);
    int first = c->config->best_source ? 0 : (int)mode.source;
    int last = c->config->best_source ? STILL_KINDS - 1 : first;
    *floor_mse = HUGE_VAL;
    for (int source = first; source <= last; source++) {
        double error, blank;
        mode.source = (still_kind_t)source;
        if (picture_error(c, &mode, &error, &blank, err) != 0) {
            return -1;
        }
        double mse = (1.0 - p) * error + p * blank;
        if (mse < c->best_mse) {
            c->best_mse = mse;
            c->best = mode;
        }
        *floor_mse = fmin(*floor_mse, error + never * (blank - error));
    }
    return 0;
}

static int search(choice_t *c, digital_loss_t *air, err_t *err)
{
    double floor_mse = 0.0;
    c->best_mse = HUGE_VAL;
    for (int i = 0; i < c->count && floor_mse < c->best_mse; i++) {
        digital_count_t loss;
        if (digital_loss_measure(air, &c->entries[i].mode, &loss, err) != 0) {
            return -1;
        }
        bool last = i == c->count - 1;
        if (loss.lost >= loss.sent && !(last && c->best_mse == HUGE_VAL)) {
            continue; /* nothing arrived */
        }
        if (weigh(c, c->entries[i].mode, &loss, &floor_mse, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int digital_choose(const scheme_config_t *config, const scheme_place_t *place,
                   const frame_header_t *header, digital_mode_t *mode, err_t *err)
{
    choice_t choice = {
        .scheme = config, .config = &config->digital, .place = place, .header = header};
    if (place->calibration == NULL) {
        return err_set(err, ERR_ARGUMENT,
                       "the best mode is chosen on pictures that are not the source's: say "
                       "digital.calibration=DATASET");
    }
    list(&choice);
    if (choice.count == 0) {
        return err_set(err, ERR_ARGUMENT, "%u symbols a picture carry not one byte in any mode",
                       header->symbols);
    }
    digital_loss_config_t frames = {.link = place->link,
                                    .header = *header,
                                    .groups = place->frame_images / config->digital.mosaic,
                                    .frames = config->digital.calibration_frames};
    digital_loss_t *air = digital_loss_create(&frames, err);
    int status = air != NULL ? search(&choice, air, err) : -1;
    digital_loss_destroy(air);
    *mode = choice.best;
    return status;
}
