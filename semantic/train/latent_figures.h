/* SPDX-License-Identifier: GPL-3.0-or-later */
/* latent_figures: how well a latent codec does on a data set, and what its latents look like. */
#ifndef SEMANTIC_TRAIN_LATENT_FIGURES_H
#define SEMANTIC_TRAIN_LATENT_FIGURES_H

#include "images/dataset.h"
#include "latent/latent.h"
#include "quality/quality.h"

#include <stdbool.h>

enum { LATENT_FIGURES_CHANNELS_MAX = 64 };

typedef struct {
    quality_sum_t quality;
    double count;                             /* places */
    double sum[LATENT_FIGURES_CHANNELS_MAX];  /* of each channel over all places */
    double sum2[LATENT_FIGURES_CHANNELS_MAX]; /* of its square */
} latent_figures_t;

/* Encodes and decodes every picture, with noise of deviation `noise` on the latent between. `list`:
   a line a picture on standard output.  0 or -1. */
int latent_figures(latent_t *latent, const dataset_t *set, double noise, bool list,
                   latent_figures_t *out, err_t *err);

/* "PSNR 23.41 dB (mean 24.05) SSIM 0.7012 over 8; latent mean … deviation …". */
void latent_figures_text(const latent_figures_t *figures, int channels, char *text, size_t size);

#endif
