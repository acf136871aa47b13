/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec: pictures to channel symbols and back (joint source-channel coding:
 * the symbols go on the air as they are, no bits, no error-correcting code).
 *
 *     codec_t *codec = codec_open("image32", &err);
 *     size_t count = codec_symbols(codec, width, height, p);
 *     codec_encode(codec, rgb, width, height, p, symbols, &err);      // transmitter
 *     …
 *     codec_decode(codec, received, noise_var, width, height, p, rgb, &err);
 *
 * Symbols: 64-QAM points (2i-7, 2j-7)/sqrt(42) times a fixed factor per rate, so
 * that E|s|^2 = 1 over the training data.  The factor is never fitted to a
 * single picture: a dark picture may be sent with less power than a busy one,
 * and Es/N0 means the same for all.  codec_scale gives the factor.
 *
 * Received symbols are the linear MMSE estimate for unit-energy symbols
 *
 *     s_hat = conj(h) y / (|h|^2 + N0)      noise_var = N0 / (|h|^2 + N0) = E|s_hat - s|^2
 *
 * so noise_var is in (0, 1]; a symbol that was lost is s_hat = 0, noise_var = 1,
 * and the decoder fills it in.  Values outside (NaN included) are treated as lost.
 *
 * Rates: p = 1 .. codec_rates(); for image32 k/n = 1/12, 1/6, 1/4, 1/3 complex
 * symbols per real source value (3 * width * height).  Rate p sends a prefix
 * of the complex channels.  Symbol k of a picture is channel-major: k = (channel
 * * rows + y) * columns + x over the (padded height/4) x (padded width/4) grid,
 * so that the channels of one place ride on different sub-carriers and one
 * faded sub-carrier costs each place a little instead of one place everything.
 *
 * Modes: a rate p together with a design SNR, the Es/N0 that the encoder prepares for (what a
 * receiver reported, or a guess).  codec_mode makes one of the two: a number of 1 .. 255
 * that the frame's header carries, so that the decoder knows it too.  Every `mode` below may be a
 * plain p: then the design SNR is 10 dB.  A design SNR that is wrong costs quality but breaks nothing.
 *
 * Adapters (low-rank matrices, maps of received symbols): codec_variant.h.
 *
 * Pictures of any size from 1x1: sides that the codec's stride does not divide
 * are padded by repeating the edge and cropped after decoding.
 *
 * Threads: one codec_t per thread; codec_clone shares the weights.  One OpenMP
 * thread each.  The first use of a size makes its networks (tens of ms) and
 * keeps those of the last few sizes; after that nothing is allocated.
 * codec_prepare does it beforehand.
 */
#ifndef SEMANTIC_CODEC_CODEC_H
#define SEMANTIC_CODEC_CODEC_H

#include "err.h"

#include <complex.h>
#include <stddef.h>
#include <stdint.h>

enum { CODEC_SIDE_MAX = 4096, CODEC_RATES_MAX = 8 };

typedef struct codec codec_t;

typedef struct {
    int numerator, denominator; /* k/n in lowest terms: 1/6 */
} codec_rate_t;

/* "image32", "photo", "deka" (deka.h), "agent" (agent.h), or the path of a safetensors file.  NULL on failure. */
codec_t *codec_open(const char *name_or_path, err_t *err);
codec_t *codec_clone(const codec_t *codec, err_t *err); /* for another thread */
void codec_close(codec_t *codec);                       /* NULL is fine */

/*
 * Products in fp32 (as opened) or bfloat16 (graph_use_bf16): half the time on CPUs with AVX512_BF16,
 * results within a few hundredths of a decibel.  CODEC_AUTO: bfloat16 on such a CPU, else fp32.
 * Drops the networks made so far.  0, or -1 with nothing changed where oneDNN has no such kernels.
 */
typedef enum { CODEC_AUTO, CODEC_FP32, CODEC_BF16 } codec_precision_t; /* in the options' order */
int codec_set_precision(codec_t *codec, codec_precision_t precision, err_t *err);
codec_precision_t codec_get_precision(const codec_t *codec); /* CODEC_FP32 or CODEC_BF16 */

const char *codec_name(const codec_t *codec); /* "image32", "agent" …, or the kind of a file */

/* Two ends with the same weights agree on these: a hash of the weights file, and the hash folded
   to 1 .. 255 for the frame header. */
uint64_t codec_hash(const codec_t *codec);
uint8_t codec_id(const codec_t *codec);
uint8_t codec_id_of(uint64_t hash); /* of a codec that is not here */

/* How many rates; `rates` (may be NULL) points to that many, rates[p-1] for p. */
int codec_rates(const codec_t *codec, const codec_rate_t **rates);

/* p for the ratio numerator/denominator, or -1 with an error that lists the rates. */
int codec_find_rate(const codec_t *codec, int numerator, int denominator, err_t *err);

/* The mode of rate p and a design SNR, rounded to whole decibels within -1 .. 26. */
int codec_mode(const codec_t *codec, int p, double snr_db);

/* What a mode stands for: p, or 0 if there is no such mode; and its design SNR. */
int codec_mode_rate(const codec_t *codec, int mode);
double codec_mode_snr_db(const codec_t *codec, int mode);

/* Symbols of one picture; 0 if a size or the mode is out of range. */
size_t codec_symbols(const codec_t *codec, int width, int height, int mode);

/* The factor on the 64-QAM points (2i-7)/sqrt(42). */
float codec_scale(const codec_t *codec, int mode);

/*
 * Makes the networks for this size now.  `images` as large as later batches.
 * 0 or -1 (out of range, out of memory).
 */
int codec_prepare(codec_t *codec, int width, int height, int images, err_t *err);

/* symbols[codec_symbols].  0, or -1 for a size or mode out of range. */
int codec_encode(codec_t *codec, const uint8_t *rgb, int width, int height, int mode,
                 float complex *symbols, err_t *err);

/* symbols, noise_var [codec_symbols] -> rgb[height][width][3]. */
int codec_decode(codec_t *codec, const float complex *symbols, const float *noise_var, int width,
                 int height, int mode, uint8_t *rgb, err_t *err);

/*
 * `images` pictures of one size and rate, each array `images` times as long,
 * picture by picture.  Faster than single calls; the same results but for the
 * rounding of floats, which seldom moves a byte by 1.
 */
int codec_encode_batch(codec_t *codec, int images, const uint8_t *rgb, int width, int height, int mode,
                       float complex *symbols, err_t *err);
int codec_decode_batch(codec_t *codec, int images, const float complex *symbols,
                       const float *noise_var, int width, int height, int mode, uint8_t *rgb,
                       err_t *err);

/*
 * A codec for a task ("task": pictures of at most 32x32 pixels, symbols to a class) brings no
 * picture: codec_decode fails with ERR_UNSUPPORTED, and codec_classes is not 0.
 */
int codec_classes(const codec_t *codec);

/* symbols, noise_var [images][codec_symbols] -> predicted[images] in 0 .. codec_classes() - 1 and
   confidence[images] in 0 .. 1, the softmax's share of that class. */
int codec_classify_batch(codec_t *codec, int images, const float complex *symbols,
                         const float *noise_var, int width, int height, int mode, int *predicted,
                         float *confidence, err_t *err);

#endif
