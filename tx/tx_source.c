/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stage 1: images of one size and with consecutive numbers make a batch; the
 * frame's header names the first, the others follow it.
 */
#include "log.h"
#include "program.h"
#include "tx.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    tx_t *tx;
    tx_settings_t settings;
    size_t next;       /* index to read next, relative to tx->first */
    uint64_t sendable; /* images of this pass that could be sent */
    image_t ahead;     /* read, not yet in a batch */
    size_t ahead_index;
    bool has_ahead, ended;
    err_t last_error;
    uint64_t frames;
} source_t;

static void skip(source_t *source, const err_t *why)
{
    static log_limit_t limit;
    uint64_t more;
    source->last_error = *why;
    atomic_fetch_add(&source->tx->counts.images_skipped, 1);
    if (log_limit_allow(&limit, 1.0, &more)) {
        log_warn("image skipped: %s", why->text);
        if (more > 0) {
            log_warn("(and %llu more since the last line)", (unsigned long long)more);
        }
    }
}

static size_t symbols_of(const source_t *source, const image_t *image)
{
    return codec_symbols(source->tx->encoders[0].codec, image->width, image->height,
                         source->settings.mode);
}

/* 0 when this picture can travel in a frame. */
static int check_size(const source_t *source, const image_t *image, size_t index, err_t *err)
{
    const tx_t *tx = source->tx;
    size_t symbols = 0;
    if (image->width <= HEADER_MAX_SIDE && image->height <= HEADER_MAX_SIDE) {
        symbols = symbols_of(source, image);
    }
    if (symbols == 0 || symbols > HEADER_MAX_SYMBOLS) {
        return err_set(err, ERR_ARGUMENT,
                       "image %zu of %s (%dx%d) does not fit into a frame at rate %d/%d", index,
                       dataset_name(tx->dataset), image->width, image->height,
                       source->settings.rate.numerator, source->settings.rate.denominator);
    }
    return 0;
}

/* The end of the list: once, or again.  A pass without a single good image would never end. */
static void turn_over(source_t *source)
{
    if (source->sendable == 0) {
        err_prefix(&source->last_error, "no image of %s can be sent", source->tx->source_path);
        tx_fail(source->tx, &source->last_error);
        source->ended = true;
    } else if (!source->settings.loop) {
        source->ended = true;
    }
    source->next = 0;
    source->sendable = 0;
}

/* Makes `ahead` the next good image.  False at the end. */
static bool look_ahead(source_t *source)
{
    tx_t *tx = source->tx;
    while (!source->has_ahead && !source->ended && !atomic_load(&tx->stopping)) {
        if (source->next == tx->count) {
            turn_over(source);
            continue;
        }
        size_t index = tx->first + source->next++;
        err_t err = ERR_INIT;
        if (dataset_get(tx->dataset, index, &source->ahead, NULL, &err) != 0 ||
            check_size(source, &source->ahead, index, &err) != 0) {
            skip(source, &err);
            continue;
        }
        source->sendable++;
        source->ahead_index = index;
        source->has_ahead = true;
    }
    return source->has_ahead;
}

static bool fits(const source_t *source, const frame_header_t *header)
{
    const tx_settings_t *settings = &source->settings;
    if (header->images == 0) {
        return true;
    }
    return header->images < settings->frame_images && source->ahead.width == header->width &&
           source->ahead.height == header->height &&
           source->ahead_index == header->image_id + header->images &&
           (header->images + 1u) * (size_t)header->symbols <= settings->max_symbols;
}

static int append(source_t *source, tx_batch_t *batch)
{
    const image_t *image = &source->ahead;
    frame_header_t *header = &batch->header;
    size_t bytes = image_bytes(image), room = bytes * (header->images + 1u);
    if (room > batch->rgb_room) {
        /* For a whole batch of this size at once. */
        size_t most = source->settings.max_symbols / symbols_of(source, image);
        size_t wanted = (size_t)source->settings.frame_images;
        room = bytes * (most < 1 ? 1 : most < wanted ? most : wanted);
        uint8_t *more = realloc(batch->rgb, room);
        if (more == NULL) {
            return -1;
        }
        batch->rgb = more;
        batch->rgb_room = room;
    }
    if (header->images == 0) {
        header->image_id = (uint32_t)source->ahead_index;
        header->width = (uint16_t)image->width;
        header->height = (uint16_t)image->height;
        header->symbols = (uint32_t)symbols_of(source, image);
    }
    memcpy(batch->rgb + bytes * header->images, image->rgb, bytes);
    header->images++;
    source->has_ahead = false;
    return 0;
}

/* What was set since the last frame.  The image read ahead may not fit at another rate. */
static void take_settings(source_t *source)
{
    err_t err = ERR_INIT;
    if (live_take(source->tx->live, TX_READ_SOURCE, &source->settings) && source->has_ahead &&
        check_size(source, &source->ahead, source->ahead_index, &err) != 0) {
        skip(source, &err);
        source->has_ahead = false;
    }
}

static bool may_make(source_t *source)
{
    take_settings(source);
    const uint64_t limit = source->settings.frame_limit;
    return !atomic_load(&source->tx->stopping) && (limit == 0 || source->frames < limit);
}

/* What the receiver is known to hold, else the base codec, and then said. */
static void choose_adapter(source_t *source, tx_batch_t *batch)
{
    tx_t *tx = source->tx;
    tx_swap_frame_t frame;
    const uint64_t gone =
        atomic_load(&tx->counts.frames_sent) + atomic_load(&tx->counts.frames_lost);
    tx_swap_stamp(tx->swap, gone, &frame);
    codec_variant_release(batch->variant);
    batch->variant = frame.variant;
    batch->header.adapter_tag = frame.tag;
    if (frame.fell != NULL) {
        log_warn("back to the base codec: %s", frame.fell);
        control_report_json(tx->source_reporter, CONTROL_ADAPTER,
                            json_pack("{s:s, s:s, s:i}", "kind", "fallback", "why", frame.fell,
                                      "frame", (int)batch->header.frame));
    }
}

/* False when there is nothing more to send. */
static bool fill(source_t *source, tx_batch_t *batch)
{
    batch->header = source->tx->header;
    batch->header.source = source->settings.source;
    batch->header.destination = source->settings.destination;
    batch->header.rate = (uint8_t)source->settings.mode;
    batch->header.images = 0;
    while (look_ahead(source) && fits(source, &batch->header)) {
        if (append(source, batch) != 0) {
            err_t err = ERR_INIT;
            err_set(&err, ERR_MEMORY, "no memory for a batch of %dx%d images", source->ahead.width,
                    source->ahead.height);
            tx_fail(source->tx, &err);
            return false;
        }
    }
    batch->header.frame = (uint16_t)source->frames++;
    if (batch->header.images > 0) {
        choose_adapter(source, batch);
    }
    return batch->header.images > 0;
}

void *tx_source_run(void *context)
{
    tx_t *tx = context;
    source_t source = {.tx = tx, .settings = tx->settings, .last_error = ERR_INIT};
    program_name_thread("source");
    program_stand_back(15);
    while (may_make(&source)) {
        ring_t *ring = tx->encoders[source.frames % (uint64_t)tx->encoder_count].batches;
        if (ring_wait_space(ring, 0.1) == 0) {
            continue;
        }
        tx_batch_t *batch = ring_acquire(ring);
        if (batch == NULL || !fill(&source, batch)) { /* NULL: closed */
            break;
        }
        ring_commit(ring);
    }
    for (int i = 0; i < tx->encoder_count; i++) {
        ring_close(tx->encoders[i].batches);
    }
    image_free(&source.ahead);
    return NULL;
}
