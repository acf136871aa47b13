/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live table and the closing totals. */
#include "clock.h"
#include "file.h"
#include "log.h"
#include "rx.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* A number in a column, "-" when it was not measured. */
static void cell(char **at, size_t *left, int width, int digits, double value)
{
    int used = isfinite(value) ? snprintf(*at, *left, " %*.*f", width, digits, value)
                               : snprintf(*at, *left, " %*s", width, "-");
    if (used > 0 && (size_t)used < *left) {
        *at += used;
        *left -= (size_t)used;
    }
}

/* How full the fullest ring is, in percent. */
static double ring_percent(const rx_t *rx)
{
    double most = (double)ring_fill(rx->blocks) / (double)ring_slots(rx->blocks);
    for (int i = 0; i < rx->decoder_count; i++) {
        const ring_t *frames = rx->decoders[i].frames;
        most = fmax(most, (double)ring_fill(frames) / (double)ring_slots(frames));
    }
    return 100.0 * most;
}

static uint64_t samples_lost(const rx_t *rx)
{
    return atomic_load(&rx->counts.samples_dropped) + radio_counts(rx->radio).overflow_samples;
}

void rx_status_row(const rx_t *rx, double span_s)
{
    static int rows;
    const tally_t *w = &rx->output.window;
    char line[256], *at = line;
    size_t left = sizeof line;
    if (rows++ % 20 == 0) {
        fprintf(stderr,
                "  time_s     ok   lost images/s  snr_db  evm_db   cfo_hz psnr_db m_psnr  "
                "ssim  acc%% ring%% lag_ms   drops  lost: gap header damaged busy  adapter\n");
    }
    cell(&at, &left, 7, 1, (double)(clock_now_ns() - rx->start_ns) * 1e-9);
    cell(&at, &left, 6, 0, (double)w->frames_ok);
    cell(&at, &left, 6, 0, (double)tally_frames_lost(w));
    cell(&at, &left, 8, 1, (double)w->images / span_s);
    cell(&at, &left, 7, 2, tally_mean(&w->snr_db));
    cell(&at, &left, 7, 2, tally_mean(&w->evm_db));
    cell(&at, &left, 8, 1, tally_mean(&w->cfo_hz));
    cell(&at, &left, 7, 2, tally_psnr_of_mean_mse_db(w));
    cell(&at, &left, 6, 2, tally_mean_psnr_db(w));
    cell(&at, &left, 5, 3, tally_mean(&w->ssim));
    cell(&at, &left, 5, 1, 100.0 * tally_accuracy(w));
    cell(&at, &left, 5, 0, ring_percent(rx));
    cell(&at, &left, 6, 1, tally_mean(&w->latency_ms));
    cell(&at, &left, 7, 0, (double)(samples_lost(rx) + atomic_load(&rx->counts.frames_dropped)));
    cell(&at, &left, 10, 0, (double)w->lost_gap);
    cell(&at, &left, 6, 0, (double)w->lost_header);
    cell(&at, &left, 7, 0, (double)w->damaged);
    cell(&at, &left, 4, 0, (double)w->dropped);
    fprintf(stderr, "%s  %s\n", line, rx->output.adapter[0] != 0 ? rx->output.adapter : "none");
}

void rx_status_view(const rx_t *rx, double span_s)
{
    const view_numbers_t numbers = {
        .window = &rx->output.window,
        .total = &rx->output.total.tally,
        .span_s = span_s,
        .time_s = (double)(clock_now_ns() - rx->start_ns) * 1e-9,
        .ring_percent = ring_percent(rx),
        .samples_dropped = samples_lost(rx),
    };
    view_draw(rx->view, &numbers, STDERR_FILENO);
}

static double images_per_s(const rx_totals_t *totals)
{
    double span = totals->last_s - totals->first_s;
    return span > 0 ? (double)totals->tally.images / span : (double)NAN;
}

void rx_summary_line(const rx_t *rx)
{
    const tally_t *t = &rx->output.total.tally;
    const double speed = images_per_s(&rx->output.total); /* NaN: fewer than two frames */
    log_info("received %llu frames, %llu images (%.1f images/s), lost %llu frames (%llu never "
             "came, %llu headers, %llu damaged, %llu dropped here); %llu samples dropped",
             (unsigned long long)t->frames_ok, (unsigned long long)t->images,
             isfinite(speed) ? speed : 0.0, (unsigned long long)tally_frames_lost(t),
             (unsigned long long)t->lost_gap, (unsigned long long)t->lost_header,
             (unsigned long long)t->damaged, (unsigned long long)t->dropped,
             (unsigned long long)samples_lost(rx));
    char accuracy[32] = "not judged";
    if (t->correct.count > 0) {
        snprintf(accuracy, sizeof accuracy, "%.2f %%", 100.0 * tally_accuracy(t));
    }
    if (t->mse.count > 0) {
        log_info("PSNR of the mean MSE %.2f dB, mean PSNR %.2f dB, SSIM %.4f, accuracy %s, "
                 "SNR %.2f dB",
                 tally_psnr_of_mean_mse_db(t), tally_mean_psnr_db(t), tally_mean(&t->ssim),
                 accuracy, tally_mean(&t->snr_db));
    }
}

static void set_count(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

static void set_quality(json_t *object, const tally_t *t)
{
    set_real(object, "psnr_of_mean_mse_db", tally_psnr_of_mean_mse_db(t));
    set_real(object, "mean_psnr_db", tally_mean_psnr_db(t));
    set_real(object, "mse", tally_mean(&t->mse));
    set_real(object, "ssim", tally_mean(&t->ssim));
    set_real(object, "accuracy", tally_accuracy(t));
    set_real(object, "snr_db", tally_mean(&t->snr_db));
    set_real(object, "cfo_hz", tally_mean(&t->cfo_hz));
    set_real(object, "evm_db", tally_mean(&t->evm_db));
    set_real(object, "decode_ms", tally_mean(&t->decode_ms));
    set_real(object, "latency_ms", tally_mean(&t->latency_ms));
}

/* Processor milliseconds of a decoder for a frame whose adapter it had in use, and for one that needed
   another; the difference in frames is what a swap costs. */
static void set_swaps(json_t *object, const rx_counts_t *c)
{
    const double kept = (double)atomic_load(&c->kept_frames);
    const double swapped = (double)atomic_load(&c->swap_frames);
    const double kept_ms = kept > 0 ? 1e-6 * (double)atomic_load(&c->kept_ns) / kept : (double)NAN;
    const double swap_ms =
        swapped > 0 ? 1e-6 * (double)atomic_load(&c->swap_ns) / swapped : (double)NAN;
    set_count(object, "decoder_swaps", atomic_load(&c->swap_frames));
    set_real(object, "frame_decode_ms", kept_ms);
    set_real(object, "swap_decode_ms", swap_ms);
    set_real(object, "swap_decode_most_ms",
             swapped > 0 ? 1e-6 * (double)atomic_load(&c->swap_most_ns) : (double)NAN);
    set_real(object, "swap_cost_frames", (swap_ms - kept_ms) / kept_ms);
}

json_t *rx_summary_json(const rx_t *rx, const rx_totals_t *totals)
{
    const tally_t *t = &totals->tally;
    const rx_counts_t *c = &rx->counts;
    radio_counts_t radio = radio_counts(rx->radio);
    json_t *o = json_object();
    json_object_set_new(o, "program", json_string("semradio-rx"));
    json_object_set_new(o, "version", json_string(SEMRADIO_VERSION));
    set_count(o, "frames", tally_frames(t));
    set_count(o, "frames_ok", t->frames_ok);
    set_count(o, "lost_header", t->lost_header);
    set_count(o, "lost_gap", t->lost_gap);
    set_count(o, "damaged", t->damaged);
    set_count(o, "dropped", t->dropped);
    set_count(o, "images", t->images);
    set_quality(o, t);
    set_real(o, "latency_p50_ms", histogram_quantile_ms(&rx->output.latency, 0.5));
    set_real(o, "latency_p99_ms", histogram_quantile_ms(&rx->output.latency, 0.99));
    set_real(o, "images_per_s", images_per_s(totals));
    set_real(o, "time_s", (double)(clock_now_ns() - rx->start_ns) * 1e-9);
    set_real(o, "cpu_s", clock_cpu_s());
    set_count(o, "samples", atomic_load(&c->samples));
    set_count(o, "samples_dropped", samples_lost(rx));
    set_count(o, "overflows", radio.overflows);
    set_count(o, "sequence_gaps", radio.sequence_gaps);
    set_count(o, "silent_gaps", radio.silent_gaps);
    set_count(o, "late_frames", radio.late);
    set_count(o, "malformed", radio.malformed);
    set_count(o, "undecodable", atomic_load(&c->undecodable));
    set_count(o, "adapter_not_held", atomic_load(&c->not_held));
    set_swaps(o, c);
    set_count(o, "for_others", atomic_load(&c->foreign));
    const correction_t *correction = radio_correction(rx->radio);
    json_object_set_new(o, "calibration",
                        correction != NULL ? json_string(correction->path) : json_null());
    set_count(o, "restarts", atomic_load(&c->restarts));
    set_count(o, "images_written", atomic_load(&c->images_written));
    set_count(o, "images_not_written", atomic_load(&c->images_lost));
    set_count(o, "lines", totals->lines);
    set_count(o, "lines_lost", totals->lines_lost);
    return o;
}

int rx_summary_file(const rx_t *rx, const char *path, err_t *err)
{
    rx_totals_t totals = rx->output.total;
    totals.lines = rx->output.lines != NULL ? lines_written(rx->output.lines) : 0;
    totals.lines_lost = rx->output.lines != NULL ? lines_lost(rx->output.lines) : 0;
    json_t *object = rx_summary_json(rx, &totals);
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(object);
    if (text == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the summary");
    }
    file_writer_t *file = file_writer_open(path, err);
    if (file != NULL) {
        fprintf(file_writer_stream(file), "%s\n", text);
    }
    free(text);
    return file != NULL ? file_writer_commit(file, err) : -1;
}
