/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream buffer and three states: searching, waiting for a frame's head,
 * receiving its payload.  Every decision depends on the samples alone, never
 * on how they were cut into pushes.
 *
 * The best candidate is kept until BETTER_WITHIN more samples bring none that
 * is better: a preamble shifted by whole segments passes the test too, weaker,
 * up to 768 samples before the true one.
 */
#include "waveform/receiver.h"

#include "sync/acquire.h"
#include "sync/search.h"
#include "waveform/demodulator.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CAPACITY = 32768,       /* samples held */
    HISTORY = 2048,         /* kept behind the search position: candidates and margins */
    BETTER_WITHIN = 832,
    OVERLAP = 16,           /* the next search starts this much before a frame's end */
    UNPROVEN_MAX = 16,      /* symbols held back until the signal is proven */
    LOOK_BACK = 12,         /* symbols searched again at least when it has vanished */
    SILENCE = 8192,         /* zeros that stand for the end of the stream */
    MAX_BAD = 8,
    CHECK = 256,
};

/* More of the energy than a preamble shifted by segments can have: no need to look for a better one. */
#define SETTLED 0.5

#define SAMPLE_LIMIT 1e9f /* larger ones are taken for garbage */

typedef enum { SEARCHING, HEAD, PAYLOAD } state_t;

typedef struct {
    uint64_t from, to; /* timestamps */
} range_t;

struct receiver {
    receiver_config_t config;
    search_t *search;
    acquire_t *acquire;
    demodulator_t *demodulator;
    receiver_counters_t counters;

    float complex *buffer;
    size_t fill;
    uint64_t base; /* timestamp of buffer[0] */
    bool streaming;
    range_t bad[MAX_BAD];
    int bad_count;

    state_t state;
    size_t at;      /* SEARCHING: next step; PAYLOAD: next symbol; index into buffer */
    bool candidate;
    size_t best;    /* where the candidate's preamble starts */
    acquire_result_t best_result;
    size_t start;   /* the frame's time zero */
    size_t payload; /* where its payload starts */
    size_t proven, proven_before; /* where the signal was last known to be there */
    bool damaged;
};

receiver_config_t receiver_default(void)
{
    return (receiver_config_t){.numerology = numerology_default(),
                               .max_symbols = 1048576,
                               .antennas = 1,
                               .estimator = ESTIMATOR_LMMSE,
                               .cfo_range = 2.0};
}

static int check_config(const receiver_config_t *c, err_t *err)
{
    if (numerology_check(&c->numerology, err) != 0) {
        return -1;
    }
    if (c->antennas != 1) {
        return err_set(err, ERR_UNSUPPORTED, "receiver: antennas = %d, only 1 is supported",
                       c->antennas);
    }
    if (c->max_symbols < 1 || c->max_symbols > (size_t)16 << 20) {
        return err_set(err, ERR_ARGUMENT, "receiver: max_symbols = %zu is not in 1 … 16777216",
                       c->max_symbols);
    }
    return 0;
}

receiver_t *receiver_create(const receiver_config_t *config, err_t *err)
{
    if (check_config(config, err) != 0) {
        return NULL;
    }
    receiver_t *rx = calloc(1, sizeof(*rx));
    if (rx == NULL) {
        err_set(err, ERR_MEMORY, "receiver: out of memory");
        return NULL;
    }
    rx->config = *config;
    rx->buffer = calloc(CAPACITY, sizeof(*rx->buffer));
    if (rx->buffer == NULL) {
        err_set(err, ERR_MEMORY, "receiver: out of memory");
    } else {
        rx->search = search_create(config->cfo_range, err);
        rx->acquire = rx->search != NULL ? acquire_create(err) : NULL;
        rx->demodulator =
            rx->acquire != NULL
                ? demodulator_create(config, err)
                : NULL;
    }
    if (rx->demodulator == NULL) {
        receiver_destroy(rx);
        return NULL;
    }
    return rx;
}

void receiver_destroy(receiver_t *rx)
{
    if (rx != NULL) {
        search_destroy(rx->search);
        acquire_destroy(rx->acquire);
        demodulator_destroy(rx->demodulator);
        free(rx->buffer);
        free(rx);
    }
}

receiver_counters_t receiver_counters(const receiver_t *rx)
{
    return rx->counters;
}

static size_t symbol_length(const receiver_t *rx)
{
    return (size_t)(NUMEROLOGY_FFT + rx->config.numerology.cp);
}

/* ---- samples that are not samples ---- */

static void note_bad(receiver_t *rx, uint64_t when)
{
    rx->counters.bad_samples++;
    range_t *last = rx->bad_count > 0 ? &rx->bad[rx->bad_count - 1] : NULL;
    if (last != NULL && (when - last->to < CHECK || rx->bad_count == MAX_BAD)) {
        last->to = when + 1;
    } else {
        rx->bad[rx->bad_count++] = (range_t){when, when + 1};
    }
}

static bool any_bad(const receiver_t *rx, size_t from, size_t to)
{
    for (int i = 0; i < rx->bad_count; i++) {
        /* Differences from base: right across the wrap of the timestamps. */
        int64_t first = (int64_t)(rx->bad[i].from - rx->base);
        int64_t last = (int64_t)(rx->bad[i].to - rx->base);
        if (first < (int64_t)to && last > (int64_t)from) {
            return true;
        }
    }
    return false;
}

static void forget_bad(receiver_t *rx)
{
    int kept = 0;
    for (int i = 0; i < rx->bad_count; i++) {
        if ((int64_t)(rx->bad[i].to - rx->base) > 0) {
            rx->bad[kept++] = rx->bad[i];
        }
    }
    rx->bad_count = kept;
}

static bool all_good(const float *part, size_t count)
{
    int good = 1;
    for (size_t i = 0; i < count; i++) {
        good &= fabsf(part[i]) <= SAMPLE_LIMIT; /* false for NaN */
    }
    return good != 0;
}

/* Copies samples in; those that are not finite become zero and are noted. */
static void take(receiver_t *rx, const float complex *x, size_t count)
{
    for (size_t i = 0; i < count; i += CHECK) { /* looked at while it is in the nearest cache */
        float *part = (float *)(rx->buffer + rx->fill + i);
        size_t length = count - i < CHECK ? count - i : CHECK;
        memcpy(part, x + i, length * sizeof(*x));
        if (all_good(part, 2 * length)) {
            continue;
        }
        for (size_t k = 0; k < length; k++) {
            if (!all_good(part + 2 * k, 2)) {
                note_bad(rx, rx->base + rx->fill + i + k);
                part[2 * k] = part[2 * k + 1] = 0.0f;
            }
        }
    }
    rx->fill += count;
}

/* ---- reports ---- */

static void report(receiver_t *rx, received_status_t status, size_t end)
{
    received_frame_t frame = {.status = status};
    demodulator_result(rx->demodulator, status == RECEIVED_OK, &frame);
    frame.preamble_metric = rx->best_result.metric;
    frame.start_timestamp = rx->base + rx->best;
    frame.end_timestamp = rx->base + end;
    rx->counters.frames_ok += status == RECEIVED_OK;
    rx->counters.lost_header += status == RECEIVED_LOST_HEADER;
    rx->counters.damaged += status == RECEIVED_DAMAGED;
    if (rx->config.on_frame != NULL) {
        rx->config.on_frame(rx->config.context, &frame);
    }
}

static void search_from(receiver_t *rx, size_t at)
{
    rx->state = SEARCHING;
    rx->at = at;
    rx->candidate = false;
    search_restart(rx->search);
}

/* ---- the states: each returns false when it needs more samples ---- */

static void consider(receiver_t *rx, const search_hit_t *hit)
{
    size_t where = (size_t)((int64_t)rx->at + hit->offset);
    if (rx->candidate &&
        (where > rx->best + BETTER_WITHIN || rx->best_result.metric > SETTLED)) {
        return;
    }
    acquire_result_t r = acquire_test(rx->acquire, rx->buffer + where, hit->cfo);
    if (r.strength > 1.0 && (!rx->candidate || r.strength > rx->best_result.strength)) {
        rx->candidate = true;
        rx->best = (size_t)((int64_t)where + r.offset);
        rx->best_result = r;
    }
}

static void begin_frame(receiver_t *rx)
{
    const float complex *x = rx->buffer + rx->best;
    rx->best_result.cfo = acquire_refine(rx->acquire, x, rx->best_result.cfo);
    int timing =
        acquire_timing(rx->acquire, x, rx->best_result.cfo, rx->config.numerology.cp);
    rx->start = (size_t)((int64_t)rx->best + timing);
    rx->candidate = false;
    rx->damaged = false;
    rx->state = HEAD;
    demodulator_begin(rx->demodulator, rx->best_result.cfo);
}

static bool do_search(receiver_t *rx)
{
    if (rx->at + SEARCH_SPAN > rx->fill) {
        return false;
    }
    search_hit_t hits[SEARCH_MAX_HITS];
    int count = search_step(rx->search, rx->buffer + rx->at, hits);
    for (int i = 0; i < count; i++) {
        consider(rx, &hits[i]);
    }
    size_t judged = rx->at + SEARCH_STEP - SEARCH_BACK;
    rx->counters.samples_searched += SEARCH_STEP;
    rx->at += SEARCH_STEP;
    if (rx->candidate && judged >= rx->best + BETTER_WITHIN) {
        begin_frame(rx);
    }
    return true;
}

static bool do_head(receiver_t *rx)
{
    size_t end = rx->start + NUMEROLOGY_PREAMBLE + DEMODULATOR_HEAD * symbol_length(rx);
    if (end > rx->fill) {
        return false;
    }
    rx->damaged = any_bad(rx, rx->start, end);
    if (!demodulator_head(rx->demodulator, rx->buffer + rx->start)) {
        report(rx, RECEIVED_LOST_HEADER, end);
        search_from(rx, rx->best + NUMEROLOGY_PREAMBLE);
    } else if (demodulator_broken(rx->demodulator)) {
        report(rx, RECEIVED_DAMAGED, end);
        search_from(rx, rx->best + NUMEROLOGY_PREAMBLE);
    } else if (!demodulator_fits(rx->demodulator)) {
        report(rx, RECEIVED_DAMAGED, end);
        search_from(rx, end - OVERLAP);
    } else {
        rx->state = PAYLOAD;
        rx->at = rx->payload = rx->proven = rx->proven_before = end;
    }
    return true;
}

/*
 * Where another frame may have begun if the signal has vanished by now.  A
 * foreign signal passes for the pilots now and then, so not just one step back.
 */
static size_t doubtful_from(const receiver_t *rx)
{
    size_t back = LOOK_BACK * symbol_length(rx);
    size_t from = rx->at - rx->payload > back ? rx->at - back : rx->payload;
    return from < rx->proven_before ? from : rx->proven_before;
}

static bool do_payload(receiver_t *rx)
{
    size_t length = symbol_length(rx);
    if (rx->at + length + 1 > rx->fill) { /* one more: the window may move */
        return false;
    }
    rx->at = (size_t)((long)rx->at + demodulator_move_window(rx->demodulator));
    rx->damaged |= any_bad(rx, rx->at, rx->at + length);
    signal_t signal = demodulator_symbol(rx->demodulator, rx->buffer + rx->at);
    rx->at += length;
    if (signal == SIGNAL_GONE) {
        report(rx, RECEIVED_DAMAGED, rx->at);
        search_from(rx, doubtful_from(rx));
        return true;
    }
    if (signal == SIGNAL_PROVEN || rx->at - rx->proven >= UNPROVEN_MAX * length) {
        rx->proven_before = rx->proven;
        rx->proven = rx->at;
    }
    if (demodulator_done(rx->demodulator)) {
        report(rx, rx->damaged ? RECEIVED_DAMAGED : RECEIVED_OK, rx->at);
        search_from(rx, rx->at - OVERLAP);
    }
    return true;
}

static void run(receiver_t *rx)
{
    bool more = true;
    while (more) {
        switch (rx->state) {
        case SEARCHING:
            more = do_search(rx);
            break;
        case HEAD:
            more = do_head(rx);
            break;
        case PAYLOAD:
            more = do_payload(rx);
            break;
        }
    }
}

/* ---- the stream ---- */

/* Drops what no state will look at again. */
static void compact(receiver_t *rx)
{
    size_t keep = rx->at > HISTORY ? rx->at - HISTORY : 0;
    if (rx->state == HEAD) {
        keep = rx->best - 2 * ACQUIRE_MARGIN;
    } else if (rx->state == PAYLOAD) {
        keep = doubtful_from(rx) - 2 * ACQUIRE_MARGIN;
    }
    memmove(rx->buffer, rx->buffer + keep, (rx->fill - keep) * sizeof(*rx->buffer));
    rx->fill -= keep;
    rx->base += keep;
    rx->at -= keep;
    rx->best -= keep;
    rx->start -= keep;
    rx->payload -= keep < rx->payload ? keep : rx->payload;
    rx->proven -= keep;
    rx->proven_before -= keep;
    forget_bad(rx);
}

static void feed(receiver_t *rx, const float complex *x, size_t count)
{
    while (count > 0) {
        if (rx->fill == CAPACITY) {
            compact(rx);
        }
        size_t room = CAPACITY - rx->fill;
        size_t part = count < room ? count : room;
        take(rx, x, part);
        x += part;
        count -= part;
        run(rx);
    }
}

/* An empty buffer whose next sample has this timestamp; zeros in front serve as margin. */
static void open_stream(receiver_t *rx, uint64_t timestamp)
{
    enum { MARGIN = 2 * ACQUIRE_MARGIN };
    memset(rx->buffer, 0, MARGIN * sizeof(*rx->buffer));
    rx->fill = MARGIN;
    rx->base = timestamp - MARGIN;
    rx->bad_count = 0;
    rx->best = rx->start = rx->proven = rx->proven_before = MARGIN;
    rx->streaming = true;
    search_from(rx, MARGIN);
}

/* The stream ends here: what was under way is reported. */
static void close_stream(receiver_t *rx)
{
    if (!rx->streaming) {
        return;
    }
    if (rx->state == SEARCHING && rx->candidate) {
        begin_frame(rx);
    }
    if (rx->state == HEAD) {
        report(rx, RECEIVED_LOST_HEADER, rx->fill);
    } else if (rx->state == PAYLOAD) {
        report(rx, RECEIVED_DAMAGED, rx->fill);
    }
    rx->streaming = false;
}

void receiver_push(receiver_t *rx, const float complex *const x[], size_t count,
                   uint64_t timestamp)
{
    if (rx->streaming && timestamp != rx->base + rx->fill) {
        rx->counters.gaps++;
        close_stream(rx);
    }
    if (!rx->streaming) {
        open_stream(rx, timestamp);
    }
    rx->counters.samples_in += count;
    feed(rx, x[0], count);
}

void receiver_flush(receiver_t *rx)
{
    static const float complex zeros[CHECK];
    for (int i = 0; rx->streaming && i < SILENCE; i += CHECK) {
        feed(rx, zeros, CHECK);
    }
    close_stream(rx);
}

void receiver_reset(receiver_t *rx)
{
    rx->streaming = false;
}

int receiver_demodulate_genie(receiver_t *rx, const float complex *x, size_t count,
                              const receiver_genie_t *genie, received_frame_t *frame)
{
    demodulator_t *d = rx->demodulator;
    size_t length = symbol_length(rx), at = genie->start;
    receiver_reset(rx);
    demodulator_begin_genie(d, genie);
    *frame = (received_frame_t){.status = RECEIVED_LOST_HEADER, .preamble_metric = 1.0};
    size_t head = NUMEROLOGY_PREAMBLE + DEMODULATOR_HEAD * length;
    bool ok = at <= count && count - at >= head;
    if (ok && demodulator_head(d, x + at)) {
        at += head;
        frame->status = RECEIVED_OK;
        while (!demodulator_done(d)) {
            at = (size_t)((long)at + demodulator_move_window(d));
            if (!demodulator_fits(d) || count < at || count - at < length) {
                frame->status = RECEIVED_DAMAGED;
                break;
            }
            demodulator_symbol(d, x + at);
            at += length;
        }
    }
    ok = frame->status == RECEIVED_OK;
    demodulator_result(d, ok, frame);
    frame->start_timestamp = genie->start;
    frame->end_timestamp = at;
    return ok ? 0 : -1;
}
