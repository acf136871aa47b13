/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every tensor under whichever of its names the file has. */
#include "train/vit_state.h"

#include "safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAMES = 3 };

/* The same tensor under the names of torchvision, older torchvision, timm. */
typedef const char *names_t[NAMES];

static const param_t *find(const vit_t *vit, const names_t names, int block, const char *suffix)
{
    char prefix[96], name[160];
    for (int i = 0; i < NAMES; i++) {
        if (names[i] != NULL) {
            snprintf(prefix, sizeof(prefix), names[i], block);
            snprintf(name, sizeof(name), "%s%s", prefix, suffix);
            const param_t *tensor = params_find(vit->file, name);
            if (tensor != NULL) {
                return tensor;
            }
        }
    }
    return NULL;
}

static int read_tensor(const vit_t *vit, const names_t names, int block, const char *suffix,
                       size_t count, const float **out, err_t *err)
{
    const param_t *tensor = find(vit, names, block, suffix);
    if (tensor == NULL || tensor->count != count) {
        char name[96];
        snprintf(name, sizeof(name), names[0], block);
        return tensor == NULL
                   ? err_set(err, ERR_FORMAT, "no tensor %s%s, nor its name in timm", name, suffix)
                   : err_set(err, ERR_FORMAT, "tensor %s has %zu numbers, not %zu", tensor->name,
                             tensor->count, count);
    }
    *out = tensor->value;
    return 0;
}

static int read_pair(const vit_t *vit, const names_t names, int block, size_t rows, size_t columns,
                     pair_t *out, err_t *err)
{
    return read_tensor(vit, names, block, "weight", rows * columns, &out->weight, err) < 0
               ? -1
               : read_tensor(vit, names, block, "bias", rows, &out->bias, err);
}

static const names_t embed_names = {"conv_proj.", NULL, "patch_embed.proj."};
static const names_t class_names = {"class_token", NULL, "cls_token"};
static const names_t position_names = {"encoder.pos_embedding", NULL, "pos_embed"};
static const names_t norm1_names = {"encoder.layers.encoder_layer_%d.ln_1.", NULL,
                                    "blocks.%d.norm1."};
static const names_t qkv_names = {"encoder.layers.encoder_layer_%d.self_attention.in_proj_", NULL,
                                  "blocks.%d.attn.qkv."};
static const names_t out_names = {"encoder.layers.encoder_layer_%d.self_attention.out_proj.", NULL,
                                  "blocks.%d.attn.proj."};
static const names_t norm2_names = {"encoder.layers.encoder_layer_%d.ln_2.", NULL,
                                    "blocks.%d.norm2."};
static const names_t widen_names = {"encoder.layers.encoder_layer_%d.mlp.0.",
                                    "encoder.layers.encoder_layer_%d.mlp.linear_1.",
                                    "blocks.%d.mlp.fc1."};
static const names_t narrow_names = {"encoder.layers.encoder_layer_%d.mlp.3.",
                                     "encoder.layers.encoder_layer_%d.mlp.linear_2.",
                                     "blocks.%d.mlp.fc2."};
static const names_t norm_names = {"encoder.ln.", NULL, "norm."};
static const names_t head_names = {"heads.head.", NULL, "head."};

static int read_heads(vit_t *vit, const char *path, err_t *err)
{
    safetensors_t *file = safetensors_open(path, err);
    if (file == NULL) {
        return -1;
    }
    const char *note = safetensors_note(file, "heads");
    vit->heads = note != NULL ? atoi(note) : vit->dim / 64;
    safetensors_close(file);
    return vit->heads < 1 || vit->dim % vit->heads != 0
               ? err_set(err, ERR_FORMAT,
                         "%d numbers a token do not make %d heads (metadata \"heads\", or D/64)",
                         vit->dim, vit->heads)
               : 0;
}

/* Sizes that the shapes tell. */
static int read_sizes(vit_t *vit, const char *path, err_t *err)
{
    const param_t *embed = find(vit, embed_names, 0, "weight");
    const param_t *position = find(vit, position_names, 0, "");
    const param_t *head = find(vit, head_names, 0, "weight");
    if (embed == NULL || embed->rank != 4 || embed->shape[1] != 3 ||
        embed->shape[2] != embed->shape[3]) {
        return err_set(err, ERR_FORMAT,
                       "no tensor conv_proj.weight or patch_embed.proj.weight of "
                       "[D][3][P][P]: not a vision transformer");
    }
    vit->dim = embed->shape[0];
    vit->patch = embed->shape[2];
    if (position == NULL || position->rank != 3 || position->shape[2] != vit->dim) {
        return err_set(err, ERR_FORMAT,
                       "no tensor encoder.pos_embedding or pos_embed of [1][T][%d]", vit->dim);
    }
    vit->tokens = (size_t)position->shape[1];
    vit->grid = (int)lround(sqrt((double)vit->tokens - 1.0));
    if (vit->grid < 1 || (size_t)(vit->grid * vit->grid + 1) != vit->tokens) {
        return err_set(err, ERR_FORMAT, "tensor %s: %zu positions are no square and a class token",
                       position->name, vit->tokens);
    }
    vit->classes = head != NULL ? head->shape[0] : 0;
    return read_heads(vit, path, err);
}

static int read_block(vit_t *vit, int i, err_t *err)
{
    block_t *b = &vit->block[i];
    size_t d = (size_t)vit->dim, m = (size_t)vit->hidden;
    return read_pair(vit, norm1_names, i, d, 1, &b->norm1, err) < 0 ||
                   read_pair(vit, qkv_names, i, 3 * d, d, &b->qkv, err) < 0 ||
                   read_pair(vit, out_names, i, d, d, &b->out, err) < 0 ||
                   read_pair(vit, norm2_names, i, d, 1, &b->norm2, err) < 0 ||
                   read_pair(vit, widen_names, i, m, d, &b->widen, err) < 0 ||
                   read_pair(vit, narrow_names, i, d, m, &b->narrow, err) < 0
               ? -1
               : 0;
}

int vit_read(vit_t *vit, const char *path, err_t *err)
{
    if (read_sizes(vit, path, err) < 0) {
        return -1;
    }
    size_t d = (size_t)vit->dim, p = (size_t)vit->patch;
    const param_t *widen = find(vit, widen_names, 0, "weight");
    vit->hidden = widen != NULL ? widen->shape[0] : 0;
    if (read_pair(vit, embed_names, 0, d, 3 * p * p, &vit->embed, err) < 0 ||
        read_tensor(vit, class_names, 0, "", d, &vit->class_token, err) < 0 ||
        read_tensor(vit, position_names, 0, "", vit->tokens * d, &vit->position, err) < 0 ||
        read_pair(vit, norm_names, 0, d, 1, &vit->norm, err) < 0 ||
        (vit->classes > 0 &&
         read_pair(vit, head_names, 0, (size_t)vit->classes, d, &vit->head, err) < 0)) {
        return -1;
    }
    for (; vit->depth == 0 || find(vit, norm1_names, vit->depth, "weight") != NULL; vit->depth++) {
        if (vit->depth == BLOCKS_MAX) {
            return err_set(err, ERR_FORMAT, "more than %d blocks", BLOCKS_MAX);
        }
        if (read_block(vit, vit->depth, err) < 0) {
            return -1;
        }
    }
    return 0;
}
