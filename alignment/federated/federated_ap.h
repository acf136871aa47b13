/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_ap: the access point's end of the alignment over the control plane (docs/FEDERATED.md,
 * "The protocol"): users join, send statistics, and get F; the rounds have deadlines; at the end Z
 * is an adapter that is armed at the users and stamped from then on.
 *
 *     federated_ap_t *ap = federated_ap_create(&config, &err);        // bound from here on
 *     while (!stop && federated_ap_step(ap, 0.1, &err) == 0) { ... }
 *
 * One thread calls everything but federated_ap_stamp, which one other may.
 */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_AP_H
#define ALIGNMENT_FEDERATED_FEDERATED_AP_H

#include "adapter/adapter.h"
#include "federated/federated_package.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { FEDERATED_AP_USERS = 64 };

typedef struct {
    const char *bind, *key, *allow; /* control_server.h */
    federated_task_t task;          /* x is only read by create */
    int users; /* the rounds begin when so many have sent their share (or were left out) … */
    double gather_s;   /* … or so long after the first share */
    double deadline_s; /* of a round: who is silent then is left out of it */
    double lease_s;    /* of silence: such a user has vanished, nobody waits for it */
    double linger_s;   /* swap.linger_s: from our radio to a user's decoder, at most */
    bool realign; /* a user that joins after the end begins new rounds, from Z; else it gets Z */
} federated_ap_config_t;

typedef struct federated_ap federated_ap_t;

typedef enum {
    FEDERATED_GATHER, /* waiting for shares */
    FEDERATED_ROUNDS, /* F is out */
    FEDERATED_DEPLOY, /* Z is out, users fit and arm */
    FEDERATED_IN_USE  /* Z's adapter is stamped */
} federated_state_t;

/* ERR_ARGUMENT, ERR_IO, ERR_MEMORY. */
federated_ap_t *federated_ap_create(const federated_ap_config_t *config, err_t *err);
void federated_ap_destroy(federated_ap_t *ap); /* NULL is fine */

/* Waits for messages, at most timeout_s, and moves on.  -1: the rounds broke down (ERR_STATE,
 * ERR_MEMORY). */
int federated_ap_step(federated_ap_t *ap, double timeout_s, err_t *err);

federated_state_t federated_ap_state(const federated_ap_t *ap);
const char *federated_ap_endpoint(const federated_ap_t *ap);
/* Users here that were not left out and did not vanish; those of them that arm Z now. */
int federated_ap_users(const federated_ap_t *ap, int *ready);
/* Users that were left out by a reason of their own (not stragglers). */
int federated_ap_left_out(const federated_ap_t *ap);
/* When the rounds that are in use now began, and when they came into use (clock_now_ns). */
void federated_ap_times(const federated_ap_t *ap, uint64_t *began_ns, uint64_t *in_use_ns);

/* Z as it is now. */
const matrix_t *federated_ap_z(const federated_ap_t *ap);

/* Z's adapter (of the newest alignment), NULL before FEDERATED_DEPLOY.  The AP's own, until the
 * next step. */
const adapter_t *federated_ap_adapter(const federated_ap_t *ap);
/* True: that adapter has a tag, which users are told or will be, and frames may soon be stamped
 * with. */
bool federated_ap_prepared(const federated_ap_t *ap, uint16_t *tag);
/* What adapters of this alignment are made for. */
uint64_t federated_ap_base(const federated_ap_t *ap);

/* A frame is about to be made: its tag (0: not aligned) and the alignment it stands for.  `gone`:
   frames that have left the radio since the start.  True: *alignment is another one than at the
   call before. */
typedef struct {
    uint16_t tag;
    digest_t id; /* of the adapter, where tag is not 0 */
} federated_stamp_t;
void federated_ap_stamp(federated_ap_t *ap, uint64_t gone, federated_stamp_t *stamp);

/* A new object: state, round, obj, users with bytes. */
json_t *federated_ap_status(const federated_ap_t *ap);
/* The same as lines for people. */
void federated_ap_print(const federated_ap_t *ap, FILE *out);
/* F, Z, x_mean, x_lower, obj_round and scalars as federated_file.h, users as notes. */
int federated_ap_save(const federated_ap_t *ap, const char *path, err_t *err);

#endif
