/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clock.h"
#include "file.h"
#include "log.h"
#include "tx.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

typedef struct {
    uint64_t frames, images, samples, lost, skipped, late, slipped;
    double time_s;
} totals_t;

static totals_t totals_of(const tx_t *tx)
{
    const tx_counts_t *counts = &tx->counts;
    return (totals_t){.frames = atomic_load(&counts->frames_sent),
                      .images = atomic_load(&counts->images_sent),
                      .samples = atomic_load(&counts->samples_sent),
                      .lost = atomic_load(&counts->frames_lost),
                      .skipped = atomic_load(&counts->images_skipped),
                      .late = radio_counts(tx->radio).late,
                      .slipped = atomic_load(&counts->slipped),
                      .time_s = (double)(clock_now_ns() - tx->start_ns) * 1e-9};
}

void tx_status_line(const tx_t *tx)
{
    static totals_t last;
    static int rows;
    totals_t now = totals_of(tx);
    double span = now.time_s - last.time_s;
    if (rows++ % 20 == 0) {
        fprintf(stderr, "   time_s    frames  frames/s  images/s  on_air%%  ready  late  lost  "
                        "skipped\n");
    }
    double on_air = (double)(now.samples - last.samples) / (span * radio_rate_hz(tx->radio));
    size_t ready = 0;
    for (int i = 0; i < tx->encoder_count; i++) {
        ready += ring_fill(tx->encoders[i].bursts);
    }
    fprintf(stderr, "%9.1f %9llu %9.1f %9.1f %8.1f %6zu %5llu %5llu %8llu\n", now.time_s,
            (unsigned long long)now.frames, (double)(now.frames - last.frames) / span,
            (double)(now.images - last.images) / span, 100.0 * on_air, ready,
            (unsigned long long)now.late, (unsigned long long)now.lost,
            (unsigned long long)now.skipped);
    last = now;
}

void tx_summary_line(const tx_t *tx)
{
    totals_t t = totals_of(tx);
    log_info("sent %llu frames, %llu images in %.2f s (%.1f images/s); %llu late, %llu lost with "
             "the radio gone, %llu images skipped",
             (unsigned long long)t.frames, (unsigned long long)t.images, t.time_s,
             (double)t.images / t.time_s, (unsigned long long)t.late, (unsigned long long)t.lost,
             (unsigned long long)t.skipped);
}

static void set_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

json_t *tx_summary_json(const tx_t *tx)
{
    totals_t t = totals_of(tx);
    radio_counts_t radio = radio_counts(tx->radio);
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:f}", "program",
        "semradio-tx", "version", SEMRADIO_VERSION, "dataset", dataset_name(tx->dataset), "codec",
        codec_name(tx->encoders[0].codec), "frames", (json_int_t)t.frames, "images",
        (json_int_t)t.images, "samples", (json_int_t)t.samples, "time_s", t.time_s, "images_per_s",
        (double)t.images / t.time_s, "late_frames", (json_int_t)t.late, "slipped_frames",
        (json_int_t)t.slipped, "underflows", (json_int_t)radio.underflows, "lost_frames",
        (json_int_t)t.lost, "skipped_images", (json_int_t)t.skipped, "cpu_s", clock_cpu_s());
    set_real(object, "encode_p50_ms", histogram_quantile_ms(&tx->encode_time, 0.5));
    set_real(object, "encode_p99_ms", histogram_quantile_ms(&tx->encode_time, 0.99));
    const correction_t *correction = radio_correction(tx->radio);
    json_object_set_new(object, "calibration",
                        correction != NULL ? json_string(correction->path) : json_null());
    return object;
}

int tx_summary_file(const tx_t *tx, const char *path, err_t *err)
{
    json_t *object = tx_summary_json(tx);
    char *text =
        object != NULL ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(object);
    file_writer_t *file = text != NULL ? file_writer_open(path, err) : NULL;
    if (text == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the summary");
    }
    if (file != NULL) {
        fprintf(file_writer_stream(file), "%s\n", text);
    }
    free(text);
    return file != NULL ? file_writer_commit(file, err) : -1;
}
