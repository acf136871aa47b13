/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * safetensors: the weight-file format of that name (8 bytes little-endian header
 * length, JSON header, tensor bytes).  The reader treats a file as hostile: it
 * refuses a header over 16 MiB or past the end of the file, JSON that does not
 * parse or repeats a key, unknown dtypes, negative or overflowing shapes, offsets
 * out of range, out of order, overlapping, leaving holes or trailing bytes,
 * sizes that disagree with shape and dtype, and empty or overlong names.
 *
 * A reader is immutable after opening; any number of threads may use it.
 */
#ifndef COMMON_SAFETENSORS_H
#define COMMON_SAFETENSORS_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

enum { SAFETENSORS_RANK_MAX = 8, SAFETENSORS_NAME_MAX = 256 };

typedef enum {
    SAFETENSORS_F32,
    SAFETENSORS_F64,
    SAFETENSORS_F16,
    SAFETENSORS_BF16,
    SAFETENSORS_I64,
    SAFETENSORS_I32,
    SAFETENSORS_U8,
} safetensors_dtype_t;

typedef struct {
    const char *name;
    safetensors_dtype_t dtype;
    int rank;                            /* 0 .. 8; 0 = a scalar */
    int64_t shape[SAFETENSORS_RANK_MAX]; /* each >= 0 */
    size_t count;                        /* elements */
    const void *data;                    /* reader: not aligned */
} safetensors_tensor_t;

typedef struct safetensors safetensors_t;

/* Reads a file.  NULL on failure; errors name the file and the tensor. */
safetensors_t *safetensors_open(const char *path, err_t *err);
/* The same from memory (copied); `name` stands for the file in errors. */
safetensors_t *safetensors_parse(const void *bytes, size_t size, const char *name, err_t *err);
void safetensors_close(safetensors_t *file); /* NULL is fine */

int safetensors_count(const safetensors_t *file);
const safetensors_tensor_t *safetensors_at(const safetensors_t *file, int index); /* file order */
const safetensors_tensor_t *safetensors_find(const safetensors_t *file, const char *name);

/* A string of `__metadata__`; NULL if absent. */
const char *safetensors_note(const safetensors_t *file, const char *key);

/* The strings of `__metadata__` in file order: how many, and key and *value of one (NULL past the
   last). */
int safetensors_notes(const safetensors_t *file);
const char *safetensors_note_at(const safetensors_t *file, int index, const char **value);

/* Converts all of a tensor's elements to fp32 into out[tensor->count]. */
void safetensors_to_float(const safetensors_tensor_t *tensor, float *out);

/* IEEE halves, rounded to nearest, ties to even; beyond 65504 infinity. */
void safetensors_to_half(const float *from, size_t count, uint16_t *to);

/*
 * Writes tensors (F32: data points to count floats; F16: to count halves, see
 * safetensors_to_half; F64: to count doubles; no other dtype) and `notes` metadata strings atomically (file.h).  The header is padded with spaces so that data starts at a
 * multiple of 64 bytes.
 */
int safetensors_write(const char *path, const safetensors_tensor_t *tensors, int count,
                      const char *const *keys, const char *const *values, int notes, err_t *err);

/* The same bytes in memory.  Equal arguments give equal bytes.  Free *bytes with free(). */
int safetensors_serialise(const safetensors_tensor_t *tensors, int count, const char *const *keys,
                          const char *const *values, int notes, uint8_t **bytes, size_t *size,
                          err_t *err);

#endif
