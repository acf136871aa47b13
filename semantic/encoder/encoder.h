/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * encoder: 32x32 pictures to latents, and latents to classes.
 *
 *     encoder_t *e = encoder_open("cifar10-plain", &err);      // a name of semantic/models, or a file
 *     encoder_encode(e, rgb, count, features, logits);
 *
 * The classifier is logits = W features + b: encoder_head gives W and b, so that whoever estimates the
 * features can classify.  One thread at a time.
 */
#ifndef SEMANTIC_ENCODER_ENCODER_H
#define SEMANTIC_ENCODER_ENCODER_H

#include "encoder/encoder_net.h"
#include "err.h"

#include <stdint.h>

typedef struct encoder encoder_t;

/* NAME: semantic/models/encoder-NAME.safetensors, or a judge's ("judge-cifar10").  NULL on failure; errors name the file. */
encoder_t *encoder_open(const char *name, err_t *err);
void encoder_close(encoder_t *encoder); /* NULL is fine */

const encoder_shape_t *encoder_shape(const encoder_t *encoder);

/* `count` pictures rgb[count][32][32][3] -> features[count][d], logits[count][10]; either may be NULL. */
void encoder_encode(encoder_t *encoder, const uint8_t *rgb, int count, float *features, float *logits);

/* weight [10][d], bias [10]: belong to the encoder. */
void encoder_head(const encoder_t *encoder, const float **weight, const float **bias);

#endif
