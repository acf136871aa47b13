/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The vision transformer's reader: a small one in both spellings, against the definition. */
#include "check.h"
#include "nn/params.h"
#include "train/vit.h"

#include <stdlib.h>
#include <unistd.h>

enum { PATCH = 4, GRID = 3, SIDE = PATCH * GRID, TOKENS = GRID * GRID + 1 };
enum { DIM = 12, HEADS = 3, EACH = DIM / HEADS, HIDDEN = 20, DEPTH = 2, CLASSES = 5 };

static char folder[] = "/tmp/semradio-vit-XXXXXX";

/* ---- a file ---- */

enum { TORCHVISION, OLD_TORCHVISION, TIMM };

static const char *const spelling[][3] = {
    {"conv_proj.weight", "conv_proj.weight", "patch_embed.proj.weight"},
    {"conv_proj.bias", "conv_proj.bias", "patch_embed.proj.bias"},
    {"class_token", "class_token", "cls_token"},
    {"encoder.pos_embedding", "encoder.pos_embedding", "pos_embed"},
    {"encoder.ln.weight", "encoder.ln.weight", "norm.weight"},
    {"encoder.ln.bias", "encoder.ln.bias", "norm.bias"},
    {"heads.head.weight", "heads.head.weight", "head.weight"},
    {"heads.head.bias", "heads.head.bias", "head.bias"},
};
static const int outer_shape[8][4] = {{DIM, 3, PATCH, PATCH}, {DIM},    {1, 1, DIM},
                                      {1, TOKENS, DIM},       {DIM},    {DIM},
                                      {CLASSES, DIM},         {CLASSES}};
static const int outer_rank[8] = {4, 1, 3, 3, 1, 1, 2, 1};

static const char *const inner[][3] = {
    {"ln_1.weight", "ln_1.weight", "norm1.weight"},
    {"ln_1.bias", "ln_1.bias", "norm1.bias"},
    {"self_attention.in_proj_weight", "self_attention.in_proj_weight", "attn.qkv.weight"},
    {"self_attention.in_proj_bias", "self_attention.in_proj_bias", "attn.qkv.bias"},
    {"self_attention.out_proj.weight", "self_attention.out_proj.weight", "attn.proj.weight"},
    {"self_attention.out_proj.bias", "self_attention.out_proj.bias", "attn.proj.bias"},
    {"ln_2.weight", "ln_2.weight", "norm2.weight"},
    {"ln_2.bias", "ln_2.bias", "norm2.bias"},
    {"mlp.0.weight", "mlp.linear_1.weight", "mlp.fc1.weight"},
    {"mlp.0.bias", "mlp.linear_1.bias", "mlp.fc1.bias"},
    {"mlp.3.weight", "mlp.linear_2.weight", "mlp.fc2.weight"},
    {"mlp.3.bias", "mlp.linear_2.bias", "mlp.fc2.bias"},
};
static const int inner_shape[12][2] = {{DIM},         {DIM},    {3 * DIM, DIM}, {3 * DIM},
                                       {DIM, DIM},    {DIM},    {DIM},          {DIM},
                                       {HIDDEN, DIM}, {HIDDEN}, {DIM, HIDDEN},  {DIM}};
enum { N1, QKV = 2, OUT = 4, N2 = 6, WIDEN = 8, NARROW = 10, INNER = 12 };

static float outer_value[8][DIM * 3 * PATCH * PATCH], inner_value[DEPTH][12][3 * DIM * DIM];

static float next_value(void)
{
    static unsigned state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / (float)(1 << 24) - 0.5f;
}

static void make_values(void)
{
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < DIM * 3 * PATCH * PATCH; k++) {
            outer_value[i][k] = next_value() + (i == 4 ? 1.0f : 0.0f);
        }
    }
    for (int b = 0; b < DEPTH; b++) {
        for (int i = 0; i < 12; i++) {
            for (int k = 0; k < 3 * DIM * DIM; k++) {
                inner_value[b][i][k] = next_value() + (i == N1 || i == N2 ? 1.0f : 0.0f);
            }
        }
    }
}

static void put(params_t *store, const char *name, int rank, const int *shape, const float *values)
{
    err_t err = ERR_INIT;
    param_t *tensor = params_add(store, name, rank, shape, 0, PARAM_INIT_CONSTANT, 0.0f, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tensor);
    memcpy(tensor->value, values, tensor->count * sizeof(float));
}

/* Without the tensor called `missing`. */
static const char *write_vit(int style, const char *missing, const char *heads)
{
    static char path[256];
    err_t err = ERR_INIT;
    params_t *store = params_create(1, &err);
    snprintf(path, sizeof(path), "%s/vit.safetensors", folder);
    for (int i = 0; i < 8; i++) {
        if (strcmp(spelling[i][style], missing) != 0) {
            put(store, spelling[i][style], outer_rank[i], outer_shape[i], outer_value[i]);
        }
    }
    for (int b = 0; b < DEPTH; b++) {
        for (int i = 0; i < INNER; i++) {
            char name[128];
            snprintf(name, sizeof(name),
                     style == TIMM ? "blocks.%d.%s" : "encoder.layers.encoder_layer_%d.%s", b,
                     inner[i][style]);
            if (strcmp(name, missing) != 0) {
                put(store, name, inner_shape[i][1] > 0 ? 2 : 1, inner_shape[i], inner_value[b][i]);
            }
        }
    }
    const char *key = "heads";
    CHECK_INT(params_save(store, path, "", &key, &heads, 1, &err), 0);
    params_destroy(store);
    return path;
}

/* ---- the definition, in double, one number at a time ---- */

static void layer_norm(const double *x, const float *weight, const float *bias, double *y)
{
    double mean = 0, variance = 0;
    for (int c = 0; c < DIM; c++) {
        mean += x[c] / DIM;
    }
    for (int c = 0; c < DIM; c++) {
        variance += (x[c] - mean) * (x[c] - mean) / DIM;
    }
    for (int c = 0; c < DIM; c++) {
        y[c] = (x[c] - mean) / sqrt(variance + 1e-6) * (double)weight[c] + (double)bias[c];
    }
}

static void linear(const double *x, int in, const float *weight, const float *bias, int out,
                   double *y)
{
    for (int o = 0; o < out; o++) {
        y[o] = (double)bias[o];
        for (int i = 0; i < in; i++) {
            y[o] += (double)weight[o * in + i] * x[i];
        }
    }
}

static void attention(double qkv[TOKENS][3 * DIM], double y[TOKENS][DIM])
{
    for (int h = 0; h < HEADS; h++) {
        for (int t = 0; t < TOKENS; t++) {
            double weight[TOKENS], sum = 0;
            for (int u = 0; u < TOKENS; u++) {
                double dot = 0;
                for (int c = 0; c < EACH; c++) {
                    dot += qkv[t][h * EACH + c] * qkv[u][DIM + h * EACH + c];
                }
                sum += weight[u] = exp(dot / sqrt(EACH));
            }
            for (int c = 0; c < EACH; c++) {
                y[t][h * EACH + c] = 0;
                for (int u = 0; u < TOKENS; u++) {
                    y[t][h * EACH + c] += weight[u] / sum * qkv[u][2 * DIM + h * EACH + c];
                }
            }
        }
    }
}

static void block(float (*v)[3 * DIM * DIM], double x[TOKENS][DIM])
{
    double qkv[TOKENS][3 * DIM], mixed[TOKENS][DIM], y[DIM], wide[HIDDEN], out[DIM];
    for (int t = 0; t < TOKENS; t++) {
        layer_norm(x[t], v[N1], v[N1 + 1], y);
        linear(y, DIM, v[QKV], v[QKV + 1], 3 * DIM, qkv[t]);
    }
    attention(qkv, mixed);
    for (int t = 0; t < TOKENS; t++) {
        linear(mixed[t], DIM, v[OUT], v[OUT + 1], DIM, out);
        for (int c = 0; c < DIM; c++) {
            x[t][c] += out[c];
        }
        layer_norm(x[t], v[N2], v[N2 + 1], y);
        linear(y, DIM, v[WIDEN], v[WIDEN + 1], HIDDEN, wide);
        for (int i = 0; i < HIDDEN; i++) {
            wide[i] *= 0.5 * (1 + erf(wide[i] / sqrt(2)));
        }
        linear(wide, HIDDEN, v[NARROW], v[NARROW + 1], DIM, out);
        for (int c = 0; c < DIM; c++) {
            x[t][c] += out[c];
        }
    }
}

static void reference(const float *pixels, double *feature, double *logits)
{
    double x[TOKENS][DIM], cut[3 * PATCH * PATCH];
    for (int t = 0; t < TOKENS; t++) {
        for (int i = 0; t > 0 && i < 3 * PATCH * PATCH; i++) {
            int c = i / (PATCH * PATCH), row = i / PATCH % PATCH, column = i % PATCH;
            int top = (t - 1) / GRID * PATCH, left = (t - 1) % GRID * PATCH;
            cut[i] = (double)pixels[((top + row) * SIDE + left + column) * 3 + c];
        }
        if (t > 0) {
            linear(cut, 3 * PATCH * PATCH, outer_value[0], outer_value[1], DIM, x[t]);
        }
        for (int c = 0; c < DIM; c++) {
            x[t][c] =
                (t > 0 ? x[t][c] : (double)outer_value[2][c]) + (double)outer_value[3][t * DIM + c];
        }
    }
    for (int b = 0; b < DEPTH; b++) {
        block(inner_value[b], x);
    }
    layer_norm(x[0], outer_value[4], outer_value[5], feature);
    linear(feature, DIM, outer_value[6], outer_value[7], CLASSES, logits);
}

/* ---- tests ---- */

static void test_definition(void)
{
    float pixels[SIDE * SIDE * 3], feature[DIM], logits[CLASSES];
    double want_feature[DIM], want[CLASSES];
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        pixels[i] = 2 * next_value();
    }
    reference(pixels, want_feature, want);
    for (int style = TORCHVISION; style <= TIMM; style++) {
        err_t err = ERR_INIT;
        vit_t *vit = vit_open(write_vit(style, "", "3"), &err);
        if (vit == NULL) {
            fprintf(stderr, "%s\n", err.text);
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(vit);
        CHECK_INT(vit_side(vit), SIDE);
        CHECK_INT(vit_features(vit), DIM);
        CHECK_INT(vit_classes(vit), CLASSES);
        vit_run(vit, pixels, feature, logits);
        for (int c = 0; c < DIM; c++) {
            CHECK_NEAR(feature[c], want_feature[c], 1e-4);
        }
        for (int k = 0; k < CLASSES; k++) {
            CHECK_NEAR(logits[k], want[k], 1e-4);
        }
        vit_close(vit);
    }
}

static void refuses(const char *path, const char *says)
{
    err_t err = ERR_INIT;
    vit_t *vit = vit_open(path, &err);
    CU_ASSERT_PTR_NULL(vit);
    CHECK_ERROR_NAMES(&err, says);
    vit_close(vit);
}

static void test_refusals(void)
{
    refuses(write_vit(TORCHVISION, "", "5"), "do not make 5 heads");
    refuses(write_vit(TIMM, "", "none"), "do not make 0 heads");
    refuses(write_vit(TIMM, "patch_embed.proj.weight", "3"), "not a vision transformer");
    refuses(write_vit(TIMM, "pos_embed", "3"), "pos_embed");
    refuses(write_vit(TORCHVISION, "class_token", "3"), "class_token");
    refuses(write_vit(TIMM, "blocks.1.mlp.fc2.bias", "3"), "encoder_layer_1.mlp.3.bias");
    refuses(
        write_vit(TORCHVISION, "encoder.layers.encoder_layer_0.self_attention.in_proj_weight", "3"),
        "in_proj_weight");
    refuses("/nonexistent/vit.safetensors", "/nonexistent/vit.safetensors");
}

static void test_no_head(void)
{
    err_t err = ERR_INIT;
    vit_t *vit = vit_open(write_vit(TIMM, "head.weight", "3"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(vit);
    CHECK_INT(vit_classes(vit), 0);
    vit_close(vit);
}

static const check_test_t tests[] = {
    {"features and logits are the definition's, in each spelling of the names", test_definition},
    {"missing and misshaped tensors are named", test_refusals},
    {"a file without a head still has features", test_no_head},
};

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    make_values();
    int failed = check_run("vit", tests, CHECK_COUNT(tests));
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 || failed;
}
