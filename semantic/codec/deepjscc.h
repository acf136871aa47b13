/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deepjscc: the network of E. Bourtsoulatze, D. Burth Kurka, D. Gündüz, "Deep joint
 * source-channel coding for wireless image transmission", IEEE TCCN 5(3), 2019,
 * with the layers and tensor names of the public PyTorch code
 * chunbaobao/Deep-JSCC-PyTorch, so that checkpoints trained there can be
 * measured here, beside our own codec:
 *
 *     encoder.conv1 … conv5    5x5 (3 -> 16 -> 32 -> 32 -> 32 -> 2c), the first two of
 *                              stride 2, each with a PReLU of one weight
 *     decoder.tconv1 … tconv5  transposed 5x5 (2c -> 32 -> 32 -> 32 -> 16 -> 3), the last two
 *                              of stride 2; PReLU, after the last a sigmoid
 *
 * Symbols are not quantised, and power is normalised per picture (E|s|^2 = 1 over
 * the picture's own symbols), as that code does.  The decoder wants y = s + n,
 * not an MMSE estimate.  Es/N0 here is true: |s|^2 / E|n|^2 per complex symbol.
 * That code's "snr" is 3.01 dB lower for the same noise.
 */
#ifndef SEMANTIC_CODEC_DEEPJSCC_H
#define SEMANTIC_CODEC_DEEPJSCC_H

#include "err.h"

#include <complex.h>
#include <stddef.h>
#include <stdint.h>

enum { DEEPJSCC_SIDE = 32 };

typedef struct deepjscc deepjscc_t;

/* Reads a safetensors file; networks for `batch` 32x32 pictures.  One thread. */
deepjscc_t *deepjscc_open(const char *path, int batch, err_t *err);
void deepjscc_close(deepjscc_t *codec); /* NULL is fine */

size_t deepjscc_symbols(const deepjscc_t *codec); /* of one picture: 64 c */

/* rgb[batch][32][32][3] -> symbols[batch][deepjscc_symbols]. */
void deepjscc_encode(deepjscc_t *codec, const uint8_t *rgb, float complex *symbols);
/* received[batch][deepjscc_symbols] -> rgb[batch][32][32][3]. */
void deepjscc_decode(deepjscc_t *codec, const float complex *received, uint8_t *rgb);

#endif
