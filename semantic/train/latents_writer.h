/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * latents_writer: `semradio-train latents`: pictures through encoders, a file for each, as the parties
 * of a federated alignment take them.  FOLDER/NAME.safetensors, F32:
 *
 *     X            [d][n]        features of latents.data: what all align on
 *     labels       [n]
 *     X_test       [d][n_test]   of latents.test: what is sent and compared with
 *     labels_test  [n_test]
 *     head.weight  [10][d], head.bias [10]: logits = W features + b
 *
 * NAME is the encoder's file, without folder, "encoder-" and ".safetensors".
 */
#ifndef SEMANTIC_TRAIN_LATENTS_WRITER_H
#define SEMANTIC_TRAIN_LATENTS_WRITER_H

#include "options.h"

int latents_command(const options_t *options, err_t *err);

#endif
