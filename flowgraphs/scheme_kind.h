/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scheme_kind: what scheme.c asks of a kind; the calls are those of scheme.h. */
#ifndef FLOWGRAPHS_SCHEME_KIND_H
#define FLOWGRAPHS_SCHEME_KIND_H

#include "scheme.h"

typedef struct {
    void *(*open)(const scheme_config_t *config, err_t *err);
    void (*close)(void *state);
    int (*prepare)(void *state, const scheme_place_t *place, err_t *err);
    uint64_t (*hash)(const void *state);
    uint8_t (*id)(const void *state);
    uint8_t (*rate)(const void *state);
    size_t (*symbols)(const void *state, int width, int height);
    void (*describe)(const void *state, char text[SCHEME_WORDS]);
    int (*encode)(void *state, int images, const uint8_t *rgb, int width, int height,
                  float complex *symbols, picture_outcome_t *outcomes, err_t *err);
    int (*decode)(void *state, int images, const float complex *soft, const float *noise_var,
                  int width, int height, uint8_t *rgb, picture_outcome_t *outcomes, err_t *err);
    /* Both NULL: it brings pictures only. */
    bool (*classifies)(const void *state);
    int (*classify)(void *state, int images, const float complex *soft, const float *noise_var,
                    int width, int height, int *predicted, err_t *err);
} scheme_kind_t;

extern const scheme_kind_t scheme_joint, scheme_digital;

#endif
