/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two clocks: each end is asked for its state every beat, and between them one swap at a time
 * walks stage, prepare, arm, go.  Whatever goes wrong leads back to asking.
 */
#include "control/swap_hub_private.h"

#include <stdlib.h>
#include <string.h>

swap_hub_t *swap_hub_create(const swap_hub_config_t *config, err_t *err)
{
    swap_hub_t *hub = calloc(1, sizeof *hub);
    if (hub == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a hub");
        return NULL;
    }
    hub->config = *config;
    return hub;
}

void swap_hub_destroy(swap_hub_t *hub)
{
    free(hub);
}

static bool staged(const end_t *end, const digest_t *id)
{
    for (int i = 0; i < end->staged_count; i++) {
        if (digest_equal(&end->staged[i], id)) {
            return true;
        }
    }
    return false;
}

void swap_hub_note_staged(end_t *end, const digest_t *id)
{
    if (!staged(end, id)) {
        if (end->staged_count == STAGED) {
            memmove(end->staged, end->staged + 1, (STAGED - 1) * sizeof end->staged[0]);
            end->staged_count--;
        }
        end->staged[end->staged_count++] = *id;
    }
}

void swap_hub_note_not_staged(end_t *end, const digest_t *id)
{
    for (int i = 0; i < end->staged_count; i++) {
        if (digest_equal(&end->staged[i], id)) {
            end->staged[i] = end->staged[--end->staged_count];
            return;
        }
    }
}

/* Back to asking; what is under way is forgotten. */
void swap_hub_give_up(swap_hub_t *hub, uint64_t wait_ns)
{
    hub->phase = IDLE;
    hub->wait_ns = wait_ns;
    for (int e = 0; e < SWAP_ENDS; e++) {
        hub->end[e].step = 0;
        hub->to_send[e] = false;
    }
}

void swap_hub_ask_again(swap_hub_t *hub, swap_end_t which)
{
    hub->end[which].known = false;
    hub->end[which].next_ask_ns = 0;
}

void swap_hub_enter(swap_hub_t *hub, phase_t phase, bool tx, bool rx)
{
    hub->phase = phase;
    hub->to_send[SWAP_TX] = tx;
    hub->to_send[SWAP_RX] = rx;
}

void swap_hub_want(swap_hub_t *hub, const digest_t *id)
{
    const bool same = id != NULL ? hub->wanted && digest_equal(id, &hub->id) : !hub->wanted;
    hub->wanted = id != NULL;
    if (id != NULL) {
        hub->id = *id;
    }
    if (!same) {
        swap_hub_give_up(hub, 0);
    }
}

static bool reached(const swap_hub_t *hub)
{
    const swap_state_t *tx = &hub->end[SWAP_TX].state, *rx = &hub->end[SWAP_RX].state;
    if (!hub->wanted) {
        return hub->end[SWAP_TX].known && tx->tag == 0;
    }
    return hub->end[SWAP_TX].known && hub->end[SWAP_RX].known && tx->tag != 0 &&
           digest_equal(&tx->id, &hub->id) && tx->rx_session == rx->session;
}

uint64_t swap_hub_next_order(swap_hub_t *hub)
{
    for (int e = 0; e < SWAP_ENDS; e++) {
        const uint64_t order = hub->end[e].state.order;
        hub->order = order > hub->order ? order : hub->order;
    }
    return ++hub->order;
}

/* Begins what is missing.  False: nothing is, or not everything is known that it takes. */
static bool begin(swap_hub_t *hub, uint64_t now_ns)
{
    if (hub->phase != IDLE || now_ns < hub->wait_ns || !hub->end[SWAP_TX].known || reached(hub)) {
        return false;
    }
    if (!hub->wanted) {
        (void)swap_hub_next_order(hub);
        swap_hub_enter(hub, BASING, true, false);
        return true;
    }
    if (!hub->end[SWAP_RX].known) {
        return false;
    }
    hub->going = hub->id;
    const bool tx = !staged(&hub->end[SWAP_TX], &hub->going);
    const bool rx = !staged(&hub->end[SWAP_RX], &hub->going);
    hub->end[SWAP_TX].is_staged = !tx;
    hub->end[SWAP_RX].is_staged = !rx;
    if (tx || rx) {
        swap_hub_enter(hub, STAGING, tx, rx);
    } else {
        (void)swap_hub_next_order(hub);
        swap_hub_enter(hub, PREPARING, true, false);
    }
    return true;
}

static void fill(swap_hub_t *hub, swap_action_t *action, uint64_t now_ns)
{
    const swap_state_t *tx = &hub->end[SWAP_TX].state, *rx = &hub->end[SWAP_RX].state;
    switch (hub->phase) {
    case STAGING:
        action->kind = SWAP_STAGE;
        action->id = hub->going;
        break;
    case PREPARING:
        action->kind = SWAP_PREPARE;
        action->prepare = (swap_prepare_t){tx->session, hub->order, hub->going, rx->held};
        break;
    case ARMING:
        action->kind = SWAP_ARM;
        action->arm = (swap_arm_t){rx->session, hub->order, hub->going, hub->prepared.tag,
                                   hub->prepared.live};
        break;
    case GOING:
        action->kind = SWAP_GO;
        action->go = (swap_go_t){tx->session,
                                 hub->order,
                                 hub->going,
                                 hub->prepared.tag,
                                 hub->confirmed_session,
                                 now_ns - hub->confirmed_ns};
        break;
    case BASING:
    case IDLE:
        action->kind = SWAP_BASE;
        action->session = tx->session;
        action->order = hub->order;
        break;
    }
}

static bool ask(swap_hub_t *hub, swap_end_t which, uint64_t now_ns, swap_action_t *action)
{
    end_t *end = &hub->end[which];
    if (end->ask != 0 || now_ns < end->next_ask_ns) {
        return false;
    }
    end->ask = action->number = ++hub->number;
    end->next_ask_ns = now_ns + hub->config.beat_ns;
    action->kind = SWAP_ASK;
    const end_t *rx = &hub->end[SWAP_RX];
    if (which == SWAP_TX && rx->known) {
        action->beat_session = rx->state.session;
        action->beat_age_ns = now_ns - rx->heard_ns;
    }
    return true;
}

bool swap_hub_next(swap_hub_t *hub, uint64_t now_ns, swap_action_t *action, uint64_t *next_ns)
{
    memset(action, 0, sizeof *action);
    (void)begin(hub, now_ns);
    for (int e = 0; e < SWAP_ENDS; e++) {
        action->to = (swap_end_t)e;
        if (hub->to_send[e] && hub->end[e].step == 0) {
            hub->to_send[e] = false;
            hub->end[e].step = action->number = ++hub->number;
            fill(hub, action, now_ns);
            return true;
        }
        /* The receiver first: the transmitter's beat is then fresh. */
        const swap_end_t which = e == 0 ? SWAP_RX : SWAP_TX;
        action->to = which;
        if (ask(hub, which, now_ns, action)) {
            return true;
        }
    }
    uint64_t next = UINT64_MAX;
    for (int e = 0; e < SWAP_ENDS; e++) {
        if (hub->end[e].ask == 0 && hub->end[e].next_ask_ns < next) {
            next = hub->end[e].next_ask_ns;
        }
    }
    if (hub->phase == IDLE && !reached(hub) && hub->wait_ns > now_ns && hub->wait_ns < next) {
        next = hub->wait_ns;
    }
    *next_ns = next;
    return false;
}

void swap_hub_status(const swap_hub_t *hub, swap_hub_status_t *status)
{
    static const char *const names[] = {"idle", "stage", "prepare", "arm", "go", "base"};
    *status = hub->status;
    for (int e = 0; e < SWAP_ENDS; e++) {
        status->known[e] = hub->end[e].known;
        status->end[e] = hub->end[e].state;
    }
    status->wanted = hub->wanted;
    status->id = hub->id;
    status->reached = reached(hub);
    status->phase = hub->phase == IDLE && !status->reached ? "waiting" : names[hub->phase];
}
