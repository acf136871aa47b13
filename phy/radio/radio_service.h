/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio_service: what every long-running program does with its radio: wait for it, and tell
 * the person at the terminal what happens to it.
 */
#ifndef RADIO_RADIO_SERVICE_H
#define RADIO_RADIO_SERVICE_H

#include "radio/radio.h"

/*
 * radio_open that Ctrl-C ends early (NULL, ERR_CLOSED) and that says what it waits for.  Refuses
 * a radio whose rate differs from the one asked for by more than 1 in 1,000.
 */
radio_t *radio_service_open(const radio_config_t *config, err_t *err);

/* Logs the events that came since the last call; call from the main thread, now and then.
   Returns true when one of them said that the radio is gone. */
bool radio_service_log_events(radio_t *radio);

/* Hands each of those events to `tell` too (NULL: nobody); before the first call, once. */
void radio_service_on_event(void (*tell)(void *context, const radio_event_t *event), void *context);

#endif
