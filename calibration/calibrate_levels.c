/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Levels against gain.  A radio's gain is set when it is opened, so each point opens it anew. */
#include "calibrate.h"
#include "calibration.h"

#include "probe.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>

typedef int (*measure_t)(session_t *session, double *dbfs, err_t *err);

static int noise(session_t *session, double *dbfs, err_t *err)
{
    return session_noise(session, dbfs, err);
}

/* Of the probe's stronger tone, as the other radio receives it. */
static int level(session_t *session, double *dbfs, err_t *err)
{
    estimate_t e;
    if (session_probe(session, &e, err) != 0) {
        return -1;
    }
    *dbfs = e.gain_db + 20.0 * log10(PROBE_LEVEL_A);
    return 0;
}

static int one(session_config_t config, bool receive, double gain_db, measure_t measure,
               json_t *list, err_t *err)
{
    double dbfs, actual_db;
    if (receive) {
        config.tx.rx_gain_db = config.rx.rx_gain_db = gain_db;
    } else {
        config.tx.tx_gain_db = gain_db;
    }
    session_t *s = session_open(&config, err);
    int code = s != NULL ? measure(s, &dbfs, err) : -1;
    if (code == 0) {
        actual_db = receive ? radio_rx_gain_db(session_rx(s)) : radio_tx_gain_db(session_tx(s));
        printf("%-16s %7.2f dB gain: %8.2f dBFS\n", receive ? "noise floor" : "transmit level",
               actual_db, dbfs);
        json_array_append_new(list, json_pack("[f, f]", actual_db, dbfs));
    }
    session_close(s);
    return code;
}

static int sweep(const calibrate_t *c, const char *option, bool receive, measure_t measure,
                 const char *key, json_t *root, err_t *err)
{
    /* The option is a text so that it may be empty; its elements are checked as gains. */
    const option_t gains = {
        .section = "calibrate", .name = "gains_db", .type = OPTION_REAL, .min = -120, .max = 120};
    const char *text = options_string(c->options, option);
    char **values = NULL;
    size_t count = 0;
    if (*text == 0) {
        return 0;
    }
    if (option_expand(&gains, text, &values, &count, err) != 0) {
        return err_prefix(err, "%s", option);
    }
    json_t *part = calibration_part(), *list = json_array();
    int code = 0;
    for (size_t i = 0; i < count && code == 0 && !program_stopped(0); i++) {
        code = one(c->session, receive, strtod(values[i], NULL), measure, list, err);
    }
    json_object_set_new(part, "dbfs_at_gain_db", list);
    json_object_set_new(root, key, part);
    option_values_free(values, count);
    return code;
}

int calibrate_noise_floor(const calibrate_t *c, json_t *rx_root, err_t *err)
{
    return sweep(c, "calibrate.rx_gains_db", true, noise, "noise_floor", rx_root, err);
}

int calibrate_tx_level(const calibrate_t *c, json_t *tx_root, err_t *err)
{
    return sweep(c, "calibrate.tx_gains_db", false, level, "tx_level", tx_root, err);
}
