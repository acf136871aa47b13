/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stage 4: every report becomes a JSON line and a part of the totals; pictures become files. */
#include "clock.h"
#include "log.h"
#include "program.h"
#include "rx.h"

#include <string.h>

static void write_line(rx_output_t *output, const frame_report_t *report)
{
    char text[REPORT_JSON_SIZE];
    err_t err = ERR_INIT;
    int length = report_to_json(report, text, sizeof text);
    if (length > 0 && lines_put(output->lines, text, (size_t)length, &err) != 0 &&
        !output->lines_warned) {
        output->lines_warned = true;
        log_error("%s; reports are lost until there is room again", err.text);
    }
}

static void tell(rx_t *rx, frame_report_t *report)
{
    rx_output_t *output = &rx->output;
    report->time_ns = clock_wall_ns();
    tally_add(&output->total, report);
    tally_add(&output->window, report);
    if (output->lines != NULL) {
        write_line(output, report);
    }
}

/* Frames still to be told of before rx.frames is reached. */
static uint64_t frames_left(const rx_t *rx)
{
    uint64_t told = tally_frames(&rx->output.total);
    if (rx->frame_limit == 0) {
        return UINT64_MAX;
    }
    return rx->frame_limit > told ? rx->frame_limit - told : 0;
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
    for (int i = 0; i < result->reports_count; i++) {
        if (result->arrival_ns != 0) {
            result->reports[i].latency_ms = latency_ms;
        }
        tell(rx, &result->reports[i]);
    }
    if (result->images > 0) {
        output->last_s = (double)(clock_now_ns() - rx->start_ns) * 1e-9;
        if (output->frames == 0) {
            output->first_s = output->last_s;
        }
        if (output->images_dir != NULL && output->frames % output->images_every == 0) {
            rx_write_images(rx, result);
        }
        output->frames++;
    }
}

static void tick(rx_t *rx, uint64_t *last_ns)
{
    uint64_t now = clock_now_ns();
    if (now - *last_ns >= 1000000000u) {
        if (rx->output.table) {
            rx_status_row(rx, (double)(now - *last_ns) * 1e-9);
        }
        tally_reset(&rx->output.window);
        *last_ns = now;
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
        }
    }
    atomic_store(&rx->finished, true);
    return NULL;
}
