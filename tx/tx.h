/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tx: the transmit daemon.  Three stages, joined by bounded rings:
 *
 *     source   reads images, puts those of one size together     1 thread   tx_source.c
 *       |  batches
 *     encode   codec, then the waveform                          N threads  tx_encode.c
 *       |  bursts
 *     send     pushes bursts to the radio at their time          1 thread   tx_send.c
 *
 * Batches go to the encoders in turn, and bursts are taken from them in the
 * same turn, so frames leave in the order of their counter.  Every stage waits
 * for the next; the radio's pace is the pace of all.  Ending goes the same way:
 * a stage closes its ring, the next one empties it and closes its own.
 */
#ifndef TX_TX_H
#define TX_TX_H

#include "codec/codec.h"
#include "control/control_daemon.h"
#include "histogram.h"
#include "images/dataset.h"
#include "live.h"
#include "options.h"
#include "radio/radio.h"
#include "radio/recorder.h"
#include "ring.h"
#include "tx_swap.h"
#include "waveform/transmitter.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TX_MAX_WORKERS = 64, TX_RING_BATCHES = 2, TX_RING_BURSTS = 4 };

extern const option_t tx_options[];

/* From source to encode.  Buffers grow when a larger size comes, then stay. */
typedef struct {
    frame_header_t header;
    codec_variant_t *variant; /* what to encode it with; NULL: base.  Released by the encoder */
    uint8_t *rgb;             /* [images][height][width][3] */
    size_t rgb_room;
} tx_batch_t;

/* From encode to send. */
typedef struct {
    frame_header_t header;
    float complex *samples; /* [count]: the frame and the gap behind it */
    size_t count, room;
} tx_burst_t;

/* What may change while the daemon runs; each stage has a copy of its own. */
typedef struct {
    bool loop, stop_when_gone;
    codec_rate_t rate;
    int mode; /* the codec's number for the rate at the design SNR */
    uint8_t source, destination;
    int frame_images;
    size_t max_symbols; /* of a frame that images share */
    size_t gap_samples;
    double frame_period_s; /* 0: back to back */
    double duration_s;
    uint64_t frame_limit;
    double tx_gain_db;
    int table; /* report.table */
} tx_settings_t;

/* Who takes settings over: readers of tx->live. */
enum {
    TX_READ_SOURCE,
    TX_READ_SEND,
    TX_READ_MAIN,
    TX_READ_ENCODE,
    TX_READERS = TX_READ_ENCODE + TX_MAX_WORKERS
};

typedef struct tx tx_t;

typedef struct {
    tx_t *tx;
    int index;
    tx_settings_t settings;
    codec_t *codec;
    transmitter_t *transmitter;
    float complex *symbols;
    size_t symbols_room;
    ring_t *batches, *bursts;
    pthread_t thread;
} tx_encoder_t;

/* Counted by the stages, read by anyone. */
typedef struct {
    _Atomic uint64_t frames_made, images_skipped, encode_errors;
    _Atomic uint64_t frames_sent, images_sent, samples_sent;
    _Atomic uint64_t frames_lost; /* the radio was gone */
    _Atomic uint64_t slipped;     /* frames whose time had passed when they were ready */
} tx_counts_t;

struct tx {
    /* settings */
    tx_settings_t settings; /* as the daemon started */
    live_t *live;           /* as they are now */
    size_t first, count;    /* images of the data set */
    frame_header_t header;  /* the fields that stay */
    const char *source_path;

    /* parts */
    dataset_t *dataset;
    radio_t *radio;
    recorder_t *recorder; /* NULL: nothing is recorded */
    numerology_t numerology;
    tx_encoder_t encoders[TX_MAX_WORKERS];
    int encoder_count;
    pthread_t source_thread, send_thread;
    control_daemon_t *control;    /* NULL: no control plane */
    control_reporter_t *reporter; /* the main thread's */
    control_reporter_t *source_reporter;
    tx_swap_t *swap; /* NULL: no adapters */

    /* state */
    _Atomic bool stopping; /* make no more frames; those made are sent */
    _Atomic bool abandon;  /* do not even send those */
    _Atomic bool finished; /* the last frame was sent */
    _Atomic bool failed;   /* ended by an error */
    err_t failure;         /* written before `failed`, by one thread */
    _Atomic bool failure_taken;
    tx_counts_t counts;
    histogram_t encode_time; /* of each frame: codec and modulation, by the clock on the wall */
    uint64_t start_ns;
    uint64_t recorded; /* the sending thread's: where the recording goes on */
};

/* tx_create.c.  Opens everything; no thread runs yet.  NULL: err says what is wrong. */
tx_t *tx_create(options_t *options, err_t *err);
void tx_destroy(tx_t *tx);

/* tx_settings.c: from the options; accept is the control plane's (control_settings_t). */
int tx_settings_read(const tx_t *tx, const options_t *options, tx_settings_t *settings, err_t *err);
int tx_settings_accept(void *context, const options_t *options, err_t *err);

/* tx_control.c: the control plane, when control.bind asks for one. */
int tx_control_open(tx_t *tx, options_t *options, err_t *err);

/* tx_run.c */
int tx_start(tx_t *tx, err_t *err);
void tx_stop(tx_t *tx); /* lets the stages run dry, joins them */

/* Called by a stage that cannot go on: the daemon ends, the first reason is kept. */
void tx_fail(tx_t *tx, const err_t *why);

/* The stages: context is the tx_t, for tx_encode_run the tx_encoder_t. */
void *tx_source_run(void *context);
void *tx_encode_run(void *context);
void *tx_send_run(void *context);

/* tx_record.c: the recording of what was sent, a note for each frame. */
int tx_record_open(tx_t *tx, const options_t *options, err_t *err);
void tx_record_burst(tx_t *tx, const tx_burst_t *burst, uint64_t when);
int tx_record_close(tx_t *tx, err_t *err);

/* tx_status.c: the live line, and the closing totals.  */
void tx_status_line(const tx_t *tx);
void tx_summary_line(const tx_t *tx);
json_t *tx_summary_json(const tx_t *tx);
int tx_summary_file(const tx_t *tx, const char *path, err_t *err);

#endif
