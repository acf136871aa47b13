/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/profile.h"

#include "air/fading.h"
#include "air/interpolation.h"
#include "air/tdl.h"

#include <math.h>
#include <stdlib.h>

enum { EDGE = INTERPOLATION_TAPS / 2 - 1 };

static int allocate(profile_t *p, size_t paths, size_t taps, err_t *err)
{
    p->paths = paths;
    p->taps = taps;
    p->stride = (taps + 15) / 16 * 16;
    p->weights = calloc(paths * p->stride, sizeof *p->weights);
    return p->weights != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for the fading");
}

static int exponential(profile_t *p, double spread, err_t *err)
{
    fading_t fading;
    fading_init(&fading, fmin(spread, FADING_MAX_SPREAD));
    if (allocate(p, fading.rank, fading.taps, err) < 0) {
        return -1;
    }
    p->delay = fading.delay;
    p->truncated = fading.truncated;
    for (size_t j = 0; j < p->paths; j++) {
        for (size_t k = 0; k < p->taps; k++) {
            p->weights[j * p->stride + k] = fading.factor[k][j];
        }
    }
    return 0;
}

/* Paths at fractional delays; the powers are scaled to the sum 1. */
static int tapped(profile_t *p, const tdl_t *table, double spread, double rate_hz, err_t *err)
{
    double total = 0.0;
    double latest = 0.0;
    for (size_t i = 0; i < table->count; i++) {
        total += pow(10.0, 0.1 * (double)table->path[i].power_db);
        latest = fmax(latest, (double)table->path[i].delay);
    }
    const double room = AIR_MAX_TAPS - INTERPOLATION_TAPS;
    if (latest * spread > room) {
        return err_set(err, ERR_ARGUMENT,
                       "channel.delay_spread_ns: %s's last path is %.4g delay spreads late; %.0f "
                       "ns is the most at %g Hz (%d taps)",
                       table->name, latest, floor(1e9 * room / latest / rate_hz), rate_hz,
                       AIR_MAX_TAPS);
    }
    const bool flat = spread == 0.0;
    const size_t taps = flat ? 1 : ((size_t)(latest * spread) + INTERPOLATION_TAPS + 7) / 8 * 8;
    if (allocate(p, table->count, taps, err) < 0) {
        return -1;
    }
    p->sight = table->sight;
    p->delay = flat ? 0 : EDGE;
    for (size_t i = 0; i < table->count; i++) {
        const double amplitude = sqrt(pow(10.0, 0.1 * (double)table->path[i].power_db) / total);
        float *weight = p->weights + i * p->stride;
        if (flat) {
            weight[0] = (float)amplitude;
        } else {
            interpolation_add_path(EDGE + (double)table->path[i].delay * spread, amplitude, weight);
        }
    }
    return 0;
}

static int sample_spaced(profile_t *p, const air_config_t *config, err_t *err)
{
    const size_t taps = (size_t)config->tap_count;
    if (allocate(p, taps, taps, err) < 0) {
        return -1;
    }
    double total = 0.0;
    for (size_t k = 0; k < taps; k++) {
        total += pow(10.0, -0.1 * config->tap_decay_db * (double)k);
    }
    for (size_t k = 0; k < taps; k++) {
        p->weights[k * p->stride + k] =
            (float)sqrt(pow(10.0, -0.1 * config->tap_decay_db * (double)k) / total);
    }
    return 0;
}

/* The recording's path j lies at replay_delay_ns(j); the earliest is before the main one. */
static int recorded(profile_t *p, const replay_t *replay, double rate_hz, err_t *err)
{
    const size_t paths = replay_paths(replay);
    const double first = replay_delay_ns(0) * 1e-9 * rate_hz;
    const double last = replay_delay_ns(paths - 1) * 1e-9 * rate_hz;
    const double lead = ceil(-first);
    const double taps = ceil((lead + last + INTERPOLATION_TAPS) / 8.0) * 8.0;
    if (taps > AIR_MAX_TAPS) {
        return err_set(err, ERR_ARGUMENT,
                       "channel.model = replay: a sample rate of %g Hz needs %.0f taps, more than "
                       "%d",
                       rate_hz, taps, AIR_MAX_TAPS);
    }
    if (allocate(p, paths, (size_t)taps, err) < 0) {
        return -1;
    }
    p->delay = EDGE + (size_t)lead;
    for (size_t j = 0; j < paths; j++) {
        const double delay = (double)p->delay + replay_delay_ns(j) * 1e-9 * rate_hz;
        interpolation_add_path(delay, 1.0, p->weights + j * p->stride);
    }
    return 0;
}

int profile_init(profile_t *profile, const air_config_t *config, const replay_t *replay, err_t *err)
{
    *profile = (profile_t){.delay = 0};
    const double spread = config->delay_spread_ns * 1e-9 * config->sample_rate_hz;
    if (config->model == AIR_RAYLEIGH) {
        return exponential(profile, spread, err);
    }
    if (config->model == AIR_TAPS) {
        return sample_spaced(profile, config, err);
    }
    if (config->model == AIR_REPLAY) {
        return recorded(profile, replay, config->sample_rate_hz, err);
    }
    return tapped(profile, tdl_table((int)config->model - (int)AIR_TDL_A), spread,
                  config->sample_rate_hz, err);
}

void profile_free(profile_t *profile)
{
    free(profile->weights);
    profile->weights = NULL;
}
