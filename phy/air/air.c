/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream in chunks, through one stage after the other; a stage that is off
 * costs nothing.
 */
#include "air/air.h"

#include "air/amplifier.h"
#include "air/drift.h"
#include "air/front_end.h"
#include "air/multipath.h"
#include "air/phase_noise.h"
#include "air/rotator.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = MULTIPATH_CHUNK };
enum { STREAM_NOISE = 2, STREAM_PHASE = 3 };

_Static_assert((int)CHUNK <= (int)DRIFT_CHUNK, "a chunk passes each stage at once");

struct air {
    air_config_t config;
    multipath_t *multipath; /* NULL: x passes as it is */
    drift_t *drift;         /* NULL: the clocks agree */
    size_t silence;         /* zero samples in a row at the input, up to `asleep` */
    size_t asleep;          /* from here on the drift stands still */
    uint64_t block_time;    /* samples since the block began */
    uint64_t drift_origin;  /* of these: where the drift was `drift_base` samples */
    double drift_base;
    bool amplifier_on, phase_noise_on;
    rotator_t rotator;
    front_end_t front;
    phase_noise_t phase_noise;
    amplifier_t amplifier;
};

static int open_stages(air_t *air, err_t *err)
{
    const air_config_t *c = &air->config;
    if (c->model != AIR_NONE && c->model != AIR_AWGN) {
        air->multipath = multipath_create(c, err);
        if (air->multipath == NULL) {
            return -1;
        }
    }
    if (c->sco_ppm != 0.0) {
        air->drift = drift_create(c->sco_ppm, err);
        if (air->drift == NULL) {
            return -1;
        }
        air->asleep = drift_memory(air->drift) + AIR_MAX_TAPS;
    }
    air->amplifier_on = !isinf(c->pa_backoff_db);
    if (air->amplifier_on) {
        amplifier_init(&air->amplifier,
                       front_end_signal_power(c) * pow(10.0, 0.1 * c->pa_backoff_db),
                       c->pa_smoothness);
    }
    air->phase_noise_on = c->linewidth_hz > 0.0;
    front_end_init(&air->front, c);
    return 0;
}

air_t *air_create(const air_config_t *config, err_t *err)
{
    if (air_config_check(config, err) < 0) {
        return NULL;
    }
    air_t *air = aligned_alloc(64, (sizeof *air + 63) / 64 * 64);
    if (air == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the air");
        return NULL;
    }
    memset(air, 0, sizeof *air);
    air->config = *config;
    if (open_stages(air, err) < 0) {
        air_destroy(air);
        return NULL;
    }
    air->config.path = ""; /* the caller's text may go */
    air_reset(air, config->seed);
    return air;
}

void air_destroy(air_t *air)
{
    if (air != NULL) {
        multipath_destroy(air->multipath);
        drift_destroy(air->drift);
        free(air);
    }
}

static void begin_time(air_t *air)
{
    air->block_time = 0;
    air->drift_origin = 0;
    air->drift_base = air->drift != NULL ? drift_now(air->drift) : 0.0;
}

void air_reset(air_t *air, uint64_t seed)
{
    air->config.seed = seed;
    if (air->multipath != NULL) {
        multipath_reset(air->multipath, seed);
    }
    if (air->drift != NULL) {
        drift_reset(air->drift);
    }
    air->silence = air->asleep;
    rotator_init(&air->rotator, 0, air->config.cfo_hz / air->config.sample_rate_hz);
    if (air->phase_noise_on) {
        phase_noise_init(&air->phase_noise, air->config.linewidth_hz, air->config.sample_rate_hz,
                         seed, STREAM_PHASE);
    }
    front_end_seed(&air->front, seed, STREAM_NOISE);
    begin_time(air);
}

void air_begin_block(air_t *air)
{
    if (air->config.block == AIR_BLOCK_BURST) {
        if (air->multipath != NULL) {
            multipath_begin_block(air->multipath);
        }
        begin_time(air);
    }
}

/* After the filter: the drift begins with the first sample after a long silence. */
static void drift(air_t *air, bool silent, float complex *out, size_t count)
{
    if (silent && air->silence == air->asleep) {
        air->drift_origin = air->block_time + count;
        air->drift_base = 0.0;
        return; /* `out` is zero */
    }
    drift_process(air->drift, out, count);
    air->silence = silent ? air->silence + count : 0;
    if (air->silence == air->asleep) {
        drift_reset(air->drift);
    }
}

static void process_chunk(air_t *air, const float complex *in, float complex *out, size_t count)
{
    const bool silent = in == NULL;
    if (!silent && air->amplifier_on) {
        amplifier_process(&air->amplifier, in, out, count);
        in = out;
    }
    if (air->multipath != NULL) {
        multipath_process(air->multipath, in, out, count);
    } else if (silent) {
        memset(out, 0, count * sizeof *out);
    } else if (in != out) {
        memcpy(out, in, count * sizeof *out);
    }
    if (air->drift != NULL) {
        drift(air, silent, out, count);
    }
    air->block_time += count;
    if (rotator_turns(&air->rotator)) {
        rotator_process(&air->rotator, out, count);
    }
    if (air->phase_noise_on) {
        phase_noise_process(&air->phase_noise, out, count);
    }
    front_end_process(&air->front, out, count);
}

void air_process(air_t *air, const float complex *in, float complex *out, size_t count)
{
    while (count > 0) {
        size_t n = count < CHUNK ? count : CHUNK;
        if (in == NULL && air->silence < air->asleep && air->asleep - air->silence < n) {
            n = air->asleep -
                air->silence; /* whatever the blocks: it sleeps from the same sample on */
        }
        process_chunk(air, in, out, n);
        in = in != NULL ? in + n : NULL;
        out += n;
        count -= n;
    }
}

void air_set_snr_db(air_t *air, double snr_db)
{
    air->config.snr_db = isinf(snr_db) && snr_db > 0 ? snr_db : fmin(fmax(snr_db, -100.0), 100.0);
    front_end_set_snr_db(&air->front, air->config.snr_db);
}

void air_set_cfo_hz(air_t *air, double cfo_hz)
{
    const double limit = 0.5 * air->config.sample_rate_hz;
    const double clipped = fmin(fmax(cfo_hz, -limit), limit);
    if (clipped == air->config.cfo_hz) {
        return;
    }
    air->config.cfo_hz = clipped;
    rotator_set(&air->rotator, air->config.cfo_hz / air->config.sample_rate_hz);
}

double air_snr_db(const air_t *air)
{
    return air->config.snr_db;
}

double air_noise_var(const air_t *air)
{
    return (double)air->front.noise_var;
}

/* exp(-2 pi i k lag / fft_size) for the signed frequency k. */
static double complex slope(size_t k, size_t fft_size, double lag)
{
    const double signed_k = 2 * k < fft_size ? (double)k : (double)k - (double)fft_size;
    const double angle = -2.0 * 3.14159265358979323846 * signed_k / (double)fft_size * lag;
    return __builtin_complex(cos(angle), sin(angle));
}

static void transform(const double complex *taps, size_t count, double lag, size_t fft_size,
                      float complex *h)
{
    for (size_t k = 0; k < fft_size; k++) {
        const double complex step = slope(k, fft_size, 1.0);
        double complex power = lag != 0.0 ? slope(k, fft_size, lag) : 1.0; /* times step^n */
        double complex sum = 0.0;
        for (size_t n = 0; n < count; n++) {
            sum += taps[n] * power;
            power *= step;
        }
        h[k] = (float complex)sum;
    }
}

void air_response_at(const air_t *air, double at, size_t fft_size, float complex *h)
{
    assert(fft_size > 0);
    double lag = 0.0; /* of the drifting clock: output sample m shows the channel's m - lag */
    if (air->drift != NULL) {
        const double since = fmax(at - (double)air->drift_origin, 0.0);
        lag =
            (double)drift_delay(air->drift) - air->drift_base - 1e-6 * air->config.sco_ppm * since;
    }
    double complex taps[AIR_MAX_TAPS] = {1.0};
    size_t count = 1;
    if (air->multipath != NULL) {
        count = multipath_taps(air->multipath);
        multipath_taps_at(air->multipath, at - lag, taps);
    }
    transform(taps, count, lag, fft_size, h);
}

void air_response(const air_t *air, size_t fft_size, float complex *h)
{
    air_response_at(air, 0.0, fft_size, h);
}

bool air_is_moving(const air_t *air)
{
    return air->drift != NULL || (air->multipath != NULL && multipath_is_moving(air->multipath));
}

size_t air_clock_delay_samples(const air_t *air)
{
    return air->drift != NULL ? drift_delay(air->drift) : 0;
}

size_t air_delay_samples(const air_t *air)
{
    return air_clock_delay_samples(air) +
           (air->multipath != NULL ? multipath_delay(air->multipath) : 0);
}

size_t air_tap_count(const air_t *air)
{
    return (air->multipath != NULL ? multipath_taps(air->multipath) : 1) +
           (air->drift != NULL ? DRIFT_TAPS - 1 : 0);
}

double air_truncated_energy(const air_t *air)
{
    return air->multipath != NULL ? multipath_truncated(air->multipath) : 0.0;
}
