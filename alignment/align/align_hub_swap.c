/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Swaps: what is wanted goes into swap_hub.h, what that wants to say goes to the daemons. */
#include "align/align_hub.h"

#include "clock.h"
#include "control/field.h"
#include "control/swap_wire.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

static const char WANTED[] = "hub-wanted"; /* its name in the store, for the hub's next life */

typedef struct {
    align_hub_t *hub;
    uint64_t number;
    swap_kind_t kind;
} asked_t;

static void on_answer(void *context, const control_answer_t *given)
{
    asked_t *asked = context;
    swap_answer_t answer;
    const uint64_t now = clock_now_ns();
    err_t err = ERR_INIT;
    if (given->answer->ok &&
        swap_wire_read_result(asked->kind, given->answer->result, &answer, &err) == 0) {
        swap_hub_answer(asked->hub->swap, asked->number, &answer, now);
    } else {
        swap_hub_failed(asked->hub->swap, asked->number, now);
    }
    free(asked);
}

static void send(align_hub_t *hub, const swap_action_t *action, uint64_t now_ns)
{
    control_peer_t *peer = hub->link[action->to].peer;
    /* A look that is lost must not keep the next one waiting: the transmitter lives on a lease. */
    const double deadline_s = action->kind == SWAP_ASK ? 0.3 : 1.0;
    if (action->kind == SWAP_STAGE) {
        if (!hub_stage_begin(hub, action->to, &action->id, action->number, -1)) {
            swap_hub_failed(hub->swap, action->number, now_ns);
        }
        return;
    }
    asked_t *asked = peer != NULL ? malloc(sizeof *asked) : NULL;
    json_t *args = asked != NULL ? swap_wire_args(action) : NULL;
    if (asked != NULL) {
        *asked = (asked_t){hub, action->number, action->kind};
    }
    const uint64_t id = asked != NULL
                            ? control_peer_ask(peer, swap_wire_command(action->kind), "", args,
                                               NULL, 0, deadline_s, on_answer, asked, NULL)
                            : 0;
    if (id == 0) {
        free(asked);
        swap_hub_failed(hub->swap, action->number, now_ns);
    } else if (action->kind != SWAP_ASK) {
        control_peer_hurry(peer, id, 0.05); /* a lost message must not hold up a swap */
    }
    json_decref(args);
}

static void say(align_hub_t *hub, const swap_hub_status_t *s)
{
    char hash[DIGEST_TEXT];
    if (s->reached == hub->was_reached) {
        return;
    }
    hub->was_reached = s->reached;
    if (s->reached) {
        log_info("in use: %.16s%s", s->wanted ? digest_text(&s->id, hash) : "the base codec",
                 s->wanted ? "…" : "");
        hub_event(hub, CONTROL_ADAPTER,
                  json_pack("{s:s, s:s, s:i}", "kind", "swapped", "hash",
                            s->wanted ? digest_text(&s->id, hash) : "base", "tag",
                            (int)s->end[SWAP_TX].tag));
    } else if (s->known[SWAP_TX]) {
        log_info("not in use: what is wanted (%s)", s->phase);
    }
}

/* Commands that wait. */
static void answer_arms(align_hub_t *hub, const swap_hub_status_t *s, uint64_t now_ns)
{
    for (int i = 0; i < HUB_ARMS; i++) {
        hub_arm_t *arm = &hub->arm[i];
        if (arm->ticket == 0) {
            continue;
        }
        const bool same = arm->base ? !s->wanted : s->wanted && digest_equal(&arm->id, &s->id);
        err_t err = ERR_INIT;
        control_reply_t reply = {0};
        if (same && s->reached) {
            char hash[DIGEST_TEXT];
            reply.result = json_pack(
                "{s:s, s:i, s:f}", "hash", arm->base ? "base" : digest_text(&arm->id, hash), "tag",
                (int)s->end[SWAP_TX].tag, "ms", 1e-6 * (double)(now_ns - arm->start_ns));
        } else if (!same) {
            err_set(&err, ERR_STATE, "something else was wanted meanwhile");
        } else if (now_ns >= arm->deadline_ns) {
            err_set(&err, ERR_TIMEOUT,
                    "not in use yet (%s; transmitter %s, receiver %s%s%s): the hub "
                    "goes on trying",
                    s->phase, s->known[SWAP_TX] ? "there" : "not there",
                    s->known[SWAP_RX] ? "there" : "not there",
                    s->last_refusal != SWAP_OK ? ", last refusal: " : "",
                    s->last_refusal != SWAP_OK ? swap_code_name(s->last_refusal) : "");
        } else {
            continue;
        }
        control_server_answer(hub->server, arm->ticket, &reply, err.code != ERR_NONE ? &err : NULL);
        json_decref(reply.result);
        arm->ticket = 0;
    }
}

void hub_swap_step(align_hub_t *hub, uint64_t now_ns, uint64_t *next_ns)
{
    swap_action_t action;
    swap_hub_status_t status;
    if (hub->link[SWAP_TX].peer == NULL || hub->link[SWAP_RX].peer == NULL) {
        *next_ns = UINT64_MAX;
        return;
    }
    for (int n = 0; n < 16 && swap_hub_next(hub->swap, now_ns, &action, next_ns); n++) {
        send(hub, &action, now_ns);
        *next_ns = now_ns;
    }
    swap_hub_status(hub->swap, &status);
    say(hub, &status);
    answer_arms(hub, &status, now_ns);
}

void hub_swap_want(align_hub_t *hub, const digest_t *id)
{
    swap_hub_want(hub->swap, id);
    hub->was_reached = false;
    if (hub->store == NULL) {
        return;
    }
    err_t err = ERR_INIT;
    if (id == NULL) {
        (void)store_remove_name(hub->store, WANTED, NULL);
    } else if (store_has(hub->store, id) && store_set_name(hub->store, WANTED, id, &err) != 0) {
        log_warn("%s", err.text);
    }
}

void hub_swap_recall(align_hub_t *hub)
{
    digest_t id;
    if (hub->store != NULL && store_find_name(hub->store, WANTED, &id, NULL) == 0) {
        swap_hub_want(hub->swap, &id);
    }
}

static int wait_for_it(align_hub_t *hub, const control_call_t *call, const digest_t *id, err_t *err)
{
    const uint64_t now = clock_now_ns();
    for (int i = 0; i < HUB_ARMS; i++) {
        if (hub->arm[i].ticket == 0) {
            hub->arm[i] =
                (hub_arm_t){.ticket = call->ticket,
                            .base = id == NULL,
                            .start_ns = now,
                            .deadline_ns = now + (uint64_t)(0.9e9 * call->request->deadline_s)};
            if (id != NULL) {
                hub->arm[i].id = *id;
            }
            hub_swap_want(hub, id);
            return CONTROL_LATER;
        }
    }
    return err_set(err, ERR_STATE, "%d commands wait for a swap already", HUB_ARMS);
}

static int check_ends(const align_hub_t *hub, err_t *err)
{
    if (hub->adapt != HUB_FIXED) {
        return err_set(err, ERR_STATE, "hub.adapt is not fixed: the hub decides by itself");
    }
    return hub->link[SWAP_TX].peer != NULL && hub->link[SWAP_RX].peer != NULL
               ? 0
               : err_set(err, ERR_STATE, "the hub needs hub.tx and hub.rx for this");
}

int hub_swap_arm(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    digest_t id;
    (void)reply;
    if (field_only(call->request->args, "hash", err) != 0 ||
        transfer_hash(call->request->args, &id, err) != 0 || check_ends(context, err) != 0) {
        return -1;
    }
    return wait_for_it(context, call, &id, err);
}

int hub_swap_revert(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    (void)reply;
    if (field_only(call->request->args, "", err) != 0 || check_ends(context, err) != 0) {
        return -1;
    }
    return wait_for_it(context, call, NULL, err);
}

json_t *hub_swap_status(const align_hub_t *hub)
{
    swap_hub_status_t s;
    char hash[DIGEST_TEXT];
    swap_hub_status(hub->swap, &s);
    json_t *object = json_pack(
        "{s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:I, s:s}", "wanted",
        s.wanted ? digest_text(&s.id, hash) : "base", "phase", s.phase, "in_use", s.reached,
        "tx_known", s.known[SWAP_TX], "rx_known", s.known[SWAP_RX], "swaps", (json_int_t)s.swaps,
        "tx_restarts", (json_int_t)s.restarts[SWAP_TX], "rx_restarts",
        (json_int_t)s.restarts[SWAP_RX], "last_refusal", swap_code_name(s.last_refusal));
    json_object_set_new(object, "tx", swap_wire_state(&s.end[SWAP_TX]));
    json_object_set_new(object, "rx", swap_wire_state(&s.end[SWAP_RX]));
    return object;
}
