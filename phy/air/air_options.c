/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/air.h"

const option_t air_options[] = {
    {.section = "channel",
     .name = "model",
     .type = OPTION_CHOICE,
     .fallback = "awgn",
     .choices = "none|awgn|rayleigh",
     .help = "what the air does: nothing, noise, or block fading and noise"},
    {.section = "channel",
     .name = "block",
     .type = OPTION_CHOICE,
     .fallback = "burst",
     .choices = "burst|static",
     .help = "rayleigh: fresh fading for every burst, or one draw for the whole run"},
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
     .help = "rayleigh: rms delay spread of the exponential profile (0: flat)"},
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
     .name = "seed",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 0,
     .max = 9e15,
     .help = "the same seed gives the same fading and noise"},
    {0}};

void air_config_from_options(air_config_t *config, const options_t *options)
{
    /* The choices stand in the order of the enums. */
    config->model = (air_model_t)options_choice(options, "channel.model");
    config->block = (air_block_t)options_choice(options, "channel.block");
    config->snr_db = options_real(options, "channel.snr_db");
    config->delay_spread_ns = options_real(options, "channel.delay_spread_ns");
    config->cfo_hz = options_real(options, "channel.cfo_hz");
    config->seed = (uint64_t)options_int(options, "channel.seed");
}
