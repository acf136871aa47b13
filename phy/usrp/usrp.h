/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * usrp: a virtual USRP N210r4 with an SBX daughterboard.
 *
 * It answers the device's network protocol on one loopback address, so that unmodified UHD opens
 * it (`addr=127.0.0.2`), and it is a radio of an air like every other: what one device sends, the
 * other radios of the air hear through the channel between them.  docs/VIRTUAL_USRP.md is its
 * manual.
 *
 *     usrp_config_t config;
 *     usrp_config_parse("usrp:127.0.0.2,loss=0.01", &config, &err);
 *     usrp_t *usrp = usrp_create(&config, "semradio", 100e6 / 13, &err);  // the air runs
 *     usrp_start(usrp, &err);
 *     ...
 *     usrp_destroy(usrp);
 *
 * The air's rate must be 100 MHz / N with a whole N from 4 to 512: the device counts ticks of
 * 10 ns.  Its own sample rates are 100 MHz / N too, each way its own; where one is not the air's,
 * the device resamples.
 */
#ifndef USRP_USRP_H
#define USRP_USRP_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

#define USRP_TICK_HZ 100e6

/* What is wrong with a quadrature mixer: the second branch's gain and angle, and what leaks. */
typedef struct {
    double dc_db;        /* of full scale, at 45 degrees; -200: none */
    double iq_gain_db;   /* -20 … 20 */
    double iq_phase_deg; /* -45 … 45 */
} usrp_mixer_t;

typedef struct {
    char address[16];  /* dotted, 127.x.x.x */
    char serial[10];   /* default: made of the address */
    char name[9];      /* the user's name for it, default: empty */
    double loss;       /* 0 … 1: probability that a data packet is lost, each way */
    double run;        /* 1 … 1000: and that many in a row */
    double late;       /* 0 … 1: probability that a timed burst is treated as late */
    double overflow_s; /* > 0: an overflow so often while it receives */
    double clock_ppm;  /* its clock against the air's, -200 … 200 */
    double tx_ref_db;  /* the transmit gain at which samples go out as they are */
    double rx_ref_db;  /* the receive gain at which they come in as they are */
    usrp_mixer_t tx_mixer, rx_mixer;
    bool pps;      /* a pulse-per-second signal is connected */
    bool lock;     /* a second program is refused while one has the device open */
    uint64_t seed; /* of losses and lateness */
} usrp_config_t;

/* "usrp:ADDRESS[,KEY=VALUE…]" with the keys serial, name, loss, run, late, overflow, ppm, txref,
   rxref, pps, lock, seed.  -1 with ERR_ARGUMENT. */
int usrp_config_parse(const char *text, usrp_config_t *config, err_t *err);

typedef struct usrp usrp_t;

/* Joins the air and binds the device's UDP ports.  NULL with ERR_ARGUMENT (the rate), ERR_STATE
   (another device has the address), ERR_IO, ERR_MEMORY, ERR_TIMEOUT (no such air). */
usrp_t *usrp_create(const usrp_config_t *config, const char *air, double rate_hz, err_t *err);

/* The device's thread begins. */
int usrp_start(usrp_t *usrp, err_t *err);

/* The device's thread ends. */
void usrp_stop(usrp_t *usrp);

/* Stops and leaves the air.  NULL is fine. */
void usrp_destroy(usrp_t *usrp);

/* What happened since the start; for a stopped device. */
typedef struct {
    uint64_t rx_packets, tx_packets; /* data packets to and from the host */
    uint64_t rx_lost, tx_lost;       /* dropped on purpose (loss=) */
    uint64_t overflows;              /* of the receive chain, forced ones included */
    uint64_t late;                   /* bursts that came too late */
    uint64_t underflows, sequence_errors;
    uint64_t malformed; /* packets that make no sense */
    uint64_t refused;   /* requests of a second program */
} usrp_counts_t;
usrp_counts_t usrp_counts(const usrp_t *usrp);

#endif
