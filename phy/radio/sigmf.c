/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/sigmf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples are little-endian in the file, and this project runs on little-endian machines only. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "cf32_le is copied as it is");

size_t sigmf_sample_bytes(sigmf_datatype_t datatype)
{
    return datatype == SIGMF_CF32 ? 8 : 4;
}

const char *sigmf_datatype_name(sigmf_datatype_t datatype)
{
    return datatype == SIGMF_CF32 ? "cf32_le" : "ci16_le";
}

void sigmf_free(sigmf_t *sigmf)
{
    if (sigmf != NULL) {
        free(sigmf->segments);
        free(sigmf->annotations);
        free(sigmf);
    }
}

int sigmf_check_data(const sigmf_t *sigmf, uint64_t samples, const char *name, err_t *err)
{
    if (sigmf->samples != UINT64_MAX && sigmf->samples != samples) {
        return err_set(err, ERR_FORMAT, "%s: the data file has %llu samples, not %llu", name,
                       (unsigned long long)samples, (unsigned long long)sigmf->samples);
    }
    const uint64_t last = sigmf->segments[sigmf->segment_count - 1].start;
    if (last > samples) {
        return err_set(err, ERR_FORMAT,
                       "%s: a capture segment begins at sample %llu, the data file ends at %llu",
                       name, (unsigned long long)last, (unsigned long long)samples);
    }
    for (size_t i = 0; i < sigmf->annotation_count; i++) {
        const sigmf_annotation_t *a = &sigmf->annotations[i];
        if (a->start > samples || a->count > samples - a->start) {
            return err_set(err, ERR_FORMAT,
                           "%s: annotation %zu reaches beyond the data file's %llu samples", name,
                           i, (unsigned long long)samples);
        }
    }
    return 0;
}

char *sigmf_path(const char *path, const char *suffix)
{
    size_t length = strlen(path);
    const size_t end = strlen(SIGMF_META); /* both have the same length */
    if (length > end && (strcmp(path + length - end, SIGMF_META) == 0 ||
                         strcmp(path + length - end, SIGMF_DATA) == 0)) {
        length -= end;
    }
    char *full = malloc(length + strlen(suffix) + 1);
    if (full != NULL) {
        memcpy(full, path, length);
        strcpy(full + length, suffix);
    }
    return full;
}

void sigmf_decode(sigmf_datatype_t datatype, const void *data, float complex *x, size_t count)
{
    if (datatype == SIGMF_CF32) {
        memcpy(x, data, count * sizeof *x);
        return;
    }
    const int16_t *values = data;
    float *out = (float *)x;
    for (size_t i = 0; i < 2 * count; i++) {
        out[i] = (float)values[i] / SIGMF_CI16_SCALE;
    }
}

size_t sigmf_encode(sigmf_datatype_t datatype, const float complex *x, void *data, size_t count)
{
    if (datatype == SIGMF_CF32) {
        memcpy(data, x, count * sizeof *x);
        return 0;
    }
    const float *in = (const float *)x;
    int16_t *values = data;
    size_t clipped = 0;
    for (size_t i = 0; i < 2 * count; i++) {
        float scaled = rintf(in[i] * SIGMF_CI16_SCALE);
        clipped += fabsf(scaled) <= SIGMF_CI16_SCALE ? 0u : 1u;
        scaled = scaled == scaled ? scaled : 0.0f; /* NaN has no place here */
        values[i] = (int16_t)fminf(fmaxf(scaled, -SIGMF_CI16_SCALE), SIGMF_CI16_SCALE);
    }
    return clipped;
}
