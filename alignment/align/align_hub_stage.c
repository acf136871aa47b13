/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An adapter on its way to a daemon: put (where to go on), chunks with a window, then swap.stage,
 * which loads and checks it there.  Without the bytes here, only swap.stage: the daemon may have
 * them.
 */
#include "align/align_hub.h"

#include "clock.h"
#include "control/field.h"

#include <stdlib.h>
#include <string.h>

static const double PATIENCE_S = 5.0;

static void finish(hub_stage_t *stage, swap_code_t code, const err_t *why)
{
    align_hub_t *hub = stage->link->hub;
    if (stage->number != 0) {
        const swap_answer_t answer = {.code = code};
        if (why != NULL && why->code != ERR_NONE && code == SWAP_OK) {
            swap_hub_failed(hub->swap, stage->number, clock_now_ns());
        } else {
            swap_hub_answer(hub->swap, stage->number, &answer, clock_now_ns());
        }
    }
    if (stage->order >= 0) {
        hub_order_t *order = &hub->order[stage->order];
        if (why != NULL && why->code != ERR_NONE && order->error.code == ERR_NONE) {
            order->error = *why;
        }
        order->left--;
    }
    free(stage->bytes);
    memset(stage, 0, sizeof *stage);
}

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

static void ask_stage(hub_stage_t *stage)
{
    char hash[DIGEST_TEXT];
    err_t err = ERR_INIT;
    json_t *args = json_pack("{s:s}", "hash", digest_text(&stage->id, hash));
    stage->putting = false;
    stage->under_way++;
    if (control_peer_ask(stage->link->peer, "swap.stage", "", args, NULL, 0, PATIENCE_S, on_staged,
                         stage, &err) == 0) {
        stage->under_way--;
        finish(stage, SWAP_OK, &err);
    }
    json_decref(args);
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
        ask_stage(stage);
    }
}

static void ask_put(hub_stage_t *stage)
{
    char hash[DIGEST_TEXT];
    err_t err = ERR_INIT;
    json_t *args = json_pack("{s:s, s:I}", "hash", digest_text(&stage->id, hash), "size",
                             (json_int_t)stage->size);
    stage->putting = true;
    stage->credit = 0;
    stage->under_way++;
    if (control_peer_ask(stage->link->peer, "put", "", args, NULL, 0, PATIENCE_S, on_progress,
                         stage, &err) == 0) {
        stage->under_way--;
        finish(stage, SWAP_OK, &err);
    }
    json_decref(args);
}

static void send_chunks(hub_stage_t *stage)
{
    char hash[DIGEST_TEXT];
    digest_text(&stage->id, hash);
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
    if (hub->store != NULL && store_has(hub->store, id) &&
        store_load(hub->store, id, &stage->bytes, &stage->size, NULL) == 0) {
        ask_put(stage);
    } else {
        ask_stage(stage);
    }
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
            const control_reply_t reply = {0};
            control_server_answer(hub->server, order->ticket, &reply,
                                  order->error.code != ERR_NONE ? &order->error : NULL);
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
        hub->order[i] = (hub_order_t){.ticket = call->ticket, .left = 1};
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

void hub_stage_close(align_hub_t *hub)
{
    for (int i = 0; i < HUB_STAGES; i++) {
        free(hub->stage[i].bytes);
        hub->stage[i].bytes = NULL;
        hub->stage[i].link = NULL;
    }
}
