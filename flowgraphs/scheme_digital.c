/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures go in groups of `mosaic`, the last of a frame may have fewer.  A group's symbols
 * are as many as those of its pictures together.  The two latest sizes of a group keep their
 * pipes: whole groups, and the last.
 */
#include "digital_choice.h"
#include "digital_pipe.h"
#include "scheme_kind.h"

#include <stdlib.h>
#include <string.h>

enum {
    PIPES = 2,
    ID = 209,    /* in frame headers: no codec's weights are behind it */
    VERSION = 1, /* of the streams: a campaign does not go on with another */
};

typedef struct {
    digital_pipe_t *pipe;
    int pictures, width, height;
} slot_t;

typedef struct {
    scheme_config_t config;
    digital_mode_t mode;
    slot_t slots[PIPES]; /* the latest first */
} digital_t;

static void digital_close(void *state)
{
    digital_t *d = state;
    for (int i = 0; i < PIPES; i++) {
        digital_pipe_destroy(d->slots[i].pipe);
    }
    free(d);
}

static void *digital_open(const scheme_config_t *config, err_t *err)
{
    digital_t *d = calloc(1, sizeof *d);
    if (d == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a digital link");
        return NULL;
    }
    d->config = *config;
    d->config.codec = NULL; /* the text is the caller's */
    if (config->rate_numerator == 0) {
        d->config.rate_numerator = 1;
        d->config.rate_denominator = 6;
    }
    d->mode = config->digital.mode;
    return d;
}

static size_t symbols_of(const void *state, int width, int height)
{
    const digital_t *d = state;
    return width < 1 || height < 1 ? 0
                                   : digital_symbols(d->config.rate_numerator,
                                                     d->config.rate_denominator, width, height);
}

static frame_header_t whole_frame(const digital_t *d, const scheme_place_t *place)
{
    return (frame_header_t){
        .source = 1,
        .destination = 1,
        .images = (uint8_t)place->frame_images,
        .codec = ID,
        .rate = 1,
        .width = (uint16_t)place->width,
        .height = (uint16_t)place->height,
        .symbols = (uint32_t)symbols_of(d, place->width, place->height),
    };
}

/* The pipe for a group, made when there is none. */
static digital_pipe_t *pipe_for(digital_t *d, int pictures, int width, int height, err_t *err)
{
    slot_t *s = d->slots;
    for (int i = 0; i < PIPES; i++) {
        if (s[i].pipe != NULL && s[i].pictures == pictures && s[i].width == width &&
            s[i].height == height) {
            slot_t found = s[i];
            memmove(s + 1, s, (size_t)i * sizeof *s);
            s[0] = found;
            return found.pipe;
        }
    }
    size_t symbols = (size_t)pictures * symbols_of(d, width, height);
    digital_pipe_t *pipe = digital_pipe_create(&d->mode, pictures, width, height, symbols, err);
    if (pipe != NULL) {
        digital_pipe_destroy(s[PIPES - 1].pipe);
        memmove(s + 1, s, (PIPES - 1) * sizeof *s);
        s[0] = (slot_t){pipe, pictures, width, height};
    }
    return pipe;
}

static int digital_prepare(void *state, const scheme_place_t *place, err_t *err)
{
    digital_t *d = state;
    const digital_config_t *config = &d->config.digital;
    if (place->frame_images % config->mosaic != 0) {
        return err_set(err, ERR_ARGUMENT,
                       "digital.mosaic=%d does not divide frame.images=%d: a mosaic lies in one "
                       "frame",
                       config->mosaic, place->frame_images);
    }
    frame_header_t header = whole_frame(d, place);
    if (digital_chooses(config) && digital_choose(&d->config, place, &header, &d->mode, err) != 0) {
        return -1;
    }
    return pipe_for(d, config->mosaic, place->width, place->height, err) != NULL ? 0 : -1;
}

static uint64_t digital_hash(const void *state)
{
    (void)state;
    return VERSION;
}

static uint8_t digital_id(const void *state)
{
    (void)state;
    return ID;
}

static uint8_t digital_rate(const void *state)
{
    (void)state;
    return 1;
}

static void digital_describe(const void *state, char text[SCHEME_WORDS])
{
    const digital_t *d = state;
    digital_mode_text(&d->mode, text, SCHEME_WORDS);
}

static void set_outcomes(picture_outcome_t *outcomes, int pictures, picture_outcome_t outcome)
{
    for (int i = 0; i < pictures; i++) {
        outcomes[i] = outcome;
    }
}

static int group_size(const digital_t *d, int left)
{
    return left < d->config.digital.mosaic ? left : d->config.digital.mosaic;
}

static int digital_encode(void *state, int images, const uint8_t *rgb, int width, int height,
                          float complex *symbols, picture_outcome_t *outcomes, err_t *err)
{
    digital_t *d = state;
    size_t bytes = 3 * (size_t)width * (size_t)height, each = symbols_of(d, width, height);
    for (int i = 0; i < images;) {
        int pictures = group_size(d, images - i);
        digital_pipe_t *pipe = pipe_for(d, pictures, width, height, err);
        if (pipe == NULL) {
            return -1;
        }
        bool fits = digital_pipe_encode(pipe, rgb + (size_t)i * bytes, symbols + (size_t)i * each);
        set_outcomes(outcomes + i, pictures, fits ? PICTURE_WHOLE : PICTURE_OVER_BUDGET);
        i += pictures;
    }
    return 0;
}

static int digital_decode(void *state, int images, const float complex *soft,
                          const float *noise_var, int width, int height, uint8_t *rgb,
                          picture_outcome_t *outcomes, err_t *err)
{
    digital_t *d = state;
    size_t bytes = 3 * (size_t)width * (size_t)height, each = symbols_of(d, width, height);
    for (int i = 0; i < images;) {
        int pictures = group_size(d, images - i);
        digital_pipe_t *pipe = pipe_for(d, pictures, width, height, err);
        if (pipe == NULL) {
            return -1;
        }
        size_t at = (size_t)i * each;
        bool seen = digital_pipe_decode(pipe, soft + at, noise_var + at, rgb + (size_t)i * bytes);
        set_outcomes(outcomes + i, pictures, seen ? PICTURE_WHOLE : PICTURE_UNDECODABLE);
        i += pictures;
    }
    return 0;
}

const scheme_kind_t scheme_digital = {
    .open = digital_open,
    .close = digital_close,
    .prepare = digital_prepare,
    .hash = digital_hash,
    .id = digital_id,
    .rate = digital_rate,
    .symbols = symbols_of,
    .describe = digital_describe,
    .encode = digital_encode,
    .decode = digital_decode,
};
