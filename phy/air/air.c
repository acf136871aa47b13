/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream in chunks: fading (split into real and imaginary parts for the
 * vector FIR), carrier offset, noise.  The old block's echoes are kept as a
 * `tail` that is added while the new block starts from an empty filter.
 */
#include "air/air.h"

#include "air/fading.h"
#include "air/noise.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 512,  /* samples at a time: all buffers stay in the first cache */
    HISTORY = 64, /* >= AIR_MAX_TAPS - 1, a vector's multiple */
    ROTATION = 64 /* samples between two exact phases */
};
enum { STREAM_FADING = 1, STREAM_NOISE = 2 };

_Static_assert(AIR_MAX_TAPS == FADING_MAX_TAPS, "the header promises the filter's bound");

/* Phase in turns / 2^64: it wraps by itself and never drifts. */
typedef struct {
    uint64_t phase; /* of the group's first sample */
    uint64_t step;  /* per sample */
    size_t index;   /* within the group */
    float complex base;
    float complex turn[ROTATION];
} rotator_t;

struct air {
    air_config_t config;
    fading_t fading;
    rng_t rng;
    noise_t noise;
    rotator_t rotator;
    const kernel_t *kernel;
    size_t quiet;     /* zero samples in a row at the input, up to the filter's length */
    size_t tail_left; /* of the old block's echoes */
    float noise_var;
    float hr[AIR_MAX_TAPS], hi[AIR_MAX_TAPS];
    float complex tail[AIR_MAX_TAPS];
    _Alignas(64) float xr[HISTORY + CHUNK + KERNEL_SLACK];
    _Alignas(64) float xi[HISTORY + CHUNK + KERNEL_SLACK];
    _Alignas(64) float yr[CHUNK + KERNEL_SLACK];
    _Alignas(64) float yi[CHUNK + KERNEL_SLACK];
};

air_config_t air_config_default(void)
{
    return (air_config_t){.model = AIR_AWGN,
                          .block = AIR_BLOCK_BURST,
                          .snr_db = 20.0,
                          .delay_spread_ns = 100.0,
                          .sample_rate_hz = 7.68e6,
                          .symbol_energy = 1.0 / 16.0,
                          .seed = 1};
}

static const char *const model_names[] = {"none", "awgn", "rayleigh"};

const char *air_model_name(air_model_t model)
{
    return model_names[model];
}

int air_model_parse(const char *name, air_model_t *model, err_t *err)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, model_names[i]) == 0) {
            *model = (air_model_t)i;
            return 0;
        }
    }
    return err_set(err, ERR_ARGUMENT, "channel.model: \"%s\" is not none, awgn or rayleigh", name);
}

static double spread_samples(const air_config_t *config)
{
    return config->delay_spread_ns * 1e-9 * config->sample_rate_hz;
}

/* Comparisons are written so that a NaN fails them. */
static int check(const air_config_t *c, err_t *err)
{
    if (!(c->model >= AIR_NONE && c->model <= AIR_RAYLEIGH)) {
        return err_set(err, ERR_ARGUMENT, "channel.model: no model number %d", (int)c->model);
    }
    if (!(c->sample_rate_hz >= 1e3 && c->sample_rate_hz <= 1e9)) {
        return err_set(err, ERR_ARGUMENT, "sample rate %g Hz is outside 1 kHz to 1 GHz",
                       c->sample_rate_hz);
    }
    if (!(c->snr_db >= -100.0 && (c->snr_db <= 100.0 || isinf(c->snr_db)))) {
        return err_set(err, ERR_ARGUMENT, "channel.snr_db = %g is outside -100 to 100", c->snr_db);
    }
    if (!(c->symbol_energy > 0.0 && c->symbol_energy <= 1e6)) {
        return err_set(err, ERR_ARGUMENT, "symbol energy %g is not positive", c->symbol_energy);
    }
    if (!(fabs(c->cfo_hz) <= 0.5 * c->sample_rate_hz)) {
        return err_set(err, ERR_ARGUMENT, "channel.cfo_hz = %g is outside half the sample rate %g",
                       c->cfo_hz, c->sample_rate_hz);
    }
    /* A hair of room: the rate a device reports is not exactly the one asked for. */
    const double most = c->model == AIR_RAYLEIGH ? AIR_MAX_SPREAD * (1.0 + 1e-9) : (double)INFINITY;
    if (!(c->delay_spread_ns >= 0.0 && spread_samples(c) <= most)) {
        return err_set(err, ERR_ARGUMENT,
                       "channel.delay_spread_ns = %g is outside 0 to %.0f (%g samples at %g Hz)",
                       c->delay_spread_ns, AIR_MAX_SPREAD * 1e9 / c->sample_rate_hz,
                       AIR_MAX_SPREAD, c->sample_rate_hz);
    }
    return 0;
}

static float complex cis_turns(uint64_t phase)
{
    const double angle = (double)(int64_t)phase * (0x1p-64 * 2.0 * 3.14159265358979323846);
    return CMPLXF((float)cos(angle), (float)sin(angle));
}

static void rotator_set(rotator_t *r, double turns_per_sample)
{
    r->phase += r->step * r->index;
    r->index = 0;
    r->base = cis_turns(r->phase);
    r->step = (uint64_t)(int64_t)fmin(turns_per_sample * 0x1p64, 0x1.fffffffffffffp62);
    for (size_t i = 0; i < ROTATION; i++) {
        r->turn[i] = cis_turns(r->step * i);
    }
}

static void rotator_process(rotator_t *r, float complex *samples, size_t count)
{
    while (count > 0) {
        if (r->index == ROTATION) {
            r->phase += r->step * ROTATION;
            r->index = 0;
            r->base = cis_turns(r->phase);
        }
        const size_t ready = ROTATION - r->index;
        const size_t n = count < ready ? count : ready;
        for (size_t i = 0; i < n; i++) {
            samples[i] *= r->base * r->turn[r->index + i];
        }
        r->index += n;
        samples += n;
        count -= n;
    }
}

static void draw(air_t *air)
{
    if (air->config.model == AIR_RAYLEIGH) {
        fading_draw(&air->fading, &air->rng, air->hr, air->hi);
    } else {
        air->hr[0] = 1.0f;
        air->hi[0] = 0.0f;
    }
}

static void set_noise(air_t *air)
{
    air->noise_var = air->config.model == AIR_NONE || isinf(air->config.snr_db)
                         ? 0.0f
                         : (float)(air->config.symbol_energy *
                                   pow(10.0, -0.1 * air->config.snr_db));
}

air_t *air_create(const air_config_t *config, err_t *err)
{
    if (check(config, err) < 0) {
        return NULL;
    }
    air_t *air = aligned_alloc(64, (sizeof *air + 63) / 64 * 64);
    if (air == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the air");
        return NULL;
    }
    air->config = *config;
    air->kernel = kernel_best();
    fading_init(&air->fading, config->model == AIR_RAYLEIGH
                                  ? fmin(spread_samples(config), AIR_MAX_SPREAD)
                                  : 0.0);
    set_noise(air);
    air_reset(air, config->seed);
    return air;
}

void air_destroy(air_t *air)
{
    free(air);
}

void air_reset(air_t *air, uint64_t seed)
{
    air->config.seed = seed;
    rng_seed(&air->rng, seed, STREAM_FADING);
    noise_seed(&air->noise, seed, STREAM_NOISE);
    memset(air->xr, 0, sizeof air->xr);
    memset(air->xi, 0, sizeof air->xi);
    air->quiet = AIR_MAX_TAPS;
    air->tail_left = 0;
    air->rotator = (rotator_t){.phase = 0};
    rotator_set(&air->rotator, air->config.cfo_hz / air->config.sample_rate_hz);
    draw(air);
}

/* The filter over xr, xi[HISTORY … HISTORY + count), then the history moves on. */
static void filter(air_t *air, size_t count)
{
    air->kernel->fir(air->hr, air->hi, air->fading.taps, air->xr + HISTORY, air->xi + HISTORY,
                     air->yr, air->yi, count);
    memmove(air->xr, air->xr + count, HISTORY * sizeof(float));
    memmove(air->xi, air->xi + count, HISTORY * sizeof(float));
}

static void push_zeros(air_t *air, size_t count)
{
    memset(air->xr + HISTORY, 0, count * sizeof(float));
    memset(air->xi + HISTORY, 0, count * sizeof(float));
}

void air_begin_block(air_t *air)
{
    if (air->config.model != AIR_RAYLEIGH || air->config.block != AIR_BLOCK_BURST) {
        return;
    }
    const size_t echoes = air->fading.taps - 1;
    if (air->quiet < echoes) {
        push_zeros(air, HISTORY); /* also empties the filter */
        filter(air, HISTORY);
        for (size_t i = 0; i < echoes; i++) {
            const float complex old = i < air->tail_left ? air->tail[i] : 0.0f;
            air->tail[i] = old + CMPLXF(air->yr[i], air->yi[i]);
        }
        air->tail_left = echoes;
        air->quiet = AIR_MAX_TAPS;
    }
    draw(air);
}

static void fade(air_t *air, const float complex *in, float complex *out, size_t count)
{
    if (in != NULL) {
        const float *x = (const float *)in;
        for (size_t i = 0; i < count; i++) {
            air->xr[HISTORY + i] = x[2 * i];
            air->xi[HISTORY + i] = x[2 * i + 1];
        }
    } else {
        push_zeros(air, count);
    }
    filter(air, count);
    float *y = (float *)out;
    for (size_t i = 0; i < count; i++) {
        y[2 * i] = air->yr[i];
        y[2 * i + 1] = air->yi[i];
    }
}

static void add_tail(air_t *air, float complex *out, size_t count)
{
    const size_t n = count < air->tail_left ? count : air->tail_left;
    for (size_t i = 0; i < n; i++) {
        out[i] += air->tail[i];
    }
    air->tail_left -= n;
    memmove(air->tail, air->tail + n, air->tail_left * sizeof *air->tail);
}

static void process_chunk(air_t *air, const float complex *in, float complex *out, size_t count)
{
    if (in != NULL ? air->config.model == AIR_RAYLEIGH : air->quiet < air->fading.taps - 1) {
        fade(air, in, out, count);
    } else if (in == NULL) {
        memset(out, 0, count * sizeof *out);
    } else if (in != out) {
        memcpy(out, in, count * sizeof *out);
    }
    if (in != NULL) {
        air->quiet = 0;
    } else if (air->quiet < AIR_MAX_TAPS) {
        air->quiet += count;
    }
    add_tail(air, out, count);
    if (air->rotator.step != 0 || air->rotator.phase != 0) {
        rotator_process(&air->rotator, out, count);
    }
    if (air->noise_var > 0.0f) {
        noise_add(&air->noise, air->noise_var, out, count);
    }
}

void air_process(air_t *air, const float complex *in, float complex *out, size_t count)
{
    while (count > 0) {
        const size_t n = count < CHUNK ? count : CHUNK;
        process_chunk(air, in, out, n);
        in = in != NULL ? in + n : NULL;
        out += n;
        count -= n;
    }
}

void air_set_snr_db(air_t *air, double snr_db)
{
    air->config.snr_db = isinf(snr_db) && snr_db > 0 ? snr_db : fmin(fmax(snr_db, -100.0), 100.0);
    set_noise(air);
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
    return (double)air->noise_var;
}

void air_response(const air_t *air, size_t fft_size, float complex *h)
{
    assert(fft_size > 0);
    for (size_t k = 0; k < fft_size; k++) {
        const double angle = -2.0 * 3.14159265358979323846 * (double)k / (double)fft_size;
        const double complex step = cos(angle) + I * sin(angle);
        double complex power = 1.0; /* step^n */
        double complex sum = 0.0;
        for (size_t n = 0; n < air->fading.taps; n++) {
            sum += ((double)air->hr[n] + I * (double)air->hi[n]) * power;
            power *= step;
        }
        h[k] = (float complex)sum;
    }
}

size_t air_delay_samples(const air_t *air)
{
    return air->fading.delay;
}

size_t air_tap_count(const air_t *air)
{
    return air->fading.taps;
}

double air_truncated_energy(const air_t *air)
{
    return air->fading.truncated;
}
