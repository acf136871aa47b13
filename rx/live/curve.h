/* SPDX-License-Identifier: GPL-3.0-or-later */
/* curve: quality against measured SNR, in steps of 1 dB, for the page's live figure. */
#ifndef RX_LIVE_CURVE_H
#define RX_LIVE_CURVE_H

#include "tally.h"

#include <jansson.h>

enum { CURVE_FIRST_DB = -20, CURVE_STEPS = 71, CURVE_SERIES = 6 };

/* One for each codec, rate and adapter; when all are taken the oldest makes room. */
typedef struct {
    char codec[32], adapter[32];
    int numerator, denominator;
    uint64_t used; /* when last */
    struct {
        tally_mean_t snr_db, mse, psnr_db, correct;
    } step[CURVE_STEPS];
} curve_series_t;

typedef struct {
    curve_series_t series[CURVE_SERIES];
    uint64_t adds;
} curve_t;

/* Reports without an image or SNR are left out.  Allocates nothing. */
void curve_add(curve_t *curve, const frame_report_t *report);

/* [{"name":"image32 1/6","points":[[snr_db, psnr_of_mean_mse_db, mean_psnr_db, accuracy,
   images],…]}] with null for what was not measured; snr_db is the mean of the step's. */
json_t *curve_json(const curve_t *curve);

#endif
