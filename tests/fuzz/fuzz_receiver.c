/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receiver on hostile samples.  A good frame is written over by the input:
 * bytes 0-1 say where, byte 2 how (floats of any pattern, or small integers),
 * byte 3 how the stream is cut, byte 4 how far a time stamp jumps.
 */
#include "waveform/receiver.h"
#include "waveform/transmitter.h"

#include <stdlib.h>
#include <string.h>

enum { K = 300, LENGTH = 9000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static receiver_t *rx;
static float complex good[LENGTH], x[LENGTH];

static void on_frame(void *context, const received_frame_t *frame)
{
    (void)context;
    float sum = 0.0f;
    for (size_t i = 0; i < frame->symbol_count; i++) {
        sum += crealf(frame->symbols[i]) + frame->noise_var[i];
    }
    if (frame->symbol_count > K || (frame->header_valid && header_check(&frame->header, NULL) != 0) ||
        (frame->status == RECEIVED_OK && sum != sum)) {
        abort();
    }
}

static void prepare(void)
{
    numerology_t n = numerology_default();
    receiver_config_t config = receiver_default();
    config.max_symbols = K;
    config.cfo_range = 0.5;
    config.on_frame = on_frame;
    rx = receiver_create(&config, NULL);
    transmitter_t *tx = transmitter_create(&n, NULL);
    frame_header_t h = {.images = 1, .rate = 1, .width = 1, .height = 1, .symbols = K};
    float complex points[K];
    for (int i = 0; i < K; i++) {
        points[i] = i % 3 ? 0.7f : -0.7f;
    }
    transmitter_modulate(tx, &h, points, good + 500);
    transmitter_destroy(tx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (rx == NULL) {
        prepare();
    }
    if (size < 6) {
        return 0;
    }
    memcpy(x, good, sizeof(x));
    size_t at = ((size_t)data[0] << 8 | data[1]) % LENGTH, left = LENGTH - at;
    const uint8_t *payload = data + 5;
    size_t length = size - 5;
    if (data[2] & 1) {
        size_t count = length / sizeof(*x);
        memcpy(x + at, payload, (count < left ? count : left) * sizeof(*x));
    } else {
        for (size_t i = 0; i < length / 2 && i < left; i++) {
            float re = (int8_t)payload[2 * i], im = (int8_t)payload[2 * i + 1];
            x[at + i] = CMPLXF(re / 128.0f, im / 128.0f);
        }
    }
    size_t step = 1 + (size_t)data[3] * 37, half = LENGTH / 2;
    uint64_t when = 0;
    for (size_t i = 0; i < LENGTH; i += step) {
        const float complex *part = x + i;
        receiver_push(rx, &part, LENGTH - i < step ? LENGTH - i : step, when + i);
        if (i < half && i + step >= half) {
            when += data[4];
        }
    }
    receiver_flush(rx);
    return 0;
}
