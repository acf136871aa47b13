/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pre-norm blocks: x += attention(norm(x)); x += mlp(norm(x)). */
#include "train/vit.h"

#include "nn/dnnl_conv.h"
#include "nn/params.h"
#include "safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_MAX = 64, NAMES = 3 };

static const float norm_eps = 1e-6f;

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

/* ---- reading ---------------------------------------------------------------- */

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

static int read_all(vit_t *vit, const char *path, err_t *err)
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

static int make_room(vit_t *vit, err_t *err)
{
    size_t d = (size_t)vit->dim, m = (size_t)vit->hidden, p = (size_t)vit->patch, t = vit->tokens;
    size_t wide = 3 * d > m ? 3 * d : m;
    vit->x = malloc(t * d * sizeof(float));
    vit->y = malloc(t * d * sizeof(float));
    vit->wide = malloc(t * wide * sizeof(float));
    vit->patches = malloc(t * 3 * p * p * sizeof(float));
    vit->scores = malloc((t * t + 3 * t * d) * sizeof(float));
    return vit->x == NULL || vit->y == NULL || vit->wide == NULL || vit->patches == NULL ||
                   vit->scores == NULL
               ? err_set(err, ERR_MEMORY, "no memory for %zu tokens", t)
               : 0;
}

vit_t *vit_open(const char *path, err_t *err)
{
    vit_t *vit = calloc(1, sizeof(*vit));
    if (vit == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a vision transformer");
        return NULL;
    }
    vit->file = params_open(path, err);
    if (vit->file == NULL) {
        vit_close(vit);
        return NULL;
    }
    if (read_all(vit, path, err) < 0 || make_room(vit, err) < 0) {
        err_prefix(err, "%s", path);
        vit_close(vit);
        return NULL;
    }
    return vit;
}

void vit_close(vit_t *vit)
{
    if (vit != NULL) {
        params_destroy(vit->file);
        free(vit->x);
        free(vit->y);
        free(vit->wide);
        free(vit->patches);
        free(vit->scores);
        free(vit);
    }
}

int vit_side(const vit_t *vit)
{
    return vit->grid * vit->patch;
}

int vit_features(const vit_t *vit)
{
    return vit->dim;
}

int vit_classes(const vit_t *vit)
{
    return vit->classes;
}

size_t vit_parameters(const vit_t *vit)
{
    size_t count = 0;
    for (int i = 0; i < params_count(vit->file); i++) {
        count += params_at(vit->file, i)->count;
    }
    return count;
}

/* ---- running ------------------------------------------------------------------ */

/* out[rows][wide] = in[rows][narrow] * weight^T + bias. */
static void linear(const pair_t *pair, const float *in, size_t rows, size_t narrow, size_t wide,
                   float *out)
{
    for (size_t r = 0; r < rows; r++) {
        memcpy(out + r * wide, pair->bias, wide * sizeof(float));
    }
    matrix_product(false, true, rows, wide, narrow, in, pair->weight, 1.0f, out);
}

static void normalise(const pair_t *pair, const float *in, size_t rows, size_t width, float *out)
{
    for (size_t r = 0; r < rows; r++) {
        const float *x = in + r * width;
        double sum = 0.0, sum2 = 0.0;
        for (size_t c = 0; c < width; c++) {
            sum += (double)x[c];
        }
        double mean = sum / (double)width;
        for (size_t c = 0; c < width; c++) {
            sum2 += ((double)x[c] - mean) * ((double)x[c] - mean);
        }
        double inverse = 1.0 / sqrt(sum2 / (double)width + (double)norm_eps);
        for (size_t c = 0; c < width; c++) {
            out[r * width + c] =
                (float)(((double)x[c] - mean) * inverse) * pair->weight[c] + pair->bias[c];
        }
    }
}

static void softmax(float *row, size_t count)
{
    float top = row[0], sum = 0.0f;
    for (size_t i = 1; i < count; i++) {
        top = row[i] > top ? row[i] : top;
    }
    for (size_t i = 0; i < count; i++) {
        row[i] = expf(row[i] - top);
        sum += row[i];
    }
    for (size_t i = 0; i < count; i++) {
        row[i] /= sum;
    }
}

/* wide: [tokens][3 dim] = q, k, v, each [heads][dim / heads] -> y [tokens][dim]. */
static void attend(vit_t *vit)
{
    size_t t = vit->tokens, d = (size_t)vit->dim, each = d / (size_t)vit->heads;
    float *part[3], scale = 1.0f / sqrtf((float)each);
    for (int i = 0; i < 3; i++) {
        part[i] = vit->scores + t * t + (size_t)i * t * each;
    }
    for (size_t h = 0; h < (size_t)vit->heads; h++) {
        for (size_t r = 0; r < t; r++) {
            for (size_t i = 0; i < 3; i++) {
                memcpy(part[i] + r * each, vit->wide + r * 3 * d + i * d + h * each,
                       each * sizeof(float));
            }
            for (size_t c = 0; c < each; c++) {
                part[0][r * each + c] *= scale;
            }
        }
        matrix_product(false, true, t, t, each, part[0], part[1], 0.0f, vit->scores);
        for (size_t r = 0; r < t; r++) {
            softmax(vit->scores + r * t, t);
        }
        float *mixed = part[0]; /* the queries have been asked */
        matrix_product(false, false, t, each, t, vit->scores, part[2], 0.0f, mixed);
        for (size_t r = 0; r < t; r++) {
            memcpy(vit->y + r * d + h * each, mixed + r * each, each * sizeof(float));
        }
    }
}

static void add(float *x, const float *y, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        x[i] += y[i];
    }
}

static void run_block(vit_t *vit, const block_t *b)
{
    size_t t = vit->tokens, d = (size_t)vit->dim, m = (size_t)vit->hidden;
    normalise(&b->norm1, vit->x, t, d, vit->y);
    linear(&b->qkv, vit->y, t, d, 3 * d, vit->wide);
    attend(vit);
    linear(&b->out, vit->y, t, d, d, vit->wide);
    add(vit->x, vit->wide, t * d);
    normalise(&b->norm2, vit->x, t, d, vit->y);
    linear(&b->widen, vit->y, t, d, m, vit->wide);
    for (size_t i = 0; i < t * m; i++) {
        float v = vit->wide[i];
        vit->wide[i] = 0.5f * v * (1.0f + erff(v * (float)M_SQRT1_2));
    }
    linear(&b->narrow, vit->wide, t, m, d, vit->y);
    add(vit->x, vit->y, t * d);
}

/* Each patch as the convolution's weights see it: [3][P][P]. */
static void cut_patches(vit_t *vit, const float *pixels)
{
    size_t p = (size_t)vit->patch, g = (size_t)vit->grid, side = g * p;
    float *out = vit->patches;
    for (size_t place = 0; place < g * g; place++) {
        size_t top = place / g * p, left = place % g * p;
        for (size_t c = 0; c < 3; c++) {
            for (size_t y = 0; y < p; y++) {
                for (size_t x = 0; x < p; x++) {
                    *out++ = pixels[((top + y) * side + left + x) * 3 + c];
                }
            }
        }
    }
}

void vit_run(vit_t *vit, const float *pixels, float *feature, float *logits)
{
    size_t d = (size_t)vit->dim, p = (size_t)vit->patch, t = vit->tokens;
    cut_patches(vit, pixels);
    memcpy(vit->x, vit->class_token, d * sizeof(float));
    linear(&vit->embed, vit->patches, t - 1, 3 * p * p, d, vit->x + d);
    add(vit->x, vit->position, t * d);
    for (int i = 0; i < vit->depth; i++) {
        run_block(vit, &vit->block[i]);
    }
    normalise(&vit->norm, vit->x, 1, d, feature);
    if (logits != NULL && vit->classes > 0) {
        linear(&vit->head, feature, 1, d, (size_t)vit->classes, logits);
    }
}
