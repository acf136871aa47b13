/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A recording's metadata, written line by line: it may hold a million annotations.  Only texts that
 * come from outside need JSON's escapes; Jansson writes those.
 */
#include "radio/recorder_private.h"

#include "clock.h"
#include "file.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const formats[] = {"cf32", "ci16"};

const option_t recorder_options[] = {
    {.section = "record",
     .name = "file",
     .type = OPTION_STRING,
     .help = "record what passes the radio as NAME.sigmf-meta and NAME.sigmf-data (SigMF)"},
    {.section = "record",
     .name = "format",
     .type = OPTION_CHOICE,
     .fallback = "cf32",
     .choices = "cf32|ci16",
     .help = "of the recorded samples; cf32 keeps every bit, ci16 takes half the room"},
    {0}};

recorder_t *recorder_from_options(const options_t *options, double rate_hz, double freq_hz,
                                  const char *description, err_t *err)
{
    char hardware[256];
    const recorder_config_t config = {
        .path = options_string(options, "record.file"),
        .datatype = (sigmf_datatype_t)options_choice(options, "record.format"),
        .rate_hz = rate_hz,
        .freq_hz = freq_hz,
        .hardware = hardware,
        .description = description};
    snprintf(hardware, sizeof hardware, "radio %.20s:%.200s",
             options_string(options, "radio.backend"), options_string(options, "radio.address"));
    if (*config.path == 0) {
        return NULL;
    }
    recorder_t *recorder = recorder_open(&config, err);
    if (recorder == NULL) {
        err_prefix(err, "record.file (%s)", formats[config.datatype]);
    }
    return recorder;
}

static void put_text(FILE *out, const char *text)
{
    json_t *string = json_string(text);
    char *quoted = string != NULL ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    fputs(quoted != NULL ? quoted : "\"\"", out);
    free(quoted);
    json_decref(string);
}

static void put_global(const recorder_t *r, bool last, FILE *out)
{
    fprintf(out,
            "{\n \"global\": {\n  \"core:datatype\": \"%s\",\n  \"core:sample_rate\": %.17g,\n"
            "  \"core:version\": \"1.0.0\",\n  \"core:num_channels\": 1,\n"
            "  \"core:recorder\": \"semradio %s\",\n",
            sigmf_datatype_name(r->datatype), r->rate_hz, SEMRADIO_VERSION);
    if (*r->hardware != 0) {
        fputs("  \"core:hw\": ", out);
        put_text(out, r->hardware);
        fputs(",\n", out);
    }
    if (*r->description != 0) {
        fputs("  \"core:description\": ", out);
        put_text(out, r->description);
        fputs(",\n", out);
    }
    if (last) {
        fprintf(out, "  \"semradio:sample_count\": %llu,\n", (unsigned long long)r->written);
    }
    fputs("  \"core:extensions\": [{\"name\": \"semradio\", \"version\": \"1.0.0\", "
          "\"optional\": true}]\n },\n",
          out);
}

static void put_captures(const recorder_t *r, FILE *out)
{
    fputs(" \"captures\": [", out);
    for (size_t i = 0; i < r->segment_count; i++) {
        const sigmf_segment_t *s = &r->segments[i];
        fprintf(out, "%s\n  {\"core:sample_start\": %llu, \"core:global_index\": %llu",
                i > 0 ? "," : "", (unsigned long long)s->start, (unsigned long long)s->timestamp);
        if (isfinite(s->freq_hz)) {
            fprintf(out, ", \"core:frequency\": %.17g", s->freq_hz);
        }
        if (i == 0) { /* later ones follow from it and global_index */
            char when[32];
            fprintf(out, ", \"core:datetime\": \"%s\"",
                    clock_wall_text(r->start_wall_ns, when, sizeof when));
        }
        fputc('}', out);
    }
    fputs("\n ],\n", out);
}

/* Where a timestamp lies in the data file.  False: that sample was not recorded. */
static bool locate(const recorder_t *r, uint64_t timestamp, uint64_t *at)
{
    size_t low = 0, high = r->segment_count; /* the last segment that begins at or before it */
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        *(r->segments[middle].timestamp <= timestamp ? &low : &high) = middle;
    }
    if (r->segment_count == 0 || r->segments[low].timestamp > timestamp) {
        return false;
    }
    *at = r->segments[low].start + (timestamp - r->segments[low].timestamp);
    return *at < (low + 1 < r->segment_count ? r->segments[low + 1].start : r->written);
}

static void put_int(FILE *out, const char *key, int64_t value)
{
    if (value >= 0) {
        fprintf(out, ", \"semradio:%s\": %lld", key, (long long)value);
    }
}

static void put_real(FILE *out, const char *key, double value)
{
    if (isfinite(value)) {
        fprintf(out, ", \"semradio:%s\": %.9g", key, value);
    }
}

static void put_note(FILE *out, const recorder_note_t *n, uint64_t at, uint64_t count)
{
    fprintf(out, "{\"core:sample_start\": %llu, \"core:sample_count\": %llu",
            (unsigned long long)at, (unsigned long long)count);
    if (*n->label != 0) {
        fputs(", \"core:label\": ", out);
        put_text(out, n->label);
    }
    if (*n->status != 0) {
        fprintf(out, ", \"semradio:status\": \"%s\"", n->status);
    }
    put_int(out, "frame", n->frame);
    put_int(out, "image_id", n->image_id);
    put_int(out, "images", n->images);
    put_int(out, "source", n->source);
    put_int(out, "destination", n->destination);
    put_int(out, "codec", n->codec);
    put_int(out, "dataset", n->dataset);
    put_int(out, "rate", n->rate);
    put_int(out, "adapter_tag", n->adapter_tag);
    put_int(out, "width", n->width);
    put_int(out, "height", n->height);
    put_int(out, "symbols", n->symbols);
    put_real(out, "snr_db", n->snr_db);
    put_real(out, "cfo_hz", n->cfo_hz);
    fputc('}', out);
}

static int by_time(const void *a, const void *b)
{
    const recorder_note_t *x = a, *y = b;
    return x->timestamp < y->timestamp ? -1 : x->timestamp > y->timestamp;
}

static void put_annotations(recorder_t *r, FILE *out)
{
    fputs(" \"annotations\": [", out);
    if (r->note_count > 1) {
        qsort(r->notes, r->note_count, sizeof *r->notes, by_time);
    }
    bool first = true;
    for (size_t i = 0; i < r->note_count; i++) {
        uint64_t at;
        if (locate(r, r->notes[i].timestamp, &at)) {
            const uint64_t left = r->written - at, count = r->notes[i].count;
            fputs(first ? "\n  " : ",\n  ", out);
            put_note(out, &r->notes[i], at, count < left ? count : left);
            first = false;
        }
    }
    fputs("\n ]\n}\n", out);
}

int recorder_write_meta(recorder_t *r, bool last, err_t *err)
{
    file_writer_t *file = file_writer_open(r->meta_path, err);
    if (file == NULL) {
        return -1;
    }
    FILE *out = file_writer_stream(file);
    put_global(r, last, out);
    put_captures(r, out);
    put_annotations(r, out);
    return file_writer_commit(file, err);
}
