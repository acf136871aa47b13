/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "live/tap.h"

#include <string.h>

int tap_open(tap_t *tap, err_t *err)
{
    tap->samples = ring_create(1, sizeof(tap_samples_t), err);
    tap->frames = ring_create(1, sizeof(tap_frame_t), err);
    tap->images = ring_create(1, sizeof(tap_images_t), err);
    tap->reports = ring_create(TAP_REPORTS, sizeof(frame_report_t), err);
    return tap->samples != NULL && tap->frames != NULL && tap->images != NULL &&
                   tap->reports != NULL
               ? 0
               : -1;
}

void tap_close(tap_t *tap)
{
    ring_destroy(tap->samples);
    ring_destroy(tap->frames);
    ring_destroy(tap->images);
    ring_destroy(tap->reports);
    *tap = (tap_t){0};
}

void tap_samples(tap_t *tap, const float complex *x, size_t count)
{
    tap_samples_t *slot = count >= TAP_SAMPLES ? ring_acquire(tap->samples) : NULL;
    if (slot != NULL) {
        memcpy(slot->x, x, sizeof slot->x);
        ring_commit(tap->samples);
    }
}

void tap_frame(tap_t *tap, const received_frame_t *frame)
{
    if (frame->status != RECEIVED_OK || frame->channel == NULL) {
        return;
    }
    tap_frame_t *slot = ring_acquire(tap->frames);
    if (slot == NULL) {
        return;
    }
    slot->count = frame->before_count < TAP_SYMBOLS ? frame->before_count : TAP_SYMBOLS;
    memcpy(slot->before, frame->before, slot->count * sizeof *slot->before);
    memcpy(slot->after, frame->symbols, slot->count * sizeof *slot->after);
    memcpy(slot->channel, frame->channel, sizeof slot->channel);
    slot->n0 = frame->n0;
    slot->snr_db = frame->snr_db;
    slot->cfo_hz = frame->cfo_hz;
    slot->clock_ppm = frame->clock_ppm;
    slot->doppler_hz = frame->doppler_hz;
    slot->delay_spread_ns = frame->delay_spread_ns;
    ring_commit(tap->frames);
}

/* Means of shrink x shrink pixels. */
static void shrink_into(uint8_t *out, const uint8_t *in, int width, const tap_images_t *size)
{
    const int n = size->shrink;
    for (int y = 0; y < size->height; y++) {
        for (int x = 0; x < 3 * size->width; x++) {
            int sum = 0, column = 3 * n * (x / 3) + x % 3;
            for (int i = 0; i < n * n; i++) {
                sum += in[(size_t)3 * (size_t)width * (size_t)(y * n + i / n) +
                          (size_t)(column + 3 * (i % n))];
            }
            *out++ = (uint8_t)((sum + n * n / 2) / (n * n));
        }
    }
}

void tap_images(tap_t *tap, const frame_report_t *report, int width, int height,
                const uint8_t *sent, const uint8_t *received)
{
    tap_images_t *slot = ring_acquire(tap->images);
    if (slot == NULL) {
        return;
    }
    const int side = width > height ? width : height;
    slot->report = *report;
    slot->shrink = (side + TAP_SIDE - 1) / TAP_SIDE;
    slot->width = width / slot->shrink;
    slot->height = height / slot->shrink;
    slot->has_sent = sent != NULL;
    if (slot->width == 0 || slot->height == 0) {
        return; /* a strip: not committed */
    }
    shrink_into(slot->received, received, width, slot);
    if (sent != NULL) {
        shrink_into(slot->sent, sent, width, slot);
    }
    ring_commit(tap->images);
}
