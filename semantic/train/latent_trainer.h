/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * latent_trainer: `semradio-train latent` trains the latent codec from a recipe;
 * `semradio-train latent-figures` measures one, of either kind, on data.test.
 */
#ifndef SEMANTIC_TRAIN_LATENT_TRAINER_H
#define SEMANTIC_TRAIN_LATENT_TRAINER_H

#include "err.h"
#include "options.h"

/* The section [latent]. */
extern const option_t latent_options[];

/* As train_run: 0 done, 1 stopped and resumable, -1 error. */
int latent_trainer_command(const options_t *options, err_t *err);

/* PSNR and SSIM of every picture and of all, and the latents' statistics, on standard output. */
int latent_figures_command(const options_t *options, err_t *err);

#endif
