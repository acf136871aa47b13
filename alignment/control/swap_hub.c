/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two clocks: each end is asked for its state every beat, and between them one swap at a time
 * walks stage, prepare, arm, go.  Whatever goes wrong leads back to asking.
 */
#include "control/swap_hub.h"

#include <stdlib.h>
#include <string.h>

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

static void note_staged(end_t *end, const digest_t *id)
{
    if (!staged(end, id)) {
        if (end->staged_count == STAGED) {
            memmove(end->staged, end->staged + 1, (STAGED - 1) * sizeof end->staged[0]);
            end->staged_count--;
        }
        end->staged[end->staged_count++] = *id;
    }
}

static void note_not_staged(end_t *end, const digest_t *id)
{
    for (int i = 0; i < end->staged_count; i++) {
        if (digest_equal(&end->staged[i], id)) {
            end->staged[i] = end->staged[--end->staged_count];
            return;
        }
    }
}

/* Back to asking; what is under way is forgotten. */
static void give_up(swap_hub_t *hub, uint64_t wait_ns)
{
    hub->phase = IDLE;
    hub->wait_ns = wait_ns;
    for (int e = 0; e < SWAP_ENDS; e++) {
        hub->end[e].step = 0;
        hub->to_send[e] = false;
    }
}

static void ask_again(swap_hub_t *hub, swap_end_t which)
{
    hub->end[which].known = false;
    hub->end[which].next_ask_ns = 0;
}

static void enter(swap_hub_t *hub, phase_t phase, bool tx, bool rx)
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
        give_up(hub, 0);
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

static uint64_t next_order(swap_hub_t *hub)
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
        (void)next_order(hub);
        enter(hub, BASING, true, false);
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
        enter(hub, STAGING, tx, rx);
    } else {
        (void)next_order(hub);
        enter(hub, PREPARING, true, false);
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

static void take_state(swap_hub_t *hub, swap_end_t which, const swap_state_t *state,
                       uint64_t now_ns)
{
    end_t *end = &hub->end[which];
    const bool anew = end->state.session != state->session;
    if (anew) {
        hub->status.restarts[which] += end->state.session != 0;
        end->staged_count = 0;
        if (hub->phase != IDLE) {
            give_up(hub, 0);
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
        note_not_staged(&hub->end[which], &hub->going);
    }
    give_up(hub, by_time || code == SWAP_NOT_STAGED ? now_ns + hub->config.retry_ns : 0);
    ask_again(hub, SWAP_TX);
    ask_again(hub, SWAP_RX);
}

/* The present phase's message was answered well: on to the next. */
static void advance(swap_hub_t *hub, swap_end_t which, const swap_answer_t *answer, uint64_t now_ns)
{
    switch (hub->phase) {
    case STAGING:
        note_staged(&hub->end[which], &hub->going);
        hub->end[which].is_staged = true;
        if (hub->end[SWAP_TX].is_staged && hub->end[SWAP_RX].is_staged) {
            (void)next_order(hub);
            enter(hub, PREPARING, true, false);
        }
        break;
    case PREPARING:
        hub->prepared = answer->prepared;
        enter(hub, ARMING, false, true);
        break;
    case ARMING:
        hub->confirmed_session = hub->end[SWAP_RX].state.session;
        hub->confirmed_ns = now_ns;
        enter(hub, GOING, true, false);
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
        enter(hub, IDLE, false, false);
        break;
    }
    case BASING:
        hub->end[SWAP_TX].ask = 0;
        hub->end[SWAP_TX].state.tag = 0;
        hub->status.last_refusal = SWAP_OK;
        enter(hub, IDLE, false, false);
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
                give_up(hub, now_ns + hub->config.retry_ns);
            }
            return;
        }
    }
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
