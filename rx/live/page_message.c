/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One message: the length of a JSON text (32 bits, little endian), the text, then arrays, each on a
 * multiple of four bytes from the message's start; the text's "arrays" says where.
 */
#include "live/page_private.h"

#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ARRAYS = 8, SMALL_IMAGES = 64 * 64 * 3 };

typedef struct {
    const void *data[MOST_ARRAYS];
    size_t size[MOST_ARRAYS], at[MOST_ARRAYS], count, total;
    json_t *list;
} arrays_t;

/* Power of each bin in dB, the mean over TAP_SAMPLES, lowest frequency first. */
void page_spectrum(page_t *page, const tap_samples_t *samples)
{
    enum { N = PAGE_SPECTRUM, PARTS = TAP_SAMPLES / N };
    double power[N] = {0};
    for (int part = 0; part < PARTS; part++) {
        for (int i = 0; i < N; i++) {
            fft_in(page->fft)[i] = samples->x[part * N + i] * page->window[i];
        }
        fft_execute(page->fft);
        for (int i = 0; i < N; i++) {
            const float complex y = fft_out(page->fft)[i];
            power[(i + N / 2) % N] += (double)(crealf(y) * crealf(y) + cimagf(y) * cimagf(y));
        }
    }
    for (int i = 0; i < N; i++) {
        page->spectrum_db[i] = (float)(10.0 * log10(power[i] / (PARTS * N) + 1e-20));
    }
}

static void add_array(arrays_t *arrays, const char *name, const char *type, const void *data,
                      size_t size)
{
    const size_t i = arrays->count++;
    arrays->data[i] = data;
    arrays->size[i] = size;
    arrays->at[i] = arrays->total;
    arrays->total += (size + 3) & ~(size_t)3;
    json_array_append_new(arrays->list,
                          json_pack("{s:s, s:s, s:I, s:I}", "name", name, "type", type, "offset",
                                    (json_int_t)arrays->at[i], "bytes", (json_int_t)size));
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *frame_json(const tap_frame_t *f)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "n0", number(f->n0), "snr_db",
                     number(f->snr_db), "cfo_hz", number(f->cfo_hz), "clock_ppm",
                     number(f->clock_ppm), "doppler_hz", number(f->doppler_hz), "delay_spread_ns",
                     number(f->delay_spread_ns));
}

static json_t *report_json(const frame_report_t *report)
{
    char text[REPORT_JSON_SIZE];
    json_t *object =
        report_to_json(report, text, sizeof text) > 0 ? json_loads(text, 0, NULL) : NULL;
    return object != NULL ? object : json_null();
}

/* Small ones always, so that who comes late sees one at once; large ones once a second. */
static bool images_due(page_t *page)
{
    const tap_images_t *images = &page->images;
    const uint64_t now = clock_now_ns();
    if (!page->has_images) {
        return false;
    }
    if (3 * images->width * images->height <= SMALL_IMAGES) {
        return true;
    }
    if (page->big_images_ns != 0 && now - page->big_images_ns < 1000000000u) {
        return false;
    }
    page->big_images_ns = now;
    return true;
}

static void add_arrays(page_t *page, arrays_t *arrays, json_t *head)
{
    const tap_frame_t *frame = &page->frame;
    const tap_images_t *images = &page->images;
    if (page->has_spectrum) {
        add_array(arrays, "spectrum_db", "f32", page->spectrum_db, sizeof page->spectrum_db);
    }
    if (page->has_frame) {
        const size_t size = frame->count * sizeof frame->before[0];
        add_array(arrays, "before", "f32", frame->before, size);
        add_array(arrays, "after", "f32", frame->after, size);
        add_array(arrays, "channel", "f32", frame->channel, sizeof frame->channel);
        json_object_set_new(head, "frame", frame_json(frame));
    }
    if (images_due(page)) {
        const size_t size = (size_t)3 * (size_t)images->width * (size_t)images->height;
        add_array(arrays, "received", "u8", images->received, size);
        if (images->has_sent) {
            add_array(arrays, "sent", "u8", images->sent, size);
        }
        json_object_set_new(head, "image",
                            json_pack("{s:i, s:i, s:i, s:o}", "width", images->width, "height",
                                      images->height, "shrink", images->shrink, "report",
                                      report_json(&images->report)));
    }
}

message_t *page_message(page_t *page, json_t *status)
{
    arrays_t arrays = {.list = json_array()};
    json_t *head =
        json_pack("{s:I, s:f, s:f, s:O, s:o}", "message", (json_int_t)++page->begun, "time_s",
                  (double)(clock_now_ns() - page->started_ns) * 1e-9, "sample_rate_hz",
                  page->config.sample_rate_hz, "status", status, "curve", curve_json(&page->curve));
    if (page->has_last) {
        json_object_set_new(head, "last", report_json(&page->last));
    }
    add_arrays(page, &arrays, head);
    json_object_set_new(head, "arrays", arrays.list);
    char *text = json_dumps(head, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(head);
    const size_t length = text != NULL ? strlen(text) : 0, start = (4 + length + 3) & ~(size_t)3;
    message_t *message = text != NULL ? message_create(start + arrays.total) : NULL;
    if (message != NULL) {
        memset(message->bytes, ' ', start);
        for (int i = 0; i < 4; i++) {
            message->bytes[i] = (uint8_t)(length >> (8 * i));
        }
        memcpy(message->bytes + 4, text, length);
        memset(message->bytes + start, 0, arrays.total);
        for (size_t i = 0; i < arrays.count; i++) {
            memcpy(message->bytes + start + arrays.at[i], arrays.data[i], arrays.size[i]);
        }
    }
    free(text);
    return message;
}
