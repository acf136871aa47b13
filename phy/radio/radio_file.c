/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_file.h"
#include "radio/radio_args.h"

#include "log.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static void file_radio_close(void *self)
{
    radio_file_t *r = self;
    err_t err = ERR_INIT;
    if (recorder_close(r->recorder, &err) != 0) {
        log_error("%s", err.text);
    }
    if (r->fd >= 0) {
        (void)close(r->fd);
    }
    sigmf_free(r->meta);
    free(r->rx_name);
    radio_events_free(&r->events);
    free(r);
}

static int open_tx(radio_file_t *r, const char *path, int format, const radio_config_t *config,
                   err_t *err)
{
    const recorder_config_t recording = {.path = path,
                                         .datatype = (sigmf_datatype_t)format,
                                         .rate_hz = config->rate_hz,
                                         .freq_hz = config->freq_hz,
                                         .description = "samples to be sent"};
    r->recorder = recorder_open(&recording, err);
    return r->recorder != NULL ? 0 : err_prefix(err, "radio.address: tx");
}

static int open_all(radio_file_t *r, const radio_config_t *config, err_t *err)
{
    radio_args_t args;
    if (radio_args_parse(&args, config->address, err) != 0) {
        return -1;
    }
    const char *rx = radio_args_take(&args, "rx"), *tx = radio_args_take(&args, "tx");
    const int format = radio_args_choice(&args, "tx_format", "cf32|ci16", 0, err);
    const int pace = radio_args_choice(&args, "pace", "free|clock", 0, err);
    if (format < 0 || pace < 0 || radio_args_end(&args, err) != 0) {
        return -1;
    }
    r->paced = pace == 1;
    if (rx == NULL && tx == NULL) {
        return err_set(err, ERR_ARGUMENT,
                       "radio.address: radio=file needs rx=RECORDING or tx=RECORDING or both");
    }
    return (rx != NULL && radio_file_open_rx(r, rx, err) != 0) ||
                   (tx != NULL && open_tx(r, tx, format, config, err) != 0)
               ? -1
               : 0;
}

static void *file_radio_open(const radio_config_t *config, radio_actual_t *actual, err_t *err)
{
    radio_file_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a radio");
        return NULL;
    }
    r->fd = -1;
    radio_events_init(&r->events);
    r->rate_hz = config->rate_hz;
    r->tx_gain = (float)pow(10.0, config->tx_gain_db / 20.0);
    r->rx_gain = (float)pow(10.0, config->rx_gain_db / 20.0);
    if (open_all(r, config, err) != 0) {
        file_radio_close(r);
        return NULL;
    }
    *actual =
        (radio_actual_t){config->rate_hz, config->freq_hz, config->tx_gain_db, config->rx_gain_db};
    return r;
}

static int file_radio_start(void *self, err_t *err)
{
    radio_file_t *r = self;
    if (r->meta == NULL) {
        return err_set(err, ERR_STATE, "radio=file has no rx=RECORDING: it cannot receive");
    }
    if (r->receiving) {
        return err_set(err, ERR_STATE, "the radio is already receiving");
    }
    r->receiving = r->discontinuous = true;
    r->start_ns = 0;
    return 0;
}

/* The recording stands still meanwhile. */
static int file_radio_stop(void *self, err_t *err)
{
    (void)err;
    ((radio_file_t *)self)->receiving = false;
    return 0;
}

static bool file_radio_next_event(void *self, radio_event_t *event)
{
    return radio_events_next(&((radio_file_t *)self)->events, event);
}

static radio_counts_t file_radio_counts(void *self)
{
    return radio_events_counts(&((radio_file_t *)self)->events);
}

static uint64_t file_radio_now(void *self)
{
    return atomic_load(&((radio_file_t *)self)->now);
}

static bool file_radio_drained(void *self, double timeout_s)
{
    radio_file_t *r = self;
    return r->recorder == NULL || recorder_drained(r->recorder, timeout_s);
}

static int file_radio_set_gain(void *self, bool tx, double gain_db, double *actual_db, err_t *err)
{
    radio_file_t *r = self;
    (void)err;
    *(tx ? &r->tx_gain : &r->rx_gain) = (float)pow(10.0, gain_db / 20.0);
    *actual_db = gain_db;
    return 0;
}

const radio_backend_t radio_backend_file = {
    .name = "file",
    .open = file_radio_open,
    .close = file_radio_close,
    .start = file_radio_start,
    .stop = file_radio_stop,
    .push = radio_file_push,
    .pull = radio_file_pull,
    .next_event = file_radio_next_event,
    .counts = file_radio_counts,
    .now = file_radio_now,
    .set_gain = file_radio_set_gain,
    .drained = file_radio_drained,
};
