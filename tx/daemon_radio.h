/* SPDX-License-Identifier: GPL-3.0-or-later */
/* daemon_radio: opening a radio and telling about its events, the same in both daemons. */
#ifndef TX_DAEMON_RADIO_H
#define TX_DAEMON_RADIO_H

#include "radio/radio.h"

/*
 * radio_open that Ctrl-C ends early (NULL, ERR_CLOSED) and that says what it waits for.  Refuses
 * a radio whose rate differs from the one asked for by more than 1 in 1,000.
 */
radio_t *daemon_radio_open(const radio_config_t *config, err_t *err);

/* Logs the events that came since the last call; call from the main thread, now and then.
   Returns true when one of them said that the radio is gone. */
bool daemon_radio_log_events(radio_t *radio);

#endif
