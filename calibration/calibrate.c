/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "calibrate.h"

#include "calibration.h"
#include "file.h"
#include "log.h"

#include <math.h>
#include <string.h>

typedef struct {
    char path[512], serial[64];
    json_t *root;
} side_file_t;

/* Whose file: the radio's own serial number, or the name given by option. */
static int open_file(side_file_t *f, const calibrate_t *c, const radio_t *radio, const char *given,
                     const char *option, err_t *err)
{
    const char *serial = *given != 0 ? given : radio_serial(radio);
    if (*serial == 0) {
        return err_set(err, ERR_ARGUMENT, "this radio has no serial number: give it a name with %s",
                       option);
    }
    snprintf(f->serial, sizeof f->serial, "%.63s", serial);
    if (correction_path(f->path, sizeof f->path, c->folder, f->serial, err) != 0) {
        return -1;
    }
    f->root = calibration_load(f->path, f->serial, err);
    return f->root != NULL ? 0 : -1;
}

static json_t *pair_of(double complex value)
{
    return json_pack("[f, f]", creal(value), cimag(value));
}

static void put_side(json_t *root, const char *key, const correction_side_t *side, double dc_dbc,
                     double image_dbc)
{
    json_t *part = calibration_part();
    json_object_set_new(part, "freq_hz", json_real(side->freq_hz));
    json_object_set_new(part, "gain_db", json_real(side->gain_db));
    json_object_set_new(part, "dc", pair_of(side->dc));
    json_object_set_new(part, "image", pair_of(side->image));
    json_object_set_new(part, "dc_dbc", json_real(dc_dbc));
    json_object_set_new(part, "image_dbc", json_real(image_dbc));
    json_object_set_new(root, key, part);
}

static double carrier_hz(session_t *s, const estimate_t *e)
{
    return e->carrier * radio_rate_hz(session_rx(s)) + radio_freq_hz(session_rx(s)) -
           radio_freq_hz(session_tx(s));
}

static void put_pair(session_t *s, const estimate_t *e, const char *peer, json_t *root)
{
    const double hz = carrier_hz(s, e);
    json_t *part = calibration_part();
    json_object_set_new(part, "peer", json_string(peer));
    json_object_set_new(part, "carrier_hz", json_real(hz));
    json_object_set_new(part, "carrier_ppm",
                        json_real(1e6 * hz / fmax(radio_freq_hz(session_tx(s)), 1.0)));
    json_object_set_new(part, "clock_ppm", json_real(e->clock_ppm));
    json_object_set_new(part, "delay_samples", json_real(e->delay));
    json_object_set_new(part, "gain_db", json_real(e->gain_db));
    json_object_set_new(part, "snr_db", json_real(e->snr_db));
    json_object_set_new(root, "pair", part);
}

static void say(session_t *s, const estimate_t *e)
{
    const double hz = carrier_hz(s, e);
    printf("transmitter      DC %7.2f dBc   image %7.2f dBc\n", e->tx_dc_dbc, e->tx_image_dbc);
    printf("receiver         DC %7.2f dBc   image %7.2f dBc\n", e->rx_dc_dbc, e->rx_image_dbc);
    printf("carrier offset   %.3f Hz, %.5f ppm (transmitter against receiver)\n", hz,
           1e6 * hz / fmax(radio_freq_hz(session_tx(s)), 1.0));
    printf("sample clock     %.5f ppm\n", e->clock_ppm);
    printf("delay            %.3f samples\n", e->delay);
    printf("gain             %.2f dB, SNR %.1f dB\n", e->gain_db, e->snr_db);
}

static int open_both(const calibrate_t *c, session_t *s, side_file_t *tx, side_file_t *rx,
                     err_t *err)
{
    if (open_file(tx, c, session_tx(s), c->tx_serial, "calibrate.tx_serial", err) != 0) {
        return -1;
    }
    if (session_rx(s) == session_tx(s) && *c->rx_serial == 0) {
        *rx = *tx;
        json_incref(rx->root);
        return 0;
    }
    return open_file(rx, c, session_rx(s), c->rx_serial, "calibrate.rx_serial", err);
}

static int save_both(const side_file_t *tx, const side_file_t *rx, err_t *err)
{
    if (calibration_save(tx->path, tx->root, err) != 0 ||
        (rx->root != tx->root && calibration_save(rx->path, rx->root, err) != 0)) {
        return -1;
    }
    log_info("written: %s%s%s", tx->path, rx->root != tx->root ? ", " : "",
             rx->root != tx->root ? rx->path : "");
    return 0;
}

static int measure(session_t *s, side_file_t *tx, side_file_t *rx, err_t *err)
{
    estimate_t e;
    if (session_probe(s, &e, err) != 0) {
        return -1;
    }
    say(s, &e);
    const correction_side_t tx_side = {.dc = e.tx_dc,
                                       .image = e.tx_image,
                                       .freq_hz = radio_freq_hz(session_tx(s)),
                                       .gain_db = radio_tx_gain_db(session_tx(s))};
    const correction_side_t rx_side = {.dc = e.rx_dc,
                                       .image = e.rx_image,
                                       .freq_hz = radio_freq_hz(session_rx(s)),
                                       .gain_db = radio_rx_gain_db(session_rx(s))};
    put_side(tx->root, "tx", &tx_side, e.tx_dc_dbc, e.tx_image_dbc);
    put_side(rx->root, "rx", &rx_side, e.rx_dc_dbc, e.rx_image_dbc);
    put_pair(s, &e, rx->serial, tx->root);
    return 0;
}

int calibrate_measure(calibrate_t *c, err_t *err)
{
    side_file_t tx = {.root = NULL}, rx = {.root = NULL};
    if (file_make_folder(c->folder, err) != 0) {
        return err_prefix(err, "calibrate.folder");
    }
    session_t *s = session_open(&c->session, err);
    int code = s == NULL || open_both(c, s, &tx, &rx, err) != 0 ? -1 : 0;
    code = code == 0 ? measure(s, &tx, &rx, err) : code;
    session_close(s); /* the sweeps open the radios anew for each gain */
    if (code == 0) {
        code = calibrate_noise_floor(c, rx.root, err) != 0 ||
                       calibrate_tx_level(c, tx.root, err) != 0 || save_both(&tx, &rx, err) != 0
                   ? -1
                   : 0;
    }
    json_decref(tx.root);
    json_decref(rx.root);
    return code;
}

/* ---- verify ---- */

static double number_of(const json_t *root, const char *part, const char *key)
{
    const json_t *value = json_object_get(json_object_get(root, part), key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* One line, and into the file. */
static void compare(json_t *root, const char *part, const char *key, const char *name, double now)
{
    char verified[32];
    const double before = number_of(root, part, key);
    snprintf(verified, sizeof verified, "verified_%s", key);
    printf("%-18s %7.2f dBc before, %7.2f dBc now: %6.2f dB better\n", name, before, now,
           before - now);
    json_object_set_new(json_object_get(root, part), verified, json_real(now));
}

static int verify(session_t *s, side_file_t *tx, side_file_t *rx, err_t *err)
{
    estimate_t e;
    if (session_probe(s, &e, err) != 0) {
        return -1;
    }
    compare(tx->root, "tx", "dc_dbc", "transmitter DC", e.tx_dc_dbc);
    compare(tx->root, "tx", "image_dbc", "transmitter image", e.tx_image_dbc);
    compare(rx->root, "rx", "dc_dbc", "receiver DC", e.rx_dc_dbc);
    compare(rx->root, "rx", "image_dbc", "receiver image", e.rx_image_dbc);
    const double clock = number_of(tx->root, "pair", "clock_ppm");
    printf("sample clock       %.5f ppm before, %.5f ppm now: moved by %.5f\n", clock, e.clock_ppm,
           e.clock_ppm - clock);
    json_object_set_new(json_object_get(tx->root, "pair"), "verified_clock_ppm",
                        json_real(e.clock_ppm));
    return save_both(tx, rx, err);
}

/* A radio whose file is named by option has no serial number of its own to find it by. */
static const char *calibration_of(const calibrate_t *c, const char *given, char path[512],
                                  err_t *err)
{
    if (*given == 0) {
        return c->folder;
    }
    return correction_path(path, 512, c->folder, given, err) == 0 ? path : NULL;
}

int calibrate_verify(calibrate_t *c, err_t *err)
{
    side_file_t tx = {.root = NULL}, rx = {.root = NULL};
    char tx_path[512], rx_path[512];
    c->session.tx.calibration = calibration_of(c, c->tx_serial, tx_path, err);
    c->session.rx.calibration = calibration_of(c, c->rx_serial, rx_path, err);
    if (c->session.tx.calibration == NULL || c->session.rx.calibration == NULL) {
        return -1;
    }
    session_t *s = session_open(&c->session, err);
    int code = s == NULL || open_both(c, s, &tx, &rx, err) != 0 ? -1 : 0;
    if (code == 0 &&
        (json_object_get(tx.root, "tx") == NULL || json_object_get(rx.root, "rx") == NULL)) {
        code = err_set(err, ERR_STATE, "nothing was measured for %s sending and %s listening",
                       tx.serial, rx.serial);
    }
    code = code == 0 ? verify(s, &tx, &rx, err) : code;
    session_close(s);
    json_decref(tx.root);
    json_decref(rx.root);
    return code;
}
