/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The converter's full scale follows the mean power of all that is there (signal,
 * interferers, noise), as a gain control would set it; impulses are too short for one.
 */
#include "air/front_end.h"

#include <math.h>

enum { STREAMS = 1 << 16 }; /* above the noise's own: 8 to a number below 8192 */
enum { STREAM_TONE, STREAM_FOREIGN, STREAM_IMPULSES, STREAM_DROPOUTS };

static double ratio(double db)
{
    return pow(10.0, 0.1 * db); /* 0 for -INFINITY */
}

double front_end_signal_power(const air_config_t *config)
{
    return config->signal_power > 0.0 ? config->signal_power
                                      : config->symbol_energy * AIR_OCCUPANCY;
}

static void set_digitiser(front_end_t *f)
{
    if (f->config.adc_bits > 0) {
        const double power = f->signal_power * (1.0 + ratio(-f->config.tone_sir_db) +
                                                ratio(-f->config.ofdm_sir_db)) +
                             (double)f->noise_var;
        digitiser_init(&f->digitiser, f->config.adc_bits,
                       sqrt(0.5 * power * ratio(f->config.adc_headroom_db)));
    }
}

void front_end_init(front_end_t *f, const air_config_t *config)
{
    *f = (front_end_t){.config = *config};
    f->config.path = "";
    f->signal_power = front_end_signal_power(config);
    f->tone_on = !isinf(config->tone_sir_db);
    f->foreign_on = !isinf(config->ofdm_sir_db);
    f->impulses_on = config->impulse_rate_hz > 0.0;
    f->dropouts_on = config->loss_rate > 0.0;
    f->tone_amplitude = (float)sqrt(f->signal_power * ratio(-config->tone_sir_db));
    imbalance_init(&f->imbalance, config->iq_gain_db, config->iq_phase_deg,
                   f->signal_power * ratio(config->dc_dbc));
    front_end_set_snr_db(f, config->snr_db);
}

void front_end_seed(front_end_t *f, uint64_t seed, uint64_t noise_stream)
{
    const air_config_t *c = &f->config;
    const uint64_t first = STREAMS + 8 * noise_stream;
    noise_seed(&f->noise, seed, noise_stream);
    if (f->tone_on) {
        rng_t rng;
        rng_seed(&rng, seed, first + STREAM_TONE);
        rotator_init(&f->tone, rng_bits(&rng), c->tone_hz / c->sample_rate_hz);
    }
    if (f->foreign_on) {
        foreign_init(&f->foreign, f->signal_power * ratio(-c->ofdm_sir_db), seed,
                     first + STREAM_FOREIGN);
    }
    if (f->impulses_on) {
        impulses_init(&f->impulses, c->impulse_rate_hz / c->sample_rate_hz,
                      f->signal_power * ratio(c->impulse_db), seed, first + STREAM_IMPULSES);
    }
    if (f->dropouts_on) {
        dropouts_init(&f->dropouts, c->loss_rate, c->loss_samples, seed, first + STREAM_DROPOUTS);
    }
}

void front_end_set_snr_db(front_end_t *f, double snr_db)
{
    f->config.snr_db = snr_db;
    f->noise_var = f->config.model == AIR_NONE || isinf(snr_db)
                       ? 0.0f
                       : (float)(f->config.symbol_energy * ratio(-snr_db));
    set_digitiser(f);
}

void front_end_process(front_end_t *f, float complex *samples, size_t count)
{
    if (f->tone_on) {
        rotator_add(&f->tone, f->tone_amplitude, samples, count);
    }
    if (f->foreign_on) {
        foreign_add(&f->foreign, samples, count);
    }
    if (f->impulses_on) {
        impulses_add(&f->impulses, samples, count);
    }
    if (f->noise_var > 0.0f) {
        noise_add(&f->noise, f->noise_var, samples, count);
    }
    if (f->imbalance.on) {
        imbalance_process(&f->imbalance, samples, count);
    }
    if (f->digitiser.bits > 0) {
        digitiser_process(&f->digitiser, samples, count);
    }
    if (f->dropouts_on) {
        dropouts_process(&f->dropouts, samples, count);
    }
}
