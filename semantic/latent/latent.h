/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * latent: pictures to small latents and back: f_LE and f_LD of DeKA-g, equation (1),
 *
 *     z = f_LE(x) in R^(h/8 x w/8 x 4)      x ~ f_LD(z)
 *
 *     latent_t *latent = latent_open("latent", &err);
 *     size_t count = latent_count(latent, width, height);
 *     latent_encode(latent, rgb, width, height, z, &err);
 *     …
 *     latent_decode(latent, z, width, height, rgb, &err);
 *
 * Two kinds of weights:
 *
 *     "latent"   our own small network (latent_net.h): stride 8, 4 channels, trained here
 *                (`semradio-train latent`).  Latents are standardised: mean 0 and variance 1
 *                per channel over photos.
 *     FILE       a safetensors file: either of that network, or an AutoencoderKL in the
 *                names that the diffusers library writes (autoencoder_kl.h).  Stride and
 *                channels are the file's (Stable Diffusion: 8 and 4).  Encoding gives the mean
 *                of the posterior, (mean - shift_factor) * scaling_factor.
 *
 * A latent is [rows][columns][channels] floats, rows = height / stride and columns = width /
 * stride rounded up.  Pictures of any size from 1x1: sides that the stride does not divide are
 * padded by repeating the edge and cropped after decoding.  Both halves are convolutional; only
 * AutoencoderKL's attention sees the whole picture.
 *
 * Threads: one latent_t per thread; latent_clone shares the weights.  One OpenMP thread each.  The
 * first use of a size makes its network (tens of ms) and keeps those of the last few sizes; after
 * that nothing is allocated.  latent_prepare does it beforehand.
 */
#ifndef SEMANTIC_LATENT_LATENT_H
#define SEMANTIC_LATENT_LATENT_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

enum { LATENT_SIDE_MAX = 4096 };

typedef struct latent latent_t;

/* "latent", or the path of a safetensors file.  NULL on failure; errors name the file and the
   tensor that is missing, has another shape, or is not finite. */
latent_t *latent_open(const char *name_or_path, err_t *err);
latent_t *latent_clone(const latent_t *latent, err_t *err); /* for another thread */
void latent_close(latent_t *latent);                        /* NULL is fine */

const char *latent_name(const latent_t *latent); /* "latent" or "AutoencoderKL" */
uint64_t latent_hash(const latent_t *latent);    /* of the weights file */

int latent_stride(const latent_t *latent);   /* pixels per place, each way: 8 */
int latent_channels(const latent_t *latent); /* 4 */
/* Longest side of a picture: LATENT_SIDE_MAX, less for AutoencoderKL (memory). */
int latent_side_max(const latent_t *latent);

/* Places on an axis of `side` pixels: side / stride, rounded up. */
int latent_places(const latent_t *latent, int side);
/* Floats of one picture's latent; 0 if the size is out of range. */
size_t latent_count(const latent_t *latent, int width, int height);

/* Makes both networks for this size now.  0 or -1 (out of range, out of memory). */
int latent_prepare(latent_t *latent, int width, int height, err_t *err);

/* rgb[height][width][3] -> z[latent_count].  0, or -1 for a size out of range. */
int latent_encode(latent_t *latent, const uint8_t *rgb, int width, int height, float *z,
                  err_t *err);

/* z[latent_count] -> rgb[height][width][3].  What is not finite in z counts as 0. */
int latent_decode(latent_t *latent, const float *z, int width, int height, uint8_t *rgb,
                  err_t *err);

#endif
