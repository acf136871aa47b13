/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hub: the air as a place where several radios meet (the engine of semradio-air).
 *
 * Every radio hears every other one, through a channel of its own per pair
 * (air.h, with a seed made of the configured one and the pair), through one
 * front end of its own (front_end.h: interferers, noise, converter).  Each burst of a sender begins a new fading block on its links.
 * Radios whose carriers differ hear each other with that offset, and not at all
 * from half the sample rate on.
 *
 * Pacing:
 * - realtime: time goes with the clock.  A slow receiver loses samples (counted,
 *   and its time jumps), a late burst is not sent (counted, an event), a sender
 *   that starves within a burst leaves a hole (counted, an event).
 * - free: time goes as fast as the radios: it stands still while a receiver has
 *   no room, or an open burst no samples (after a second that is a hole after
 *   all), or when nobody has anything to send and `tail_samples` of silence have
 *   passed since.  Nothing is ever dropped.
 */
#ifndef AIR_HUB_H
#define AIR_HUB_H

#include "air/air.h"

typedef struct {
    const char *name;
    bool free_pace;
    air_config_t channel;   /* sample_rate_hz is the air's rate */
    size_t block_samples;   /* 64 … 65536, at a time */
    uint64_t tail_samples;  /* free pace: silence after the last burst */
    int wait_radios;        /* time stands still until so many are there and one receives */
    uint64_t tx_ring, rx_ring; /* samples, powers of two */
} hub_config_t;

/* "semradio", realtime, air_config_default, 4096, 16384, 0, 2^18, 2^21. */
hub_config_t hub_config_default(void);

typedef struct hub hub_t;

/* Makes the shared memory.  NULL with ERR_ARGUMENT, ERR_STATE (one of that name runs), ERR_IO,
   ERR_MEMORY. */
hub_t *hub_create(const hub_config_t *config, err_t *err);
void hub_destroy(hub_t *hub);

/* Runs until hub_stop, for at most `seconds` (INFINITY: for ever).  Writes log lines when radios
   come and go. */
void hub_run(hub_t *hub, double seconds);

/* From a signal handler or another thread.  Sticky. */
void hub_stop(hub_t *hub);

typedef struct {
    uint64_t now;              /* samples since the start */
    double samples_per_second; /* over the last second */
    double realtime_factor;    /* that over the sample rate */
    double load;               /* CPU seconds per second */
    double snr_db, cfo_hz;
    int radios;
    uint64_t bursts;      /* begun */
    uint64_t dropped;     /* samples lost for slow receivers */
    uint64_t late;        /* bursts not sent */
    uint64_t underflows;  /* holes in bursts */
    uint64_t stalls;      /* realtime: the air itself could not keep up, time was late */
} hub_status_t;

/*
 * Another process' (or this one's) air by name: what it says about itself, and what
 * may be set while it runs: "channel.snr_db", "channel.cfo_hz".  They act within a
 * block.  ERR_TIMEOUT when no such air runs, ERR_ARGUMENT.
 */
int hub_status(const char *name, hub_status_t *status, err_t *err);
int hub_set(const char *name, const char *key, double value, err_t *err);

/*
 * Another channel for a hub of this process, while hub_run runs in another thread; always from the
 * same one.  It acts from the next block on.  Only snr_db and cfo_hz differ: everything else
 * goes on.  Else all links and front ends begin anew, as after the start: fading is drawn again, and
 * echoes of what was sent before are gone.  sample_rate_hz must stay.  Errors as air_create's; all is
 * then as before.
 */
int hub_change(hub_t *hub, const air_config_t *channel, err_t *err);

/* One line of JSON without the newline; returns text. */
char *hub_status_json(const hub_status_t *status, char *text, size_t size);

#endif
