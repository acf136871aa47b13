/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tally: totals over frame reports, the same arithmetic for the live table,
 * the closing summary and the campaign.
 *
 * PSNR is given both ways, always under its name: of the mean MSE (the usual
 * figure of the JSCC papers), and the mean of the images' own values.
 */
#ifndef COMMON_TALLY_H
#define COMMON_TALLY_H

#include "report.h"

typedef struct {
    double sum;
    uint64_t count;
} tally_mean_t;

typedef struct {
    uint64_t frames_ok;   /* frames with status ok: reports with image_in_frame 0 */
    uint64_t lost_header; /* frames */
    uint64_t lost_gap;    /* frames */
    uint64_t damaged;     /* frames */
    uint64_t dropped;     /* frames */
    uint64_t images;      /* reports with status ok */
    tally_mean_t snr_db, cfo_hz, evm_db; /* over images that have them */
    tally_mean_t noise_to_signal;        /* 10^(-snr_db/10), for the SNR of the mean noise */
    tally_mean_t mse, psnr_db, ssim, correct, decode_ms, latency_ms;
} tally_t;

void tally_reset(tally_t *tally);
void tally_add(tally_t *tally, const frame_report_t *report);

/* Mean, or NaN when nothing was counted. */
double tally_mean(const tally_mean_t *mean);

/* 10 log10(255^2 / mean mse): 100 dB when the mean is 0, NaN when nothing was counted. */
double tally_psnr_of_mean_mse_db(const tally_t *tally);

/* Mean of the images' psnr_db. */
double tally_mean_psnr_db(const tally_t *tally);

/* Share of correctly judged images, 0..1, or NaN. */
double tally_accuracy(const tally_t *tally);

/* Frames lost for any reason, and all frames the transmitter is known to have sent. */
uint64_t tally_frames_lost(const tally_t *tally);
uint64_t tally_frames(const tally_t *tally);

#endif
