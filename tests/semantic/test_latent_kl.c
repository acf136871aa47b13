/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AutoencoderKL against PyTorch, and damaged files.  The file was made by
 * golden/make_autoencoder_kl.py (PyTorch 1.13): weights, a picture, its latent, and the picture
 * decoded from that.
 */
#include "check.h"
#include "latent/autoencoder_kl.h"
#include "latent/latent.h"

#include <stdlib.h>
#include <unistd.h>

#define GOLDEN    SEMRADIO_SOURCE_DIR "/tests/semantic/golden/autoencoder_kl.safetensors"
#define ATTENTION "encoder.mid_block.attentions.0."

enum { W = 24, H = 40, STRIDE = 2, CHANNELS = 4 };
enum { PICTURE = W * H * 3, LATENT = W / STRIDE * (H / STRIDE) * CHANNELS };
enum { TENSORS_MAX = 256 };

static char folder[] = "/tmp/semradio-kl-XXXXXX";
static char copy_path[64];

static void reference(const char *name, float *out, size_t count)
{
    err_t err = ERR_INIT;
    safetensors_t *file = safetensors_open(GOLDEN, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    const safetensors_tensor_t *tensor = safetensors_find(file, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tensor);
    CU_ASSERT_EQUAL_FATAL(tensor->count, count);
    safetensors_to_float(tensor, out);
    safetensors_close(file);
}

static void reference_rgb(uint8_t *rgb)
{
    float values[PICTURE];
    reference("reference.image", values, PICTURE);
    for (int i = 0; i < PICTURE; i++) {
        rgb[i] = (uint8_t)values[i];
    }
}

/* Largest |a - b| over largest |b|. */
static double relative(const float *a, const float *b, size_t count)
{
    double difference = 0.0, largest = 0.0;
    for (size_t i = 0; i < count; i++) {
        difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
        largest = fmax(largest, fabs((double)b[i]));
    }
    return difference / largest;
}

static void test_encode(void)
{
    static uint8_t rgb[PICTURE];
    static float want[LATENT], z[LATENT];
    err_t err = ERR_INIT;
    latent_t *latent = latent_open(GOLDEN, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(latent);
    CU_ASSERT_STRING_EQUAL(latent_name(latent), "AutoencoderKL");
    CHECK_INT(latent_stride(latent), STRIDE);
    CHECK_INT(latent_channels(latent), CHANNELS);
    CHECK_INT(latent_side_max(latent), AUTOENCODER_KL_SIDE_MAX);
    CHECK_INT(latent_count(latent, W, H), LATENT);
    reference_rgb(rgb);
    reference("reference.latent", want, LATENT);
    CHECK_INT(latent_encode(latent, rgb, W, H, z, &err), 0);
    CHECK_AT_MOST(relative(z, want, LATENT), 1e-4);
    latent_close(latent);
}

/* The bytes of latent_decode, and the floats before they are clamped. */
static void test_decode(void)
{
    static uint8_t rgb[PICTURE];
    static float want[PICTURE], z[LATENT];
    err_t err = ERR_INIT;
    latent_t *latent = latent_open(GOLDEN, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(latent);
    reference("reference.latent", z, LATENT);
    reference("reference.picture", want, PICTURE);
    CHECK_INT(latent_decode(latent, z, W, H, rgb, &err), 0);
    for (int i = 0; i < PICTURE; i++) {
        double level = 255.0 * fmin(fmax((double)want[i], 0.0), 1.0);
        CU_ASSERT(fabs((double)rgb[i] - level) < 0.51);
    }
    latent_close(latent);

    safetensors_t *file = safetensors_open(GOLDEN, &err);
    params_t *params = params_create(1, &err);
    autoencoder_kl_shape_t shape;
    CU_ASSERT_EQUAL_FATAL(autoencoder_kl_import(file, GOLDEN, params, &shape, &err), 0);
    graph_t *g = graph_create(params, GRAPH_INFER, 1, 1, &err);
    node_t in = graph_input(g, H / STRIDE, W / STRIDE, CHANNELS);
    node_t out = autoencoder_kl_decoder(g, in, &shape);
    CU_ASSERT_EQUAL_FATAL(graph_finish(g, &err), 0);
    memcpy(graph_data(g, in), z, sizeof(z));
    graph_forward(g);
    CHECK_AT_MOST(relative(graph_data(g, out), want, PICTURE), 1e-4);
    graph_destroy(g);
    params_destroy(params);
    safetensors_close(file);
}

/* ---- changed copies --------------------------------------------------------- */

/* What one tensor becomes in a copy; true = leave it out. */
typedef bool (*change_t)(safetensors_tensor_t *tensor, float *values, char *name);

static bool nothing(safetensors_tensor_t *tensor, float *values, char *name)
{
    (void)tensor;
    (void)values;
    (void)name;
    return false;
}

/* A copy of the golden file with `change` applied, and `notes` (pairs, NULL at the end). */
static const char *copy(change_t change, const char *const *notes)
{
    static char names[TENSORS_MAX][SAFETENSORS_NAME_MAX];
    static safetensors_tensor_t tensors[TENSORS_MAX];
    const char *keys[8], *values[8];
    err_t err = ERR_INIT;
    safetensors_t *file = safetensors_open(GOLDEN, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    int count = 0, pairs = 0;
    for (int i = 0; i < safetensors_count(file); i++) {
        safetensors_tensor_t tensor = *safetensors_at(file, i);
        float *numbers = malloc(tensor.count * sizeof(*numbers));
        safetensors_to_float(&tensor, numbers);
        tensor.dtype = SAFETENSORS_F32;
        snprintf(names[count], sizeof(names[count]), "%s", tensor.name);
        if (change(&tensor, numbers, names[count])) {
            free(numbers);
            continue;
        }
        tensor.name = names[count];
        tensor.data = numbers;
        tensors[count++] = tensor;
    }
    for (; notes[2 * pairs] != NULL; pairs++) {
        keys[pairs] = notes[2 * pairs];
        values[pairs] = notes[2 * pairs + 1];
    }
    CHECK_INT(safetensors_write(copy_path, tensors, count, keys, values, pairs, &err), 0);
    for (int i = 0; i < count; i++) {
        free((void *)(uintptr_t)tensors[i].data);
    }
    safetensors_close(file);
    return copy_path;
}

static const char *const settings[] = {
    "norm_num_groups", "4", "scaling_factor", "0.25", "shift_factor", "0.125", NULL};

/* That a copy opens and encodes as the golden file. */
static void same_latent(const char *path)
{
    static uint8_t rgb[PICTURE];
    static float want[LATENT], z[LATENT];
    err_t err = ERR_INIT;
    latent_t *latent = latent_open(path, &err);
    if (latent == NULL) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(latent);
    reference_rgb(rgb);
    reference("reference.latent", want, LATENT);
    CHECK_INT(latent_encode(latent, rgb, W, H, z, &err), 0);
    CHECK_AT_MOST(relative(z, want, LATENT), 1e-4);
    latent_close(latent);
}

static void swap_part(char *name, const char *from, const char *to)
{
    char rest[SAFETENSORS_NAME_MAX];
    char *at = strstr(name, from);
    if (at != NULL) {
        snprintf(rest, sizeof(rest), "%s", at + strlen(from));
        snprintf(at, (size_t)(SAFETENSORS_NAME_MAX - (at - name)), "%s%s", to, rest);
    }
}

/* Names before diffusers 0.17, matrices as 1x1 convolutions. */
static bool old_names(safetensors_tensor_t *tensor, float *values, char *name)
{
    (void)values;
    swap_part(name, "to_q", "query");
    swap_part(name, "to_k", "key");
    swap_part(name, "to_v", "value");
    swap_part(name, "to_out.0", "proj_attn");
    if (strstr(name, "attentions") != NULL && tensor->rank == 2) {
        tensor->rank = 4;
        tensor->shape[2] = tensor->shape[3] = 1;
    }
    return false;
}

static void test_old_names(void)
{
    same_latent(copy(old_names, settings));
}

/* Without metadata: config.json beside the file, then the defaults. */
static void test_config(void)
{
    static const char *const none[] = {NULL};
    char path[96];
    err_t err = ERR_INIT;
    snprintf(path, sizeof(path), "%s/config.json", folder);
    FILE *config = fopen(path, "w");
    fprintf(config, "{\"_class_name\": \"AutoencoderKL\", \"norm_num_groups\": 4, "
                    "\"scaling_factor\": 0.25, \"shift_factor\": 0.125}");
    fclose(config);
    same_latent(copy(nothing, none));
    config = fopen(path, "w");
    fprintf(config, "{\"norm_num_groups\": \"four\"}");
    fclose(config);
    CU_ASSERT_PTR_NULL(latent_open(copy(nothing, none), &err));
    CHECK_ERROR_NAMES(&err, "norm_num_groups is not a number");
    config = fopen(path, "w");
    fprintf(config, "{\"norm_num");
    fclose(config);
    CU_ASSERT_PTR_NULL(latent_open(copy(nothing, none), &err));
    CHECK_ERROR_NAMES(&err, "config.json: not a JSON object");
    unlink(path);
    CU_ASSERT_PTR_NULL(latent_open(copy(nothing, none), &err)); /* 32 groups of 8 channels */
    CHECK_ERROR_NAMES(&err, "32 groups do not divide 8 channels");
}

/* Without quant_conv and post_quant_conv, and without the middle's attention. */
static bool without_options(safetensors_tensor_t *tensor, float *values, char *name)
{
    (void)tensor;
    (void)values;
    return strstr(name, "quant_conv") != NULL || strstr(name, "attentions") != NULL;
}

static void test_optional_parts(void)
{
    static uint8_t rgb[PICTURE], back[PICTURE];
    static float z[LATENT];
    err_t err = ERR_INIT;
    latent_t *latent = latent_open(copy(without_options, settings), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(latent);
    reference_rgb(rgb);
    CHECK_INT(latent_encode(latent, rgb, W, H, z, &err), 0);
    CHECK_INT(latent_decode(latent, z, W, H, back, &err), 0);
    CHECK_INT(latent_encode(latent, rgb, 1, 1, z, &err), 0);
    CHECK_INT(latent_encode(latent, rgb, 7, 5, z, &err), 0);
    CHECK_INT(latent_encode(latent, rgb, AUTOENCODER_KL_SIDE_MAX + 1, 1, z, &err), -1);
    CHECK_ERROR_NAMES(&err, "outside 1 .. 1024 a side");
    latent_close(latent);
}

/* ---- damaged ones ------------------------------------------------------------ */

static const char *victim; /* the tensor to damage */

static bool drop(safetensors_tensor_t *tensor, float *values, char *name)
{
    (void)tensor;
    (void)values;
    return strcmp(name, victim) == 0;
}

static bool not_a_number(safetensors_tensor_t *tensor, float *values, char *name)
{
    if (strcmp(name, victim) == 0) {
        values[tensor->count - 1] = (float)NAN;
    }
    return false;
}

static bool reshape(safetensors_tensor_t *tensor, float *values, char *name)
{
    (void)values;
    if (strcmp(name, victim) == 0) { /* as many numbers, in another shape */
        for (int i = 1; i < tensor->rank; i++) {
            tensor->shape[0] *= tensor->shape[i];
            tensor->shape[i] = 1;
        }
        if (tensor->rank == 1) {
            tensor->shape[0] = 1;
            tensor->count = 1;
        }
    }
    return false;
}

static bool too_many_dimensions(safetensors_tensor_t *tensor, float *values, char *name)
{
    (void)values;
    if (strcmp(name, victim) == 0) {
        tensor->rank = 5;
        tensor->shape[4] = 1;
    }
    return false;
}

static void refuse(change_t change, const char *tensor, const char *part)
{
    err_t err = ERR_INIT;
    victim = tensor;
    latent_t *latent = latent_open(copy(change, settings), &err);
    CU_ASSERT_PTR_NULL(latent);
    CHECK_ERROR_NAMES(&err, part);
    CHECK_ERROR_NAMES(&err, copy_path);
    latent_close(latent);
}

static void test_missing(void)
{
    static const char *const needed[] = {
        "encoder.conv_in.bias",
        "encoder.down_blocks.0.resnets.0.norm1.weight",
        "encoder.down_blocks.0.resnets.0.conv2.weight",
        "encoder.down_blocks.0.downsamplers.0.conv.weight",
        "encoder.mid_block.resnets.1.conv1.weight",
        ATTENTION "to_q.weight",
        ATTENTION "to_out.0.bias",
        "encoder.conv_norm_out.weight",
        "encoder.conv_out.weight",
        "quant_conv.bias",
        "decoder.mid_block.resnets.0.norm2.bias",
        "decoder.up_blocks.0.upsamplers.0.conv.weight",
        "decoder.up_blocks.1.resnets.0.conv1.bias",
        "decoder.conv_out.bias",
    };
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        refuse(drop, needed[i], needed[i]);
    }
    refuse(drop, "encoder.conv_in.weight", "nor an AutoencoderKL");
    refuse(drop, "decoder.up_blocks.1.resnets.0.conv1.weight",
           "2 encoder.down_blocks and 1 decoder.up_blocks");
}

static void test_misshaped(void)
{
    static const char *const some[] = {
        "encoder.conv_in.weight",
        "encoder.down_blocks.1.resnets.0.norm2.bias",
        "encoder.down_blocks.1.resnets.0.conv_shortcut.weight",
        ATTENTION "to_v.weight",
        ATTENTION "group_norm.weight",
        "post_quant_conv.weight",
        "decoder.up_blocks.1.resnets.1.conv2.weight",
    };
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        refuse(reshape, some[i], some[i]);
    }
    refuse(reshape, "decoder.conv_in.weight", "decoder.conv_in.weight");
    refuse(too_many_dimensions, "decoder.conv_out.weight", "has 5 dimensions");
}

static void test_not_finite(void)
{
    refuse(not_a_number, ATTENTION "to_k.weight", ATTENTION "to_k.weight: element");
    refuse(not_a_number, "decoder.conv_out.bias", "decoder.conv_out.bias: element 2");
}

static bool both_names(safetensors_tensor_t *tensor, float *values, char *name)
{
    (void)tensor;
    (void)values;
    if (strcmp(name, "reference.latent") == 0) {
        snprintf(name, SAFETENSORS_NAME_MAX, ATTENTION "query.weight");
    }
    return false;
}

static void test_settings(void)
{
    static const char *const bad[][3] = {
        {"scaling_factor", "0", "scaling_factor is not a number"},
        {"scaling_factor", "nan", "scaling_factor is not a number"},
        {"norm_num_groups", "1e9", "norm_num_groups is not a number"},
        {"norm_num_groups", "3", "3 groups do not divide 8 channels"},
        {"shift_factor", "", "shift_factor is not a number"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *notes[] = {bad[i][0], bad[i][1], NULL};
        err_t err = ERR_INIT;
        CU_ASSERT_PTR_NULL(latent_open(copy(nothing, notes), &err));
        CHECK_ERROR_NAMES(&err, bad[i][2]);
    }
    refuse(both_names, "", "is there under two names");
}

static const check_test_t tests[] = {
    {"latents are PyTorch's within 1e-4, shape found from the tensors", test_encode},
    {"pictures are PyTorch's within 1e-4", test_decode},
    {"older names and 1x1 convolutions for attention are read", test_old_names},
    {"settings come from config.json where the file has none", test_config},
    {"optional parts may be absent; any size; a side limit", test_optional_parts},
    {"a missing tensor is named", test_missing},
    {"a tensor of another shape is named", test_misshaped},
    {"a tensor that is not finite is named", test_not_finite},
    {"settings out of range and doubled tensors are refused", test_settings},
};

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(copy_path, sizeof(copy_path), "%s/kl.safetensors", folder);
    int status = check_run("latent kl", tests, CHECK_COUNT(tests));
    unlink(copy_path);
    rmdir(folder);
    return status;
}
