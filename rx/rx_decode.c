/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stage 3: soft symbols become pictures, and pictures become numbers. */
#include "clock.h"
#include "log.h"
#include "program.h"
#include "quality/quality.h"
#include "rx.h"
#include "variants.h"

#include <stdlib.h>
#include <string.h>

/* Which reference a frame's images belong to, or -1. */
static int find_reference(const rx_t *rx, uint8_t id)
{
    for (int i = 0; i < rx->reference_count; i++) {
        if (dataset_id(rx->references[i]) == id) {
            return i;
        }
    }
    return -1;
}

/* 0 when this codec can decode the frame; else the reason. */
static int check_frame(const rx_decoder_t *decoder, const rx_frame_t *frame, err_t *err)
{
    const frame_header_t *h = &frame->header;
    const codec_t *codec = decoder->codec;
    if (codec_symbols(codec, h->width, h->height, h->rate) != h->symbols ||
        frame->count != header_payload(h)) {
        return err_set(err, ERR_FORMAT, "a %ux%u image in mode %u does not have %u symbols",
                       h->width, h->height, h->rate, h->symbols);
    }
    return 0;
}

static int make_room(rx_result_t *result, const frame_header_t *header, err_t *err)
{
    size_t bytes = (size_t)3 * header->width * header->height * header->images;
    if (bytes > result->room) {
        free(result->received);
        free(result->sent);
        result->received = malloc(bytes);
        result->sent = malloc(bytes);
        result->room = bytes;
        if (result->received == NULL || result->sent == NULL) {
            result->room = 0;
            return err_set(err, ERR_MEMORY, "no memory for %zu bytes of images", 2 * bytes);
        }
    }
    result->width = header->width;
    result->height = header->height;
    return 0;
}

/* What a swap costs: a frame with another adapter than the one before, beside one with the same. */
static void count_time(rx_decoder_t *decoder, bool swapped, double seconds)
{
    rx_counts_t *counts = &decoder->rx->counts;
    const uint64_t ns = (uint64_t)(seconds * 1e9);
    if (!decoder->warm) { /* made its networks: not a swap's cost */
        decoder->warm = true;
        return;
    }
    atomic_fetch_add(swapped ? &counts->swap_frames : &counts->kept_frames, 1);
    atomic_fetch_add(swapped ? &counts->swap_ns : &counts->kept_ns, ns);
    uint64_t most = atomic_load(&counts->swap_most_ns);
    while (swapped && ns > most &&
           !atomic_compare_exchange_weak(&counts->swap_most_ns, &most, ns)) {
    }
}

/* The adapter that the header names, and no other.  The frame is this codec's own, or of the codec that
   the adapter is a map from. */
static int choose_adapter(rx_decoder_t *decoder, const frame_header_t *h, char hash[17], err_t *err)
{
    codec_t *codec = decoder->codec;
    codec_variant_t *variant;
    digest_t id;
    uint64_t from;
    const uint16_t tag = h->adapter_tag;
    char text[DIGEST_TEXT] = "";
    if (rx_swap_find(decoder->rx->swap, tag, &variant, &id, &from) != 0) {
        atomic_fetch_add(&decoder->rx->counts.not_held, 1);
        return err_set(err, ERR_UNSUPPORTED, "the frame needs adapter %u, which is not held here",
                       tag);
    }
    if (h->codec != (from != 0 ? codec_id_of(from) : codec_id(codec))) {
        codec_variant_release(variant);
        return err_set(err, ERR_UNSUPPORTED,
                       "the frame was made by codec %u, this is %s (%u): both ends need the same "
                       "weights, or a map between them (semradio-align fit)",
                       h->codec, codec_name(codec), codec_id(codec));
    }
    variants_use(codec, variant);
    codec_variant_release(variant); /* the codec has a reference of its own */
    snprintf(hash, 17, "%.16s", tag != 0 ? digest_text(&id, text) : "");
    return 0;
}

/* Pixels, or the classes of a codec that brings no pixels. */
static int decode_payload(rx_decoder_t *decoder, const rx_frame_t *frame, rx_result_t *result,
                          err_t *err)
{
    const frame_header_t *h = &frame->header;
    result->classified = codec_classes(decoder->codec) > 0;
    return result->classified
               ? codec_classify_batch(decoder->codec, h->images, frame->symbols, frame->noise_var,
                                      h->width, h->height, h->rate, result->predicted,
                                      result->confidence, err)
               : codec_decode_batch(decoder->codec, h->images, frame->symbols, frame->noise_var,
                                    h->width, h->height, h->rate, result->received, err);
}

static int decode(rx_decoder_t *decoder, const rx_frame_t *frame, rx_result_t *result,
                  double *milliseconds, err_t *err)
{
    const frame_header_t *h = &frame->header;
    char hash[17];
    const double begin = clock_thread_cpu_s();
    const codec_variant_t *before = codec_in_use(decoder->codec);
    if (check_frame(decoder, frame, err) != 0 || make_room(result, h, err) != 0 ||
        choose_adapter(decoder, h, hash, err) != 0) {
        return -1;
    }
    strcpy(result->reports[0].adapter, hash);
    double start = clock_thread_cpu_s();
    if (decode_payload(decoder, frame, result, err) != 0) {
        return -1;
    }
    const double end = clock_thread_cpu_s();
    *milliseconds = (end - start) * 1e3 / h->images;
    count_time(decoder, codec_in_use(decoder->codec) != before, end - begin);
    result->images = result->classified ? 0 : h->images;
    result->reports_count = h->images;
    return 0;
}

/* A received class: right or not, where the reference knows. */
static void grade(rx_decoder_t *decoder, const dataset_t *set, rx_result_t *result, int i)
{
    frame_report_t *report = &result->reports[i];
    report->predicted = result->predicted[i];
    report->confidence = (double)result->confidence[i];
    if (set != NULL && (size_t)report->image_id < dataset_count(set) &&
        dataset_get(set, (size_t)report->image_id, &decoder->reference, &report->label, NULL) == 0 &&
        report->label >= 0) {
        report->correct = report->label == report->predicted;
    }
}

/* Image i against its reference. */
static void compare(rx_decoder_t *decoder, const dataset_t *set, rx_result_t *result, int i)
{
    frame_report_t *report = &result->reports[i];
    image_t *reference = &decoder->reference;
    size_t bytes = (size_t)3 * (size_t)result->width * (size_t)result->height;
    result->has_sent[i] = false;
    if ((size_t)report->image_id >= dataset_count(set) ||
        dataset_get(set, (size_t)report->image_id, reference, &report->label, NULL) != 0 ||
        reference->width != result->width || reference->height != result->height) {
        return;
    }
    uint8_t *sent = result->sent + bytes * (size_t)i;
    const uint8_t *received = result->received + bytes * (size_t)i;
    memcpy(sent, reference->rgb, bytes);
    result->has_sent[i] = true;
    report->mse = quality_mse(sent, received, bytes);
    report->psnr_db = quality_psnr_db(report->mse);
    if (decoder->settings.ssim) {
        report->ssim = quality_ssim(sent, received, result->width, result->height);
    }
}

static void judge(judge_t *judge, rx_result_t *result)
{
    if (judge == NULL || result->width != JUDGE_SIDE || result->height != JUDGE_SIDE) {
        return;
    }
    int predicted[RX_FRAME_IMAGES];
    judge_classify_batch(judge, result->received, result->images, predicted);
    for (int i = 0; i < result->images; i++) {
        frame_report_t *report = &result->reports[i];
        report->predicted = predicted[i];
        report->correct = report->label < 0 ? -1 : report->label == predicted[i];
    }
}

static void describe(rx_decoder_t *decoder, const rx_frame_t *frame, rx_result_t *result,
                     double milliseconds)
{
    const rx_t *rx = decoder->rx;
    const codec_rate_t *rates;
    codec_rates(decoder->codec, &rates);
    codec_rate_t rate = rates[codec_mode_rate(decoder->codec, frame->header.rate) - 1];
    int which = find_reference(rx, frame->header.dataset);
    char adapter[sizeof result->reports[0].adapter];
    strcpy(adapter, result->reports[0].adapter);
    for (int i = 0; i < result->reports_count; i++) {
        frame_report_t *report = &result->reports[i];
        *report = frame->report;
        strcpy(report->adapter, adapter);
        report->image_in_frame = i;
        report->image_id += i;
        report->rate_numerator = rate.numerator;
        report->rate_denominator = rate.denominator;
        report->design_snr_db = codec_mode_snr_db(decoder->codec, frame->header.rate);
        report->decode_ms = milliseconds;
        result->has_sent[i] = false;
        snprintf(report->codec, sizeof report->codec, "%s", codec_name(decoder->codec));
        if (which >= 0) {
            snprintf(report->dataset, sizeof report->dataset, "%s",
                     dataset_name(rx->references[which]));
        }
        if (result->classified) {
            grade(decoder, which >= 0 ? rx->references[which] : NULL, result, i);
        } else if (which >= 0) {
            compare(decoder, rx->references[which], result, i);
        }
    }
    if (which >= 0 && !result->classified) {
        judge(decoder->judges[which], result);
    }
}

static void refuse(rx_decoder_t *decoder, rx_result_t *result, const err_t *why)
{
    static _Atomic bool busy;
    static log_limit_t limit;
    result->images = 0;
    result->reports_count = 1;
    result->reports[0].status = REPORT_DAMAGED;
    atomic_fetch_add(&decoder->rx->counts.undecodable, 1);
    uint64_t more;
    if (!atomic_exchange(&busy, true)) { /* several decoders share the limit */
        if (log_limit_allow(&limit, 5.0, &more)) {
            log_warn("cannot decode a frame: %s", why->text);
        }
        atomic_store(&busy, false);
    }
}

static void work(rx_decoder_t *decoder, const rx_frame_t *frame, rx_result_t *result)
{
    (void)live_take(decoder->rx->live, RX_READ_DECODE + decoder->index, &decoder->settings);
    result->gap = frame->gap;
    result->dropped = frame->dropped;
    result->has_frame = frame->has_frame;
    result->arrival_ns = frame->arrival_ns;
    result->images = 0;
    result->reports_count = 0;
    if (!frame->has_frame) {
        return;
    }
    err_t err = ERR_INIT;
    double milliseconds = 0;
    result->reports_count = 1;
    result->reports[0] = frame->report;
    if (frame->report.status != REPORT_OK) {
        return;
    }
    if (decode(decoder, frame, result, &milliseconds, &err) == 0) {
        describe(decoder, frame, result, milliseconds);
    } else {
        refuse(decoder, result, &err);
    }
}

void *rx_decode_run(void *context)
{
    rx_decoder_t *decoder = context;
    program_name_thread("decode");
    program_stand_back(2);
    while (ring_wait_items(decoder->frames, -1) == 1 &&
           ring_wait_space(decoder->results, -1) == 1) {
        work(decoder, ring_peek(decoder->frames), ring_acquire(decoder->results));
        ring_commit(decoder->results);
        ring_release(decoder->frames);
    }
    ring_close(decoder->results);
    return NULL;
}
