/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the file's tensors to a store in the newer names, and what the tensors tell. */
#include "latent/autoencoder_kl.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const parts[] = {"encoder.", "decoder.", "quant_conv.", "post_quant_conv."};

bool autoencoder_kl_matches(const safetensors_t *file)
{
    return safetensors_find(file, "encoder.conv_in.weight") != NULL &&
           safetensors_find(file, "decoder.conv_in.weight") != NULL;
}

static bool wanted(const char *name)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strncmp(name, parts[i], strlen(parts[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* …attentions.0.query.weight -> …attentions.0.to_q.weight, and so on. */
static void rename_attention(const char *name, char *out, size_t size)
{
    static const char *const names[][2] = {{".query.", ".to_q."},
                                           {".key.", ".to_k."},
                                           {".value.", ".to_v."},
                                           {".proj_attn.", ".to_out.0."}};
    snprintf(out, size, "%s", name);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *at = strstr(name, names[i][0]);
        if (at != NULL && strstr(name, ".attentions.") != NULL) {
            snprintf(out, size, "%.*s%s%s", (int)(at - name), name, names[i][1],
                     at + strlen(names[i][0]));
        }
    }
}

static bool is_linear(const char *name)
{
    return strstr(name, ".attentions.") != NULL &&
           (strstr(name, ".to_q.") != NULL || strstr(name, ".to_k.") != NULL ||
            strstr(name, ".to_v.") != NULL || strstr(name, ".to_out.") != NULL);
}

static int copy_tensor(const safetensors_tensor_t *tensor, params_t *params, err_t *err)
{
    char name[SAFETENSORS_NAME_MAX + 16];
    int shape[PARAM_RANK_MAX] = {1, 1, 1, 1}, rank = tensor->rank;
    rename_attention(tensor->name, name, sizeof(name));
    /* Some files keep the attention's matrices as 1x1 convolutions. */
    if (is_linear(name) && rank == 4 && tensor->shape[2] == 1 && tensor->shape[3] == 1) {
        rank = 2;
    }
    if (rank < 1 || rank > PARAM_RANK_MAX) {
        return err_set(err, ERR_FORMAT, "tensor %s has %d dimensions", tensor->name, rank);
    }
    for (int i = 0; i < rank; i++) {
        if (tensor->shape[i] < 1 || tensor->shape[i] > 1 << 20) {
            return err_set(err, ERR_FORMAT, "tensor %s: dimension %d is %lld", tensor->name, i,
                           (long long)tensor->shape[i]);
        }
        shape[i] = (int)tensor->shape[i];
    }
    if (params_find(params, name) != NULL) {
        return err_set(err, ERR_FORMAT, "tensor %s is there under two names", name);
    }
    param_t *param = params_add(params, name, rank, shape, 0, PARAM_INIT_CONSTANT, 0.0f, err);
    if (param == NULL) {
        return -1;
    }
    safetensors_to_float(tensor, param->value);
    return 0;
}

/* ---- what tensors do not tell --------------------------------------------- */

/* config.json in the folder of `path`; NULL if there is none. */
static json_t *read_config(const char *path, err_t *err)
{
    char config[4096];
    json_error_t error;
    const char *slash = strrchr(path, '/');
    int length = slash != NULL ? (int)(slash - path) + 1 : 0;
    snprintf(config, sizeof(config), "%.*sconfig.json", length, path);
    if (access(config, R_OK) != 0) {
        return json_object();
    }
    json_t *root = json_load_file(config, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        json_decref(root);
        err_set(err, ERR_FORMAT, "%s: not a JSON object", config);
        return NULL;
    }
    return root;
}

static int read_value(const safetensors_t *file, const json_t *config, const char *key, double min,
                      double max, double *value, err_t *err)
{
    const char *text = safetensors_note(file, key);
    const json_t *number = json_object_get(config, key);
    if (text != NULL) {
        char *end = NULL;
        *value = strtod(text, &end);
        if (end == text || *end != '\0') {
            *value = (double)NAN;
        }
    } else if (json_is_number(number)) {
        *value = json_number_value(number);
    } else if (number != NULL && !json_is_null(number)) {
        *value = (double)NAN;
    }
    if (!(*value >= min && *value <= max)) {
        return err_set(err, ERR_FORMAT, "%s is not a number of %g .. %g", key, min, max);
    }
    return 0;
}

static int read_settings(const safetensors_t *file, const char *path, autoencoder_kl_shape_t *shape,
                         err_t *err)
{
    double groups = 32.0, scaling = 0.18215, shift = 0.0;
    json_t *config = read_config(path, err);
    if (config == NULL) {
        return -1;
    }
    int status = read_value(file, config, "norm_num_groups", 1, 4096, &groups, err) < 0 ||
                         read_value(file, config, "scaling_factor", 1e-6, 1e6, &scaling, err) < 0 ||
                         read_value(file, config, "shift_factor", -1e6, 1e6, &shift, err) < 0
                     ? -1
                     : 0;
    json_decref(config);
    shape->groups = (int)groups;
    shape->scaling = (float)scaling;
    shape->shift = (float)shift;
    return status;
}

/* ---- what they do ---------------------------------------------------------- */

static int find_levels(const params_t *params, const char *part)
{
    char name[96];
    for (int n = 0;; n++) {
        snprintf(name, sizeof(name), "%s.%d.resnets.0.conv1.weight", part, n);
        if (params_find(params, name) == NULL || n > AUTOENCODER_KL_LEVELS_MAX) {
            return n;
        }
    }
}

static int find_shape(const params_t *params, autoencoder_kl_shape_t *shape, err_t *err)
{
    const param_t *in = params_find(params, "decoder.conv_in.weight");
    const param_t *out = params_find(params, "encoder.conv_out.weight");
    shape->params = params;
    shape->levels = find_levels(params, "encoder.down_blocks");
    if (shape->levels < 1 || shape->levels > AUTOENCODER_KL_LEVELS_MAX ||
        shape->levels != find_levels(params, "decoder.up_blocks")) {
        return err_set(err, ERR_FORMAT,
                       "%d encoder.down_blocks and %d decoder.up_blocks, not the same number of "
                       "1 .. %d",
                       shape->levels, find_levels(params, "decoder.up_blocks"),
                       AUTOENCODER_KL_LEVELS_MAX);
    }
    shape->channels = in->shape[1];
    if (in->rank != 4 || shape->channels < 1 || shape->channels > AUTOENCODER_KL_CHANNELS_MAX) {
        return err_set(err, ERR_FORMAT, "tensor %s does not tell the latent's channels (1 .. %d)",
                       in->name, AUTOENCODER_KL_CHANNELS_MAX);
    }
    if (out != NULL && out->shape[0] != 2 * shape->channels) {
        return err_set(err, ERR_FORMAT, "%s has %d inputs, but %s %d outputs instead of twice that",
                       in->name, shape->channels, out->name, out->shape[0]);
    }
    return 0;
}

int autoencoder_kl_import(const safetensors_t *file, const char *path, params_t *params,
                          autoencoder_kl_shape_t *shape, err_t *err)
{
    for (int i = 0; i < safetensors_count(file); i++) {
        const safetensors_tensor_t *tensor = safetensors_at(file, i);
        if (wanted(tensor->name) && copy_tensor(tensor, params, err) < 0) {
            return -1;
        }
    }
    params_seal(params);
    return find_shape(params, shape, err) < 0 ? -1 : read_settings(file, path, shape, err);
}
