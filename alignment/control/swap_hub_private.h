/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of swap_hub.h: swap_hub.c (what to send next), swap_hub_answer.c (what answers
 * change). */
#ifndef CONTROL_SWAP_HUB_PRIVATE_H
#define CONTROL_SWAP_HUB_PRIVATE_H

#include "control/swap_hub.h"

typedef enum { IDLE, STAGING, PREPARING, ARMING, GOING, BASING } phase_t;

enum { STAGED = 64 };

typedef struct {
    bool known;
    swap_state_t state;
    uint64_t heard_ns, next_ask_ns;
    uint64_t ask, step;      /* numbers of what is under way; 0: nothing */
    digest_t staged[STAGED]; /* in this session */
    int staged_count;
    bool is_staged; /* the present step's */
} end_t;

struct swap_hub {
    swap_hub_config_t config;
    end_t end[SWAP_ENDS];
    bool wanted;
    digest_t id;
    phase_t phase;
    bool to_send[SWAP_ENDS]; /* the phase's message */
    uint64_t number, order, wait_ns;
    uint64_t confirmed_ns, confirmed_session;
    swap_prepared_t prepared;
    digest_t going; /* the adapter of the present swap */
    swap_hub_status_t status;
};

void swap_hub_note_staged(end_t *end, const digest_t *id);
void swap_hub_note_not_staged(end_t *end, const digest_t *id);
void swap_hub_give_up(swap_hub_t *hub, uint64_t wait_ns);
void swap_hub_ask_again(swap_hub_t *hub, swap_end_t which);
void swap_hub_enter(swap_hub_t *hub, phase_t phase, bool tx, bool rx);
uint64_t swap_hub_next_order(swap_hub_t *hub);

#endif
