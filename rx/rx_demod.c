/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stage 2: the receiver looks at every sample; each frame it finds is copied
 * into a slot and handed to the next decoder.  Missing frames are found here,
 * because only here all frames pass in order.
 */
#include "log.h"
#include "program.h"
#include "rx.h"

#include <stdlib.h>
#include <string.h>

static report_status_t status_of(received_status_t status)
{
    switch (status) {
    case RECEIVED_OK:
        return REPORT_OK;
    case RECEIVED_LOST_HEADER:
        return REPORT_LOST_HEADER;
    case RECEIVED_DAMAGED:
        break;
    }
    return REPORT_DAMAGED;
}

static void note_order(rx_t *rx, const received_frame_t *frame)
{
    if (!frame->header_valid) {
        sequence_lost_header(&rx->sequence);
        return;
    }
    const frame_header_t *header = &frame->header;
    sequence_step_t step = sequence_frame(&rx->sequence, header->source,
                                          header->flags & HEADER_FLAG_SESSION, header->frame);
    rx->gap += step.lost;
    if (step.first) {
        log_info("transmitter %u is on the air: %ux%u, %u images a frame, %.1f dB", header->source,
                 header->width, header->height, header->images, frame->snr_db);
    } else if (step.restarted) {
        atomic_fetch_add(&rx->counts.restarts, 1);
        log_info("transmitter %u started anew", header->source);
    }
}

static void fill_report(frame_report_t *report, const received_frame_t *frame)
{
    const frame_header_t *header = &frame->header;
    report_init(report);
    report->status = status_of(frame->status);
    report->noise_var = frame->n0;
    report->snr_db = frame->snr_db;
    report->cfo_hz = frame->cfo_hz;
    report->clock_ppm = frame->clock_ppm;
    report->evm_db = frame->evm_db;
    report->channel_gain_db = frame->channel_gain_db;
    report->delay_spread_ns = frame->delay_spread_ns;
    report->timing_sample = (double)frame->start_timestamp;
    if (frame->header_valid) {
        report->source = header->source;
        report->destination = header->destination;
        report->frame = header->frame;
        report->image_id = header->image_id;
        report->adapter_tag = header->adapter_tag;
        report->width = header->width;
        report->height = header->height;
        report->symbols = header->symbols;
    }
}

/* When the frame's last sample came: counted back from the block that was pulled last. */
static uint64_t arrival_of(const rx_t *rx, uint64_t timestamp)
{
    if (rx->block == NULL) {
        return 0;
    }
    double behind = (double)(rx->block->timestamp + rx->block->count) - (double)timestamp;
    double age_ns = behind / rx->sample_rate_hz * 1e9;
    return age_ns < 0 || age_ns > 60e9 ? rx->block->arrival_ns
                                       : rx->block->arrival_ns - (uint64_t)age_ns;
}

/* The slot for the next frame, with what was missing before it; NULL when all are taken. */
static rx_frame_t *next_slot(rx_t *rx, bool wait)
{
    ring_t *ring = rx->decoders[rx->turn % (uint64_t)rx->decoder_count].frames;
    if (wait) {
        ring_wait_space(ring, -1);
    }
    rx_frame_t *slot = ring_acquire(ring);
    if (slot != NULL) {
        slot->gap = rx->gap;
        slot->dropped = rx->dropped;
        rx->gap = rx->dropped = 0;
    }
    return slot;
}

static void hand_on(rx_t *rx)
{
    ring_commit(rx->decoders[rx->turn % (uint64_t)rx->decoder_count].frames);
    rx->turn++;
}

static void copy_symbols(rx_frame_t *slot, const received_frame_t *frame)
{
    size_t count = frame->symbol_count;
    if (count > slot->room) {
        free(slot->symbols);
        free(slot->noise_var);
        slot->symbols = malloc(count * sizeof *slot->symbols);
        slot->noise_var = malloc(count * sizeof *slot->noise_var);
        slot->room = count;
        if (slot->symbols == NULL || slot->noise_var == NULL) {
            slot->room = count = 0;
            slot->report.status = REPORT_DAMAGED;
        }
    }
    slot->count = count;
    if (count > 0) {
        memcpy(slot->symbols, frame->symbols, count * sizeof *slot->symbols);
        memcpy(slot->noise_var, frame->noise_var, count * sizeof *slot->noise_var);
    }
}

void rx_on_frame(void *context, const received_frame_t *frame)
{
    rx_t *rx = context;
    (void)live_take(rx->live, RX_READ_DEMOD, &rx->demod_settings);
    note_order(rx, frame);
    rx_record_frame(rx, frame);
    if (frame->header_valid && rx->demod_settings.id != 255 && frame->header.destination != 255 &&
        frame->header.destination != rx->demod_settings.id) {
        atomic_fetch_add(&rx->counts.foreign, 1);
        return;
    }
    page_see_frame(rx->page, frame);
    view_see_frame(rx->view, frame);
    rx_frame_t *slot = next_slot(rx, rx->demod_settings.wait_on_overload);
    if (slot == NULL) {
        atomic_fetch_add(&rx->counts.frames_dropped, 1);
        rx->dropped++;
        return;
    }
    slot->has_frame = true;
    slot->header = frame->header;
    slot->arrival_ns = arrival_of(rx, frame->end_timestamp);
    fill_report(&slot->report, frame);
    copy_symbols(slot, frame);
    hand_on(rx);
}

/* What was missing after the last frame still has to be told. */
static void tell_the_rest(rx_t *rx)
{
    if (rx->gap > 0 || rx->dropped > 0) {
        rx_frame_t *slot = next_slot(rx, true);
        if (slot != NULL) {
            slot->has_frame = false;
            hand_on(rx);
        }
    }
}

void *rx_demod_run(void *context)
{
    rx_t *rx = context;
    program_name_thread("demod");
    while (ring_wait_items(rx->blocks, -1) == 1) {
        rx->block = ring_peek(rx->blocks);
        const float complex *x[1] = {rx->block->samples};
        page_see_samples(rx->page, rx->block->samples, rx->block->count);
        receiver_push(rx->receiver, x, rx->block->count, rx->block->timestamp);
        ring_release(rx->blocks);
    }
    receiver_flush(rx->receiver);
    tell_the_rest(rx);
    for (int i = 0; i < rx->decoder_count; i++) {
        ring_close(rx->decoders[i].frames);
    }
    return NULL;
}
