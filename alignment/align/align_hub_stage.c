/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An adapter on its way to a daemon: what it holds already of it (holds), put (where to go on),
 * chunks with a window, of the whole or of the difference to a lower level that is there (then
 * upgrade), then swap.stage, which loads and checks it there.  Whatever goes wrong with a
 * difference, the whole is sent.  Without the bytes here, only swap.stage: the daemon may have
 * them.
 */
#include "align/align_hub.h"

#include "clock.h"
#include "control/field.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

static const double PATIENCE_S = 5.0;
static const char *const end_names[] = {"tx", "rx"};
static const char *const as_names[] = {"whole", "difference", "held", "nothing"};

static void account(const hub_stage_t *stage, hub_order_t *order)
{
    hub_sent_t *sent = &stage->link->hub->sent;
    sent->whole += stage->as == HUB_AS_WHOLE;
    sent->difference += stage->as == HUB_AS_DIFFERENCE;
    sent->held += stage->as == HUB_AS_HELD;
    sent->of += stage->as == HUB_AS_WHOLE || stage->as == HUB_AS_DIFFERENCE ? stage->whole_size : 0;
    if (order != NULL) {
        json_object_set_new(order->result, end_names[stage->link->which],
                            json_pack("{s:s, s:I, s:I}", "as", as_names[stage->as], "sent",
                                      (json_int_t)stage->sent, "size",
                                      (json_int_t)stage->whole_size));
    }
    if (stage->as == HUB_AS_DIFFERENCE) {
        log_info("%s: %llu bytes sent for an adapter of %zu, of which it holds level %d",
                 end_names[stage->link->which], (unsigned long long)stage->sent, stage->whole_size,
                 stage->plan.level[stage->low]);
    }
}

static void drop_bytes(hub_stage_t *stage)
{
    if (stage->bytes != stage->whole) {
        free(stage->bytes);
    }
    stage->bytes = NULL;
}

static void finish(hub_stage_t *stage, swap_code_t code, const err_t *why)
{
    align_hub_t *hub = stage->link->hub;
    const bool failed = why != NULL && why->code != ERR_NONE;
    hub_order_t *order = stage->order >= 0 ? &hub->order[stage->order] : NULL;
    if (stage->number != 0) {
        const swap_answer_t answer = {.code = code};
        if (failed && code == SWAP_OK) {
            swap_hub_failed(hub->swap, stage->number, clock_now_ns());
        } else {
            swap_hub_answer(hub->swap, stage->number, &answer, clock_now_ns());
        }
    }
    if (!failed) {
        account(stage, order);
    }
    if (order != NULL) {
        if (failed && order->error.code == ERR_NONE) {
            order->error = *why;
        }
        order->left--;
    }
    drop_bytes(stage);
    free(stage->whole);
    memset(stage, 0, sizeof *stage);
}

/* One question about this stage.  False: it could not be asked, and the stage has ended. */
static bool ask(hub_stage_t *stage, const char *command, json_t *args, control_answered_t *answered)
{
    err_t err = ERR_INIT;
    stage->under_way++;
    const bool asked = control_peer_ask(stage->link->peer, command, "", args, NULL, 0, PATIENCE_S,
                                        answered, stage, &err) != 0;
    json_decref(args);
    if (!asked) {
        stage->under_way--;
        finish(stage, SWAP_OK, &err);
    }
    return asked;
}

/* ---- swap.stage ---- */

static void on_staged(void *context, const control_answer_t *given)
{
    hub_stage_t *stage = context;
    swap_answer_t answer;
    err_t err = ERR_INIT;
    stage->under_way--;
    if (stage->link == NULL) {
        return;
    }
    if (!given->answer->ok) {
        finish(stage, SWAP_OK, &given->answer->error);
    } else if (swap_wire_read_result(SWAP_STAGE, given->answer->result, &answer, &err) != 0) {
        finish(stage, SWAP_OK, &err);
    } else if (answer.code != SWAP_OK) {
        char text[256] = "it cannot be used there";
        (void)field_text_or(given->answer->result, "text", text, sizeof text, NULL);
        err_set(&err, ERR_STATE, "%s", text);
        finish(stage, answer.code, &err);
    } else {
        finish(stage, SWAP_OK, NULL);
    }
}

static json_t *hash_args(const digest_t *id)
{
    char hash[DIGEST_TEXT];
    return json_pack("{s:s}", "hash", digest_text(id, hash));
}

static void ask_stage(hub_stage_t *stage)
{
    stage->putting = false;
    (void)ask(stage, "swap.stage", hash_args(&stage->id), on_staged);
}

/* ---- put and chunks ---- */

static void put(hub_stage_t *stage, hub_as_t as, uint8_t *bytes, size_t size);

static void put_whole(hub_stage_t *stage)
{
    put(stage, HUB_AS_WHOLE, stage->whole, stage->whole_size);
}

static void on_upgraded(void *context, const control_answer_t *given)
{
    hub_stage_t *stage = context;
    stage->under_way--;
    if (stage->link == NULL) {
        return;
    }
    if (given->answer->ok) {
        ask_stage(stage);
    } else if (given->from_peer) {
        log_info("%s: %s; the whole is sent", end_names[stage->link->which],
                 given->answer->error.text);
        put_whole(stage);
    } else {
        finish(stage, SWAP_OK, &given->answer->error);
    }
}

/* All of it is there. */
static void arrived(hub_stage_t *stage)
{
    stage->putting = false;
    if (stage->as == HUB_AS_DIFFERENCE) {
        (void)ask(stage, "upgrade", upgrade_order(&stage->plan, stage->low, &stage->what, ""),
                  on_upgraded);
        return;
    }
    stage->as = stage->sent == 0 ? HUB_AS_HELD : stage->as;
    ask_stage(stage);
}

static void on_progress(void *context, const control_answer_t *given)
{
    hub_stage_t *stage = context;
    int64_t have = 0, credit = 1;
    err_t err = given->answer->error;
    stage->under_way--;
    if (stage->link == NULL) {
        return;
    }
    if (given->answer->ok &&
        (field_int(given->answer->result, "have", 0, INT64_MAX, &have, &err) != 0 ||
         field_int(given->answer->result, "credit", 0, 1000, &credit, &err) != 0)) {
        stage->failed = true;
    }
    stage->failed = stage->failed || !given->answer->ok;
    if (stage->next == 0 && !stage->failed) {
        stage->next = (uint64_t)have; /* the answer to put */
    }
    stage->have = (uint64_t)have > stage->have ? (uint64_t)have : stage->have;
    stage->credit = credit > 0 && credit <= 16 ? (int)credit : 1;
    if (stage->under_way == 0 && stage->failed) {
        finish(stage, SWAP_OK, &err);
    } else if (stage->have >= stage->size && stage->under_way == 0) {
        arrived(stage);
    }
}

/* Takes `bytes` unless they are the whole. */
static void put(hub_stage_t *stage, hub_as_t as, uint8_t *bytes, size_t size)
{
    char hash[DIGEST_TEXT];
    drop_bytes(stage);
    stage->as = as;
    stage->bytes = bytes;
    stage->size = size;
    stage->what = as == HUB_AS_DIFFERENCE ? digest_of(bytes, size) : stage->id;
    stage->next = stage->have = 0;
    stage->putting = true;
    stage->credit = 0;
    (void)ask(
        stage, "put",
        json_pack("{s:s, s:I}", "hash", digest_text(&stage->what, hash), "size", (json_int_t)size),
        on_progress);
}

static void send_chunks(hub_stage_t *stage)
{
    char hash[DIGEST_TEXT];
    digest_text(&stage->what, hash);
    while (!stage->failed && stage->next < stage->size && stage->under_way < stage->credit) {
        const uint64_t left = stage->size - stage->next;
        const size_t count = left < CONTROL_CHUNK ? (size_t)left : CONTROL_CHUNK;
        json_t *args = json_pack("{s:s, s:I}", "hash", hash, "offset", (json_int_t)stage->next);
        const uint64_t id =
            control_peer_ask(stage->link->peer, "chunk", "", args, stage->bytes + stage->next,
                             count, PATIENCE_S, on_progress, stage, NULL);
        json_decref(args);
        if (id == 0) {
            return; /* all places are taken: at the next step */
        }
        stage->under_way++;
        stage->next += count;
        stage->sent += count;
        stage->link->hub->sent.sent += count;
    }
}

/* ---- what is there already ---- */

/* False: it can't be made, or is no smaller. */
static bool put_difference(hub_stage_t *stage)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    adapter_t *high = adapter_parse(stage->whole, stage->whole_size, "", NULL);
    const bool made =
        high != NULL && upgrade_difference(&stage->plan, stage->low, high, stage->link->hub->store,
                                           &bytes, &size, NULL) == 0;
    adapter_destroy(high);
    if (made) {
        put(stage, HUB_AS_DIFFERENCE, bytes, size);
    }
    return made;
}

static void on_held(void *context, const control_answer_t *given)
{
    hub_stage_t *stage = context;
    stage->under_way--;
    if (stage->link == NULL) {
        return;
    }
    if (!given->answer->ok && !given->from_peer) {
        finish(stage, SWAP_OK, &given->answer->error);
        return;
    }
    stage->low = given->answer->ok ? upgrade_answer(&stage->plan, given->answer->result)
                                   : UPGRADE_WHOLE; /* an older daemon */
    if (stage->low < 0 || !put_difference(stage)) {
        put_whole(stage); /* also when it is held: a put verifies nothing less */
    }
}

static void begin(hub_stage_t *stage)
{
    align_hub_t *hub = stage->link->hub;
    if (hub->store == NULL || !store_has(hub->store, &stage->id) ||
        store_load(hub->store, &stage->id, &stage->whole, &stage->whole_size, NULL) != 0) {
        stage->as = HUB_AS_NOTHING;
        ask_stage(stage);
        return;
    }
    adapter_t *high = adapter_parse(stage->whole, stage->whole_size, "", NULL);
    if (high != NULL) {
        upgrade_plan(&stage->plan, high, hub->store);
    }
    adapter_destroy(high);
    if (stage->plan.count > 0) {
        (void)ask(stage, "holds", upgrade_question(&stage->plan), on_held);
    } else {
        put_whole(stage);
    }
}

bool hub_stage_begin(align_hub_t *hub, swap_end_t end, const digest_t *id, uint64_t number,
                     int order)
{
    hub_stage_t *stage = NULL;
    for (int i = 0; i < HUB_STAGES && stage == NULL; i++) {
        stage = hub->stage[i].link == NULL && hub->stage[i].under_way == 0 ? &hub->stage[i] : NULL;
    }
    if (stage == NULL || hub->link[end].peer == NULL) {
        return false;
    }
    *stage = (hub_stage_t){.link = &hub->link[end], .id = *id, .number = number, .order = order};
    begin(stage);
    return true;
}

void hub_stage_step(align_hub_t *hub)
{
    for (int i = 0; i < HUB_STAGES; i++) {
        hub_stage_t *stage = &hub->stage[i];
        if (stage->link != NULL && stage->putting) {
            send_chunks(stage);
        }
        hub_order_t *order = &hub->order[i];
        if (order->ticket != 0 && order->left == 0) {
            const control_reply_t reply = {.result = order->result};
            control_server_answer(hub->server, order->ticket, &reply,
                                  order->error.code != ERR_NONE ? &order->error : NULL);
            json_decref(order->result);
            memset(order, 0, sizeof *order);
        }
    }
}

int hub_stage_command(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    align_hub_t *hub = context;
    digest_t id;
    (void)reply;
    if (field_only(call->request->args, "hash", err) != 0 ||
        transfer_hash(call->request->args, &id, err) != 0) {
        return -1;
    }
    for (int i = 0; i < HUB_STAGES; i++) {
        if (hub->order[i].ticket != 0 || hub->order[i].left != 0) {
            continue;
        }
        hub->order[i] = (hub_order_t){.ticket = call->ticket, .left = 1, .result = json_object()};
        for (int e = 0; e < SWAP_ENDS; e++) {
            hub->order[i].left++;
            if (!hub_stage_begin(hub, (swap_end_t)e, &id, 0, i)) {
                hub->order[i].left--;
                err_set(&hub->order[i].error, ERR_STATE,
                        "the hub has no transmitter or receiver, or too much is under way");
            }
        }
        hub->order[i].left--;
        return CONTROL_LATER;
    }
    return err_set(err, ERR_STATE, "too many adapters are being staged already");
}

json_t *hub_stage_status(const align_hub_t *hub)
{
    const hub_sent_t *s = &hub->sent;
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "whole", (json_int_t)s->whole, "differences",
                     (json_int_t)s->difference, "held", (json_int_t)s->held, "bytes",
                     (json_int_t)s->sent, "bytes_if_whole", (json_int_t)s->of);
}

void hub_stage_close(align_hub_t *hub)
{
    for (int i = 0; i < HUB_STAGES; i++) {
        drop_bytes(&hub->stage[i]);
        free(hub->stage[i].whole);
        hub->stage[i].whole = NULL;
        hub->stage[i].link = NULL;
        json_decref(hub->order[i].result);
        hub->order[i].result = NULL;
    }
}
