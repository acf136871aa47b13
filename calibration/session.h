/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session: two radios (or one, looped back) that measure each other.
 *
 *     session_t *s = session_open(&config, &err);
 *     session_probe(s, &estimate, &err);
 *     session_close(s);
 */
#ifndef CALIBRATION_SESSION_H
#define CALIBRATION_SESSION_H

#include "estimate.h"
#include "radio/radio.h"

typedef struct {
    radio_config_t tx, rx; /* rx.address "": the transmitter itself listens */
} session_config_t;

typedef struct session session_t;

session_t *session_open(const session_config_t *config, err_t *err);
void session_close(session_t *session); /* NULL is fine */

radio_t *session_tx(session_t *session);
radio_t *session_rx(session_t *session);

/*
 * Sends one probe and makes an estimate of what arrives; `delay` counts from the timestamp at which
 * it was sent to the one at which it arrived (the two radios' clocks need a common zero for that to
 * mean something).  Tries again, up to three times, when samples were lost.
 */
int session_probe(session_t *session, estimate_t *estimate, err_t *err);

/* Mean power of received samples while nobody sends, DC left out, in dBFS. */
int session_noise(session_t *session, double *dbfs, err_t *err);

#endif
