/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One table of names and offsets serves both formats. */
#include "result.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

/* clang-format off */
#define FIELDS(F)                                                                          \
    F(images) F(images_received) F(images_undecodable) F(images_over_budget)               \
    F(frames_sent) F(frames_lost) F(frames_false)                                          \
    F(psnr_mse_db) F(psnr_mean_db) F(psnr_all_db) F(ssim) F(accuracy) F(accuracy_all)      \
    F(psnr_ci_db) F(psnr_mean_ci_db) F(accuracy_ci) F(loss_ci) F(evm_db)                   \
    F(snr_measured_db) F(symbol_power) F(compression) F(on_air)           \
    F(images_per_s) F(cpu_s)
/* clang-format on */

#define FIELD_NAME(name)   #name,
#define FIELD_OFFSET(name) offsetof(result_t, name),

static const char *const names[] = {FIELDS(FIELD_NAME) NULL};
static const size_t offsets[] = {FIELDS(FIELD_OFFSET)};

enum { FIELD_COUNT = sizeof offsets / sizeof offsets[0] };

static double *field(result_t *result, int index)
{
    return (double *)(void *)((char *)result + offsets[index]);
}

static double field_value(const result_t *result, int index)
{
    double value;
    memcpy(&value, (const char *)result + offsets[index], sizeof value);
    return value;
}

void result_clear(result_t *result)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        *field(result, i) = NAN;
    }
    result->mode[0] = '\0';
}

const char *const *result_names(void)
{
    return names;
}

double result_value(const result_t *result, const char *name)
{
    int i = 0;
    while (i < FIELD_COUNT && strcmp(names[i], name) != 0) {
        i++;
    }
    assert(i < FIELD_COUNT);
    return field_value(result, i);
}

json_t *result_to_json(const result_t *result)
{
    json_t *json = json_object();
    for (int i = 0; json != NULL && i < FIELD_COUNT; i++) {
        double value = field_value(result, i);
        if (json_object_set_new(json, names[i], isfinite(value) ? json_real(value) : json_null())) {
            json_decref(json);
            json = NULL;
        }
    }
    if (json != NULL && json_object_set_new(json, "mode", json_string(result->mode)) != 0) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

int result_from_json(const json_t *json, result_t *result, err_t *err)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        const json_t *value = json_object_get(json, names[i]);
        if (!json_is_number(value) && !json_is_null(value)) {
            return err_set(err, ERR_FORMAT, "\"%s\" is not a number", names[i]);
        }
        *field(result, i) = json_is_null(value) ? (double)NAN : json_number_value(value);
    }
    const char *mode = json_string_value(json_object_get(json, "mode"));
    if (mode == NULL || strlen(mode) >= sizeof result->mode) {
        return err_set(err, ERR_FORMAT, "\"mode\" is not a text");
    }
    strcpy(result->mode, mode);
    return 0;
}

void result_put_number(FILE *out, double value)
{
    if (isfinite(value)) {
        fprintf(out, "%.9g", value);
    }
}

void result_put_text(FILE *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            fputc('"', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}
