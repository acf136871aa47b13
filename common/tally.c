/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tally.h"

#include <math.h>
#include <string.h>

void tally_reset(tally_t *tally)
{
    memset(tally, 0, sizeof *tally);
}

static void mean_add(tally_mean_t *mean, double value)
{
    if (isfinite(value)) {
        mean->sum += value;
        mean->count++;
    }
}

static void add_image(tally_t *tally, const frame_report_t *report)
{
    tally->images++;
    mean_add(&tally->snr_db, report->snr_db);
    mean_add(&tally->noise_to_signal, pow(10.0, -0.1 * report->snr_db));
    mean_add(&tally->cfo_hz, report->cfo_hz);
    mean_add(&tally->evm_db, report->evm_db);
    mean_add(&tally->mse, report->mse);
    mean_add(&tally->psnr_db, report->psnr_db);
    mean_add(&tally->ssim, report->ssim);
    mean_add(&tally->correct, report->correct < 0 ? (double)NAN : report->correct);
    mean_add(&tally->decode_ms, report->decode_ms);
    mean_add(&tally->latency_ms, report->latency_ms);
}

void tally_add(tally_t *tally, const frame_report_t *report)
{
    switch (report->status) {
    case REPORT_OK:
        if (report->image_in_frame <= 0) {
            tally->frames_ok++;
        }
        add_image(tally, report);
        break;
    case REPORT_LOST_HEADER:
        tally->lost_header += report->count;
        break;
    case REPORT_LOST_GAP:
        tally->lost_gap += report->count;
        break;
    case REPORT_DAMAGED:
        tally->damaged += report->count;
        break;
    case REPORT_DROPPED:
        tally->dropped += report->count;
        break;
    }
}

double tally_mean(const tally_mean_t *mean)
{
    return mean->count > 0 ? mean->sum / (double)mean->count : (double)NAN;
}

double tally_psnr_of_mean_mse_db(const tally_t *tally)
{
    double mse = tally_mean(&tally->mse);
    if (isnan(mse)) {
        return mse;
    }
    return mse <= 0 ? 100.0 : fmin(100.0, 10.0 * log10(255.0 * 255.0 / mse));
}

double tally_mean_psnr_db(const tally_t *tally)
{
    return tally_mean(&tally->psnr_db);
}

double tally_accuracy(const tally_t *tally)
{
    return tally_mean(&tally->correct);
}

uint64_t tally_frames_lost(const tally_t *tally)
{
    return tally->lost_header + tally->lost_gap + tally->damaged + tally->dropped;
}

uint64_t tally_frames(const tally_t *tally)
{
    return tally->frames_ok + tally_frames_lost(tally);
}
