/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stream: what the receiver's tests share: a stream of noise and frames, and
 * a notebook of what the receiver reported.
 */
#ifndef TESTS_PHY_STREAM_H
#define TESTS_PHY_STREAM_H

#include "check.h"
#include "link.h"

enum { STREAM_MAX = 520000, NOTES_MAX = 512, TRUTH_MAX = 4096 };

typedef struct {
    received_status_t status;
    bool header_valid;
    frame_header_t header;
    uint64_t start;
    double snr_db, cfo_hz, evm_db, n0, delay_spread_ns;
    double error, said; /* mean |symbols - truth|^2, mean noise_var */
    double hash;        /* of all symbols: equal only when they are */
    float complex channel[NUMEROLOGY_USED];
} note_t;

typedef struct {
    int count, ok, lost, damaged;
    note_t note[NOTES_MAX];
} notes_t;

/* The payload of frame number `frame`: the same wherever it is asked for. */
static inline void stream_truth(uint16_t frame, float complex *points, size_t count)
{
    rng_t rng;
    rng_seed(&rng, 77, frame);
    link_qam(&rng, points, count);
}

static inline void notes_take(void *context, const received_frame_t *f)
{
    static float complex truth[TRUTH_MAX];
    notes_t *notes = context;
    notes->ok += f->status == RECEIVED_OK;
    notes->lost += f->status == RECEIVED_LOST_HEADER;
    notes->damaged += f->status == RECEIVED_DAMAGED;
    if (notes->count == NOTES_MAX) {
        return;
    }
    note_t *n = &notes->note[notes->count++];
    *n = (note_t){.status = f->status, .header_valid = f->header_valid, .header = f->header,
                  .start = f->start_timestamp, .snr_db = f->snr_db, .cfo_hz = f->cfo_hz,
                  .evm_db = f->evm_db, .n0 = f->n0, .delay_spread_ns = f->delay_spread_ns};
    if (f->channel != NULL) {
        memcpy(n->channel, f->channel, sizeof(n->channel));
    }
    CU_ASSERT((f->status == RECEIVED_OK) == (f->symbols != NULL));
    CU_ASSERT((f->status == RECEIVED_OK) == (f->symbol_count > 0));
    if (f->status == RECEIVED_OK && f->symbol_count <= TRUTH_MAX) {
        stream_truth(f->header.frame, truth, f->symbol_count);
        for (size_t i = 0; i < f->symbol_count; i++) {
            float complex off = f->symbols[i] - truth[i];
            n->error += creal(off * conjf(off)) / (double)f->symbol_count;
            n->said += (double)f->noise_var[i] / (double)f->symbol_count;
            n->hash += (double)crealf(f->symbols[i]) * (double)(i % 97 + 1) + (double)cimagf(f->symbols[i]);
        }
    }
}

static inline receiver_t *stream_receiver(notes_t *notes, size_t max_symbols)
{
    err_t err = ERR_INIT;
    receiver_config_t config = receiver_default();
    config.max_symbols = max_symbols;
    config.on_frame = notes_take;
    config.context = notes;
    receiver_t *rx = receiver_create(&config, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rx);
    memset(notes, 0, sizeof(*notes));
    return rx;
}

static inline void stream_push(receiver_t *rx, const float complex *x, size_t count, uint64_t when)
{
    receiver_push(rx, &x, count, when);
}

/* Frame `frame` with K symbols at x[offset], noise over x[count]; returns the frame's length. */
static inline size_t stream_frame(numerology_t n, link_channel_t c, uint16_t frame, uint32_t symbols,
                                  size_t offset, rng_t *rng, float complex *x, size_t count)
{
    static float complex samples[STREAM_MAX], points[TRUTH_MAX];
    transmitter_t *tx = transmitter_create(&n, NULL);
    frame_header_t h = link_header(frame, 1, symbols);
    stream_truth(frame, points, symbols);
    size_t length = transmitter_frame_samples(tx, &h);
    transmitter_modulate(tx, &h, points, samples);
    link_pass(&c, samples, length, offset, rng, x, count);
    transmitter_destroy(tx);
    return length;
}

#endif
