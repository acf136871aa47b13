/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pilots: pilots.safetensors, the pairs that a map is fitted from.
 *
 *     X, Y   [pairs][channels][rows][columns][2]   real and imaginary part, any number format
 *     __metadata__   pilots.base = codec_hash of codec B (16 hex digits), pilots.rate = p,
 *                    pilots.from = codec_hash of codec A; all optional
 */
#ifndef ALIGNMENT_FIT_PILOTS_H
#define ALIGNMENT_FIT_PILOTS_H

#include "fit/fit.h"

#include <stdint.h>

typedef struct {
    fit_pilots_t pairs; /* x and y belong to it */
    uint64_t base;      /* 0: not given */
    uint64_t from;      /* of codec A; 0: not given */
    int rate;           /* 0: not given */
} pilots_t;

/* Errors name the file and the tensor. */
pilots_t *pilots_load(const char *path, err_t *err);
void pilots_destroy(pilots_t *pilots); /* NULL is fine */

/* Writes them (base, from, rate 0: left out). */
int pilots_save(const char *path, const fit_pilots_t *pairs, uint64_t base, uint64_t from, int rate,
                err_t *err);

#endif
