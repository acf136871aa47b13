/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames of 273 payload symbols (one 256x256 picture at k/n = 1/6), 64-QAM, through a mild multipath channel, a carrier
 * offset and noise of 30 dB Es/N0, a little noise between them; liquid's frames of the
 * same length through the same.  All samples count, those of finding the frames too.
 * Each side writes the payload's soft points to memory; each must have received
 * every frame of every pass with a small error.
 * The limit: as many transforms of 256 points as the samples hold symbols.
 */
#include "bench_fftw.h"
#include "bench_link.h"
#include "bench_phy.h"

#include <stdlib.h>

enum { FRAMES = 4, SYMBOLS = 273, GAP = 600, BATCH = 16 };

typedef struct {
    bench_link_t ours, peer;
    bench_fftw_t limit;
} receive_t;

static void destroy(void *state)
{
    receive_t *r = state;
    bench_link_close(&r->ours);
    bench_link_close(&r->peer);
    bench_fftw_close(&r->limit);
    free(r);
}

static void *create_with(double cfo_range, int frames, int symbols, err_t *err)
{
    receive_t *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    bench_link_setup_t setup = {.frames = frames,
                                .symbols = symbols,
                                .gap = GAP,
                                .cfo_range = cfo_range,
                                .cfo = 0.1,
                                .esn0_db = 30.0};
    int bad = bench_link_open_ours(&r->ours, &setup, err) != 0 ||
              bench_link_open_liquid(&r->peer, &setup, err) != 0;
    if (!bad && !bench_fftw_open(&r->limit, NUMEROLOGY_FFT, FFTW_FORWARD, BATCH, FFTW_MEASURE)) {
        bad = err_set(err, ERR_MEMORY, "out of memory");
    }
    if (bad) {
        destroy(r);
        return NULL;
    }
    return r;
}

static void *create(err_t *err)
{
    return create_with(0.5, FRAMES, SYMBOLS, err);
}

static void *create_wide(err_t *err)
{
    return create_with(2.0, FRAMES, SYMBOLS, err);
}

/* One frame of about one small image: 600 points. */
static void *create_short(err_t *err)
{
    return create_with(0.5, 1, 5, err);
}

static double ours(void *state)
{
    receive_t *r = state;
    return bench_link_run(&r->ours);
}

static double peer(void *state)
{
    receive_t *r = state;
    return bench_link_run(&r->peer);
}

static double limit(void *state)
{
    receive_t *r = state;
    bench_fftw_run(&r->limit);
    return BATCH * (NUMEROLOGY_FFT + NUMEROLOGY_CP_NORMAL);
}

/* The same, counted in frames. */
static double ours_frame(void *state)
{
    return ours(state) > 0.0 ? 1.0 : 0.0;
}

static double peer_frame(void *state)
{
    return peer(state) > 0.0 ? 1.0 : 0.0;
}

static int verify(void *state, err_t *err)
{
    receive_t *r = state;
    return bench_link_verify(&r->ours, "receiver", -27.0, err) == 0
               ? bench_link_verify(&r->peer, "ofdmframesync", -20.0, err)
               : -1;
}

const bench_row_t bench_receive = {
    .name = "receive",
    .what =
        "frames of 273 payload symbols (a 256x256 picture at 1/6), samples to equalised points, +-0.5 sub-carrier searched",
    .unit = BENCH_MS,
    .peer_name = "liquid ofdmframesync",
    .limit_name = "FFTW 256 batched",
    .asked = 8.0,
    .create = create,
    .destroy = destroy,
    .verify = verify,
    .ours = ours,
    .peer = peer,
    .limit = limit,
};

const bench_row_t bench_receive_wide = {
    .name = "receive_wide",
    .what = "the same with +-2 sub-carriers searched",
    .unit = BENCH_MS,
    .peer_name = "liquid ofdmframesync",
    .limit_name = "FFTW 256 batched",
    .create = create_wide,
    .destroy = destroy,
    .verify = verify,
    .ours = ours,
    .peer = peer,
    .limit = limit,
};

const bench_row_t bench_frame_latency = {
    .name = "frame_latency",
    .what = "one short frame (600 points) and 1,200 samples of noise around it",
    .unit = BENCH_US,
    .peer_name = "liquid ofdmframesync",
    .create = create_short,
    .destroy = destroy,
    .verify = verify,
    .ours = ours_frame,
    .peer = peer_frame,
};
