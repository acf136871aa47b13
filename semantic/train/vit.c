/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pre-norm blocks: x += attention(norm(x)); x += mlp(norm(x)). */
#include "train/vit_state.h"

#include "nn/dnnl_conv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float norm_eps = 1e-6f;

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
    if (vit_read(vit, path, err) < 0 || make_room(vit, err) < 0) {
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
