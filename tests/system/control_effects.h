/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_effects: real daemons and a hub while frames flow, and what the next frames look like. */
#ifndef TESTS_SYSTEM_CONTROL_EFFECTS_H
#define TESTS_SYSTEM_CONTROL_EFFECTS_H

#include "control/subscriber.h"
#include "control_daemons.h"

enum { AIR, RX, TX, HUB, ENDS, MOST_FRAMES = 64 };

static const char *const end_names[ENDS] = {"air", "rx", "tx", "hub"};
static program_t daemons[ENDS];
static control_client_t *clients[ENDS];
static subscriber_t *frames; /* the receiver's */

/* What some consecutive frames have in common; medians, and the spread of the gain. */
typedef struct {
    double evm_db, snr_db, cfo_hz, gain_db, gain_spread_db, delay_ns, clock_ppm, spacing, images;
    double design_db, rate, source, destination, ssim;
} view_t;

static void connect_to(int end)
{
    clients[end] = client_of(end_names[end]);
}

static void open_tx(const char *more)
{
    char words[256];
    snprintf(words, sizeof words, "--frame.images=2 --codec.design_snr_db=10 %s", more);
    daemons[TX] = start_tx(words);
    connect_to(TX);
}

static void open_rx(const char *more)
{
    char reports[160];
    err_t err = ERR_INIT;
    daemons[RX] = start_rx(more);
    connect_to(RX);
    snprintf(reports, sizeof reports, "ipc://%s.reports", in_work("rx.ipc"));
    frames = subscriber_create(control_client_zmq(clients[RX]), reports, "frame", NULL, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(frames);
}

static void open_hub(void)
{
    daemons[HUB] =
        start("align",
              "hub --hub.bind=ipc://%s --hub.tx=ipc://%s --hub.rx=ipc://%s "
              "--hub.store=%s --hub.smooth_s=0 --hub.dwell_s=0",
              in_work("hub.ipc"), in_work("tx.ipc"), in_work("rx.ipc"), in_work("hub-store"));
    CU_ASSERT(wait_for(&daemons[HUB], "hub at"));
    connect_to(HUB);
}

static void open_air(void)
{
    daemons[AIR] = start_air("--channel.snr_db=30");
    connect_to(AIR);
}

static void disconnect(int end)
{
    if (end == RX) {
        subscriber_destroy(frames);
        frames = NULL;
    }
    control_client_destroy(clients[end]);
    clients[end] = NULL;
}

/* Ctrl-C: its exit code. */
static int close_end(int end)
{
    disconnect(end);
    return interrupt(&daemons[end]);
}

static void open_all(void)
{
    open_air();
    open_rx("");
    open_tx("");
}

static void close_all(void)
{
    CHECK_INT(close_end(TX), 0);
    CHECK_INT(close_end(RX), 0);
    CHECK_INT(close_end(AIR), 0);
}

/* "key=value key=value" in one set. */
static bool set_words(int end, const char *words)
{
    char copy[512], *save = NULL;
    json_t *values = json_object();
    err_t err = ERR_INIT;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(word, '=');
        *equals = 0;
        json_object_set_new(values, word, json_string(equals + 1));
    }
    json_t *got = ask(clients[end], "set", json_pack("{s:o}", "values", values), &err);
    if (got == NULL) {
        fprintf(stderr, "set %s: %s\n", words, err.text);
    }
    json_decref(got);
    return got != NULL;
}

/* The next report of a receiver, or false after 20 s; from then on at once: nothing flows any more.
 */
static bool next_frame(report_t *report)
{
    static bool silent;
    for (int i = 0; i < 4000 && !silent; i++) {
        if (subscriber_next(frames, report)) {
            return true;
        }
        clock_sleep_s(0.005);
    }
    silent = true;
    return false;
}

static double number_of(const json_t *body, const char *key)
{
    const json_t *value = json_object_get(body, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static int by_value(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(double *x, int count)
{
    qsort(x, (size_t)count, sizeof *x, by_value);
    return count > 0 ? x[count / 2] : (double)NAN;
}

/* Frames made until now are none of what is asked for; a few wait between encoder and air. */
static void skip_old_frames(void)
{
    const int64_t made = (int64_t)status_number(clients[TX], "frames") + 20;
    report_t report;
    while (next_frame(&report)) {
        const double frame = number_of(report.body, "frame");
        const int64_t ahead = ((int64_t)frame - made) & 65535;
        report_free(&report);
        if (isfinite(frame) && ahead < 32768) {
            return;
        }
    }
    CU_FAIL("no new frames");
}

/* The next `count` frames that come whole (or not: an error vector of 0 dB). */
static view_t look(int count)
{
    double evm[MOST_FRAMES], snr[MOST_FRAMES], cfo[MOST_FRAMES], gain[MOST_FRAMES],
        delay[MOST_FRAMES], space[MOST_FRAMES], clock[MOST_FRAMES];
    int n = 0, whole = 0, spaces = 0;
    double before = NAN, sum = 0, square = 0, images = 0;
    view_t view = {.images = 0, .ssim = NAN};
    report_t report;
    skip_old_frames();
    while (n < count && next_frame(&report)) {
        const json_t *body = report.body;
        const char *status = json_string_value(json_object_get(body, "status"));
        const double image = number_of(body, "image_in_frame");
        images = fmax(images, image + 1);
        if (status == NULL || strcmp(status, "ok") != 0) {
            evm[n++] = 0;
        } else if (image == 0) {
            const double at = number_of(body, "timing_sample");
            const char *rate = json_string_value(json_object_get(body, "rate"));
            evm[n++] = number_of(body, "evm_db");
            snr[whole] = number_of(body, "snr_db");
            cfo[whole] = number_of(body, "cfo_hz");
            gain[whole] = number_of(body, "channel_gain_db");
            delay[whole] = number_of(body, "delay_spread_ns");
            clock[whole] = number_of(body, "clock_ppm");
            sum += gain[whole];
            square += gain[whole] * gain[whole];
            whole++;
            if (isfinite(before)) {
                space[spaces++] = at - before;
            }
            before = at;
            view.rate = rate != NULL ? atof(rate) / atof(strchr(rate, '/') + 1) : 0;
            view.source = number_of(body, "source");
            view.destination = number_of(body, "destination");
            view.design_db = number_of(body, "design_snr_db");
            view.ssim = number_of(body, "ssim");
        }
        report_free(&report);
    }
    CHECK_INT(n, count);
    view.images = images;
    view.gain_spread_db = whole > 0 ? sqrt(fmax(square / whole - pow(sum / whole, 2), 0)) : 0;
    view.evm_db = median(evm, n);
    view.snr_db = median(snr, whole);
    view.cfo_hz = median(cfo, whole);
    view.gain_db = median(gain, whole);
    view.delay_ns = median(delay, whole);
    view.clock_ppm = median(clock, whole);
    view.spacing = median(space, spaces);
    return view;
}

#endif
