/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * align_hub: the process between a transmitter and a receiver.  One thread, one loop:
 *
 *     align_hub.c          options, life, loop
 *     align_hub_links.c    the two daemons: hello, reports, requests passed on
 *     align_hub_stage.c    adapters on their way into the daemons' stores
 *     align_hub_swap.c     swaps (swap_hub.h): what is wanted, who waits for it
 *     align_hub_adapt.c    what to want: fixed, by the SNR (ladder.h), by a script
 */
#ifndef ALIGN_ALIGN_HUB_H
#define ALIGN_ALIGN_HUB_H

#include "align/align.h"
#include "control/control_options.h"
#include "control/endpoint.h"
#include "control/ladder.h"
#include "control/subscriber.h"
#include "control/swap_wire.h"
#include "control/transfer.h"
#include "control/upgrade.h"

enum { HUB_STAGES = 16, HUB_ARMS = 16, HUB_SCRIPT = 4096 };

typedef struct align_hub align_hub_t;

/* A daemon. */
typedef struct {
    align_hub_t *hub;
    swap_end_t which;
    control_peer_t *peer; /* NULL: not configured */
    subscriber_t *subscriber;
    char reports[ENDPOINT_SIZE], session[SESSION_LENGTH + 1];
    uint64_t hello_ns; /* the next */
    bool said_lost;
} hub_link_t;

/* How an adapter gets to one daemon. */
typedef enum { HUB_AS_WHOLE, HUB_AS_DIFFERENCE, HUB_AS_HELD, HUB_AS_NOTHING } hub_as_t;

/* An adapter on its way to one daemon, then staged there. */
typedef struct {
    hub_link_t *link; /* NULL: free */
    digest_t id;
    uint8_t *whole; /* NULL: the daemon must have it already */
    size_t whole_size;
    upgrade_plan_t plan;
    int low;        /* of the plan, when a difference is being sent */
    digest_t what;  /* is being put: the adapter or a difference */
    uint8_t *bytes; /* of that; may be `whole` */
    size_t size;
    uint64_t next, have, sent;
    int credit, under_way;
    bool putting, failed;
    hub_as_t as;
    uint64_t number; /* swap_hub's, or 0 */
    int order;       /* of a "stage" command, or -1 */
} hub_stage_t;

/* A "stage" command that waits for both ends. */
typedef struct {
    uint64_t ticket; /* 0: free */
    int left;
    err_t error;
    json_t *result; /* {"tx":{…},"rx":{…}} */
} hub_order_t;

/* What went to the daemons. */
typedef struct {
    uint64_t whole, difference, held; /* adapters */
    uint64_t sent, of;                /* bytes; and what whole adapters would have taken */
} hub_sent_t;

/* An "arm" or "revert" command that waits until it is reached. */
typedef struct {
    uint64_t ticket; /* 0: free */
    bool base;
    digest_t id;
    uint64_t start_ns, deadline_ns;
} hub_arm_t;

typedef struct {
    double at_s;
    rung_t rung;
} hub_step_t;

typedef enum { HUB_FIXED, HUB_AUTO, HUB_SCRIPTED } hub_adapt_t;

struct align_hub {
    options_t *options;
    void *zmq;
    control_server_t *server;
    control_settings_t settings;
    store_t *store; /* NULL: none */
    transfer_t *transfer;
    hub_link_t link[SWAP_ENDS];
    swap_hub_t *swap;
    hub_stage_t stage[HUB_STAGES];
    hub_order_t order[HUB_STAGES];
    hub_arm_t arm[HUB_ARMS];
    hub_sent_t sent;
    uint64_t passed_on, relayed;

    hub_adapt_t adapt;
    ladder_t ladder;
    hub_step_t *script;
    int script_count, script_next;
    uint64_t start_ns, swaps_told, adapted;
    swap_fall_t told_fall;
    bool was_reached;
};

extern const option_t align_hub_options[]; /* section "hub" */

/* links */
int hub_links_open(align_hub_t *hub, err_t *err);
void hub_links_close(align_hub_t *hub);
void hub_links_step(align_hub_t *hub, uint64_t now_ns);
int hub_link_pass_on(void *context, const control_call_t *call, control_reply_t *reply, err_t *err);
json_t *hub_link_status(const hub_link_t *link);

/* stage: number 0 and order -1: nobody waits.  False: all places are taken. */
bool hub_stage_begin(align_hub_t *hub, swap_end_t end, const digest_t *id, uint64_t number,
                     int order);
void hub_stage_step(align_hub_t *hub);
int hub_stage_command(void *context, const control_call_t *call, control_reply_t *reply,
                      err_t *err);
json_t *hub_stage_status(const align_hub_t *hub);
void hub_stage_close(align_hub_t *hub);

/* swap */
void hub_swap_step(align_hub_t *hub, uint64_t now_ns, uint64_t *next_ns);
void hub_swap_want(align_hub_t *hub, const digest_t *id); /* NULL: base; remembered in the store */
void hub_swap_recall(align_hub_t *hub);
int hub_swap_arm(void *context, const control_call_t *call, control_reply_t *reply, err_t *err);
int hub_swap_revert(void *context, const control_call_t *call, control_reply_t *reply, err_t *err);
json_t *hub_swap_status(const align_hub_t *hub);

/* adapt */
int hub_adapt_accept(void *context, const options_t *options, err_t *err);
void hub_adapt_measure(align_hub_t *hub, double snr_db, uint64_t now_ns);
void hub_adapt_step(align_hub_t *hub, uint64_t now_ns);
json_t *hub_adapt_status(const align_hub_t *hub);

/* One object as a report; takes it. */
void hub_event(align_hub_t *hub, control_topic_t topic, json_t *object);

#endif
