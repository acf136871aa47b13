/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio.h"

#include <string.h>

const option_t radio_options[] = {
    {.section = "radio",
     .name = "backend",
     .type = OPTION_CHOICE,
     .fallback = "air",
     .choices = "air|uhd|zmq|file",
     .help = "kind of radio: air is the emulator (start semradio-air), uhd a USRP, zmq GNU Radio "
             "and others, file a recording"},
    {.section = "radio",
     .name = "address",
     .type = OPTION_STRING,
     .fallback = "semradio",
     .alias = "args",
     .help =
         "which radio; air: the name given to semradio-air; uhd: addr=... or serial=...; others: "
         "key=value,… (docs/RADIOS.md)"},
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
    {.section = "radio",
     .name = "lo_offset_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "0",
     .min = -100e6,
     .max = 100e6,
     .alias = "lo-offset",
     .help = "uhd: local oscillator beside the carrier, which moves its leakage out of the band"},
    {.section = "radio",
     .name = "bandwidth_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .alias = "bw",
     .help = "uhd: analogue filters; 0 leaves them as they are"},
    {.section = "radio",
     .name = "antenna",
     .type = OPTION_STRING,
     .fallback = "",
     .alias = "ant",
     .help = "uhd: connector, TX/RX or RX2"},
    {.section = "radio",
     .name = "reference",
     .type = OPTION_STRING,
     .fallback = "",
     .alias = "ref",
     .help = "uhd: clock reference, internal, external, mimo or gpsdo"},
    {.section = "radio",
     .name = "pps",
     .type = OPTION_STRING,
     .fallback = "",
     .alias = "pps",
     .help = "uhd: pulse at which its time starts, external, mimo or gpsdo; none: at once"},
    {.section = "radio",
     .name = "wire_format",
     .type = OPTION_CHOICE,
     .fallback = "sc16",
     .choices = "sc16|sc8",
     .alias = "otw",
     .help = "uhd: samples on the wire, 16 or 8 bits"},
    {0}};

const option_t radio_tx_options[] = {
    {.section = "radio",
     .name = "tx_gain_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "0",
     .min = -120,
     .max = 120,
     .flags = OPTION_RUNTIME,
     .alias = "gain",
     .help = "transmit gain; air: 0 leaves the samples as they are"},
    {0}};

const option_t radio_rx_options[] = {
    {.section = "radio",
     .name = "rx_gain_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "0",
     .min = -120,
     .max = 120,
     .flags = OPTION_RUNTIME,
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
                            .wire_format = "sc16",
                            .timeout_s = 10.0};
}

radio_config_t radio_config_from_options(const options_t *options)
{
    radio_config_t config = radio_config_default();
    config.backend = options_string(options, "radio.backend");
    config.address = options_string(options, "radio.address");
    if (strcmp(config.backend, "uhd") == 0 && !options_given(options, "radio.address")) {
        config.address = ""; /* whichever USRP is there */
    }
    config.rate_hz = options_real(options, "radio.rate_hz");
    config.freq_hz = options_real(options, "radio.freq_hz");
    config.timeout_s = options_real(options, "radio.timeout_s");
    config.lo_offset_hz = options_real(options, "radio.lo_offset_hz");
    config.bandwidth_hz = options_real(options, "radio.bandwidth_hz");
    config.antenna = options_string(options, "radio.antenna");
    config.reference = options_string(options, "radio.reference");
    config.pps = options_string(options, "radio.pps");
    config.wire_format = options_string(options, "radio.wire_format");
    config.calibration = options_string(options, "radio.calibration");
    if (options_has(options, "radio.tx_gain_db")) {
        config.tx_gain_db = options_real(options, "radio.tx_gain_db");
    }
    if (options_has(options, "radio.rx_gain_db")) {
        config.rx_gain_db = options_real(options, "radio.rx_gain_db");
    }
    return config;
}
