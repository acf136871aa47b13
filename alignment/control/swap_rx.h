/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * swap_rx: the receiver's end of a swap (swap.h): which adapter each tag means.
 *
 * Holds the last SWAP_HELD adapters at most.  One is given up only to make room for another, only
 * when the transmitter has said that no frame with it can leave any more, and so long after that
 * (`linger`) that those under way have been decoded.
 */
#ifndef CONTROL_SWAP_RX_H
#define CONTROL_SWAP_RX_H

#include "control/swap.h"

typedef struct swap_rx swap_rx_t;

typedef struct {
    uint64_t session;   /* random, not 0 */
    int held;           /* 2 … SWAP_HELD */
    uint64_t linger_ns; /* from the transmitter's radio to our decoder's end, at most */
} swap_rx_config_t;

swap_rx_t *swap_rx_create(const swap_rx_config_t *config, err_t *err);
void swap_rx_destroy(swap_rx_t *rx);

typedef struct {
    uint64_t session, order;
    digest_t id;
    uint16_t tag;
    swap_list_t live; /* what the transmitter's frames may still carry, but for this one */
} swap_arm_t;

/* `staged`: the adapter is here, verified and usable.  *dropped: an adapter that was given up for
   it, with tag 0 when none was.  Armed again with the same order: the same answer. */
swap_code_t swap_rx_arm(swap_rx_t *rx, const swap_arm_t *arm, bool staged, uint64_t now_ns,
                        swap_pair_t *dropped);

/* What a frame's tag means; NULL: not held, the frame cannot be decoded.  Never asked for 0. */
const digest_t *swap_rx_find(const swap_rx_t *rx, uint16_t tag);

void swap_rx_state(const swap_rx_t *rx, swap_state_t *state);

#endif
