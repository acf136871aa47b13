/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/correction.h"

#include "cmplx.h"
#include "file.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int correction_path(char *path, size_t size, const char *folder, const char *serial, err_t *err)
{
    char name[64];
    if (*serial == 0) {
        return err_set(err, ERR_ARGUMENT,
                       "this radio has no serial number: name the calibration file, not the folder "
                       "%s",
                       folder);
    }
    strncpy(name, serial, sizeof name - 1);
    name[sizeof name - 1] = 0;
    for (char *c = name; *c != 0; c++) {
        const bool fine = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                          (*c >= '0' && *c <= '9') || *c == '-' || (*c == '.' && c > name);
        *c = fine ? *c : '_';
    }
    if ((size_t)snprintf(path, size, "%s/%s.json", folder, name) >= size) {
        return err_set(err, ERR_ARGUMENT, "the folder's name is too long: %s", folder);
    }
    return 0;
}

static int read_complex(const json_t *object, const char *key, double most, double complex *value)
{
    const json_t *pair = json_object_get(object, key);
    if (json_array_size(pair) != 2 || !json_is_number(json_array_get(pair, 0)) ||
        !json_is_number(json_array_get(pair, 1))) {
        return -1;
    }
    *value = CMPLX(json_number_value(json_array_get(pair, 0)),
                   json_number_value(json_array_get(pair, 1)));
    return cabs(*value) < most ? 0 : -1;
}

static int read_side(const json_t *root, const char *key, const char *path, correction_side_t *side,
                     err_t *err)
{
    const json_t *object = json_object_get(root, key);
    const char *date = json_string_value(json_object_get(object, "date"));
    *side = (correction_side_t){.known = false};
    if (object == NULL) {
        return 0;
    }
    if (read_complex(object, "dc", 1.0, &side->dc) != 0 ||
        read_complex(object, "image", 0.5, &side->image) != 0 || date == NULL) {
        return err_set(err, ERR_FORMAT,
                       "%s: \"%s\" lacks date, dc or image, or they are out of range", path, key);
    }
    side->known = true;
    side->freq_hz = json_number_value(json_object_get(object, "freq_hz"));
    side->gain_db = json_number_value(json_object_get(object, "gain_db"));
    strncpy(side->date, date, sizeof side->date - 1);
    return 0;
}

static int read_root(correction_t *c, const json_t *root, const char *serial, err_t *err)
{
    const char *format = json_string_value(json_object_get(root, "format"));
    const char *owner = json_string_value(json_object_get(root, "serial"));
    if (format == NULL || strcmp(format, "semradio calibration 1") != 0 || owner == NULL) {
        return err_set(err, ERR_FORMAT, "%s is not a calibration file", c->path);
    }
    if (*serial != 0 && strcmp(serial, owner) != 0) {
        return err_set(err, ERR_FORMAT, "%s was made for radio %.64s, this one is %s", c->path,
                       owner, serial);
    }
    strncpy(c->serial, owner, sizeof c->serial - 1);
    return read_side(root, "rx", c->path, &c->rx, err) != 0 ||
                   read_side(root, "tx", c->path, &c->tx, err) != 0
               ? -1
               : 0;
}

int correction_load(correction_t *c, const char *path, const char *serial, err_t *err)
{
    struct stat info;
    uint8_t *text;
    size_t size;
    memset(c, 0, sizeof *c);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        if (correction_path(c->path, sizeof c->path, path, serial, err) != 0) {
            return -1;
        }
    } else if ((size_t)snprintf(c->path, sizeof c->path, "%s", path) >= sizeof c->path) {
        return err_set(err, ERR_ARGUMENT, "the name is too long: %s", path);
    }
    if (file_read_all(c->path, 1u << 20, &text, &size, err) != 0) {
        return -1;
    }
    json_error_t why;
    json_t *root = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, &why);
    free(text);
    int code = root != NULL ? read_root(c, root, serial, err)
                            : err_set(err, ERR_FORMAT, "%s:%d: not JSON: %.160s", c->path, why.line,
                                      why.text);
    json_decref(root);
    return code;
}

void correction_apply(const correction_side_t *side, const float complex *y, float complex *x,
                      size_t count)
{
    if (!side->known) {
        if (x != y) {
            memmove(x, y, count * sizeof *x);
        }
        return;
    }
    const double power = creal(side->image * conj(side->image));
    const float complex dc = (float complex)side->dc;
    const float complex image = (float complex)(side->image / (1.0 - power));
    const float scale = (float)(1.0 / (1.0 - power));
    for (size_t i = 0; i < count; i++) {
        const float complex v = y[i] - dc;
        x[i] = scale * v - image * conjf(v);
    }
}
