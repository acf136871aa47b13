/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * latents: `semradio-train latents`: pictures through several encoders, into one file.
 *
 *     latent.NAME  [d][n]    features of encoder NAME, as federated alignment takes them
 *     weight.NAME  [10][d]   its classifier: logits = weight y + bias
 *     bias.NAME    [10]
 *     labels       [n]
 *
 * F32; NAME is the file's, without folder, "encoder-" and ".safetensors".
 */
#ifndef SEMANTIC_TRAIN_LATENTS_H
#define SEMANTIC_TRAIN_LATENTS_H

#include "options.h"

int latents_command(const options_t *options, err_t *err);

#endif
