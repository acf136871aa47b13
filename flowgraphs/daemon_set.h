/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * daemon_set: the air, receiver and transmitter that a point starts for itself, in a
 * temporary folder that holds their control sockets and logs.  They end with the set, and with
 * this process however it dies.  Only daemon_trial.c uses this.
 */
#ifndef FLOWGRAPHS_DAEMON_SET_H
#define FLOWGRAPHS_DAEMON_SET_H

#include "daemon_trial.h"

#include <sys/types.h>

typedef enum { DAEMON_AIR, DAEMON_RX, DAEMON_TX, DAEMON_KINDS } daemon_kind_t;

typedef struct {
    char folder[64];
    pid_t process[DAEMON_KINDS];      /* 0: not ours */
    char endpoint[DAEMON_KINDS][256]; /* where each one takes commands, "": there is none */
} daemon_set_t;

/* Makes the folder and notes where the named daemons are. */
int daemon_set_open(daemon_set_t *set, const daemon_link_t *link, err_t *err);

/* Starts a daemon unless it was named (or is the air of real radios). */
int daemon_set_start(daemon_set_t *set, daemon_kind_t kind, const trial_config_t *trial,
                     const daemon_link_t *link, err_t *err);

/* -1, with its last words, when one that was started has ended. */
int daemon_set_check(daemon_set_t *set, err_t *err);

/* Ends what was started and removes the folder. */
void daemon_set_close(daemon_set_t *set);

#endif
