/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stage 2: a batch of images becomes one burst of samples. */
#include "clock.h"
#include "log.h"
#include "program.h"
#include "tx.h"
#include "variants.h"

#include <stdlib.h>
#include <string.h>

static bool grow(float complex **array, size_t *room, size_t count)
{
    if (count > *room) {
        float complex *more = realloc(*array, count * sizeof *more);
        if (more == NULL) {
            return false;
        }
        *array = more;
        *room = count;
    }
    return true;
}

static int encode(tx_encoder_t *encoder, const tx_batch_t *batch, tx_burst_t *burst, err_t *err)
{
    const frame_header_t *header = &batch->header;
    size_t frame = transmitter_frame_samples(encoder->transmitter, header);
    (void)live_take(encoder->tx->live, TX_READ_ENCODE + encoder->index, &encoder->settings);
    size_t gap = encoder->settings.gap_samples;
    if (!grow(&encoder->symbols, &encoder->symbols_room, header_payload(header)) ||
        !grow(&burst->samples, &burst->room, frame + gap)) {
        return err_set(err, ERR_MEMORY, "no memory for a frame of %zu samples", frame + gap);
    }
    variants_use(encoder->codec, batch->variant);
    if (codec_encode_batch(encoder->codec, header->images, batch->rgb, header->width,
                           header->height, header->rate, encoder->symbols, err) != 0) {
        return -1;
    }
    transmitter_modulate(encoder->transmitter, header, encoder->symbols, burst->samples);
    memset(burst->samples + frame, 0, gap * sizeof *burst->samples);
    burst->count = frame + gap;
    burst->header = *header;
    return 0;
}

static bool encode_next(tx_encoder_t *encoder)
{
    tx_t *tx = encoder->tx;
    err_t err = ERR_INIT;
    ring_wait_space(encoder->bursts, -1);
    tx_burst_t *burst = ring_acquire(encoder->bursts);
    if (burst == NULL) {
        return false; /* closed: the daemon ends at once */
    }
    tx_batch_t *batch = ring_peek(encoder->batches);
    const uint64_t began_ns = clock_now_ns();
    const int code = encode(encoder, batch, burst, &err);
    histogram_add(&tx->encode_time, (double)(clock_now_ns() - began_ns) * 1e-6);
    codec_variant_release(batch->variant);
    batch->variant = NULL;
    if (code == 0) {
        ring_commit(encoder->bursts);
        atomic_fetch_add(&tx->counts.frames_made, 1);
    } else {
        /* The same would happen to every image of this size. */
        atomic_fetch_add(&tx->counts.encode_errors, 1);
        tx_fail(tx, &err);
    }
    ring_release(encoder->batches);
    return true;
}

void *tx_encode_run(void *context)
{
    tx_encoder_t *encoder = context;
    program_name_thread("encode");
    program_stand_back(19);
    while (ring_wait_items(encoder->batches, -1) == 1 && encode_next(encoder)) {
    }
    ring_close(encoder->batches);
    ring_close(encoder->bursts);
    return NULL;
}
