/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * swap_tx: the transmitter's end of a swap (swap.h): which tag the next frame gets.
 *
 *     swap_choice_t choice;
 *     swap_tx_stamp(tx, now_ns, &choice);     // the next frame: encode with choice.id, stamp
 * choice.tag
 *     ...
 *     swap_tx_sent(tx, choice.tag, now_ns);   // it has left for the radio, or was dropped for good
 *
 * One thread.
 */
#ifndef CONTROL_SWAP_TX_H
#define CONTROL_SWAP_TX_H

#include "control/swap.h"

typedef struct swap_tx swap_tx_t;

typedef struct {
    uint64_t session;   /* random, not 0 */
    uint64_t lease_ns;  /* the receiver must have been heard of within this, else base */
    uint64_t linger_ns; /* from our radio to the receiver's decoder's end, at most */
} swap_tx_config_t;

swap_tx_t *swap_tx_create(const swap_tx_config_t *config, uint64_t now_ns, err_t *err);
void swap_tx_destroy(swap_tx_t *tx);

typedef struct {
    uint64_t session, order;
    digest_t id;
    swap_list_t rx_held; /* what the receiver holds, to agree with its tags */
} swap_prepare_t;

typedef struct {
    uint16_t tag;     /* for this adapter */
    swap_list_t live; /* what frames may still carry */
} swap_prepared_t;

/* SWAP_SETTLING for `linger` after the start: frames of an earlier life may be on their way with
   tags that we don't know. */
swap_code_t swap_tx_prepare(swap_tx_t *tx, const swap_prepare_t *prepare, uint64_t now_ns,
                            swap_prepared_t *prepared);

typedef struct {
    uint64_t session, order;
    digest_t id;
    uint16_t tag;
    uint64_t rx_session; /* of the receiver that confirmed it … */
    uint64_t age_ns;     /* … so long ago */
} swap_go_t;

/* From the next frame on.  `staged` as in swap_rx_arm.  The order must be the prepared one. */
swap_code_t swap_tx_go(swap_tx_t *tx, const swap_go_t *go, bool staged, uint64_t now_ns);

/* From the next frame on the base codec; always right. */
swap_code_t swap_tx_base(swap_tx_t *tx, uint64_t session, uint64_t order);

/* The receiver was alive in this session `age_ns` ago.  Another session than the one that confirmed
   our adapter: base. */
void swap_tx_beat(swap_tx_t *tx, uint64_t rx_session, uint64_t age_ns, uint64_t now_ns);

typedef enum { SWAP_FALL_NONE, SWAP_FALL_RESTART, SWAP_FALL_LEASE } swap_fall_t;

typedef struct {
    uint16_t tag; /* 0: base */
    digest_t id;
    swap_fall_t fell; /* this frame is the first with base, and why (to be said) */
} swap_choice_t;

/* Why it fell back since this was asked last, or since a stamp told it; SWAP_FALL_NONE: it did not. */
swap_fall_t swap_tx_fell(swap_tx_t *tx);

void swap_tx_stamp(swap_tx_t *tx, uint64_t now_ns, swap_choice_t *choice);
void swap_tx_sent(swap_tx_t *tx, uint16_t tag, uint64_t now_ns);

void swap_tx_state(const swap_tx_t *tx, swap_state_t *state);

#endif
