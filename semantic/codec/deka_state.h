/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deka_state: what deka.c (opening, pictures) and deka_latent.c (latents) share. */
#ifndef SEMANTIC_CODEC_DEKA_STATE_H
#define SEMANTIC_CODEC_DEKA_STATE_H

#include "codec/codec.h"

enum { DEKA_PIXELS = 16 /* of a place, each way */ };

/* Places for a latent's side. */
int deka_half(int side);

/* As deka_decode, of symbols that a variant's map has seen already. */
int deka_decode_mapped(codec_t *codec, const float complex *symbols, const float *noise_var,
                       int rows, int columns, int p, float *latent, err_t *err);

#endif
