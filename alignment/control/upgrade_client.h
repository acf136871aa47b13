/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upgrade_client: sends an adapter the shortest way: nothing, a difference, or the whole. */
#ifndef CONTROL_UPGRADE_CLIENT_H
#define CONTROL_UPGRADE_CLIENT_H

#include "adapter/adapter.h"
#include "control/control_client.h"

typedef struct {
    const char *as;    /* "held" (it was there), "difference", "whole" */
    size_t size;       /* of the adapter */
    size_t difference; /* what was to send instead; 0 unless `as` says so */
    uint64_t resumed;  /* of what was to send: there already */
    uint64_t sent;     /* bytes */
} upgrade_sent_t;

/* As transfer_send.  An end that knows nothing of differences gets the whole. */
int upgrade_send(control_client_t *client, const char *target, const adapter_t *adapter,
                 const char *name, double deadline_s, upgrade_sent_t *sent, err_t *err);

#endif
