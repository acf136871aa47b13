/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * autoencoder_kl: the latent codec of latent diffusion models (R. Rombach et al., "High-resolution
 * image synthesis with latent diffusion models", CVPR 2022), with the tensor names under which
 * the diffusers library saves its class AutoencoderKL. N = 0, 1, … levels, M = 0, 1, … blocks:
 *
 *     encoder.conv_in                                   3x3
 *     encoder.down_blocks.N.resnets.M                   .attentions.M where the file has them
 *     encoder.down_blocks.N.downsamplers.0.conv         3x3, stride 2, zeros right and below only
 *     encoder.mid_block.resnets.0, attentions.0, resnets.1
 *     encoder.conv_norm_out, encoder.conv_out           SiLU between; 2 L channels
 *     quant_conv                                        1x1; the first L channels are the mean
 *     post_quant_conv                                   1x1
 *     decoder.conv_in, decoder.mid_block as above
 *     decoder.up_blocks.N.resnets.M, upsamplers.0.conv  each pixel twice each way, then 3x3
 *     decoder.conv_norm_out, decoder.conv_out
 *
 *     resnet:     shortcut(x) + conv2(SiLU(norm2(conv1(SiLU(norm1(x))))))
 *                 shortcut = conv_shortcut (1x1) where the file has it
 *     attention:  x + to_out.0(attention(to_q, to_k, to_v of group_norm(x)))
 *
 * Group norm has eps 1e-6 and 32 groups unless told otherwise. Pictures are 2x - 1; latents are
 * (mean - shift_factor) * scaling_factor.
 *
 * The number of levels and blocks, every width, the latent's channels, and which optional parts
 * there are come from the tensors. What tensors cannot tell (norm_num_groups, scaling_factor,
 * shift_factor) comes from the file's metadata, else from a config.json in its folder, else it is
 * 32, 0.18215, 0. The attention's older names (query, key, value, proj_attn) are read as well.
 */
#ifndef SEMANTIC_LATENT_AUTOENCODER_KL_H
#define SEMANTIC_LATENT_AUTOENCODER_KL_H

#include "nn/graph.h"
#include "safetensors.h"

enum {
    AUTOENCODER_KL_SIDE_MAX = 1024,   /* pixels */
    AUTOENCODER_KL_LEVELS_MAX = 6,    /* stride 32 */
    AUTOENCODER_KL_CHANNELS_MAX = 64, /* of the latent */
};

typedef struct {
    const params_t *params; /* the tensors, under the newer names */
    int levels;             /* down_blocks and up_blocks; stride = 2^(levels - 1) */
    int channels;           /* of the latent */
    int groups;             /* of every group norm */
    float scaling, shift;
} autoencoder_kl_shape_t;

/* Whether a file's tensors look like these. */
bool autoencoder_kl_matches(const safetensors_t *file);

/*
 * Copies the tensors into an empty store, seals it, and finds the shape. Tensors outside the
 * layers above are ignored. `path` is for config.json.  Values are not looked at.
 * Errors name the tensor.
 */
int autoencoder_kl_import(const safetensors_t *file, const char *path, params_t *params,
                          autoencoder_kl_shape_t *shape, err_t *err);

/* image: [h][w][3] in 0 .. 1, h and w multiples of the stride. Returns the latent.
   graph_finish names a tensor that is missing or does not fit. */
node_t autoencoder_kl_encoder(graph_t *graph, node_t image, const autoencoder_kl_shape_t *shape);
/* Returns the picture: 0 .. 1, a little beyond. */
node_t autoencoder_kl_decoder(graph_t *graph, node_t latent, const autoencoder_kl_shape_t *shape);

#endif
