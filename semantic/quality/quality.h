/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * quality: how close a received picture is to the sent one.  Pictures are 8-bit
 * [height][width][3], i.e. already clamped and rounded, as a viewer sees them.
 *
 *     MSE   mean over pixels and channels of (a - b)^2, in 8-bit units
 *     PSNR  10 log10(255^2 / MSE) dB; capped at QUALITY_PSNR_MAX_DB (equal pictures)
 *     SSIM  Wang, Bovik, Sheikh, Simoncelli 2004: 11x11 Gaussian window of sigma
 *           1.5, K1 = .01, K2 = .03, L = 255, windows wholly inside the picture,
 *           computed on R, G, and B and averaged (what pytorch-msssim and
 *           DeepJSCC papers report; not luma).  In a side below 11 pixels the
 *           window is that side's length.
 *
 * Papers average PSNR over a set in two ways that differ by up to 0.5 dB;
 * quality_sum_t gives both: of the mean MSE, and the mean of per-picture values.
 */
#ifndef SEMANTIC_QUALITY_QUALITY_H
#define SEMANTIC_QUALITY_QUALITY_H

#include <stddef.h>
#include <stdint.h>

#define QUALITY_PSNR_MAX_DB 100.0

/* `count` bytes of each (3 * width * height), >= 1. */
double quality_mse(const uint8_t *a, const uint8_t *b, size_t count);

/* mse >= 0, in 8-bit units. */
double quality_psnr_db(double mse);

/* In [-1, 1]; 1 = equal.  width, height >= 1.  Does not allocate. */
double quality_ssim(const uint8_t *a, const uint8_t *b, int width, int height);

/* Sums over a set; start with QUALITY_SUM_INIT. */
typedef struct {
    size_t count;
    double mse, psnr_db, ssim; /* sums of per-picture values */
    size_t judged, correct;    /* pictures with a label and a judge's answer; right answers */
} quality_sum_t;

#define QUALITY_SUM_INIT {0, 0.0, 0.0, 0.0, 0, 0}

/* Measures one picture and adds it.  Returns its MSE. */
double quality_sum_add(quality_sum_t *sum, const uint8_t *a, const uint8_t *b, int width,
                       int height);
/* Adds a judge's answer; a negative label is not counted. */
void quality_sum_judge(quality_sum_t *sum, int label, int predicted);
/* Adds `other` to `sum`: for sums made by several threads. */
void quality_sum_merge(quality_sum_t *sum, const quality_sum_t *other);

/* All NaN for an empty sum. */
double quality_sum_psnr_db(const quality_sum_t *sum);      /* of the mean MSE */
double quality_sum_mean_psnr_db(const quality_sum_t *sum); /* mean of per-picture PSNR */
double quality_sum_mean_ssim(const quality_sum_t *sum);
double quality_sum_accuracy(const quality_sum_t *sum); /* 0 .. 1; NaN when nothing was judged */

#endif
