/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec_run: pictures through image32's networks.  The arguments are those of codec.h, already
   checked by codec.c. */
#ifndef SEMANTIC_CODEC_CODEC_RUN_H
#define SEMANTIC_CODEC_CODEC_RUN_H

#include "codec/codec.h"

int codec_run_prepare(codec_t *codec, int width, int height, int images, err_t *err);
int codec_run_encode(codec_t *codec, int images, const uint8_t *rgb, int width, int height, int p,
                     float complex *symbols, err_t *err);
int codec_run_decode(codec_t *codec, int images, const float complex *symbols,
                     const float *noise_var, int width, int height, int p, uint8_t *rgb,
                     err_t *err);

#endif
