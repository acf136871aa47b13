/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio.h"

const option_t radio_options[] = {
    {.section = "radio",
     .name = "backend",
     .type = OPTION_CHOICE,
     .fallback = "air",
     .choices = "air|zmq|file",
     .help = "kind of radio: air is the emulator (start semradio-air), zmq GNU Radio and "
             "others, file a recording"},
    {.section = "radio",
     .name = "address",
     .type = OPTION_STRING,
     .fallback = "semradio",
     .alias = "args",
     .help = "which radio; air: the name given to semradio-air; others: key=value,… (docs/RADIOS.md)"},
    {.section = "radio",
     .name = "rate_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "7.68M",
     .min = 1e3,
     .max = 1e9,
     .alias = "rate",
     .help = "sample rate; the actual one is printed"},
    {.section = "radio",
     .name = "freq_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "3.5G",
     .min = 0,
     .max = 1e12,
     .alias = "freq",
     .help = "carrier; air: a difference between two radios is a carrier offset"},
    {.section = "radio",
     .name = "calibration",
     .type = OPTION_STRING,
     .help = "correct the samples by this file of semradio-calibrate, or by SERIAL.json in this "
             "folder"},
    {.section = "radio",
     .name = "timeout_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "10",
     .min = 0,
     .max = 86400,
     .help = "how long to wait for the radio at the start"},
    {0}};

const option_t radio_tx_options[] = {{.section = "radio",
                                      .name = "tx_gain_db",
                                      .type = OPTION_REAL,
                                      .unit = "dB",
                                      .fallback = "0",
                                      .min = -120,
                                      .max = 120,
                                      .alias = "gain",
                                      .help = "transmit gain; air: 0 leaves the samples as they are"},
                                     {0}};

const option_t radio_rx_options[] = {{.section = "radio",
                                      .name = "rx_gain_db",
                                      .type = OPTION_REAL,
                                      .unit = "dB",
                                      .fallback = "0",
                                      .min = -120,
                                      .max = 120,
                                      .alias = "gain",
                                      .help = "receive gain; air: 0 leaves the samples as they are"},
                                     {0}};

radio_config_t radio_config_default(void)
{
    return (radio_config_t){.backend = "air",
                            .address = "semradio",
                            .rate_hz = 7.68e6,
                            .freq_hz = 3.5e9,
                            .antennas = 1,
                            .timeout_s = 10.0};
}

radio_config_t radio_config_from_options(const options_t *options)
{
    radio_config_t config = radio_config_default();
    config.backend = options_string(options, "radio.backend");
    config.address = options_string(options, "radio.address");
    config.rate_hz = options_real(options, "radio.rate_hz");
    config.freq_hz = options_real(options, "radio.freq_hz");
    config.timeout_s = options_real(options, "radio.timeout_s");
    config.calibration = options_string(options, "radio.calibration");
    if (options_has(options, "radio.tx_gain_db")) {
        config.tx_gain_db = options_real(options, "radio.tx_gain_db");
    }
    if (options_has(options, "radio.rx_gain_db")) {
        config.rx_gain_db = options_real(options, "radio.rx_gain_db");
    }
    return config;
}
