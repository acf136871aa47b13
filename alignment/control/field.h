/* SPDX-License-Identifier: GPL-3.0-or-later */
/* field: checked reading of a JSON object that came from outside. */
#ifndef CONTROL_FIELD_H
#define CONTROL_FIELD_H

#include "err.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Fields of an object.  Each -1 with ERR_ARGUMENT naming the field: missing, of another type, out
 * of range.  Texts are UTF-8 without control characters.
 */
int field_int(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *value,
              err_t *err);
int field_real(const json_t *object, const char *key, double min, double max, double *value,
               err_t *err);
int field_text(const json_t *object, const char *key, char *text, size_t size, err_t *err);
/* The same; the value stays as it is when the field is missing. */
int field_int_or(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *value,
                 err_t *err);
int field_text_or(const json_t *object, const char *key, char *text, size_t size, err_t *err);
/* Refuses fields that are not in `allowed` (separated by spaces). */
int field_only(const json_t *object, const char *allowed, err_t *err);

#endif
