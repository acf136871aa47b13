/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Setting a USRP, waiting until it has settled, and asking what it really does. */
#include "radio/radio_uhd.h"

#include "clock.h"
#include "log.h"

#include <math.h>
#include <string.h>

static const size_t ALL_BOARDS = SIZE_MAX; /* uhd::usrp::multi_usrp::ALL_MBOARDS */
static const double LOCK_S = 2.0;          /* a synthesiser may take so long */

/*
 * The USRP2 and N2x0 interpolate by a CIC filter, whose gain UHD takes out half in the device and
 * half in the host; where the host's half is 2 (after the half-bands a factor d with 2^ceil(3 log2
 * d) > 1.65 d^3, as the 13 of 7.69 MS/s), samples beyond 0.5 would be clipped on the wire.  There
 * we send half as much and ask for 6 dB more gain.
 */
static double headroom_db(const radio_uhd_t *r, const radio_uhd_device_t *device)
{
    if (strncmp(device->name, "N2", 2) != 0 && strncmp(device->name, "USRP2", 5) != 0) {
        return 0.0;
    }
    long d = lround(100e6 / r->config.rate_hz);
    for (int i = 0; i < 2 && d % 2 == 0; i++) {
        d /= 2;
    }
    const double power = (double)d * (double)d * (double)d;
    return exp2(ceil(log2(power))) > 1.65 * power ? 6.0 : 0.0;
}

static int set_clock(radio_uhd_t *r, radio_uhd_device_t *device, err_t *err)
{
    const radio_config_t *c = &r->config;
    if (c->reference[0] != '\0' &&
        r->uhd->usrp_set_clock_source(device->usrp, c->reference, ALL_BOARDS) != UHD_ERROR_NONE) {
        return radio_uhd_failed(r, device, ERR_UNSUPPORTED, "radio.ref", err);
    }
    if (c->pps[0] != '\0' &&
        r->uhd->usrp_set_time_source(device->usrp, c->pps, ALL_BOARDS) != UHD_ERROR_NONE) {
        return radio_uhd_failed(r, device, ERR_UNSUPPORTED, "radio.pps", err);
    }
    const bool pulse = c->pps[0] != '\0' && strcmp(c->pps, "none") != 0;
    if (pulse && r->uhd->usrp_set_time_unknown_pps(device->usrp, 0, 0.0) != UHD_ERROR_NONE) {
        return radio_uhd_failed(r, device, ERR_TIMEOUT, "waiting for a pulse per second", err);
    }
    if (!pulse && r->uhd->usrp_set_time_now(device->usrp, 0, 0.0, ALL_BOARDS) != UHD_ERROR_NONE) {
        return radio_uhd_failed(r, device, ERR_IO, "setting its time", err);
    }
    return 0;
}

static uhd_tune_request_t tuning(const radio_config_t *c)
{
    static char no_args[] = "";
    uhd_tune_request_t request = {.target_freq = c->freq_hz,
                                  .rf_freq_policy = UHD_TUNE_REQUEST_POLICY_AUTO,
                                  .dsp_freq_policy = UHD_TUNE_REQUEST_POLICY_AUTO,
                                  .args = no_args};
    if (c->lo_offset_hz != 0.0) {
        request.rf_freq_policy = UHD_TUNE_REQUEST_POLICY_MANUAL;
        request.rf_freq = c->freq_hz + c->lo_offset_hz;
    }
    return request;
}

static int set_rx(radio_uhd_t *r, radio_uhd_device_t *device, size_t channel, err_t *err)
{
    const radio_config_t *c = &r->config;
    uhd_tune_request_t request = tuning(c);
    uhd_tune_result_t result;
    /* The antenna of --ant may be one of the other direction only. */
    if (c->antenna[0] != '\0' &&
        r->uhd->usrp_set_rx_antenna(device->usrp, c->antenna, channel) != UHD_ERROR_NONE) {
        return radio_uhd_failed(r, device, ERR_ARGUMENT, "radio.ant", err);
    }
    if (r->uhd->usrp_set_rx_rate(device->usrp, c->rate_hz, channel) != UHD_ERROR_NONE ||
        r->uhd->usrp_set_rx_freq(device->usrp, &request, channel, &result) != UHD_ERROR_NONE ||
        r->uhd->usrp_set_rx_gain(device->usrp, c->rx_gain_db, channel, "") != UHD_ERROR_NONE ||
        (c->bandwidth_hz > 0.0 &&
         r->uhd->usrp_set_rx_bandwidth(device->usrp, c->bandwidth_hz, channel) != UHD_ERROR_NONE)) {
        return radio_uhd_failed(r, device, ERR_UNSUPPORTED, "setting the receiver", err);
    }
    return 0;
}

static int set_tx(radio_uhd_t *r, radio_uhd_device_t *device, size_t channel, err_t *err)
{
    const radio_config_t *c = &r->config;
    uhd_tune_request_t request = tuning(c);
    uhd_tune_result_t result;
    (void)(c->antenna[0] != '\0' &&
           r->uhd->usrp_set_tx_antenna(device->usrp, c->antenna, channel) != UHD_ERROR_NONE);
    if (r->uhd->usrp_set_tx_rate(device->usrp, c->rate_hz, channel) != UHD_ERROR_NONE ||
        r->uhd->usrp_set_tx_freq(device->usrp, &request, channel, &result) != UHD_ERROR_NONE ||
        r->uhd->usrp_set_tx_gain(device->usrp, c->tx_gain_db + device->headroom_db, channel, "") !=
            UHD_ERROR_NONE ||
        (c->bandwidth_hz > 0.0 &&
         r->uhd->usrp_set_tx_bandwidth(device->usrp, c->bandwidth_hz, channel) != UHD_ERROR_NONE)) {
        return radio_uhd_failed(r, device, ERR_UNSUPPORTED, "setting the transmitter", err);
    }
    return 0;
}

/* --- sensors --- */

typedef enum { SENSOR_RX, SENSOR_TX, SENSOR_BOARD } sensor_t;

static bool has_sensor(const radio_uhd_t *r, radio_uhd_device_t *device, sensor_t kind,
                       const char *name)
{
    uhd_string_vector_handle names = NULL;
    size_t count = 0;
    bool found = false;
    (void)r->uhd->string_vector_make(&names);
    if (kind == SENSOR_RX) {
        (void)r->uhd->usrp_get_rx_sensor_names(device->usrp, 0, &names);
    } else if (kind == SENSOR_TX) {
        (void)r->uhd->usrp_get_tx_sensor_names(device->usrp, 0, &names);
    } else {
        (void)r->uhd->usrp_get_mboard_sensor_names(device->usrp, 0, &names);
    }
    (void)r->uhd->string_vector_size(names, &count);
    for (size_t i = 0; i < count; i++) {
        char text[64] = "";
        (void)r->uhd->string_vector_at(names, i, text, sizeof text);
        found = found || strcmp(text, name) == 0;
    }
    (void)r->uhd->string_vector_free(&names);
    return found;
}

static bool sensor_says_yes(const radio_uhd_t *r, radio_uhd_device_t *device, sensor_t kind,
                            const char *name)
{
    uhd_sensor_value_handle value = NULL;
    bool yes = false;
    uhd_error failure = r->uhd->sensor_value_make(&value);
    if (failure == UHD_ERROR_NONE) {
        failure = kind == SENSOR_RX ? r->uhd->usrp_get_rx_sensor(device->usrp, name, 0, &value)
                  : kind == SENSOR_TX
                      ? r->uhd->usrp_get_tx_sensor(device->usrp, name, 0, &value)
                      : r->uhd->usrp_get_mboard_sensor(device->usrp, name, 0, &value);
    }
    if (failure == UHD_ERROR_NONE) {
        (void)r->uhd->sensor_value_to_bool(value, &yes);
    }
    (void)r->uhd->sensor_value_free(&value);
    return yes;
}

static int await_lock(const radio_uhd_t *r, radio_uhd_device_t *device, sensor_t kind,
                      const char *name, const char *what, err_t *err)
{
    const uint64_t deadline = clock_now_ns() + (uint64_t)(LOCK_S * 1e9);
    if (!has_sensor(r, device, kind, name)) {
        return 0;
    }
    while (!sensor_says_yes(r, device, kind, name)) {
        if (clock_now_ns() > deadline) {
            return err_set(err, ERR_STATE, "USRP \"%s\": %s does not lock within %g s", r->args,
                           what, LOCK_S);
        }
        clock_sleep_s(0.01);
    }
    return 0;
}

static int await_locks(const radio_uhd_t *r, radio_uhd_device_t *device, err_t *err)
{
    const char *reference = r->config.reference;
    const bool external = reference[0] != '\0' && strcmp(reference, "internal") != 0;
    if (await_lock(r, device, SENSOR_RX, "lo_locked", "the receiver's synthesiser", err) < 0 ||
        await_lock(r, device, SENSOR_TX, "lo_locked", "the transmitter's synthesiser", err) < 0) {
        return -1;
    }
    return external ? await_lock(r, device, SENSOR_BOARD, "ref_locked", "the reference", err) : 0;
}

static int read_actual(const radio_uhd_t *r, radio_uhd_device_t *device, radio_actual_t *actual,
                       err_t *err)
{
    double tx_rate_hz = 0.0;
    if (r->uhd->usrp_get_rx_rate(device->usrp, 0, &actual->rate_hz) != UHD_ERROR_NONE ||
        r->uhd->usrp_get_tx_rate(device->usrp, 0, &tx_rate_hz) != UHD_ERROR_NONE ||
        r->uhd->usrp_get_rx_freq(device->usrp, 0, &actual->freq_hz) != UHD_ERROR_NONE ||
        r->uhd->usrp_get_tx_gain(device->usrp, 0, "", &actual->tx_gain_db) != UHD_ERROR_NONE ||
        r->uhd->usrp_get_rx_gain(device->usrp, 0, "", &actual->rx_gain_db) != UHD_ERROR_NONE) {
        return radio_uhd_failed(r, device, ERR_IO, "reading what it does", err);
    }
    actual->tx_gain_db -= device->headroom_db;
    if (!(fabs(actual->tx_gain_db - r->config.tx_gain_db) < 1.0) && device->headroom_db > 0.0) {
        log_warn("USRP \"%s\": at this rate UHD clips samples beyond 0.5; they are halved, and the "
                 "gain can't make up for it: asked for %g dB, it is %g dB",
                 r->args, r->config.tx_gain_db, actual->tx_gain_db);
    }
    if (!(fabs(tx_rate_hz - actual->rate_hz) <= 1e-9 * actual->rate_hz)) {
        return err_set(err, ERR_UNSUPPORTED,
                       "USRP \"%s\" can receive at %.9g and send at %.9g S/s, but not both at %.9g",
                       r->args, actual->rate_hz, tx_rate_hz, r->config.rate_hz);
    }
    if (!(fabs(actual->rate_hz / r->config.rate_hz - 1.0) < 0.01)) {
        return err_set(err, ERR_UNSUPPORTED,
                       "USRP \"%s\" cannot do radio.rate_hz = %.9g: the nearest is %.9g", r->args,
                       r->config.rate_hz, actual->rate_hz);
    }
    if (!(fabs(actual->freq_hz - r->config.freq_hz) < 1e3)) {
        return err_set(err, ERR_UNSUPPORTED,
                       "USRP \"%s\" cannot do radio.freq_hz = %.10g: the nearest is %.10g", r->args,
                       r->config.freq_hz, actual->freq_hz);
    }
    return 0;
}

void radio_uhd_settings_say(const radio_uhd_t *r, radio_uhd_device_t *device,
                            const radio_actual_t *actual)
{
    char rx_antenna[16] = "", tx_antenna[16] = "";
    double bandwidth_hz = 0.0;
    (void)r->uhd->usrp_get_rx_antenna(device->usrp, 0, rx_antenna, sizeof rx_antenna);
    (void)r->uhd->usrp_get_tx_antenna(device->usrp, 0, tx_antenna, sizeof tx_antenna);
    (void)r->uhd->usrp_get_rx_bandwidth(device->usrp, 0, &bandwidth_hz);
    log_info("%s, serial %s: %.9g S/s, %.10g Hz, gain %g dB in (%s), %g dB out (%s), bandwidth %g "
             "MHz, %s",
             device->name, device->serial, actual->rate_hz, actual->freq_hz, actual->rx_gain_db,
             rx_antenna, actual->tx_gain_db, tx_antenna, bandwidth_hz * 1e-6,
             r->config.wire_format);
}

int radio_uhd_settings_apply(radio_uhd_t *r, radio_uhd_device_t *device, radio_actual_t *actual,
                             err_t *err)
{
    device->headroom_db = headroom_db(r, device);
    int result = set_clock(r, device, err);
    for (int i = 0; i < r->config.antennas && result == 0; i++) {
        result = set_rx(r, device, (size_t)i, err);
        result = result == 0 ? set_tx(r, device, (size_t)i, err) : result;
    }
    result = result == 0 ? await_locks(r, device, err) : result;
    return result == 0 ? read_actual(r, device, actual, err) : result;
}

/* Alone with the device: UHD notes each call's error in the handle, whichever thread calls. */
int radio_uhd_settings_gain(void *self, bool tx, double gain_db, double *actual_db, err_t *err)
{
    radio_uhd_t *r = self;
    uhd_error failure = UHD_ERROR_NONE;
    pthread_rwlock_wrlock(&r->use);
    *(tx ? &r->config.tx_gain_db : &r->config.rx_gain_db) = gain_db; /* also for its next life */
    radio_uhd_device_t *device = &r->device;
    int code = 0;
    if (atomic_load(&r->gone)) {
        code = err_set(err, ERR_CLOSED, "USRP \"%s\" is gone; it will come back with that gain",
                       r->args);
    }
    for (size_t i = 0; i < (size_t)r->config.antennas && code == 0 && failure == UHD_ERROR_NONE; i++) {
        failure = tx ? r->uhd->usrp_set_tx_gain(device->usrp, gain_db + device->headroom_db, i, "")
                     : r->uhd->usrp_set_rx_gain(device->usrp, gain_db, i, "");
    }
    if (code == 0 && failure == UHD_ERROR_NONE) {
        failure = tx ? r->uhd->usrp_get_tx_gain(device->usrp, 0, "", actual_db)
                     : r->uhd->usrp_get_rx_gain(device->usrp, 0, "", actual_db);
        *actual_db -= tx ? device->headroom_db : 0.0;
    }
    if (failure != UHD_ERROR_NONE) {
        code = radio_uhd_failed(r, device, ERR_UNSUPPORTED, "setting a gain", err);
    }
    pthread_rwlock_unlock(&r->use);
    return code;
}
