/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * still_kind: what still.c asks of a format.  `state` belongs to one picture size and budget.
 *
 * variants: settings that still.c tries one after the other (chroma sampling and the like);
 * levels: qualities of each, rising with the number of bytes.
 */
#ifndef STILLS_STILL_KIND_H
#define STILLS_STILL_KIND_H

#include "stills/still.h"

typedef struct {
    const char *name;
    int levels;
    void *(*open)(int width, int height, size_t budget, err_t *err);
    void (*close)(void *state); /* NULL is fine */
    int (*variants)(const void *state);
    /* Bytes written to out[budget]; 0: more than the budget, or the library refused. */
    size_t (*compress)(void *state, const uint8_t *rgb, int variant, int level, uint8_t *out);
    bool (*expand)(void *state, const uint8_t *bytes, uint8_t *rgb);
} still_kind_ops_t;

extern const still_kind_ops_t still_jpeg, still_webp, still_avif;

#endif
