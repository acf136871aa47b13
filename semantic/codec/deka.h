/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deka: DeKA-g's codec, "deka" in codec.h: picture -> latent (latent.h) -> symbols and back.
 *
 * Rates p = 1 .. 5 send i = p + 1 = 2 .. 6 complex channels on a grid of height/16 x width/16
 * places: K = 1024 i symbols and tau = 16/i for 512x512 pixels, k/n = i/768.
 *
 * Where latents do not come from pictures (a generator makes them), or are wanted as they
 * are, the two functions below leave the latent codec out.  Same threads, rates, and variants
 * as codec.h.
 */
#ifndef SEMANTIC_CODEC_DEKA_H
#define SEMANTIC_CODEC_DEKA_H

#include "codec/codec.h"

/* Symbols of a latent [rows][columns][4] at rate p; 0 if out of range or not a deka codec. */
size_t deka_symbols(const codec_t *codec, int rows, int columns, int p);

/* latent[rows][columns][4] -> symbols[deka_symbols].  Odd sides are padded by repeating the edge.
 * 0 or -1. */
int deka_encode(codec_t *codec, const float *latent, int rows, int columns, int p,
                float complex *symbols, err_t *err);

/* symbols, noise_var[deka_symbols] -> latent[rows][columns][4]. */
int deka_decode(codec_t *codec, const float complex *symbols, const float *noise_var, int rows,
                int columns, int p, float *latent, err_t *err);

#endif
