/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * swap_hub: brings both ends to the adapter that is wanted (swap.h), and again after any of them,
 * or the hub itself, went and came back.
 *
 *     swap_hub_want(hub, &id);                          // NULL: the base codec
 *     loop: while (swap_hub_next(hub, now, &action)) send it;
 *           an answer came:    swap_hub_answer(hub, action.number, &answer, now);
 *           none will come:    swap_hub_failed(hub, action.number, now);
 *
 * Keeps nothing that a new hub would need: it asks both ends what they have.  One thread.
 */
#ifndef CONTROL_SWAP_HUB_H
#define CONTROL_SWAP_HUB_H

#include "control/swap_rx.h"
#include "control/swap_tx.h"

typedef enum { SWAP_TX, SWAP_RX, SWAP_ENDS } swap_end_t;

typedef enum {
    SWAP_ASK,     /* the end's state.  tx: with a beat when beat_session is not 0 */
    SWAP_STAGE,   /* see that the adapter is there, verified and usable */
    SWAP_PREPARE, /* tx */
    SWAP_ARM,     /* rx */
    SWAP_GO,      /* tx */
    SWAP_BASE,    /* tx */
} swap_kind_t;

typedef struct {
    uint64_t number; /* names it in the answer */
    swap_end_t to;
    swap_kind_t kind;
    uint64_t beat_session, beat_age_ns; /* ASK of tx */
    digest_t id;                        /* STAGE */
    swap_prepare_t prepare;
    swap_arm_t arm;
    swap_go_t go;
    uint64_t session, order; /* BASE */
} swap_action_t;

typedef struct {
    swap_code_t code;
    swap_state_t state;       /* ASK */
    swap_prepared_t prepared; /* PREPARE */
} swap_answer_t;

typedef struct swap_hub swap_hub_t;

typedef struct {
    uint64_t beat_ns;  /* between two looks at each end: well below the transmitter's lease */
    uint64_t retry_ns; /* after a refusal that time will heal */
} swap_hub_config_t;

swap_hub_t *swap_hub_create(const swap_hub_config_t *config, err_t *err);
void swap_hub_destroy(swap_hub_t *hub);

void swap_hub_want(swap_hub_t *hub, const digest_t *id);

/* The next message to send.  False: nothing now; *next_ns is then when to ask again. */
bool swap_hub_next(swap_hub_t *hub, uint64_t now_ns, swap_action_t *action, uint64_t *next_ns);
void swap_hub_answer(swap_hub_t *hub, uint64_t number, const swap_answer_t *answer,
                     uint64_t now_ns);
void swap_hub_failed(swap_hub_t *hub, uint64_t number, uint64_t now_ns);

typedef struct {
    bool known[SWAP_ENDS]; /* heard of lately */
    swap_state_t end[SWAP_ENDS];
    bool wanted, reached;     /* an adapter (not base) is wanted; what is wanted is stamped */
    digest_t id;              /* that one */
    const char *phase;        /* "idle", "stage", "prepare", "arm", "go", "base", "waiting" */
    swap_code_t last_refusal; /* SWAP_OK: none since the last success */
    swap_end_t refused_by;
    uint64_t swaps, restarts[SWAP_ENDS];
} swap_hub_status_t;
void swap_hub_status(const swap_hub_t *hub, swap_hub_status_t *status);

#endif
