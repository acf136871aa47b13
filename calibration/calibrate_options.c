/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "calibrate.h"

#include <string.h>

const option_t calibrate_options[] = {
    {.section = "calibrate",
     .name = "receiver",
     .type = OPTION_STRING,
     .help = "address of the radio that listens (radio.address is the one that sends); empty: that "
             "one, looped back"},
    {.section = "calibrate",
     .name = "folder",
     .type = OPTION_STRING,
     .fallback = "calibrations",
     .help = "where the files are, SERIAL.json each"},
    {.section = "calibrate",
     .name = "tx_serial",
     .type = OPTION_STRING,
     .help = "name of the sending radio's file, for radios without a serial number"},
    {.section = "calibrate",
     .name = "rx_serial",
     .type = OPTION_STRING,
     .help = "name of the listening radio's file, for radios without a serial number"},
    {.section = "calibrate",
     .name = "offset_hz",
     .type = OPTION_REAL,
     .unit = "Hz",
     .fallback = "100k",
     .min = -10e6,
     .max = 10e6,
     .help = "the receiver is tuned this much above the transmitter, to tell their images apart"},
    {.section = "calibrate",
     .name = "tx_gain_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "0",
     .min = -120,
     .max = 120,
     .help = "transmit gain"},
    {.section = "calibrate",
     .name = "rx_gain_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "0",
     .min = -120,
     .max = 120,
     .help = "receive gain"},
    {.section = "calibrate",
     .name = "tx_gains_db",
     .type = OPTION_STRING,
     .help = "also measure the transmit level at these gains: 0:10:30 or 0,5,20"},
    {.section = "calibrate",
     .name = "rx_gains_db",
     .type = OPTION_STRING,
     .help = "also measure the noise floor at these gains"},
    {0}};

static int copy_serial(char to[64], const options_t *options, const char *key, err_t *err)
{
    const char *from = options_string(options, key);
    if (strlen(from) >= 64) {
        return err_set(err, ERR_ARGUMENT, "%s is longer than 63 letters", key);
    }
    strcpy(to, from);
    return 0;
}

int calibrate_from_options(calibrate_t *c, const options_t *o, err_t *err)
{
    memset(c, 0, sizeof *c);
    c->options = o;
    c->folder = options_string(o, "calibrate.folder");
    c->session.tx = radio_config_from_options(o);
    if (*c->session.tx.calibration != 0) {
        return err_set(err, ERR_ARGUMENT,
                       "radio.calibration: measuring wants the bare radio; verify takes the files "
                       "from calibrate.folder");
    }
    c->session.rx = c->session.tx;
    c->session.rx.address = options_string(o, "calibrate.receiver");
    c->session.rx.freq_hz += options_real(o, "calibrate.offset_hz");
    c->session.tx.tx_gain_db = options_real(o, "calibrate.tx_gain_db");
    c->session.tx.rx_gain_db = options_real(o, "calibrate.rx_gain_db");
    c->session.rx.rx_gain_db = options_real(o, "calibrate.rx_gain_db");
    return copy_serial(c->tx_serial, o, "calibrate.tx_serial", err) != 0 ||
                   copy_serial(c->rx_serial, o, "calibrate.rx_serial", err) != 0
               ? -1
               : 0;
}
