/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stage 4: every report becomes a JSON line and a part of the totals; pictures become files. */
#include "clock.h"
#include "log.h"
#include "program.h"
#include "rx.h"

#include <string.h>
#include <unistd.h>

static void write_line(rx_t *rx, const frame_report_t *report)
{
    rx_output_t *output = &rx->output;
    char text[REPORT_JSON_SIZE];
    err_t err = ERR_INIT;
    int length = report_to_json(report, text, sizeof text);
    if (length > 0) {
        (void)control_report(rx->reporter, CONTROL_FRAME, text, (size_t)length);
    }
    if (length > 0 && output->lines != NULL &&
        lines_put(output->lines, text, (size_t)length, &err) != 0 && !output->lines_warned) {
        output->lines_warned = true;
        log_error("%s; reports are lost until there is room again", err.text);
    }
}

static void tell(rx_t *rx, frame_report_t *report)
{
    rx_output_t *output = &rx->output;
    report->time_ns = clock_wall_ns();
    tally_add(&output->total.tally, report);
    tally_add(&output->window, report);
    page_see_report(rx->page, report);
    view_see_report(rx->view, report);
    if (output->lines != NULL || rx->reporter != NULL) {
        write_line(rx, report);
    }
}

/* Frames still to be told of before rx.frames is reached. */
static uint64_t frames_left(const rx_t *rx)
{
    const uint64_t told = tally_frames(&rx->output.total.tally);
    const uint64_t limit = rx->output.settings.frame_limit;
    if (limit == 0) {
        return UINT64_MAX;
    }
    return limit > told ? limit - told : 0;
}

static void tell_loss(rx_t *rx, report_status_t status, uint32_t count)
{
    uint64_t left = frames_left(rx);
    count = count < left ? count : (uint32_t)left;
    if (count > 0) {
        frame_report_t report;
        report_init(&report);
        report.status = status;
        report.count = count;
        tell(rx, &report);
    }
}

static void tell_frame(rx_t *rx, rx_result_t *result)
{
    rx_output_t *output = &rx->output;
    double latency_ms = (double)(clock_now_ns() - result->arrival_ns) * 1e-6;
    if (result->arrival_ns != 0 && result->reports_count > 0) {
        histogram_add(&output->latency, latency_ms);
    }
    for (int i = 0; i < result->reports_count; i++) {
        if (result->arrival_ns != 0) {
            result->reports[i].latency_ms = latency_ms;
        }
        tell(rx, &result->reports[i]);
    }
    if (result->images > 0) {
        rx_live_result(rx, result);
        snprintf(output->adapter, sizeof output->adapter, "%.8s", result->reports[0].adapter);
        output->total.last_s = (double)(clock_now_ns() - rx->start_ns) * 1e-9;
        if (output->frames == 0) {
            output->total.first_s = output->total.last_s;
        }
        if (output->images_dir != NULL && output->frames % output->settings.images_every == 0) {
            rx_write_images(rx, result);
        }
        output->frames++;
    }
}

static void tick(rx_t *rx, uint64_t *last_ns)
{
    uint64_t now = clock_now_ns();
    if (now - *last_ns >= 1000000000u) {
        const int table = rx->output.settings.table;
        const double span_s = (double)(now - *last_ns) * 1e-9;
        if (table == RX_TABLE_VIEW || (table == RX_TABLE_AUTO && isatty(STDERR_FILENO))) {
            rx_status_view(rx, span_s);
        } else if (table == RX_TABLE_ON) {
            rx_status_row(rx, span_s);
        }
        tally_reset(&rx->output.window);
        *last_ns = now;
    }
}

/* For the control plane and the live page; nobody waits for anybody. */
static void show(rx_t *rx)
{
    rx_totals_t *total = &rx->output.total;
    if (rx->control != NULL || rx->page != NULL) {
        total->lines = rx->output.lines != NULL ? lines_written(rx->output.lines) : 0;
        total->lines_lost = rx->output.lines != NULL ? lines_lost(rx->output.lines) : 0;
        live_publish(rx->totals, total);
    }
}

void *rx_report_run(void *context)
{
    rx_t *rx = context;
    uint64_t turn = 0, last_row = clock_now_ns();
    program_name_thread("report");
    program_stand_back(5);
    for (;;) {
        ring_t *ring = rx->decoders[turn % (uint64_t)rx->decoder_count].results;
        int got = ring_wait_items(ring, 0.1);
        (void)live_take(rx->live, RX_READ_REPORT, &rx->output.settings);
        tick(rx, &last_row);
        if (got < 0) {
            break;
        }
        if (got > 0) {
            rx_result_t *result = ring_peek(ring);
            tell_loss(rx, REPORT_LOST_GAP, result->gap);
            tell_loss(rx, REPORT_DROPPED, result->dropped);
            if (frames_left(rx) > 0 && result->has_frame) {
                tell_frame(rx, result);
            }
            if (frames_left(rx) == 0) {
                atomic_store(&rx->stopping, true);
            }
            ring_release(ring);
            turn++;
            show(rx);
        }
    }
    atomic_store(&rx->finished, true);
    return NULL;
}
