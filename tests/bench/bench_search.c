/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Noise and no frame: the receiver looks for one at every sample, +-2 or +-0.5
 * sub-carriers, and so does liquid's synchroniser (which finds frames within +-0.4).
 * The asked ratio of the wide search is 40 MS/s over the 66 where liquid's is slowest.
 * The limit: one forward transform of 2048 points for every 1,792 samples, which
 * is how often an overlapped matched filter of 256 samples needs one.
 */
#include "bench_fftw.h"
#include "bench_phy.h"
#include "liquid_ofdm.h"
#include "rng.h"
#include "waveform/receiver.h"

#include <stdlib.h>

enum { SAMPLES = 65536, SPAN = 2048, STEP = 1792, BATCH = 4 };

typedef struct {
    receiver_t *rx;
    ofdmframesync synchroniser;
    bench_fftw_t limit;
    float complex *noise;
    uint64_t now;
} hunt_t;

static int on_symbol(float complex *bins, unsigned char *type, unsigned int size, void *context)
{
    (void)bins;
    (void)type;
    (void)size;
    (void)context;
    return 1; /* a false alarm: back to the search */
}

static void destroy(void *state)
{
    hunt_t *h = state;
    receiver_destroy(h->rx);
    if (h->synchroniser != NULL) {
        ofdmframesync_destroy(h->synchroniser);
    }
    bench_fftw_close(&h->limit);
    free(h->noise);
    free(h);
}

static void *create_with(double cfo_range, err_t *err)
{
    hunt_t *h = calloc(1, sizeof(*h));
    receiver_config_t config = receiver_default();
    config.cfo_range = cfo_range;
    config.max_symbols = 1024;
    if (h == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    h->rx = receiver_create(&config, err);
    h->synchroniser = liquid_ofdm_synchroniser(on_symbol, h);
    h->noise = malloc(SAMPLES * sizeof(*h->noise));
    bool ready = bench_fftw_open(&h->limit, SPAN, FFTW_FORWARD, BATCH, FFTW_MEASURE);
    if (h->rx == NULL || h->synchroniser == NULL || h->noise == NULL || !ready) {
        destroy(h);
        err_set(err, ERR_MEMORY, "no receiver, peer or memory");
        return NULL;
    }
    rng_t rng;
    rng_seed(&rng, 5, 0);
    rng_complex_normal(&rng, 1.0f, h->noise, SAMPLES);
    return h;
}

static void *create_wide(err_t *err)
{
    return create_with(2.0, err);
}

static void *create_narrow(err_t *err)
{
    return create_with(0.5, err);
}

static double ours(void *state)
{
    hunt_t *h = state;
    const float complex *const x[] = {h->noise};
    receiver_push(h->rx, x, SAMPLES, h->now);
    h->now += SAMPLES;
    return SAMPLES;
}

static double peer(void *state)
{
    hunt_t *h = state;
    ofdmframesync_execute(h->synchroniser, h->noise, SAMPLES);
    return SAMPLES;
}

static double limit(void *state)
{
    hunt_t *h = state;
    bench_fftw_run(&h->limit);
    return BATCH * (double)STEP;
}

/* All the time went into searching. */
static int verify(void *state, err_t *err)
{
    const hunt_t *h = state;
    receiver_counters_t c = receiver_counters(h->rx);
    if (c.frames_ok + c.lost_header + c.damaged > 0) {
        return err_set(err, ERR_STATE, "the receiver found a frame in noise");
    }
    return c.samples_in == h->now && c.samples_searched > 0
               ? 0
               : err_set(err, ERR_STATE, "the receiver did not search");
}

const bench_row_t bench_search_wide = {
    .name = "search_wide",
    .what = "searching noise, +-2 sub-carriers (liquid +-0.4)",
    .unit = BENCH_MS,
    .peer_name = "liquid ofdmframesync",
    .limit_name = "one forward FFTW 2048 a step",
    .asked = 40.0 / 66.0,
    .create = create_wide,
    .destroy = destroy,
    .verify = verify,
    .ours = ours,
    .peer = peer,
    .limit = limit,
};

const bench_row_t bench_search_narrow = {
    .name = "search_narrow",
    .what = "searching noise, +-0.5 sub-carrier (liquid +-0.4)",
    .unit = BENCH_MS,
    .peer_name = "liquid ofdmframesync",
    .limit_name = "one forward FFTW 2048 a step",
    .asked = 1.5,
    .create = create_narrow,
    .destroy = destroy,
    .verify = verify,
    .ours = ours,
    .peer = peer,
    .limit = limit,
};
