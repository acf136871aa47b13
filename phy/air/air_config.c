/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a configuration may hold.  Comparisons are written so that a NaN fails them. */
#include "air/air.h"

#include <math.h>
#include <string.h>

air_config_t air_config_default(void)
{
    return (air_config_t){.model = AIR_AWGN,
                          .block = AIR_BLOCK_BURST,
                          .snr_db = 20.0,
                          .delay_spread_ns = 100.0,
                          .tap_count = 8,
                          .path = "",
                          .pa_backoff_db = INFINITY,
                          .pa_smoothness = 2.0,
                          .dc_dbc = -INFINITY,
                          .adc_headroom_db = 12.0,
                          .loss_samples = 1000.0,
                          .tone_sir_db = INFINITY,
                          .tone_hz = 100e3,
                          .ofdm_sir_db = INFINITY,
                          .impulse_db = 20.0,
                          .sample_rate_hz = 7.68e6,
                          .symbol_energy = 1.0 / 16.0,
                          .seed = 1};
}

static const char *const model_names[] = {"none",  "awgn",  "rayleigh", "tdl-a", "tdl-b",
                                          "tdl-c", "tdl-d", "tdl-e",    "taps",  "replay"};

enum { MODELS = sizeof model_names / sizeof model_names[0] };

const char *air_model_name(air_model_t model)
{
    return model_names[model];
}

int air_model_parse(const char *name, air_model_t *model, err_t *err)
{
    for (int i = 0; i < MODELS; i++) {
        if (strcmp(name, model_names[i]) == 0) {
            *model = (air_model_t)i;
            return 0;
        }
    }
    return err_set(err, ERR_ARGUMENT,
                   "channel.model: \"%.40s\" is not none, awgn, rayleigh, tdl-a … tdl-e, taps or "
                   "replay",
                   name);
}

/* `off`: a value outside the range that means "none", or NaN. */
typedef struct {
    const char *name;
    double value, min, max, off;
} range_t;

static int check_ranges(const range_t *ranges, size_t count, err_t *err)
{
    for (size_t i = 0; i < count; i++) {
        const range_t *r = &ranges[i];
        if (!((r->value >= r->min && r->value <= r->max) || r->value == r->off)) {
            return err_set(err, ERR_ARGUMENT, "%s = %g is outside %g to %g", r->name, r->value,
                           r->min, r->max);
        }
    }
    return 0;
}

static int check_channel(const air_config_t *c, err_t *err)
{
    const double none = (double)NAN;
    const range_t ranges[] = {
        {"channel.snr_db", c->snr_db, -100, 100, INFINITY},
        {"channel.doppler_hz", c->doppler_hz, 0, 1e-3 * c->sample_rate_hz, none},
        {"channel.tap_count", c->tap_count, 1, 64, none},
        {"channel.tap_decay_db", c->tap_decay_db, 0, 60, none},
        {"channel.path_link", c->path_link, 0, 8, none},
    };
    if (check_ranges(ranges, sizeof ranges / sizeof ranges[0], err) < 0) {
        return -1;
    }
    /* A hair of room: the rate a device reports is not exactly the one asked for. */
    const double spread = c->delay_spread_ns * 1e-9 * c->sample_rate_hz;
    const double most = c->model == AIR_RAYLEIGH ? AIR_MAX_SPREAD * (1.0 + 1e-9) : (double)INFINITY;
    if (!(c->delay_spread_ns >= 0.0 && spread <= most)) {
        return err_set(err, ERR_ARGUMENT,
                       "channel.delay_spread_ns = %g is outside 0 to %.0f (%g samples at %g Hz)",
                       c->delay_spread_ns, AIR_MAX_SPREAD * 1e9 / c->sample_rate_hz, AIR_MAX_SPREAD,
                       c->sample_rate_hz);
    }
    if (c->model == AIR_REPLAY && (c->path == NULL || c->path[0] == '\0')) {
        return err_set(err, ERR_ARGUMENT,
                       "channel.path is empty: the model replay needs a file of channel state");
    }
    return 0;
}

static int check_impairments(const air_config_t *c, err_t *err)
{
    const double none = (double)NAN;
    const double half = 0.5 * c->sample_rate_hz;
    const range_t ranges[] = {
        {"channel.cfo_hz", c->cfo_hz, -half, half, none},
        {"channel.sco_ppm", c->sco_ppm, -200, 200, none},
        {"channel.linewidth_hz", c->linewidth_hz, 0, 1e-3 * c->sample_rate_hz, none},
        {"channel.pa_backoff_db", c->pa_backoff_db, -10, 60, INFINITY},
        {"channel.pa_smoothness", c->pa_smoothness, 1, 20, none},
        {"channel.iq_gain_db", c->iq_gain_db, -20, 20, none},
        {"channel.iq_phase_deg", c->iq_phase_deg, -45, 45, none},
        {"channel.dc_dbc", c->dc_dbc, -100, 40, -INFINITY},
        {"channel.adc_bits", c->adc_bits, 0, 24, none},
        {"channel.adc_headroom_db", c->adc_headroom_db, -20, 60, none},
        {"channel.loss_rate", c->loss_rate, 0, 0.9, none},
        {"channel.loss_samples", c->loss_samples, 1, 1e9, none},
        {"channel.tone_sir_db", c->tone_sir_db, -100, 100, INFINITY},
        {"channel.tone_hz", c->tone_hz, -half, half, none},
        {"channel.ofdm_sir_db", c->ofdm_sir_db, -100, 100, INFINITY},
        {"channel.impulse_rate_hz", c->impulse_rate_hz, 0, c->sample_rate_hz, none},
        {"channel.impulse_db", c->impulse_db, -100, 100, none},
    };
    if (check_ranges(ranges, sizeof ranges / sizeof ranges[0], err) < 0) {
        return -1;
    }
    if (!(c->loss_rate * (1.0 + c->loss_samples) <= c->loss_samples)) {
        return err_set(err, ERR_ARGUMENT,
                       "channel.loss_rate = %g needs gaps longer than channel.loss_samples = %g: "
                       "at least one sample must arrive between two",
                       c->loss_rate, c->loss_samples);
    }
    return 0;
}

int air_config_check(const air_config_t *c, err_t *err)
{
    if (!((int)c->model >= 0 && (int)c->model < MODELS)) {
        return err_set(err, ERR_ARGUMENT, "channel.model: no model number %d", (int)c->model);
    }
    if (!(c->sample_rate_hz >= 1e3 && c->sample_rate_hz <= 1e9)) {
        return err_set(err, ERR_ARGUMENT, "sample rate %g Hz is outside 1 kHz to 1 GHz",
                       c->sample_rate_hz);
    }
    if (!(c->symbol_energy > 0.0 && c->symbol_energy <= 1e6)) {
        return err_set(err, ERR_ARGUMENT, "symbol energy %g is not positive", c->symbol_energy);
    }
    if (!(c->signal_power >= 0.0 && c->signal_power <= 1e6)) {
        return err_set(err, ERR_ARGUMENT, "signal power %g is not positive", c->signal_power);
    }
    return check_channel(c, err) < 0 || check_impairments(c, err) < 0 ? -1 : 0;
}

air_config_t air_config_without_front_end(const air_config_t *config)
{
    air_config_t link = *config;
    link.snr_db = INFINITY;
    link.tone_sir_db = INFINITY;
    link.ofdm_sir_db = INFINITY;
    link.impulse_rate_hz = 0.0;
    link.iq_gain_db = 0.0;
    link.iq_phase_deg = 0.0;
    link.dc_dbc = -INFINITY;
    link.adc_bits = 0;
    link.loss_rate = 0.0;
    return link;
}
