/* SPDX-License-Identifier: GPL-3.0-or-later */
/* swap_hub: what the ends' answers change. */
#include "control/swap_hub_private.h"

#include <string.h>

static void take_state(swap_hub_t *hub, swap_end_t which, const swap_state_t *state,
                       uint64_t now_ns)
{
    end_t *end = &hub->end[which];
    const bool anew = end->state.session != state->session;
    if (anew) {
        hub->status.restarts[which] += end->state.session != 0;
        end->staged_count = 0;
        if (hub->phase != IDLE) {
            swap_hub_give_up(hub, 0);
        }
        if (which == SWAP_RX) {
            hub->end[SWAP_TX].next_ask_ns = 0; /* the transmitter should hear of it now */
        }
    }
    end->state = *state;
    end->known = true;
    end->heard_ns = now_ns;
}

static void refused(swap_hub_t *hub, swap_end_t which, swap_code_t code, uint64_t now_ns)
{
    hub->status.last_refusal = code;
    hub->status.refused_by = which;
    const bool by_time = code == SWAP_FULL || code == SWAP_SETTLING;
    if (code == SWAP_NOT_STAGED) {
        swap_hub_note_not_staged(&hub->end[which], &hub->going);
    }
    swap_hub_give_up(hub, by_time || code == SWAP_NOT_STAGED ? now_ns + hub->config.retry_ns : 0);
    swap_hub_ask_again(hub, SWAP_TX);
    swap_hub_ask_again(hub, SWAP_RX);
}

/* The present phase's message was answered well: on to the next. */
static void advance(swap_hub_t *hub, swap_end_t which, const swap_answer_t *answer, uint64_t now_ns)
{
    switch (hub->phase) {
    case STAGING:
        swap_hub_note_staged(&hub->end[which], &hub->going);
        hub->end[which].is_staged = true;
        if (hub->end[SWAP_TX].is_staged && hub->end[SWAP_RX].is_staged) {
            (void)swap_hub_next_order(hub);
            swap_hub_enter(hub, PREPARING, true, false);
        }
        break;
    case PREPARING:
        hub->prepared = answer->prepared;
        swap_hub_enter(hub, ARMING, false, true);
        break;
    case ARMING:
        hub->confirmed_session = hub->end[SWAP_RX].state.session;
        hub->confirmed_ns = now_ns;
        swap_hub_enter(hub, GOING, true, false);
        break;
    case GOING: {
        swap_state_t *tx = &hub->end[SWAP_TX].state;
        tx->order = hub->order;
        tx->tag = hub->prepared.tag;
        tx->id = hub->going;
        tx->rx_session = hub->confirmed_session;
        swap_list_t *held = &hub->end[SWAP_RX].state.held;
        if (swap_list_tag(held, &hub->going) == 0 && held->count < SWAP_HELD) {
            held->pair[held->count++] = (swap_pair_t){hub->prepared.tag, hub->going};
        }
        hub->end[SWAP_TX].ask = 0; /* that answer would be older than this one */
        hub->status.swaps++;
        hub->status.last_refusal = SWAP_OK;
        swap_hub_enter(hub, IDLE, false, false);
        break;
    }
    case BASING:
        hub->end[SWAP_TX].ask = 0;
        hub->end[SWAP_TX].state.tag = 0;
        hub->status.last_refusal = SWAP_OK;
        swap_hub_enter(hub, IDLE, false, false);
        break;
    case IDLE:
        break;
    }
}

void swap_hub_answer(swap_hub_t *hub, uint64_t number, const swap_answer_t *answer, uint64_t now_ns)
{
    for (int e = 0; e < SWAP_ENDS; e++) {
        end_t *end = &hub->end[e];
        const swap_end_t which = (swap_end_t)e;
        if (number != 0 && end->ask == number) {
            end->ask = 0;
            take_state(hub, which, &answer->state, now_ns);
            return;
        }
        if (number != 0 && end->step == number) {
            end->step = 0;
            if (answer->code == SWAP_OK) {
                advance(hub, which, answer, now_ns);
            } else {
                refused(hub, which, answer->code, now_ns);
            }
            return;
        }
    }
}

void swap_hub_failed(swap_hub_t *hub, uint64_t number, uint64_t now_ns)
{
    for (int e = 0; e < SWAP_ENDS; e++) {
        end_t *end = &hub->end[e];
        if (number != 0 && (end->ask == number || end->step == number)) {
            const bool step = end->step == number;
            end->ask = end->ask == number ? 0 : end->ask;
            end->known = false;
            if (step) {
                swap_hub_give_up(hub, now_ns + hub->config.retry_ns);
            }
            return;
        }
    }
}
