/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding a USRP, making it and its streams. */
#include "radio/radio_uhd.h"

#include "clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int radio_uhd_failed(const radio_uhd_t *r, const radio_uhd_device_t *device, err_code_t code,
                     const char *what, err_t *err)
{
    char text[256] = "";
    if (device->usrp != NULL) {
        (void)r->uhd->usrp_last_error(device->usrp, text, sizeof text);
    } else {
        (void)r->uhd->get_last_error(text, sizeof text);
    }
    text[strcspn(text, "\n")] = '\0';
    return err_set(err, code, "USRP \"%s\": %s: %s", r->args, what,
                   text[0] != '\0' ? text : "UHD gives no reason");
}

/* "serial" of "type=usrp2,addr=…,serial=…" */
static void copy_value(const char *args, const char *key, char *value, size_t size)
{
    value[0] = '\0';
    for (const char *at = args; (at = strstr(at, key)) != NULL; at++) {
        if ((at == args || at[-1] == ',') && at[strlen(key)] == '=') {
            at += strlen(key) + 1;
            snprintf(value, size, "%.*s", (int)strcspn(at, ","), at);
            return;
        }
    }
}

/* The first device that fits the arguments; they become its own, with what the user gave. */
static int find(radio_uhd_t *r, radio_uhd_device_t *device, err_t *err)
{
    uhd_string_vector_handle found = NULL;
    size_t count = 0;
    char args[sizeof r->args] = "";
    if (r->uhd->string_vector_make(&found) != UHD_ERROR_NONE ||
        r->uhd->usrp_find(r->args, &found) != UHD_ERROR_NONE ||
        r->uhd->string_vector_size(found, &count) != UHD_ERROR_NONE) {
        (void)r->uhd->string_vector_free(&found);
        return radio_uhd_failed(r, device, ERR_ARGUMENT, "looking for it", err);
    }
    if (count > 0) {
        (void)r->uhd->string_vector_at(found, 0, args, sizeof args);
    }
    (void)r->uhd->string_vector_free(&found);
    if (count == 0) {
        return err_set(err, ERR_TIMEOUT,
                       "no USRP answers to --args \"%s\": is it on and connected, is the address "
                       "right, and does no other program use it?",
                       r->args);
    }
    copy_value(args, "serial", device->serial, sizeof device->serial);
    copy_value(args, "type", device->name, sizeof device->name);
    return 0;
}

static int make(radio_uhd_t *r, radio_uhd_device_t *device, err_t *err)
{
    /* A known kind spares UHD from asking on all its buses. */
    char args[sizeof r->args + 64];
    snprintf(args, sizeof args, "%s%s%s%s", r->args, r->args[0] != '\0' ? "," : "",
             strstr(r->args, "type=") == NULL && device->name[0] != '\0' ? "type=" : "",
             strstr(r->args, "type=") == NULL ? device->name : "");
    size_t receivers = 0, senders = 0;
    if (r->uhd->usrp_make(&device->usrp, args) != UHD_ERROR_NONE) {
        device->usrp = NULL;
        return radio_uhd_failed(r, device, ERR_TIMEOUT, "cannot open it", err);
    }
    (void)r->uhd->usrp_get_mboard_name(device->usrp, 0, device->name, sizeof device->name);
    (void)r->uhd->usrp_get_rx_num_channels(device->usrp, &receivers);
    (void)r->uhd->usrp_get_tx_num_channels(device->usrp, &senders);
    const size_t asked = (size_t)r->config.antennas;
    if (receivers < asked || senders < asked) {
        return err_set(err, ERR_UNSUPPORTED,
                       "USRP \"%s\" has %zu receive and %zu transmit channels, %zu are asked for",
                       r->args, receivers, senders, asked);
    }
    return 0;
}

/* --- streams --- */

static int make_streams(radio_uhd_t *r, radio_uhd_device_t *device, err_t *err)
{
    static char floats[] = "fc32", none[] = "", whole_bursts[] = "underflow_policy=next_burst";
    static char halved[] = "underflow_policy=next_burst,fullscale=2";
    char wire[16];
    size_t channels[RADIO_MAX_ANTENNAS] = {0, 1, 2, 3};
    snprintf(wire, sizeof wire, "%s", r->config.wire_format);
    uhd_stream_args_t args = {floats, wire, none, channels, r->config.antennas};
    if (r->uhd->rx_streamer_make(&device->rx) != UHD_ERROR_NONE ||
        r->uhd->tx_streamer_make(&device->tx) != UHD_ERROR_NONE ||
        r->uhd->rx_metadata_make(&device->rx_metadata) != UHD_ERROR_NONE ||
        r->uhd->async_metadata_make(&device->async_metadata) != UHD_ERROR_NONE ||
        r->uhd->tx_metadata_make(&device->tx_middle, false, 0, 0.0, false, false) !=
            UHD_ERROR_NONE ||
        r->uhd->tx_metadata_make(&device->tx_end, false, 0, 0.0, false, true) != UHD_ERROR_NONE) {
        return radio_uhd_failed(r, device, ERR_MEMORY, "making its streams", err);
    }
    if (r->uhd->usrp_get_rx_stream(device->usrp, &args, device->rx) != UHD_ERROR_NONE) {
        return radio_uhd_failed(r, device, ERR_UNSUPPORTED, "its receive stream (radio.otw)", err);
    }
    /* A burst with a hole in it is no use to anybody. */
    args.args = device->headroom_db > 0.0 ? halved : whole_bursts;
    if (r->uhd->usrp_get_tx_stream(device->usrp, &args, device->tx) != UHD_ERROR_NONE) {
        return radio_uhd_failed(r, device, ERR_UNSUPPORTED, "its transmit stream (radio.otw)", err);
    }
    (void)r->uhd->rx_streamer_max_num_samps(device->rx, &device->rx_packet);
    return 0;
}

int radio_uhd_device_open(radio_uhd_t *r, radio_uhd_device_t *device, radio_actual_t *actual,
                          err_t *err)
{
    *device = (radio_uhd_device_t){0};
    int result = find(r, device, err);
    result = result == 0 ? make(r, device, err) : result;
    result = result == 0 ? radio_uhd_settings_apply(r, device, actual, err) : result;
    result = result == 0 ? make_streams(r, device, err) : result;
    if (result < 0) {
        radio_uhd_device_close(r->uhd, device);
        return -1;
    }
    radio_uhd_settings_say(r, device, actual);
    return 0;
}

void radio_uhd_device_close(const radio_uhd_api_t *uhd, radio_uhd_device_t *device)
{
    if (device->rx != NULL) {
        (void)uhd->rx_streamer_free(&device->rx);
    }
    if (device->tx != NULL) {
        (void)uhd->tx_streamer_free(&device->tx);
    }
    if (device->rx_metadata != NULL) {
        (void)uhd->rx_metadata_free(&device->rx_metadata);
    }
    if (device->async_metadata != NULL) {
        (void)uhd->async_metadata_free(&device->async_metadata);
    }
    if (device->tx_middle != NULL) {
        (void)uhd->tx_metadata_free(&device->tx_middle);
    }
    if (device->tx_end != NULL) {
        (void)uhd->tx_metadata_free(&device->tx_end);
    }
    if (device->usrp != NULL) {
        (void)uhd->usrp_free(&device->usrp);
    }
    *device = (radio_uhd_device_t){0};
}

int radio_uhd_device_look(radio_uhd_t *r)
{
    int64_t seconds = 0;
    double fraction = 0.0;
    const uint64_t before_ns = clock_now_ns();
    if (r->uhd->usrp_get_time_now(r->device.usrp, 0, &seconds, &fraction) != UHD_ERROR_NONE) {
        return -1;
    }
    /* It read its clock somewhere between question and answer. */
    const int64_t then_ns = (int64_t)(before_ns + (clock_now_ns() - before_ns) / 2);
    const int64_t device_ns = seconds * 1000000000 + (int64_t)(fraction * 1e9);
    atomic_store(&r->clock_offset_ns, device_ns - then_ns);
    return 0;
}

int radio_uhd_device_stream(radio_uhd_t *r, bool start, double delay_s)
{
    uhd_stream_cmd_t command = {.stream_mode = start ? UHD_STREAM_MODE_START_CONTINUOUS
                                                     : UHD_STREAM_MODE_STOP_CONTINUOUS,
                                .stream_now = true};
    /* Several channels must begin together. */
    const double wait_s = start && r->config.antennas > 1 ? fmax(delay_s, 0.05) : delay_s;
    if (wait_s > 0.0) {
        command.stream_now = false;
        const uint64_t when = radio_uhd_now(r) + (uint64_t)(wait_s * r->actual.rate_hz);
        radio_uhd_time(r, when, &command.time_spec_full_secs, &command.time_spec_frac_secs);
    }
    return r->uhd->rx_streamer_issue_stream_cmd(r->device.rx, &command) == UHD_ERROR_NONE ? 0 : -1;
}
