/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vit: a vision transformer (A. Dosovitskiy and others, "An Image is Worth 16x16 Words", 2021) read
 * from a safetensors file, to teach.  fp32, one thread, no training.
 *
 * The names of torchvision (vit_b_16 and its like) and of timm (vit_base_patch16_224) are known;
 * sizes come from the tensors:
 *
 *     torchvision                                   timm                      shape
 *     conv_proj.{weight,bias}                       patch_embed.proj.         [D][3][P][P]
 *     class_token                                   cls_token                 [1][1][D]
 *     encoder.pos_embedding                         pos_embed                 [1][1 + G*G][D]
 *     encoder.layers.encoder_layer_I.ln_1.          blocks.I.norm1.           [D]
 *       .self_attention.in_proj_{weight,bias}         .attn.qkv.              [3D][D]
 *       .self_attention.out_proj.                     .attn.proj.             [D][D]
 *       .ln_2.                                        .norm2.                 [D]
 *       .mlp.0. (older files: .mlp.linear_1.)         .mlp.fc1.               [M][D]
 *       .mlp.3. (older files: .mlp.linear_2.)         .mlp.fc2.               [D][M]
 *     encoder.ln.                                   norm.                     [D]
 *     heads.head.                                   head.                     [classes][D]
 *
 * Layer norm has eps 1e-6, GELU is the exact one (erf).  The number of heads is not in the tensors:
 * it is metadata "heads", or D/64 as in every published size.
 */
#ifndef SEMANTIC_TRAIN_VIT_H
#define SEMANTIC_TRAIN_VIT_H

#include "err.h"

#include <stddef.h>

typedef struct vit vit_t;

/* NULL on failure; errors name the file and the tensor that is missing or misshaped. */
vit_t *vit_open(const char *path, err_t *err);
void vit_close(vit_t *vit); /* NULL is fine */

int vit_side(const vit_t *vit);     /* pixels each way that it wants: G * P */
int vit_features(const vit_t *vit); /* D */
int vit_classes(const vit_t *vit);  /* 0: the file has no head */
size_t vit_parameters(const vit_t *vit);

/*
 * pixels[side][side][3], normalised as the network was trained (ImageNet: (x - mean) / deviation)
 * -> feature[D], the class token after the last layer norm, and logits[classes] (may be NULL).
 */
void vit_run(vit_t *vit, const float *pixels, float *feature, float *logits);

#endif
