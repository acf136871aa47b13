/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step.h"

#include "result.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void step_begin(step_t *step)
{
    memset(step, 0, sizeof *step);
    tally_reset(&step->tally);
    step->frame = -1;
}

/* Images of one frame share their fading: their sums go in together. */
void step_end(step_t *step)
{
    gather_add(&step->mse, step->frame_mse, step->frame_images);
    gather_add(&step->psnr_db, step->frame_psnr_db, step->frame_images);
    gather_add(&step->correct, step->frame_correct, step->frame_judged);
    step->frame_psnr_db = 0.0;
    step->frame_mse = step->frame_images = step->frame_correct = step->frame_judged = 0.0;
}

void step_add(step_t *step, const frame_report_t *report)
{
    bool other = report->status == REPORT_OK && step->width > 0 && report->width != step->width;
    if (other || report->timing_sample < step->since) {
        return;
    }
    tally_add(&step->tally, report);
    step->first_ns = step->first_ns > 0.0 ? step->first_ns : (double)report->time_ns;
    step->last_ns = (double)report->time_ns;
    if (report->status != REPORT_OK) {
        return;
    }
    if (step->list != NULL) {
        fprintf(step->list, "%lld %lld\n", (long long)report->image_id, (long long)report->frame);
    }
    if (report->frame != step->frame) {
        step_end(step);
        step->frame = report->frame;
    }
    if (isfinite(report->snr_db) && isfinite(report->noise_var)) {
        step->signal += pow(10.0, report->snr_db / 10.0) * report->noise_var;
        step->noise += report->noise_var;
    }
    if (isfinite(report->mse)) {
        step->frame_mse += report->mse;
        step->frame_psnr_db += report->psnr_db;
        step->frame_images += 1.0;
    }
    if (report->correct >= 0) {
        step->frame_correct += report->correct;
        step->frame_judged += 1.0;
    }
}

static int read_lines(step_t *step, FILE *file, const char *path, long to, err_t *err)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int status = 0;
    while (status == 0 && (length = getline(&line, &room, file)) > 0) {
        if (line[length - 1] != '\n' || (to >= 0 && ftell(file) > to)) {
            break; /* still being written, or of the next step */
        }
        frame_report_t report;
        status = report_from_json(line, &report, err);
        if (status == 0) {
            step_add(step, &report);
        } else {
            err_prefix(err, "%s", path);
        }
    }
    free(line);
    step_end(step);
    return status;
}

/* Moves behind the line that byte `from` - 1 belongs to. */
static int seek_line(FILE *file, long from)
{
    if (from <= 0) {
        return 0;
    }
    if (fseek(file, from - 1, SEEK_SET) != 0) {
        return -1;
    }
    for (int c = fgetc(file); c != '\n' && c != EOF;) {
        c = fgetc(file);
    }
    return 0;
}

static int read_file(step_t *step, const char *path, long from, long to, err_t *err)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return err_set_errno(err, errno, "cannot open %s", path);
    }
    int status = seek_line(file, from) != 0 ? err_set_errno(err, errno, "cannot read %s", path)
                                            : read_lines(step, file, path, to, err);
    fclose(file);
    return status;
}

int step_read(step_t *step, const char *path, long from, long to, double since, int width,
              err_t *err)
{
    step_begin(step);
    step->since = since;
    step->width = width;
    return read_file(step, path, from, to, err);
}

int step_list(const char *path, long from, long to, double since, FILE *out, err_t *err)
{
    step_t step = {.frame = -1, .since = since, .list = out};
    tally_reset(&step.tally);
    return read_file(&step, path, from, to, err);
}

void step_print_head(FILE *out)
{
    fprintf(out, "%-14s %6s %9s %8s %7s %8s %6s %9s %9s %10s\n", "source", "SNR dB", "measured",
            "images", "lost", "PSNR dB", "SSIM", "accuracy", "images/s", "latency ms");
}

static void put_cell(FILE *out, int width, const char *format, double value)
{
    char text[32] = "-";
    if (isfinite(value)) {
        snprintf(text, sizeof text, format, value);
    }
    fprintf(out, " %*s", width, text);
}

/* The reports' own clock: from the first to the last one. */
static double images_per_second(const step_t *step)
{
    double seconds = (step->last_ns - step->first_ns) * 1e-9;
    return seconds > 0.0 ? (double)step->tally.images / seconds : (double)NAN;
}

double step_snr_db(const step_t *step)
{
    return step->noise > 0.0 ? 10.0 * log10(step->signal / step->noise) : (double)NAN;
}

void step_print(const step_t *step, const char *source, double snr_db, FILE *out)
{
    const tally_t *tally = &step->tally;
    fprintf(out, "%-14s %6g", source, snr_db);
    put_cell(out, 9, "%.2f", step_snr_db(step));
    put_cell(out, 8, "%.0f", (double)tally->images);
    put_cell(out, 7, "%.0f", (double)tally_frames_lost(tally));
    put_cell(out, 8, "%.2f", tally_psnr_of_mean_mse_db(tally));
    put_cell(out, 6, "%.3f", tally_mean(&tally->ssim));
    put_cell(out, 9, "%.3f", tally_accuracy(tally));
    put_cell(out, 9, "%.0f", images_per_second(step));
    put_cell(out, 10, "%.1f", tally_mean(&tally->latency_ms));
    fputc('\n', out);
    fflush(out);
}

static const char head[] =
    "source,codec,rate,channel,snr_db,images,frames_sent,frames_lost,psnr_mse_db,psnr_mean_db,"
    "ssim,accuracy,evm_db,snr_measured_db,latency_ms,psnr_ci_db,accuracy_ci,loss_ci\n";

static void put_row(const step_t *step, const char *source, const char *channel, double snr_db,
                    FILE *out)
{
    const tally_t *tally = &step->tally;
    uint64_t lost = tally_frames_lost(tally), frames = tally_frames(tally);
    const double values[] = {snr_db,
                             (double)tally->images,
                             (double)frames,
                             (double)lost,
                             tally_psnr_of_mean_mse_db(tally),
                             tally_mean_psnr_db(tally),
                             tally_mean(&tally->ssim),
                             tally_accuracy(tally),
                             tally_mean(&tally->evm_db),
                             step_snr_db(step),
                             tally_mean(&tally->latency_ms),
                             10.0 / log(10.0) * gather_half_width(&step->mse) /
                                 gather_mean(&step->mse),
                             gather_half_width(&step->correct),
                             gather_wilson(lost, frames)};
    result_put_text(out, source);
    fputs(",image32,1/6,", out);
    result_put_text(out, channel);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        fputc(',', out);
        result_put_number(out, values[i]);
    }
    fputc('\n', out);
}

int step_save(const step_t *step, const char *source, const char *channel, double snr_db,
              const char *path, err_t *err)
{
    bool fresh = access(path, F_OK) != 0;
    FILE *file = fopen(path, "a");
    if (file == NULL) {
        return err_set_errno(err, errno, "cannot write %s", path);
    }
    if (fresh) {
        fputs(head, file);
    }
    put_row(step, source, channel, snr_db, file);
    int failed = ferror(file);
    if (fclose(file) != 0 || failed) {
        return err_set_errno(err, errno, "cannot write %s", path);
    }
    return 0;
}
