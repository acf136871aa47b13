/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trial_score.h"

#include "quality/quality.h"

#include <math.h>

enum { MID_GREY = 128 };

void score_symbols(score_t *score, const float complex *truth, const received_frame_t *frame)
{
    double error = 0.0, energy = 0.0;
    for (size_t i = 0; i < frame->symbol_count; i++) {
        float complex s = truth[i], e = frame->symbols[i] - s;
        error += (double)(crealf(e) * crealf(e) + cimagf(e) * cimagf(e));
        energy += (double)(crealf(s) * crealf(s) + cimagf(s) * cimagf(s));
    }
    score->error_energy += error;
    score->received_energy += energy;
    if (isfinite(frame->snr_db) && isfinite(frame->n0)) {
        score->signal += pow(10.0, frame->snr_db / 10.0) * frame->n0;
        score->noise += frame->n0;
    }
}

static double grey_mse(const uint8_t *rgb, size_t bytes)
{
    double sum = 0.0;
    for (size_t i = 0; i < bytes; i++) {
        int difference = rgb[i] - MID_GREY;
        sum += (double)(difference * difference);
    }
    return sum / (double)bytes;
}

static void score_sent(score_t *score, const score_frame_t *frame)
{
    double energy = 0.0;
    for (size_t i = 0; i < frame->symbol_count; i++) {
        float complex s = frame->symbols[i];
        energy += (double)(crealf(s) * crealf(s) + cimagf(s) * cimagf(s));
    }
    score->sent_energy += energy;
    score->sent_symbols += (double)frame->symbol_count;
    score->frames++;
}

static void score_lost(score_t *score, const score_frame_t *frame, bool judging)
{
    size_t bytes = 3 * (size_t)frame->width * (size_t)frame->height;
    double mse = 0.0, labelled = 0.0;
    for (int i = 0; i < frame->images; i++) {
        mse += grey_mse(frame->sent + (size_t)i * bytes, bytes);
        labelled += frame->labels[i] >= 0 ? 1.0 : 0.0;
    }
    score->frames_lost++;
    gather_add(&score->mse_all, mse, (double)frame->images);
    if (judging) {
        gather_add(&score->correct_all, 0.0, labelled);
    }
}

static void score_received(score_t *score, const score_frame_t *frame)
{
    size_t bytes = 3 * (size_t)frame->width * (size_t)frame->height;
    double mse = 0.0, psnr = 0.0, ssim = 0.0, right = 0.0, judged = 0.0;
    for (int i = 0; i < frame->images; i++) {
        const uint8_t *sent = frame->sent + (size_t)i * bytes;
        const uint8_t *decoded = frame->decoded + (size_t)i * bytes;
        double image_mse = quality_mse(sent, decoded, bytes);
        mse += image_mse;
        psnr += quality_psnr_db(image_mse);
        ssim += quality_ssim(sent, decoded, frame->width, frame->height);
        if (frame->predicted != NULL && frame->labels[i] >= 0) {
            judged += 1.0;
            right += frame->predicted[i] == frame->labels[i] ? 1.0 : 0.0;
        }
    }
    double images = (double)frame->images;
    gather_add(&score->mse, mse, images);
    gather_add(&score->mse_all, mse, images);
    gather_add(&score->psnr_db, psnr, images);
    gather_add(&score->ssim, ssim, images);
    gather_add(&score->correct, right, judged);
    gather_add(&score->correct_all, right, judged);
    score->judged_right += (uint64_t)right;
}

void score_frame(score_t *score, const score_frame_t *frame, bool judging)
{
    score_sent(score, frame);
    if (frame->decoded == NULL) {
        score_lost(score, frame, judging);
    } else {
        score_received(score, frame);
    }
}

static double ratio_db(double numerator, double denominator)
{
    return numerator > 0.0 && denominator > 0.0 ? 10.0 * log10(numerator / denominator)
                                                : (double)NAN;
}

static double psnr_of(const gather_t *mse)
{
    return mse->count > 0.0 ? quality_psnr_db(gather_mean(mse)) : (double)NAN;
}

/* The interval between frames, but no narrower than that of independent trials: all right (or
   all wrong) does not mean certain. */
static double accuracy_half_width(const score_t *score)
{
    double independent = gather_wilson(score->judged_right, (uint64_t)score->correct.count);
    return fmax(independent, gather_half_width(&score->correct));
}

void score_result(const score_t *score, result_t *result)
{
    result_clear(result);
    result->images = score->mse_all.count;
    result->images_received = score->mse.count;
    result->frames_sent = (double)score->frames;
    result->frames_lost = (double)score->frames_lost;
    result->frames_false = (double)score->frames_false;
    result->images_over_budget = (double)score->over_budget;
    result->images_undecodable = (double)score->undecodable;
    result->psnr_mse_db = psnr_of(&score->mse);
    result->psnr_mean_db = gather_mean(&score->psnr_db);
    result->psnr_all_db = psnr_of(&score->mse_all);
    result->ssim = gather_mean(&score->ssim);
    result->accuracy = gather_mean(&score->correct);
    result->accuracy_all = gather_mean(&score->correct_all);
    /* d(10 log10 x) = 10 / ln 10 * dx / x */
    result->psnr_ci_db =
        10.0 / log(10.0) * gather_half_width(&score->mse) / gather_mean(&score->mse);
    result->psnr_mean_ci_db = gather_half_width(&score->psnr_db);
    result->accuracy_ci = accuracy_half_width(score);
    result->loss_ci = gather_wilson(score->frames_lost, score->frames);
    result->evm_db = ratio_db(score->error_energy, score->received_energy);
    result->snr_measured_db = ratio_db(score->signal, score->noise);
    result->symbol_power =
        score->sent_symbols > 0.0 ? score->sent_energy / score->sent_symbols : (double)NAN;
}
