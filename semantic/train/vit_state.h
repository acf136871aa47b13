/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vit_state: what vit_file.c (names, shapes) and vit.c (running) share. */
#ifndef SEMANTIC_TRAIN_VIT_STATE_H
#define SEMANTIC_TRAIN_VIT_STATE_H

#include "nn/params.h"
#include "train/vit.h"

enum { BLOCKS_MAX = 64 };

typedef struct {
    const float *weight, *bias;
} pair_t;

typedef struct {
    pair_t norm1, qkv, out, norm2, widen, narrow;
} block_t;

struct vit {
    params_t *file;
    int patch, grid, dim, heads, depth, hidden, classes;
    size_t tokens;
    pair_t embed, norm, head;
    const float *class_token, *position;
    block_t block[BLOCKS_MAX];
    float *x, *y, *wide, *patches,
        *scores; /* [tokens] of dim, dim, max(3 dim, hidden), 3PP; [tokens]² */
};

/* Sizes and tensors out of vit->file; 0 or -1.  `path` once more, for its metadata. */
int vit_read(vit_t *vit, const char *path, err_t *err);

#endif
