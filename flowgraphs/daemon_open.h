/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * daemon_open: finds the daemons of a point, starts those that are missing, and sets the point's
 * options.  Only daemon_trial.c uses this.
 */
#ifndef FLOWGRAPHS_DAEMON_OPEN_H
#define FLOWGRAPHS_DAEMON_OPEN_H

#include "control/control_client.h"
#include "control/subscriber.h"
#include "daemon_set.h"
#include "step.h"

typedef struct {
    const trial_config_t *trial;
    const daemon_link_t *link;
    daemon_set_t set;
    control_client_t *client[DAEMON_KINDS];
    subscriber_t *reports;
    double sent_before; /* frames, by the transmitter's count */
    uint64_t measure_from_ns, last_report_ns;
    uint16_t first_frame; /* by the headers' count: from here on frames are this point's */
    bool begun;           /* one of them was reported */
    step_t step;
    bool any;             /* a report was measured */
    double symbols, values; /* payload symbols and source values received */
    result_t now;
} over_t;

/* From over->trial, over->link and an open over->set: all is there, set, and reports come. */
int daemon_open(over_t *over, err_t *err);

/* A number of a daemon's status; NaN: there is none, or no answer. */
double daemon_status(over_t *over, daemon_kind_t kind, const char *key);

#endif
