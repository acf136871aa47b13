/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fields are described once, in `fields` below: the writer and the reader
 * both walk that table.  The writer uses snprintf only, because it runs for
 * every frame; the reader uses Jansson.
 */
#include "report.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum { F_STATUS, F_RATE, F_TIME, F_COUNT, F_INT, F_INT64, F_REAL, F_TEXT } kind_t;

typedef struct {
    const char *key;
    kind_t kind;
    size_t offset;
    int unknown; /* integers: the value that JSON shows as null; reals: digits, 0 for 7 */
} field_t;

#define FIELD(kind, name, unknown) {#name, kind, offsetof(frame_report_t, name), unknown}

static const field_t fields[] = {
    FIELD(F_TIME, time_ns, 0),
    FIELD(F_STATUS, status, 0),
    FIELD(F_COUNT, count, 0),
    FIELD(F_INT, source, -1),
    FIELD(F_INT, destination, -1),
    FIELD(F_INT64, frame, -1),
    FIELD(F_INT, image_in_frame, -1),
    FIELD(F_INT64, image_id, -1),
    FIELD(F_TEXT, dataset, 0),
    FIELD(F_TEXT, codec, 0),
    {"rate", F_RATE, 0, 0},
    FIELD(F_INT64, adapter_tag, -1),
    FIELD(F_TEXT, adapter, 0),
    FIELD(F_REAL, design_snr_db, 0),
    FIELD(F_INT, width, 0),
    FIELD(F_INT, height, 0),
    FIELD(F_INT64, symbols, 0),
    FIELD(F_REAL, snr_db, 0),
    FIELD(F_REAL, noise_var, 0),
    FIELD(F_REAL, cfo_hz, 0),
    FIELD(F_REAL, clock_ppm, 0),
    FIELD(F_REAL, timing_sample, 15),
    FIELD(F_REAL, evm_db, 0),
    FIELD(F_REAL, channel_gain_db, 0),
    FIELD(F_REAL, delay_spread_ns, 0),
    FIELD(F_REAL, mse, 0),
    FIELD(F_REAL, psnr_db, 0),
    FIELD(F_REAL, ssim, 0),
    FIELD(F_INT, label, -1),
    FIELD(F_INT, predicted, -1),
    FIELD(F_INT, correct, -1),
    FIELD(F_REAL, confidence, 0),
    FIELD(F_REAL, decode_ms, 0),
    FIELD(F_REAL, latency_ms, 0),
};

enum { FIELD_COUNT = sizeof fields / sizeof fields[0], TEXT_SIZE = 32 };

_Static_assert(sizeof((frame_report_t){0}.dataset) == TEXT_SIZE &&
                   sizeof((frame_report_t){0}.codec) == TEXT_SIZE,
               "texts of a report share one size");

static const char *const status_names[] = {"ok", "lost_header", "lost_gap", "damaged",
                                           "dropped"};

void report_init(frame_report_t *report)
{
    memset(report, 0, sizeof *report);
    report->status = REPORT_OK;
    report->count = 1;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        void *at = (char *)report + fields[i].offset;
        if (fields[i].kind == F_REAL) {
            *(double *)at = (double)NAN;
        } else if (fields[i].kind == F_INT) {
            *(int *)at = fields[i].unknown;
        } else if (fields[i].kind == F_INT64) {
            *(int64_t *)at = fields[i].unknown;
        }
    }
    report->image_in_frame = 0;
}

const char *report_status_name(report_status_t status)
{
    size_t count = sizeof status_names / sizeof status_names[0];
    return (size_t)status < count ? status_names[status] : "unknown";
}

/* ---- writing ---- */

/* Bytes of the UTF-8 sequence at text[], 0 when it is not valid (overlong, surrogate, cut). */
static int utf8_length(const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text[0] < 0x80) {
        return 1;
    }
    int length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc0 || text[0] >= 0xf8) {
        return 0;
    }
    uint32_t code = text[0] & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[length] || code > 0x10ffff || surrogate ? 0 : length;
}

/* text as a JSON string.  out has room for 6 bytes per input byte and the quotes. */
static void quote(const char *text, char *out)
{
    /* A copy with zeros behind it, so that utf8_length never looks outside. */
    unsigned char copy[TEXT_SIZE + 4] = {0};
    memcpy(copy, text, strnlen(text, TEXT_SIZE - 1));
    *out++ = '"';
    for (const unsigned char *at = copy; *at != 0;) {
        int length = utf8_length(at);
        if (length == 0) {
            *out++ = '?';
            length = 1;
        } else if (*at == '"' || *at == '\\') {
            *out++ = '\\';
            *out++ = (char)*at;
        } else if (*at < 0x20 || *at == 0x7f) {
            out += sprintf(out, "\\u%04x", *at);
        } else {
            memcpy(out, at, (size_t)length);
            out += length;
        }
        at += length;
    }
    *out++ = '"';
    *out = 0;
}

static void format_value(const frame_report_t *report, const field_t *field, char *out, size_t size)
{
    const void *at = (const char *)report + field->offset;
    int64_t integer = 0;
    switch (field->kind) {
    case F_STATUS:
        snprintf(out, size, "\"%s\"", report_status_name(report->status));
        return;
    case F_TIME:
        snprintf(out, size, "%llu", (unsigned long long)*(const uint64_t *)at);
        return;
    case F_COUNT:
        snprintf(out, size, "%u", *(const uint32_t *)at);
        return;
    case F_RATE:
        if (report->rate_denominator <= 0) {
            snprintf(out, size, "null");
        } else {
            snprintf(out, size, "\"%d/%d\"", report->rate_numerator, report->rate_denominator);
        }
        return;
    case F_REAL:
        if (isfinite(*(const double *)at)) {
            int digits = field->unknown > 0 ? field->unknown : 7;
            snprintf(out, size, "%.*g", digits, *(const double *)at);
        } else {
            snprintf(out, size, "null");
        }
        return;
    case F_TEXT:
        if (*(const char *)at == 0) {
            snprintf(out, size, "null");
        } else {
            quote(at, out);
        }
        return;
    case F_INT:
        integer = *(const int *)at;
        break;
    case F_INT64:
        integer = *(const int64_t *)at;
        break;
    }
    if (integer == field->unknown) {
        snprintf(out, size, "null");
    } else {
        snprintf(out, size, "%lld", (long long)integer);
    }
}

int report_to_json(const frame_report_t *report, char *text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        char value[6 * TEXT_SIZE + 8];
        format_value(report, &fields[i], value, sizeof value);
        int put = snprintf(text + used, size - used, "%s\"%s\":%s%s", i == 0 ? "{" : ",",
                           fields[i].key, value, i + 1 == FIELD_COUNT ? "}" : "");
        if (put < 0 || (size_t)put >= size - used) {
            if (size > 0) {
                text[0] = 0;
            }
            return -1;
        }
        used += (size_t)put;
    }
    return (int)used;
}

/* ---- reading ---- */

static int wrong(err_t *err, const field_t *field)
{
    return err_set(err, ERR_FORMAT, "report: \"%s\" has a value of the wrong kind", field->key);
}

static int read_text(const json_t *value, const field_t *field, frame_report_t *report, err_t *err)
{
    const char *text = json_string_value(value);
    if (text == NULL) {
        return wrong(err, field);
    }
    if (field->kind == F_TEXT) {
        snprintf((char *)report + field->offset, TEXT_SIZE, "%s", text);
        return 0;
    }
    if (field->kind == F_RATE) {
        int p, q, end = 0;
        if (sscanf(text, "%9d/%9d%n", &p, &q, &end) != 2 || text[end] != 0 || p < 0 || q < 1) {
            return wrong(err, field);
        }
        report->rate_numerator = p;
        report->rate_denominator = q;
        return 0;
    }
    for (size_t i = 0; i < sizeof status_names / sizeof status_names[0]; i++) {
        if (strcmp(text, status_names[i]) == 0) {
            report->status = (report_status_t)i;
            return 0;
        }
    }
    return wrong(err, field);
}

static int read_number(const json_t *value, const field_t *field, frame_report_t *report,
                       err_t *err)
{
    void *at = (char *)report + field->offset;
    if (field->kind == F_REAL && json_is_number(value)) {
        *(double *)at = json_number_value(value);
        return 0;
    }
    int64_t integer = json_integer_value(value);
    if (!json_is_integer(value) || (field->kind == F_TIME && integer < 0) ||
        (field->kind == F_COUNT && (integer < 0 || integer > UINT32_MAX)) ||
        (field->kind == F_INT && (integer < INT32_MIN || integer > INT32_MAX))) {
        return wrong(err, field);
    }
    if (field->kind == F_TIME) {
        *(uint64_t *)at = (uint64_t)integer;
    } else if (field->kind == F_COUNT) {
        *(uint32_t *)at = (uint32_t)integer;
    } else if (field->kind == F_INT) {
        *(int *)at = (int)integer;
    } else {
        *(int64_t *)at = integer;
    }
    return 0;
}

int report_from_json(const char *text, frame_report_t *report, err_t *err)
{
    json_error_t problem;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (object == NULL) {
        return err_set(err, ERR_FORMAT, "report: not JSON: %s", problem.text);
    }
    report_init(report);
    int code = json_is_object(object) ? 0 : err_set(err, ERR_FORMAT, "report: not a JSON object");
    for (size_t i = 0; i < FIELD_COUNT && code == 0; i++) {
        const json_t *value = json_object_get(object, fields[i].key);
        kind_t kind = fields[i].kind;
        if (value == NULL || json_is_null(value)) {
            continue;
        }
        bool is_text = kind == F_TEXT || kind == F_RATE || kind == F_STATUS;
        code = is_text ? read_text(value, &fields[i], report, err)
                       : read_number(value, &fields[i], report, err);
    }
    json_decref(object);
    return code;
}
