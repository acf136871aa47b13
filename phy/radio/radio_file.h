/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio_file: the inside of radio=file, recordings in place of a radio: radio_file.c (opening),
 * radio_file_rx.c (a recording is received), radio_file_tx.c (what is sent becomes a recording).
 *
 *     rx=NAME        the recording to receive; its sample rate must be radio.rate_hz
 *     tx=NAME        the recording to write; must not exist
 *     tx_format      cf32 (default), ci16
 *     pace           free (default): as fast as it is pulled; clock: at the sample rate
 *
 * Received timestamps are the recording's (core:global_index): gaps stay gaps.  After the last
 * sample pull says ERR_CLOSED.
 *
 * Sent bursts form one stream from sample 0 on, with zeros in between as their timestamps
 * want it, and one annotation "burst" each.
 */
#ifndef RADIO_RADIO_FILE_H
#define RADIO_RADIO_FILE_H

#include "radio/radio_backend.h"
#include "radio/radio_events.h"
#include "radio/recorder.h"

#include <stdatomic.h>

enum { RADIO_FILE_BLOCK = 8192 };

typedef struct {
    radio_events_t events;
    float tx_gain, rx_gain;
    double rate_hz;
    bool paced;
    _Atomic uint64_t now;

    /* receiving: the pulling thread's */
    char *rx_name;
    int fd;
    sigmf_t *meta;
    uint64_t samples, position; /* in the data file; the next to read */
    size_t segment;             /* it lies in */
    bool receiving, discontinuous;
    uint64_t start_ns, start_position; /* pace: when reading began, and where */
    uint8_t raw[RADIO_FILE_BLOCK * sizeof(float complex)];

    /* sending: the pushing thread's */
    recorder_t *recorder;
    bool in_burst, dropping;
    uint64_t burst_time, burst_length;
    float complex scaled[RADIO_FILE_BLOCK];
} radio_file_t;

int radio_file_open_rx(radio_file_t *r, const char *path, err_t *err);
ssize_t radio_file_pull(void *self, float complex *const x[], size_t count, double timeout_s,
                        radio_pull_t *info, err_t *err);
ssize_t radio_file_push(void *self, const float complex *const x[], size_t count,
                        const radio_push_t *burst, double timeout_s, err_t *err);

#endif
