/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deka_bank: latents of photos, in memory, to train the codec of latents on.
 *
 * Every photo is encoded once as it is and once mirrored.  Encoding takes a while, so the bank
 * can be kept in a file, which is used again while it fits the photos and the latent codec.
 */
#ifndef SEMANTIC_TRAIN_DEKA_BANK_H
#define SEMANTIC_TRAIN_DEKA_BANK_H

#include "images/dataset.h"
#include "latent/latent.h"

typedef struct {
    int rows, columns;
    const float *z; /* [rows][columns][4] */
} deka_latent_t;

typedef struct deka_bank deka_bank_t;

/* `cache`: path, or "" for none.  NULL on failure. */
deka_bank_t *deka_bank_create(const dataset_t *set, latent_t *latent, const char *cache,
                              err_t *err);
void deka_bank_destroy(deka_bank_t *bank); /* NULL is fine */

int deka_bank_count(const deka_bank_t *bank);
deka_latent_t deka_bank_at(const deka_bank_t *bank, int index);

/* A random crop, [side][side][4]; the same for the same seed and index.  Every latent must be that
   large (deka_bank_side). */
void deka_bank_crop(const deka_bank_t *bank, uint64_t seed, uint64_t index, int side, float *out);

/* The shortest side of all latents. */
int deka_bank_side(const deka_bank_t *bank);

#endif
