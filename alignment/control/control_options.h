/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_options: section "control" of a daemon's option table, and the commands that every daemon
 * answers from that table: get, set, list.
 */
#ifndef CONTROL_CONTROL_OPTIONS_H
#define CONTROL_CONTROL_OPTIONS_H

#include "control/control_server.h"
#include "options.h"

/* bind, reports, key, allow, store.  bind "" (the default): no control plane. */
extern const option_t control_options[];

/* Fills in what the table holds; the texts are the options' own.  False: control.bind is "". */
bool control_config_from_options(control_server_config_t *config, const options_t *options);

/*
 * The options of a running daemon.  `accept` sees the set after all values were taken, and gives
 * them to the threads that own them, or refuses: then all are as before.  `refresh` (may be NULL)
 * brings values up to date that others can change.  Only for the server's thread.
 */
typedef struct {
    options_t *options;
    option_accept_t *accept;
    void (*refresh)(void *context, options_t *options);
    void *context;
    control_server_t *server; /* reports each change as an event; NULL: does not */
    uint64_t changes;         /* sets that were accepted */
} control_settings_t;

/* {"keys":["radio.tx_gain_db",…]}, or {} for all -> {"values":{"radio.tx_gain_db":"3"}} */
int control_get(control_settings_t *settings, const control_call_t *call, control_reply_t *reply,
                err_t *err);
/* {"values":{"codec.rate":"1/6",…}}; texts or numbers or booleans.  All or none. */
int control_set(control_settings_t *settings, const control_call_t *call, control_reply_t *reply,
                err_t *err);
/* {"section":"radio"} or {} -> {"options":[{"key":…,"type":…,"unit":…,"takes":…,"default":…,
   "value":…,"help":…,"runtime":true},…]} */
int control_list(control_settings_t *settings, const control_call_t *call, control_reply_t *reply,
                 err_t *err);

#endif
