/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * subscriber: listens to a daemon's or hub's reports, and counts those it missed by their numbers.
 * One thread.
 */
#ifndef CONTROL_SUBSCRIBER_H
#define CONTROL_SUBSCRIBER_H

#include "control/control_peer.h"

typedef struct subscriber subscriber_t;

/* `topics`: "frame,status", "": all.  The keys are those of `peer` (which is not kept).
   ERR_ARGUMENT, ERR_IO, ERR_MEMORY.  Connects in the background, again and again. */
subscriber_t *subscriber_create(void *zmq, const char *endpoint, const char *topics,
                                const control_peer_t *peer, err_t *err);
void subscriber_destroy(subscriber_t *subscriber);

void *subscriber_socket(const subscriber_t *subscriber);

/* The next report (free it), without waiting.  False: none.  What is not a report is counted. */
bool subscriber_next(subscriber_t *subscriber, report_t *report);

typedef struct {
    uint64_t received, missed, malformed, restarts; /* restarts: another session of the sender */
} subscriber_counts_t;
subscriber_counts_t subscriber_counts(const subscriber_t *subscriber);

#endif
