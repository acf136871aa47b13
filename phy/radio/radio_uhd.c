/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_uhd.h"

#include "clock.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void radio_uhd_time(const radio_uhd_t *r, uint64_t timestamp, int64_t *seconds, double *fraction)
{
    const long double time = (long double)timestamp / (long double)r->actual.rate_hz;
    *seconds = (int64_t)floorl(time);
    *fraction = (double)(time - floorl(time));
}

/* A device's ticks are a whole number to a sample, so samples may lie at any n / N of one: the edge
   of rounding is where none lies. */
uint64_t radio_uhd_timestamp(const radio_uhd_t *r, int64_t seconds, double fraction)
{
    const long double time = (long double)seconds + (long double)fraction;
    const long double samples = floorl(time * (long double)r->actual.rate_hz + 0.499L);
    return samples > 0.0L ? (uint64_t)samples : 0;
}

uint64_t radio_uhd_now(void *self)
{
    radio_uhd_t *r = self;
    if (atomic_load(&r->gone)) {
        return 0;
    }
    const int64_t now_ns = (int64_t)clock_now_ns() + atomic_load(&r->clock_offset_ns);
    return now_ns > 0 ? (uint64_t)((long double)now_ns * 1e-9L * r->actual.rate_hz) : 0;
}

bool radio_uhd_hold(radio_uhd_t *r)
{
    if (atomic_load(&r->gone)) {
        return false;
    }
    pthread_rwlock_rdlock(&r->use);
    if (atomic_load(&r->gone)) {
        pthread_rwlock_unlock(&r->use);
        return false;
    }
    return true;
}

void radio_uhd_let_go(radio_uhd_t *r)
{
    pthread_rwlock_unlock(&r->use);
}

/*
 * Two programs that open one USRP take it from each other without a word.  Among ours, a name in
 * the kernel's list of sockets says who was first; it goes with the program.
 */
static int claim(const char *args, err_t *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot open a socket");
    }
    const int length =
        snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "semradio-uhd %s", args);
    const size_t most = sizeof name.sun_path - 2,
                 size = (size_t)length < most ? (size_t)length : most;
    if (bind(fd, (const struct sockaddr *)&name,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + size)) < 0) {
        close(fd);
        return err_set(err, ERR_STATE, "the USRP \"%s\" is in use by another semradio program",
                       args);
    }
    return fd;
}

static void uhd_close(void *self)
{
    radio_uhd_t *r = self;
    radio_uhd_watch_stop(r);
    if (r->uhd != NULL) {
        if (atomic_load(&r->started) && !atomic_load(&r->gone)) {
            (void)radio_uhd_device_stream(r, false, 0.0);
        }
        radio_uhd_device_close(r->uhd, &r->device);
    }
    if (r->claim >= 0) {
        close(r->claim);
    }
    for (int i = 0; i < RADIO_MAX_ANTENNAS; i++) {
        free(r->stash[i]);
    }
    pthread_rwlock_destroy(&r->use);
    pthread_mutex_destroy(&r->event_lock);
    pthread_mutex_destroy(&r->tx_lock);
    free(r);
}

/* The caller's strings may go after radio_open. */
static int copy_config(radio_uhd_t *r, const radio_config_t *config, err_t *err)
{
    const char **texts[] = {&r->config.antenna, &r->config.reference, &r->config.pps,
                            &r->config.wire_format};
    r->config = *config;
    if (strlen(config->address) >= sizeof r->args) {
        return err_set(err, ERR_ARGUMENT, "radio.address is longer than %zu letters",
                       sizeof r->args - 1);
    }
    strcpy(r->args, config->address);
    r->config.address = r->args;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = *texts[i] != NULL ? *texts[i] : "";
        if (strlen(text) >= sizeof r->text[i]) {
            return err_set(err, ERR_ARGUMENT, "radio: \"%s\" is too long", text);
        }
        strcpy(r->text[i], text);
        *texts[i] = r->text[i];
    }
    return 0;
}

static int set_up(radio_uhd_t *r, const radio_config_t *config, err_t *err)
{
    if (copy_config(r, config, err) < 0) {
        return -1;
    }
    for (int i = 0; i < config->antennas; i++) {
        r->stash[i] = malloc(RADIO_UHD_STASH * sizeof *r->stash[i]);
        if (r->stash[i] == NULL) {
            return err_set(err, ERR_MEMORY, "no memory for a radio");
        }
    }
    r->uhd = radio_uhd_api(err);
    if (r->uhd == NULL) {
        return -1;
    }
    r->claim = claim(config->address, err);
    return r->claim < 0 ? -1 : 0;
}

static int open_device(radio_uhd_t *r, double timeout_s, err_t *err)
{
    const uint64_t deadline = clock_now_ns() + (uint64_t)(fmin(timeout_s, 1e9) * 1e9);
    for (;;) {
        err_t why = ERR_INIT;
        if (radio_uhd_device_open(r, &r->device, &r->actual, &why) == 0) {
            atomic_store(&r->life, 1);
            return radio_uhd_device_look(r);
        }
        if (why.code != ERR_TIMEOUT || clock_now_ns() >= deadline) {
            return err_set(err, why.code, "%s", why.text);
        }
        clock_sleep_s(0.1);
    }
}

static void *uhd_open(const radio_config_t *config, radio_actual_t *actual, err_t *err)
{
    radio_uhd_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a radio");
        return NULL;
    }
    r->claim = -1;
    pthread_rwlock_init(&r->use, NULL);
    pthread_mutex_init(&r->event_lock, NULL);
    pthread_mutex_init(&r->tx_lock, NULL);
    if (set_up(r, config, err) < 0 || open_device(r, config->timeout_s, err) < 0) {
        uhd_close(r);
        return NULL;
    }
    memcpy(r->serial, r->device.serial, sizeof r->serial); /* before another thread looks for it */
    if (radio_uhd_watch_start(r, err) < 0) {
        uhd_close(r);
        return NULL;
    }
    *actual = r->actual;
    return r;
}

static int uhd_start(void *self, err_t *err)
{
    radio_uhd_t *r = self;
    if (atomic_load(&r->started)) {
        return err_set(err, ERR_STATE, "the radio is already receiving");
    }
    r->synchronous = false;
    r->overflowed = r->out_of_sequence = false;
    r->stash_count = 0;
    r->silent_since_ns = clock_now_ns();
    if (radio_uhd_hold(r)) { /* else: when it is back */
        (void)radio_uhd_device_stream(r, true, 0.0);
        radio_uhd_let_go(r);
    }
    atomic_store(&r->started, true);
    return 0;
}

static int uhd_stop(void *self, err_t *err)
{
    (void)err;
    radio_uhd_t *r = self;
    if (atomic_exchange(&r->started, false) && radio_uhd_hold(r)) {
        (void)radio_uhd_device_stream(r, false, 0.0);
        radio_uhd_let_go(r);
    }
    return 0;
}

/* The device that was opened first; one that comes back is looked for by its number. */
static const char *uhd_serial(void *self)
{
    const radio_uhd_t *r = self;
    return r->serial;
}

const radio_backend_t radio_backend_uhd = {
    .name = "uhd",
    .most_antennas = RADIO_MAX_ANTENNAS,
    .open = uhd_open,
    .close = uhd_close,
    .start = uhd_start,
    .stop = uhd_stop,
    .push = radio_uhd_push,
    .pull = radio_uhd_pull,
    .next_event = radio_uhd_next_event,
    .counts = radio_uhd_counts,
    .now = radio_uhd_now,
    .set_gain = radio_uhd_settings_gain,
    .drained = radio_uhd_drained,
    .serial = uhd_serial,
};
