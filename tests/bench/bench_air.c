/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The emulated air with fading taps and noise beside liquid's channel_cccf with 8
 * fixed taps and noise, and beside its tvmpch_cccf with 8 taps that vary, without noise;
 * then noise alone.  The asked ratio is 150 MS/s over the 6 that are the worst
 * channel_cccf shows.  The limit of the air: its noise alone.
 */
#include "air/air.h"
#include "air/noise.h"
#include "bench_phy.h"
#include "rng.h"

#include <liquid/liquid.h>
#include <math.h>
#include <stdlib.h>

enum { SAMPLES = 16384, TAPS = 8 };

#define SNR_DB 20.0

typedef struct {
    air_t *air;
    channel_cccf channel;
    tvmpch_cccf varying;
    noise_t noise;
    float deviation;
    float complex *in, *out, *peer_out;
} air_bench_t;

/* The model under test: what a user would take for a fading link. */
static air_t *open_air(err_t *err)
{
    air_config_t config = air_config_default();
    config.model = AIR_TAPS;
    config.block = AIR_BLOCK_STATIC;
    config.tap_count = TAPS;
    config.doppler_hz = 100.0;
    config.snr_db = SNR_DB;
    return air_create(&config, err);
}

static void destroy(void *state)
{
    air_bench_t *b = state;
    air_destroy(b->air);
    if (b->channel != NULL) {
        channel_cccf_destroy(b->channel);
    }
    if (b->varying != NULL) {
        tvmpch_cccf_destroy(b->varying);
    }
    free(b->in);
    free(b->out);
    free(b->peer_out);
    free(b);
}

static channel_cccf open_channel(rng_t *rng)
{
    channel_cccf channel = channel_cccf_create();
    float complex taps[TAPS];
    for (int i = 0; i < TAPS; i++) {
        rng_complex_normal(rng, expf(-(float)i), &taps[i], 1);
    }
    channel_cccf_add_multipath(channel, taps, TAPS);
    channel_cccf_add_awgn(channel, -(float)SNR_DB, (float)SNR_DB);
    return channel;
}

static void *create(err_t *err)
{
    air_bench_t *b = NULL;
    if (posix_memalign((void **)&b, 64, sizeof(*b)) != 0) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    rng_t rng;
    rng_seed(&rng, 6, 0);
    *b = (air_bench_t){.air = open_air(err), .deviation = 0.1f};
    b->channel = open_channel(&rng);
    b->varying = tvmpch_cccf_create(TAPS, 0.1f, 0.001f);
    noise_seed(&b->noise, 7, 0);
    b->in = malloc(SAMPLES * sizeof(*b->in));
    b->out = calloc(SAMPLES, sizeof(*b->out));
    b->peer_out = calloc(SAMPLES, sizeof(*b->peer_out));
    if (b->air == NULL || b->channel == NULL || b->varying == NULL || b->in == NULL ||
        b->out == NULL || b->peer_out == NULL) {
        destroy(b);
        err_set(err, ERR_MEMORY, "no air, peer or memory");
        return NULL;
    }
    rng_complex_normal(&rng, 1.0f, b->in, SAMPLES);
    return b;
}

static double air_ours(void *state)
{
    air_bench_t *b = state;
    air_process(b->air, b->in, b->out, SAMPLES);
    return SAMPLES;
}

static double air_peer(void *state)
{
    air_bench_t *b = state;
    channel_cccf_execute_block(b->channel, b->in, SAMPLES, b->peer_out);
    return SAMPLES;
}

static double varying_peer(void *state)
{
    air_bench_t *b = state;
    tvmpch_cccf_execute_block(b->varying, b->in, SAMPLES, b->peer_out);
    return SAMPLES;
}

static double noise_ours(void *state)
{
    air_bench_t *b = state;
    noise_add(&b->noise, b->deviation * b->deviation, b->out, SAMPLES);
    return SAMPLES;
}

static double noise_peer(void *state)
{
    air_bench_t *b = state;
    for (int i = 0; i < SAMPLES; i++) {
        cawgn(&b->peer_out[i], b->deviation);
    }
    return SAMPLES;
}

/* Noise piles up in `out` over the passes: the samples must have moved and stayed numbers. */
static int verify(void *state, err_t *err)
{
    const air_bench_t *b = state;
    double ours = 0.0, peers = 0.0;
    for (int i = 0; i < SAMPLES; i++) {
        ours += (double)cabsf(b->out[i]);
        peers += (double)cabsf(b->peer_out[i]);
    }
    return isnormal(ours) && isnormal(peers) ? 0 : err_set(err, ERR_STATE, "no samples came out");
}

const bench_row_t bench_air = {
    .name = "air",
    .what = "emulated air: 8 Rayleigh taps that vary (Doppler 100 Hz), noise; peer: 8 fixed taps, noise",
    .unit = BENCH_MS,
    .peer_name = "liquid channel_cccf",
    .limit_name = "noise alone",
    .asked = 150.0 / 6.0,
    .create = create,
    .destroy = destroy,
    .verify = verify,
    .ours = air_ours,
    .peer = air_peer,
    .limit = noise_ours,
};

const bench_row_t bench_air_varying = {
    .name = "air_varying",
    .what = "the same air; peer: 8 taps that vary, no noise",
    .unit = BENCH_MS,
    .peer_name = "liquid tvmpch_cccf",
    .limit_name = "noise alone",
    .create = create,
    .destroy = destroy,
    .verify = verify,
    .ours = air_ours,
    .peer = varying_peer,
    .limit = noise_ours,
};

const bench_row_t bench_noise = {
    .name = "noise",
    .what = "complex Gaussian noise added to samples",
    .unit = BENCH_MS,
    .peer_name = "liquid cawgn",
    .create = create,
    .destroy = destroy,
    .verify = verify,
    .ours = noise_ours,
    .peer = noise_peer,
};
