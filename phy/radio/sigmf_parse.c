/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading and checking the metadata. */
#include "radio/sigmf.h"

#include "file.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define META_LIMIT ((size_t)256 << 20)

typedef struct {
    const char *name; /* of the file, for messages */
    err_t *err;
} where_t;

static int wrong(const where_t *w, const char *where, const char *what)
{
    return err_set(w->err, ERR_FORMAT, "%s: %s: %s", w->name, where, what);
}

/* A whole number of 0 … 2^53 (what every JSON reader keeps), or `fallback` when it is not there. */
static int read_count(const where_t *w, const json_t *object, const char *key, uint64_t fallback,
                      uint64_t *value)
{
    const json_t *field = json_object_get(object, key);
    *value = fallback;
    if (field == NULL) {
        return 0;
    }
    if (!json_is_integer(field) || json_integer_value(field) < 0 ||
        json_integer_value(field) > INT64_C(1) << 53) {
        return wrong(w, key, "is not a whole number of 0 to 2^53");
    }
    *value = (uint64_t)json_integer_value(field);
    return 0;
}

static int read_datatype(const where_t *w, const json_t *global, sigmf_t *sigmf)
{
    const char *type = json_string_value(json_object_get(global, "core:datatype"));
    if (type == NULL) {
        return wrong(w, "core:datatype", "is missing");
    }
    if (strcmp(type, "cf32_le") != 0 && strcmp(type, "ci16_le") != 0) {
        return err_set(w->err, ERR_UNSUPPORTED,
                       "%s: core:datatype is %.32s; cf32_le and ci16_le are read", w->name, type);
    }
    sigmf->datatype = strcmp(type, "cf32_le") == 0 ? SIGMF_CF32 : SIGMF_CI16;
    return 0;
}

static int read_version(const where_t *w, const json_t *global)
{
    const char *version = json_string_value(json_object_get(global, "core:version"));
    if (version == NULL) {
        return wrong(w, "core:version", "is missing");
    }
    if (strncmp(version, "1.", 2) != 0) {
        return err_set(w->err, ERR_UNSUPPORTED, "%s: core:version is %.32s; 1.x is read", w->name,
                       version);
    }
    return 0;
}

/* An extension that must be understood, and is not. */
static int check_extensions(const where_t *w, const json_t *global)
{
    const json_t *list = json_object_get(global, "core:extensions");
    size_t i;
    const json_t *item;
    if (list != NULL && !json_is_array(list)) {
        return wrong(w, "core:extensions", "is not a list");
    }
    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        const json_t *optional = json_object_get(item, "optional");
        if (name == NULL || !json_is_boolean(optional)) {
            return wrong(w, "core:extensions", "an entry lacks its name or \"optional\"");
        }
        if (json_is_false(optional) && strcmp(name, "semradio") != 0) {
            return err_set(w->err, ERR_UNSUPPORTED, "%s needs the SigMF extension %.64s", w->name,
                           name);
        }
    }
    return 0;
}

static int read_global(const where_t *w, const json_t *global, sigmf_t *sigmf, uint64_t *offset)
{
    const json_t *rate = json_object_get(global, "core:sample_rate");
    uint64_t channels;
    if (read_datatype(w, global, sigmf) != 0 || read_version(w, global) != 0 ||
        check_extensions(w, global) != 0 ||
        read_count(w, global, "core:num_channels", 1, &channels) != 0 ||
        read_count(w, global, "core:offset", 0, offset) != 0 ||
        read_count(w, global, "core:trailing_bytes", 0, &sigmf->trailing_bytes) != 0 ||
        read_count(w, global, "semradio:sample_count", UINT64_MAX, &sigmf->samples) != 0) {
        return -1;
    }
    sigmf->rate_hz = json_number_value(rate);
    if (!json_is_number(rate) || !(sigmf->rate_hz > 0.0 && sigmf->rate_hz <= 1e12)) {
        return wrong(w, "core:sample_rate", "is missing or not within 0 to 1e12");
    }
    if (channels != 1 || json_is_true(json_object_get(global, "core:metadata_only")) ||
        json_object_get(global, "core:dataset") != NULL) {
        return err_set(w->err, ERR_UNSUPPORTED,
                       "%s: one channel in a .sigmf-data file is read, nothing else", w->name);
    }
    return 0;
}

static int read_segment(const where_t *w, const json_t *item, uint64_t offset, sigmf_t *sigmf)
{
    sigmf_segment_t *s = &sigmf->segments[sigmf->segment_count];
    const sigmf_segment_t *before = sigmf->segment_count > 0 ? s - 1 : NULL;
    const json_t *freq = json_object_get(item, "core:frequency");
    uint64_t start, header;
    if (json_object_get(item, "core:sample_start") == NULL) {
        return wrong(w, "captures", "a segment has no core:sample_start");
    }
    if (read_count(w, item, "core:sample_start", 0, &start) != 0 ||
        read_count(w, item, "core:header_bytes", 0, &header) != 0) {
        return -1;
    }
    if (start < offset || (before == NULL && start != offset)) {
        return wrong(w, "captures", "the first segment does not begin with the first sample");
    }
    s->start = start - offset;
    if (before != NULL && s->start <= before->start) {
        return wrong(w, "captures", "the segments are not in order");
    }
    const uint64_t next = before == NULL ? start : before->timestamp + (s->start - before->start);
    if (read_count(w, item, "core:global_index", next, &s->timestamp) != 0) {
        return -1;
    }
    if (before != NULL && s->timestamp < next) {
        return wrong(w, "core:global_index", "a segment begins before the one in front of it ends");
    }
    if (header != 0) {
        return err_set(w->err, ERR_UNSUPPORTED, "%s: core:header_bytes is not supported", w->name);
    }
    if (freq != NULL && !json_is_number(freq)) {
        return wrong(w, "core:frequency", "is not a number");
    }
    s->freq_hz = freq != NULL ? json_number_value(freq) : (double)NAN;
    sigmf->segment_count++;
    return 0;
}

static int read_captures(const where_t *w, const json_t *list, uint64_t offset, sigmf_t *sigmf)
{
    const size_t count = json_array_size(list);
    size_t i;
    const json_t *item;
    if (!json_is_array(list)) {
        return wrong(w, "captures", "is missing or not a list");
    }
    sigmf->segments = calloc(count > 0 ? count : 1, sizeof *sigmf->segments);
    if (sigmf->segments == NULL) {
        return err_set(w->err, ERR_MEMORY, "no memory to read %s", w->name);
    }
    json_array_foreach(list, i, item)
    {
        if (!json_is_object(item)) {
            return wrong(w, "captures", "an entry is not an object");
        }
        if (read_segment(w, item, offset, sigmf) != 0) {
            return -1;
        }
    }
    if (count == 0) {
        sigmf->segments[0] = (sigmf_segment_t){0, offset, (double)NAN};
        sigmf->segment_count = 1;
    }
    return 0;
}

static int read_annotation(const where_t *w, const json_t *item, uint64_t offset, sigmf_t *sigmf)
{
    sigmf_annotation_t *a = &sigmf->annotations[sigmf->annotation_count];
    const json_t *label = json_object_get(item, "core:label");
    if (!json_is_integer(json_object_get(item, "core:sample_start"))) {
        return wrong(w, "annotations", "an entry has no core:sample_start");
    }
    if (read_count(w, item, "core:sample_start", 0, &a->start) != 0 ||
        read_count(w, item, "core:sample_count", 0, &a->count) != 0) {
        return -1;
    }
    if (a->start < offset) {
        return wrong(w, "annotations", "an entry begins before the first sample");
    }
    a->start -= offset;
    if (sigmf->annotation_count > 0 && a->start < (a - 1)->start) {
        return wrong(w, "annotations", "the entries are not in order");
    }
    if (label != NULL && !json_is_string(label)) {
        return wrong(w, "core:label", "is not a text");
    }
    if (label != NULL) {
        strncpy(a->label, json_string_value(label), sizeof a->label - 1);
    }
    sigmf->annotation_count++;
    return 0;
}

static int read_annotations(const where_t *w, const json_t *list, uint64_t offset, sigmf_t *sigmf)
{
    const size_t count = json_array_size(list);
    size_t i;
    const json_t *item;
    if (!json_is_array(list)) {
        return wrong(w, "annotations", "is missing or not a list");
    }
    sigmf->annotations = calloc(count > 0 ? count : 1, sizeof *sigmf->annotations);
    if (sigmf->annotations == NULL) {
        return err_set(w->err, ERR_MEMORY, "no memory to read %s", w->name);
    }
    json_array_foreach(list, i, item)
    {
        if (read_annotation(w, item, offset, sigmf) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_all(const where_t *w, const json_t *root, sigmf_t *sigmf)
{
    const json_t *global = json_object_get(root, "global");
    uint64_t offset = 0;
    if (!json_is_object(global)) {
        return wrong(w, "global", "is missing or not an object");
    }
    return read_global(w, global, sigmf, &offset) != 0 ||
                   read_captures(w, json_object_get(root, "captures"), offset, sigmf) != 0 ||
                   read_annotations(w, json_object_get(root, "annotations"), offset, sigmf) != 0
               ? -1
               : 0;
}

sigmf_t *sigmf_parse(const char *text, size_t length, const char *name, err_t *err)
{
    const where_t where = {name, err};
    json_error_t why;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        err_set(err, ERR_FORMAT, "%s:%d: not JSON: %.160s", name, why.line, why.text);
        return NULL;
    }
    sigmf_t *sigmf = calloc(1, sizeof *sigmf);
    if (sigmf == NULL) {
        err_set(err, ERR_MEMORY, "no memory to read %s", name);
    } else if (read_all(&where, root, sigmf) != 0) {
        sigmf_free(sigmf);
        sigmf = NULL;
    }
    json_decref(root);
    return sigmf;
}

sigmf_t *sigmf_load(const char *path, err_t *err)
{
    char *meta = sigmf_path(path, SIGMF_META);
    uint8_t *text = NULL;
    size_t length = 0;
    sigmf_t *sigmf = NULL;
    if (meta == NULL) {
        err_set(err, ERR_MEMORY, "no memory to read %s", path);
    } else if (file_read_all(meta, META_LIMIT, &text, &length, err) == 0) {
        sigmf = sigmf_parse((const char *)text, length, meta, err);
    }
    free(text);
    free(meta);
    return sigmf;
}
