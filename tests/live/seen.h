/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seen: a frame, an image and its report, as the receiver's stages hand them to page and view. */
#ifndef TESTS_LIVE_SEEN_H
#define TESTS_LIVE_SEEN_H

#include "report.h"
#include "waveform/receiver.h"

#include <complex.h>
#include <math.h>
#include <stdio.h>

enum { SEEN_SIDE = 32 };

typedef struct {
    float complex before[480], after[480], channel[NUMEROLOGY_USED];
    uint8_t sent[SEEN_SIDE * SEEN_SIDE * 3], received[SEEN_SIDE * SEEN_SIDE * 3];
    received_frame_t frame;
    frame_report_t report;
} seen_t;

/* `number` makes one differ from the next. */
__attribute__((unused)) static void seen_make(seen_t *seen, int number)
{
    for (int i = 0; i < 480; i++) {
        seen->after[i] = (float)(i % 8 - 3.5) / 4 + (float)(i / 8 % 8 - 3.5) / 4 * I;
        seen->before[i] = 2.0f * seen->after[i];
    }
    for (int i = 0; i < NUMEROLOGY_USED; i++) {
        seen->channel[i] = 2.0f + sinf(0.1f * (float)(i + number));
    }
    for (int i = 0; i < SEEN_SIDE * SEEN_SIDE * 3; i++) {
        seen->sent[i] = (uint8_t)(i + number);
        seen->received[i] = (uint8_t)(i + number + 3);
    }
    seen->frame = (received_frame_t){.status = RECEIVED_OK,
                                     .symbol_count = 480,
                                     .symbols = seen->after,
                                     .before_count = 480,
                                     .before = seen->before,
                                     .channel = seen->channel,
                                     .snr_db = 15};
    report_init(&seen->report);
    seen->report.frame = number;
    seen->report.image_in_frame = 0;
    snprintf(seen->report.codec, sizeof seen->report.codec, "image32");
    seen->report.rate_numerator = 1;
    seen->report.rate_denominator = 6;
    seen->report.snr_db = 10 + number % 12;
    seen->report.mse = 65.025; /* 30 dB */
    seen->report.psnr_db = 30;
    seen->report.correct = 1;
}

#endif
