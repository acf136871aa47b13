/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/field.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static json_t *get(const json_t *object, const char *key, err_t *err)
{
    json_t *value = json_object_get(object, key);
    if (value == NULL) {
        err_set(err, ERR_ARGUMENT, "\"%s\" is missing", key);
    }
    return value;
}

int field_int(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *value,
              err_t *err)
{
    json_t *field = get(object, key, err);
    if (field == NULL) {
        return -1;
    }
    if (!json_is_integer(field)) {
        return err_set(err, ERR_ARGUMENT, "\"%s\" is not a whole number", key);
    }
    const int64_t number = json_integer_value(field);
    if (number < min || number > max) {
        return err_set(err, ERR_ARGUMENT, "\"%s\" = %lld is outside %lld to %lld", key,
                       (long long)number, (long long)min, (long long)max);
    }
    *value = number;
    return 0;
}

int field_real(const json_t *object, const char *key, double min, double max, double *value,
               err_t *err)
{
    json_t *field = get(object, key, err);
    if (field == NULL) {
        return -1;
    }
    if (!json_is_number(field)) {
        return err_set(err, ERR_ARGUMENT, "\"%s\" is not a number", key);
    }
    const double number = json_number_value(field);
    if (!(number >= min && number <= max)) {
        return err_set(err, ERR_ARGUMENT, "\"%s\" = %g is outside %g to %g", key, number, min, max);
    }
    *value = number;
    return 0;
}

static bool printable(const char *text)
{
    for (; *text != 0; text++) {
        if ((unsigned char)*text < 32 || *text == 127) {
            return false;
        }
    }
    return true;
}

int field_text(const json_t *object, const char *key, char *text, size_t size, err_t *err)
{
    json_t *field = get(object, key, err);
    if (field == NULL) {
        return -1;
    }
    if (!json_is_string(field)) {
        return err_set(err, ERR_ARGUMENT, "\"%s\" is not a text", key);
    }
    const char *from = json_string_value(field);
    if (strlen(from) >= size) {
        return err_set(err, ERR_ARGUMENT, "\"%s\" is longer than %zu bytes", key, size - 1);
    }
    if (!printable(from)) {
        return err_set(err, ERR_ARGUMENT, "\"%s\" holds control characters", key);
    }
    strcpy(text, from);
    return 0;
}

int field_int_or(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *value,
                 err_t *err)
{
    return json_object_get(object, key) == NULL ? 0 : field_int(object, key, min, max, value, err);
}

int field_text_or(const json_t *object, const char *key, char *text, size_t size, err_t *err)
{
    return json_object_get(object, key) == NULL ? 0 : field_text(object, key, text, size, err);
}

int field_only(const json_t *object, const char *allowed, err_t *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const size_t length = strlen(key);
        bool known = false;
        for (const char *at = length > 0 ? strstr(allowed, key) : NULL; at != NULL && !known;
             at = strstr(at + 1, key)) {
            known = (at == allowed || at[-1] == ' ') && (at[length] == 0 || at[length] == ' ');
        }
        if (!known) {
            return err_set(err, ERR_ARGUMENT, "what is \"%.40s\"? It takes: %s", key,
                           *allowed != 0 ? allowed : "nothing");
        }
    }
    return 0;
}
