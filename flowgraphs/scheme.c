/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheme.h"

#include "scheme_kind.h"

#include <stdlib.h>
#include <string.h>

struct scheme {
    const scheme_kind_t *kind;
    void *state;
};

static bool is_digital(const scheme_config_t *config)
{
    return strcmp(config->codec, "digital") == 0;
}

scheme_t *scheme_open(const scheme_config_t *config, err_t *err)
{
    scheme_t *scheme = calloc(1, sizeof *scheme);
    if (scheme == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a codec");
        return NULL;
    }
    scheme->kind = is_digital(config) ? &scheme_digital : &scheme_joint;
    scheme->state = scheme->kind->open(config, err);
    if (scheme->state == NULL) {
        free(scheme);
        return NULL;
    }
    return scheme;
}

void scheme_close(scheme_t *scheme)
{
    if (scheme != NULL) {
        scheme->kind->close(scheme->state);
        free(scheme);
    }
}

bool scheme_chooses(const scheme_config_t *config)
{
    return is_digital(config) && digital_chooses(&config->digital);
}

int scheme_prepare(scheme_t *scheme, const scheme_place_t *place, err_t *err)
{
    return scheme->kind->prepare(scheme->state, place, err);
}

uint64_t scheme_hash(const scheme_t *scheme)
{
    return scheme->kind->hash(scheme->state);
}

uint8_t scheme_id(const scheme_t *scheme)
{
    return scheme->kind->id(scheme->state);
}

uint8_t scheme_rate(const scheme_t *scheme)
{
    return scheme->kind->rate(scheme->state);
}

size_t scheme_symbols(const scheme_t *scheme, int width, int height)
{
    return scheme->kind->symbols(scheme->state, width, height);
}

void scheme_describe(const scheme_t *scheme, char text[SCHEME_WORDS])
{
    scheme->kind->describe(scheme->state, text);
}

int scheme_encode(scheme_t *scheme, int images, const uint8_t *rgb, int width, int height,
                  float complex *symbols, picture_outcome_t *outcomes, err_t *err)
{
    return scheme->kind->encode(scheme->state, images, rgb, width, height, symbols, outcomes, err);
}

int scheme_decode(scheme_t *scheme, int images, const float complex *soft, const float *noise_var,
                  int width, int height, uint8_t *rgb, picture_outcome_t *outcomes, err_t *err)
{
    return scheme->kind->decode(scheme->state, images, soft, noise_var, width, height, rgb,
                                outcomes, err);
}

bool scheme_classifies(const scheme_t *scheme)
{
    return scheme->kind->classifies != NULL && scheme->kind->classifies(scheme->state);
}

int scheme_classify(scheme_t *scheme, int images, const float complex *soft, const float *noise_var,
                    int width, int height, int *predicted, err_t *err)
{
    return scheme->kind->classify(scheme->state, images, soft, noise_var, width, height, predicted,
                                  err);
}
