/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tap: what the receiver's stages hand to the page, through lock-free rings (ring.h).  A full ring
 * refuses: the stage goes on, and the page shows the next one instead.
 */
#ifndef RX_LIVE_TAP_H
#define RX_LIVE_TAP_H

#include "report.h"
#include "ring.h"
#include "waveform/receiver.h"

enum {
    TAP_SAMPLES = 4096, /* 16 spectra of 256 */
    TAP_SYMBOLS = 480,  /* four OFDM symbols' */
    TAP_SIDE = 192,     /* pixels; larger pictures are averaged down */
    TAP_REPORTS = 8192,
};

typedef struct {
    float complex x[TAP_SAMPLES];
} tap_samples_t;

typedef struct {
    size_t count;
    float complex before[TAP_SYMBOLS], after[TAP_SYMBOLS], channel[NUMEROLOGY_USED];
    double n0, snr_db, cfo_hz, clock_ppm, doppler_hz, delay_spread_ns;
} tap_frame_t;

typedef struct {
    frame_report_t report;
    int width, height, shrink; /* of the pixels below; shrink: averaged over so many each way */
    bool has_sent;
    uint8_t sent[3 * TAP_SIDE * TAP_SIDE], received[3 * TAP_SIDE * TAP_SIDE];
} tap_images_t;

typedef struct {
    ring_t *samples, *frames, *images, *reports;
} tap_t;

int tap_open(tap_t *tap, err_t *err);
void tap_close(tap_t *tap);

void tap_samples(tap_t *tap, const float complex *x, size_t count);
void tap_frame(tap_t *tap, const received_frame_t *frame);
void tap_images(tap_t *tap, const frame_report_t *report, int width, int height,
                const uint8_t *sent, const uint8_t *received);

#endif
