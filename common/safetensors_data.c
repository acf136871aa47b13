/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * safetensors_data: conversion of a tensor's elements, and the writer.  Files
 * are little-endian; so are the machines this builds for.
 */
#include "file.h"
#include "safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor data is little-endian");

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE half: 1 sign, 5 exponent, 10 mantissa bits. */
static float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 31u;
    uint32_t mantissa = half & 0x3ffu;
    if (exponent == 31) {
        return from_bits(sign | 0x7f800000u | mantissa << 13);
    }
    if (exponent == 0) { /* a multiple of 2^-24 */
        float value = (float)mantissa * 0x1p-24f;
        return sign ? -value : value;
    }
    return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

static float element(const safetensors_tensor_t *tensor, size_t i)
{
    const uint8_t *data = tensor->data;
    union {
        uint16_t u16;
        double f64;
        int64_t i64;
        int32_t i32;
    } v;
    switch (tensor->dtype) {
    case SAFETENSORS_F64:
        memcpy(&v.f64, data + 8 * i, 8);
        return (float)v.f64;
    case SAFETENSORS_F16:
        memcpy(&v.u16, data + 2 * i, 2);
        return from_half(v.u16);
    case SAFETENSORS_BF16:
        memcpy(&v.u16, data + 2 * i, 2);
        return from_bits((uint32_t)v.u16 << 16);
    case SAFETENSORS_I64:
        memcpy(&v.i64, data + 8 * i, 8);
        return (float)v.i64;
    case SAFETENSORS_I32:
        memcpy(&v.i32, data + 4 * i, 4);
        return (float)v.i32;
    case SAFETENSORS_U8:
        return (float)data[i];
    case SAFETENSORS_F32:
        break;
    }
    return 0.0f;
}

void safetensors_to_float(const safetensors_tensor_t *tensor, float *out)
{
    if (tensor->dtype == SAFETENSORS_F32) {
        if (tensor->count > 0) {
            memcpy(out, tensor->data, tensor->count * sizeof(float));
        }
        return;
    }
    for (size_t i = 0; i < tensor->count; i++) {
        out[i] = element(tensor, i);
    }
}

/* ---- writer --------------------------------------------------------------- */

static size_t bytes_of(const safetensors_tensor_t *tensor)
{
    return tensor->count * (tensor->dtype == SAFETENSORS_F16   ? sizeof(uint16_t)
                            : tensor->dtype == SAFETENSORS_F64 ? sizeof(double)
                                                               : sizeof(float));
}

/* To the nearest half, ties to even; too large: infinity. */
static uint16_t to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    if (size >= 0x47800000u) { /* 65536 and more, infinity, NaN */
        return (uint16_t)(sign | 0x7c00u | (size > 0x7f800000u ? 0x200u : 0u));
    }
    if (size < 0x38800000u) { /* below 2^-14: steps of 2^-24 */
        float magnitude;
        memcpy(&magnitude, &size, sizeof magnitude);
        magnitude += 0.5f; /* its last bit is 2^-24: the addition rounds */
        memcpy(&size, &magnitude, sizeof size);
        return (uint16_t)(sign | (size - 0x3f000000u));
    }
    size += 0xfffu + (size >> 13 & 1u);
    return (uint16_t)(sign | (size - 0x38000000u) >> 13);
}

void safetensors_to_half(const float *from, size_t count, uint16_t *to)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = to_half(from[i]);
    }
}

static json_t *describe(const safetensors_tensor_t *tensor, size_t *offset)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->rank; i++) {
        json_array_append_new(shape, json_integer(tensor->shape[i]));
    }
    size_t end = *offset + bytes_of(tensor);
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype",
                              tensor->dtype == SAFETENSORS_F16   ? "F16"
                              : tensor->dtype == SAFETENSORS_F64 ? "F64"
                                                                 : "F32",
                              "shape", shape,
                              "data_offsets", (json_int_t)*offset, (json_int_t)end);
    *offset = end;
    return entry;
}

/* NULL when memory ran out or a name is not UTF-8 or appears twice. */
static json_t *make_header(const safetensors_tensor_t *tensors, int count, const char *const *keys,
                           const char *const *values, int notes)
{
    json_t *header = json_object();
    size_t offset = 0;
    if (notes > 0) {
        json_t *metadata = json_object();
        int failed = 0;
        for (int i = 0; i < notes; i++) {
            failed |= json_object_set_new(metadata, keys[i], json_string(values[i])) < 0;
        }
        if (json_object_set_new(header, "__metadata__", metadata) < 0 || failed) {
            json_decref(header);
            return NULL;
        }
    }
    for (int i = 0; i < count; i++) {
        if (json_object_get(header, tensors[i].name) ||
            json_object_set_new(header, tensors[i].name, describe(&tensors[i], &offset)) < 0) {
            json_decref(header);
            return NULL;
        }
    }
    return header;
}

/* Length field, JSON and padding in front of the data; *size bytes.  NULL with an error. */
static char *make_front(const char *name, const safetensors_tensor_t *tensors, int count,
                        const char *const *keys, const char *const *values, int notes, size_t *size,
                        err_t *err)
{
    json_t *header = make_header(tensors, count, keys, values, notes);
    char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (!text) {
        err_set(err, ERR_ARGUMENT, "%s: two tensors share a name, or one is not UTF-8", name);
        return NULL;
    }
    size_t length = strlen(text), padding = (64 - (8 + length) % 64) % 64;
    uint64_t stated = length + padding;
    char *front = malloc(8 + length + padding);
    if (!front) {
        err_set(err, ERR_MEMORY, "%s: no memory to write it", name);
    } else {
        memcpy(front, &stated, 8);
        memcpy(front + 8, text, length);
        memset(front + 8 + length, ' ', padding);
        *size = 8 + length + padding;
    }
    free(text);
    return front;
}

int safetensors_write(const char *path, const safetensors_tensor_t *tensors, int count,
                      const char *const *keys, const char *const *values, int notes, err_t *err)
{
    size_t size = 0;
    char *front = make_front(path, tensors, count, keys, values, notes, &size, err);
    file_writer_t *writer = front ? file_writer_open(path, err) : NULL;
    int result = writer ? file_writer_write(writer, front, size, err) : -1;
    free(front);
    for (int i = 0; i < count && result == 0; i++) {
        result = file_writer_write(writer, tensors[i].data, bytes_of(&tensors[i]), err);
    }
    if (result == 0) {
        return file_writer_commit(writer, err);
    }
    file_writer_abort(writer);
    return -1;
}

int safetensors_serialise(const safetensors_tensor_t *tensors, int count, const char *const *keys,
                          const char *const *values, int notes, uint8_t **bytes, size_t *size,
                          err_t *err)
{
    size_t front_size = 0, total;
    char *front = make_front("tensors", tensors, count, keys, values, notes, &front_size, err);
    if (!front) {
        return -1;
    }
    total = front_size;
    for (int i = 0; i < count; i++) {
        total += bytes_of(&tensors[i]);
    }
    *bytes = malloc(total);
    if (!*bytes) {
        free(front);
        return err_set(err, ERR_MEMORY, "no memory for %zu bytes of tensors", total);
    }
    memcpy(*bytes, front, front_size);
    free(front);
    *size = front_size;
    for (int i = 0; i < count; i++) {
        size_t add = bytes_of(&tensors[i]);
        if (add > 0) {
            memcpy(*bytes + *size, tensors[i].data, add);
        }
        *size += add;
    }
    return 0;
}
