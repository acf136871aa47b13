/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table has no infinities: what is told in dB is off at the end of its range
 * (200 or -200), which its help says.
 */
#include "air/air.h"

#include <math.h>

const option_t air_options[] = {
    {.section = "channel",
     .name = "model",
     .type = OPTION_CHOICE,
     .fallback = "awgn",
     .choices = "none|awgn|rayleigh|tdl-a|tdl-b|tdl-c|tdl-d|tdl-e|taps|replay",
     .flags = OPTION_RUNTIME,
     .help = "what the air does: nothing, noise, exponential Rayleigh, 3GPP TDL, plain taps, or a "
             "measured channel, with noise"},
    {.section = "channel",
     .name = "block",
     .type = OPTION_CHOICE,
     .fallback = "burst",
     .choices = "burst|static",
     .flags = OPTION_RUNTIME,
     .help = "fresh fading for every burst, or one draw for the whole run"},
    {.section = "channel",
     .name = "snr_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "20",
     .min = -100,
     .max = 100,
     .flags = OPTION_RUNTIME,
     .help = "mean Es/N0 per data sub-carrier after the FFT"},
    {.section = "channel",
     .name = "delay_spread_ns",
     .type = OPTION_REAL,
     .unit = "ns",
     .fallback = "100",
     .min = 0,
     .max = 1e6,
     .flags = OPTION_RUNTIME,
     .help = "rayleigh, tdl: rms delay spread (0: flat)"},
    {.section = "channel",
     .name = "doppler_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "0",
     .min = 0,
     .max = 1e6,
     .flags = OPTION_RUNTIME,
     .help =
         "rayleigh, tdl, taps: largest Doppler shift (0: the channel stands still within a block)"},
    {.section = "channel",
     .name = "tap_count",
     .type = OPTION_INT,
     .fallback = "8",
     .min = 1,
     .max = 64,
     .flags = OPTION_RUNTIME,
     .help = "taps: how many, a sample apart"},
    {.section = "channel",
     .name = "tap_decay_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "0",
     .min = 0,
     .max = 60,
     .flags = OPTION_RUNTIME,
     .help = "taps: each tap so much below the one before (0: equal power)"},
    {.section = "channel",
     .name = "path",
     .type = OPTION_STRING,
     .fallback = "",
     .flags = OPTION_RUNTIME,
     .help = "replay: file of channel state from an Intel 5300 card (Linux 802.11n CSI Tool)"},
    {.section = "channel",
     .name = "path_link",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 8,
     .flags = OPTION_RUNTIME,
     .help = "replay: which channel of the file, 3 * receive antenna + transmit stream"},
    {.section = "channel",
     .name = "cfo_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "0",
     .min = -500e6,
     .max = 500e6,
     .flags = OPTION_RUNTIME,
     .help = "carrier offset of the receiver's input"},
    {.section = "channel",
     .name = "sco_ppm",
     .type = OPTION_REAL,
     .unit = "ppm",
     .fallback = "0",
     .min = -200,
     .max = 200,
     .flags = OPTION_RUNTIME,
     .help = "sample-clock offset: above 0 the receiver samples too slowly"},
    {.section = "channel",
     .name = "linewidth_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "0",
     .min = 0,
     .max = 1e6,
     .flags = OPTION_RUNTIME,
     .help = "phase noise: 3-dB width of the carrier line; L(f) = linewidth / (2 pi f^2)"},
    {.section = "channel",
     .name = "pa_backoff_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "200",
     .min = -10,
     .max = 200,
     .flags = OPTION_RUNTIME,
     .help = "amplifier: saturation power over mean power (200: no amplifier; else up to 60)"},
    {.section = "channel",
     .name = "pa_smoothness",
     .type = OPTION_REAL,
     .fallback = "2",
     .min = 1,
     .max = 20,
     .flags = OPTION_RUNTIME,
     .help = "amplifier: Rapp's p; large is a hard limiter"},
    {.section = "channel",
     .name = "iq_gain_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "0",
     .min = -20,
     .max = 20,
     .flags = OPTION_RUNTIME,
     .help = "gain of Q over I in the receiver"},
    {.section = "channel",
     .name = "iq_phase_deg",
     .type = OPTION_REAL,
     .unit = "deg",
     .fallback = "0",
     .min = -45,
     .max = 45,
     .flags = OPTION_RUNTIME,
     .help = "how far I and Q are from a right angle"},
    {.section = "channel",
     .name = "dc_dbc",
     .type = OPTION_REAL,
     .unit = "dBc",
     .fallback = "-200",
     .min = -200,
     .max = 40,
     .flags = OPTION_RUNTIME,
     .help =
         "constant at the receiver, against the mean signal power (-200: none; else from -100)"},
    {.section = "channel",
     .name = "adc_bits",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 24,
     .flags = OPTION_RUNTIME,
     .help = "converter: bits of each axis (0: none)"},
    {.section = "channel",
     .name = "adc_headroom_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "12",
     .min = -20,
     .max = 60,
     .flags = OPTION_RUNTIME,
     .help = "converter: full scale over the rms of one axis; beyond it clips"},
    {.section = "channel",
     .name = "loss_rate",
     .type = OPTION_REAL,
     .fallback = "0",
     .min = 0,
     .max = 0.9,
     .flags = OPTION_RUNTIME,
     .help = "share of samples lost; they read as zeros"},
    {.section = "channel",
     .name = "loss_samples",
     .type = OPTION_REAL,
     .fallback = "1000",
     .min = 1,
     .max = 1e9,
     .flags = OPTION_RUNTIME,
     .help = "mean length of a gap of lost samples"},
    {.section = "channel",
     .name = "tone_sir_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "200",
     .min = -100,
     .max = 200,
     .flags = OPTION_RUNTIME,
     .help = "mean signal power over a tone (200: no tone; else up to 100)"},
    {.section = "channel",
     .name = "tone_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "100k",
     .min = -500e6,
     .max = 500e6,
     .flags = OPTION_RUNTIME,
     .help = "where that tone is"},
    {.section = "channel",
     .name = "ofdm_sir_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "200",
     .min = -100,
     .max = 200,
     .flags = OPTION_RUNTIME,
     .help = "mean signal power over a foreign OFDM signal (200: none; else up to 100)"},
    {.section = "channel",
     .name = "impulse_rate_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .flags = OPTION_RUNTIME,
     .help = "impulses a second, a sample each (0: none)"},
    {.section = "channel",
     .name = "impulse_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "20",
     .min = -100,
     .max = 100,
     .flags = OPTION_RUNTIME,
     .help = "mean power of an impulse over the mean signal power"},
    {.section = "channel",
     .name = "seed",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 0,
     .max = 9e15,
     .flags = OPTION_RUNTIME,
     .help = "the same seed gives the same fading, noise and impairments"},
    {0}};

static double real(const options_t *options, const char *key)
{
    return options_real(options, key);
}

/* 200 and above is none. */
static double until(const options_t *options, const char *key)
{
    const double value = real(options, key);
    return value >= 200.0 ? (double)INFINITY : value;
}

static void impairments(air_config_t *config, const options_t *options)
{
    const double dc_dbc = real(options, "channel.dc_dbc");
    config->cfo_hz = real(options, "channel.cfo_hz");
    config->sco_ppm = real(options, "channel.sco_ppm");
    config->linewidth_hz = real(options, "channel.linewidth_hz");
    config->pa_backoff_db = until(options, "channel.pa_backoff_db");
    config->pa_smoothness = real(options, "channel.pa_smoothness");
    config->iq_gain_db = real(options, "channel.iq_gain_db");
    config->iq_phase_deg = real(options, "channel.iq_phase_deg");
    config->dc_dbc = dc_dbc <= -200.0 ? -(double)INFINITY : dc_dbc;
    config->adc_bits = (int)options_int(options, "channel.adc_bits");
    config->adc_headroom_db = real(options, "channel.adc_headroom_db");
    config->loss_rate = real(options, "channel.loss_rate");
    config->loss_samples = real(options, "channel.loss_samples");
    config->tone_sir_db = until(options, "channel.tone_sir_db");
    config->tone_hz = real(options, "channel.tone_hz");
    config->ofdm_sir_db = until(options, "channel.ofdm_sir_db");
    config->impulse_rate_hz = real(options, "channel.impulse_rate_hz");
    config->impulse_db = real(options, "channel.impulse_db");
}

void air_config_from_options(air_config_t *config, const options_t *options)
{
    /* The choices stand in the order of the enums. */
    config->model = (air_model_t)options_choice(options, "channel.model");
    config->block = (air_block_t)options_choice(options, "channel.block");
    config->snr_db = real(options, "channel.snr_db");
    config->delay_spread_ns = real(options, "channel.delay_spread_ns");
    config->doppler_hz = real(options, "channel.doppler_hz");
    config->tap_count = (int)options_int(options, "channel.tap_count");
    config->tap_decay_db = real(options, "channel.tap_decay_db");
    config->path = options_string(options, "channel.path");
    config->path_link = (int)options_int(options, "channel.path_link");
    config->seed = (uint64_t)options_int(options, "channel.seed");
    impairments(config, options);
}
