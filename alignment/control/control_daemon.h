/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_daemon: the control plane of one daemon, made from its option table: get, set, list,
 * status, and with control.store put, chunk, fetch, adapters; further commands are the daemon's
 * own.
 *
 *     control_daemon_t *control = NULL;
 *     if (control_daemon_open(&config, &control, &err) != 0) ...   // NULL without control.bind
 *     control_daemon_start(control, &err);
 *     ...
 *     control_daemon_close(control);   // from here on the options are ours again
 *
 * From start to close the options belong to the control thread: nobody else reads them, unless with
 * the configuration's lock.
 * All functions take NULL and do nothing.
 */
#ifndef CONTROL_CONTROL_DAEMON_H
#define CONTROL_CONTROL_DAEMON_H

#include "control/control_options.h"
#include "control/control_server.h"
#include "control/transfer.h"

#include <pthread.h>

typedef struct control_daemon control_daemon_t;

typedef struct {
    const char *program;
    options_t *options;
    pthread_mutex_t *lock; /* held around get, set and list; NULL: nobody else has the options */
    option_accept_t *accept;                            /* control_settings_t */
    void (*refresh)(void *context, options_t *options); /* may be NULL */
    json_t *(*status)(void *context);                   /* a new object; in the control thread */
    const control_command_t *commands;                  /* ends with {0}; may be NULL */
    void *context;                                      /* of all of them */
} control_daemon_config_t;

int control_daemon_open(const control_daemon_config_t *config, control_daemon_t **control,
                        err_t *err);
int control_daemon_start(control_daemon_t *control, err_t *err);
void control_daemon_close(control_daemon_t *control);

/* As control_server_reporter; *reporter is NULL without a control plane. */
int control_daemon_reporter(control_daemon_t *control, size_t slots, control_reporter_t **reporter,
                            err_t *err);

control_server_t *control_daemon_server(control_daemon_t *control);
store_t *control_daemon_store(control_daemon_t *control); /* NULL: no control.store */

/* One object as a report; takes it.  NULL reporter or object: nothing. */
void control_report_json(control_reporter_t *reporter, control_topic_t topic, json_t *object);

#endif
