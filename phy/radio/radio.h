/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio: the one narrow door to a transceiver, real or emulated.
 *
 *     radio_t *radio = radio_open(&config, &err);
 *     radio_start(radio, &err);                        // receiving begins
 *     while (...) {
 *         radio_pull_t info;
 *         ssize_t n = radio_pull(radio, x, 8192, 0.1, &info, &err);
 *         if (n > 0) receiver_push(rx, x, n, info.timestamp);
 *         radio_event_t event;
 *         while (radio_next_event(radio, &event)) ...  // overflow, late, ...
 *     }
 *     radio_close(radio);
 *
 * Samples are complex float, x[antenna][sample], full scale 1.0.  Time is a
 * count of samples at the radio's actual rate, one clock for sending and
 * receiving.  Timestamps, not flags alone, decide what was lost: a pull whose
 * timestamp is not the last one's plus its count comes after a gap.
 *
 * Threads: one may push while another pulls; events and the getters may be
 * called from any.  Nothing allocates after radio_start.
 */
#ifndef RADIO_RADIO_H
#define RADIO_RADIO_H

#include "err.h"
#include "options.h"
#include "radio/correction.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RADIO_MAX_ANTENNAS 4
#define RADIO_ASAP UINT64_MAX /* a burst's timestamp: as soon as possible */

typedef struct {
    const char *backend; /* "air", "uhd", "zmq", "file" */
    const char *address; /* of the backend; air: the name given to semradio-air; uhd: UHD's
                            arguments; zmq, file: key=value,… as radio_zmq.h, radio_file.h tell */
    double rate_hz;      /* asked for; see radio_rate_hz */
    double freq_hz;      /* carrier.  air: a difference between two radios is a carrier
                            offset, and from half the rate on they do not hear each other */
    double tx_gain_db;   /* air: scales the sent samples; 0: as they are */
    double rx_gain_db;   /* air: scales the received samples */
    int antennas;        /* 1 today */
    const char *calibration; /* file or folder of semradio-calibrate, taken back on all samples;
                                NULL or "": none */
    double timeout_s;    /* how long radio_open waits for the device (air: for semradio-air) */

    /* uhd, where NULL and "" mean as the device comes up */
    double lo_offset_hz;     /* of the local oscillator from freq_hz */
    double bandwidth_hz;     /* of the analogue filters; 0: as they are */
    const char *antenna;     /* "TX/RX", "RX2" … */
    const char *reference;   /* "internal", "external", "mimo", "gpsdo" */
    const char *pps;         /* "none", "external", "mimo", "gpsdo": time 0 at a pulse */
    const char *wire_format; /* "sc16", "sc8" */
} radio_config_t;

/* backend air, address "semradio", 7.68 MS/s, 3.5 GHz, gains 0, one antenna, 10 s. */
radio_config_t radio_config_default(void);

/*
 * The option tables, section "radio".  Every program with a radio joins
 * radio_options (backend, address, rate_hz, freq_hz, timeout_s), and the one or
 * the other of radio_tx_options (tx_gain_db, alias --gain) and radio_rx_options.
 */
extern const option_t radio_options[];
extern const option_t radio_tx_options[];
extern const option_t radio_rx_options[];

/* From the options of the joined tables; the strings stay the options' own. */
radio_config_t radio_config_from_options(const options_t *options);

typedef struct radio radio_t;

/*
 * NULL with ERR_ARGUMENT (a value out of range, an unknown backend),
 * ERR_UNSUPPORTED (the device cannot do it: rate), ERR_TIMEOUT (no such device
 * within timeout_s), ERR_STATE (no place left), ERR_FORMAT (it is not what it
 * says it is), ERR_IO.
 */
radio_t *radio_open(const radio_config_t *config, err_t *err);

/* Stops, gives the device back; waits for nothing (zmq: what is queued gets up to 2 s to leave).
   NULL is fine. */
void radio_close(radio_t *radio);

/* Receiving begins / ends.  Sending needs neither.  After a stop, what was received is dropped. */
int radio_start(radio_t *radio, err_t *err);
int radio_stop(radio_t *radio, err_t *err);

typedef struct {
    bool start;         /* the first sample of this push begins a burst */
    bool end;           /* the last sample of this push ends it */
    uint64_t timestamp; /* with start: when; or RADIO_ASAP */
} radio_push_t;

/*
 * Sends x[antenna][0 … count-1].  A burst is one or more pushes, the first with
 * `start`, the last with `end` (both in one push, or an empty last one).  Waits
 * up to timeout_s for room; returns the number of samples taken (fewer than
 * `count`: call again with the rest and without `start`; `end` acts only when
 * all were taken), or -1 with ERR_CLOSED (the device is gone; pushes may be
 * tried again, see RADIO_EVENT_DEVICE_GONE), ERR_STATE (a burst within a burst, samples
 * outside one), ERR_ARGUMENT (a timestamp more than RADIO_MAX_AHEAD_S ahead).
 */
ssize_t radio_push(radio_t *radio, const float complex *const x[], size_t count,
                   const radio_push_t *burst, double timeout_s, err_t *err);

#define RADIO_MAX_AHEAD_S 60.0

typedef struct {
    uint64_t timestamp; /* of the first sample returned */
    uint64_t lost;      /* samples missing right before it (0: none, or a fresh start) */
    bool discontinuous; /* does not continue the last pull: the first, after a loss, a restart */
} radio_pull_t;

/*
 * Receives up to `count` samples into x[antenna][].  Waits until they are there,
 * a gap in time comes (never spanned by one pull), or timeout_s; returns how
 * many, 0 on timeout, or -1 with ERR_STATE (not started), ERR_FORMAT, ERR_CLOSED (a recording
 * has ended).  A device
 * that is gone looks like a timeout with an event, and comes back by itself.
 */
ssize_t radio_pull(radio_t *radio, float complex *const x[], size_t count, double timeout_s,
                   radio_pull_t *info, err_t *err);

typedef enum {
    RADIO_EVENT_OVERFLOW,    /* pulled too slowly: `count` samples lost before `timestamp` */
    RADIO_EVENT_LATE,        /* a burst of `count` samples for `timestamp` came too late: not sent */
    RADIO_EVENT_UNDERFLOW,   /* pushed too slowly: a hole of zeros in a burst at `timestamp` */
    RADIO_EVENT_PEER_JOINED, /* another radio, number `count`, is on the same air */
    RADIO_EVENT_PEER_LEFT,   /* it closed */
    RADIO_EVENT_PEER_DIED,   /* its process ended without closing */
    RADIO_EVENT_DEVICE_GONE, /* the device (semradio-air) has gone; bursts not yet sent are lost */
    RADIO_EVENT_DEVICE_BACK, /* it is there again; timestamps start anew */
    RADIO_EVENT_GAP,         /* `count` samples before `timestamp` went lost on their way to us */
} radio_event_kind_t;

typedef struct {
    radio_event_kind_t kind;
    uint64_t timestamp;
    uint64_t count;
} radio_event_t;

/* Takes the oldest event; false when there is none.  Events beyond 64 are counted, not kept. */
bool radio_next_event(radio_t *radio, radio_event_t *event);

/* "overflow", "late", … and the one letter UHD users expect: O L U D, else 0. */
const char *radio_event_name(radio_event_kind_t kind);
char radio_event_letter(radio_event_kind_t kind);

typedef struct {
    uint64_t overflows, overflow_samples; /* gaps on receive, and the samples in them */
    uint64_t late, late_samples;          /* bursts not sent */
    uint64_t underflows;                  /* holes in bursts */
    uint64_t sequence_gaps, silent_gaps;  /* of the overflows: packets lost on their way, as their
                                             numbers tell, or only their timestamps (uhd) */
    uint64_t events_lost;                 /* events nobody took in time */
    uint64_t malformed;                   /* messages that were not what they should be: ignored */
} radio_counts_t;
radio_counts_t radio_counts(radio_t *radio);

/* What the device really does. */
double radio_rate_hz(const radio_t *radio);
double radio_freq_hz(const radio_t *radio);
double radio_tx_gain_db(const radio_t *radio);
double radio_rx_gain_db(const radio_t *radio);

/*
 * Another gain while it runs: sending, from the thread that pushes, between two bursts; receiving,
 * from the thread that pulls.  What the device makes of it is what radio_tx_gain_db says then.
 * ERR_ARGUMENT (beyond +-120 dB), ERR_CLOSED (uhd: the device is gone; it will come back with it).
 */
int radio_set_tx_gain_db(radio_t *radio, double gain_db, err_t *err);
int radio_set_rx_gain_db(radio_t *radio, double gain_db, err_t *err);

/* "" when it has none; what calibration is in use (NULL: none). */
const char *radio_serial(const radio_t *radio);
const correction_t *radio_correction(const radio_t *radio);

/* The device's clock: the next sample to be sent and received.  0 while it is gone. */
uint64_t radio_now(radio_t *radio);

/* All samples pushed so far have left (or were dropped).  Waits up to timeout_s; false: not yet. */
bool radio_drained(radio_t *radio, double timeout_s);

#endif
