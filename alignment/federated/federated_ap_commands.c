/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_ap_commands: what users ask the access point.  docs/FEDERATED.md lists them. */
#include "federated/federated_ap_private.h"

#include "clock.h"
#include "control/field.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

/* A piece of bytes[size] from "offset" on; counts it. */
static int piece(const control_call_t *call, const federated_package_t *package,
                 control_reply_t *reply, uint64_t *count, err_t *err)
{
    int64_t offset = 0;
    if (field_int_or(call->request->args, "offset", 0, (int64_t)package->size, &offset, err) != 0) {
        return -1;
    }
    const size_t left = package->size - (size_t)offset;
    reply->blob = package->bytes + offset;
    reply->blob_size = left < CONTROL_CHUNK ? left : CONTROL_CHUNK;
    *count += reply->blob_size;
    return 0;
}

static int on_task(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    federated_ap_t *ap = context;
    char text[DIGEST_TEXT];
    uint64_t nobody = 0; /* who joins tells what it got */
    if (field_only(call->request->args, "offset", err) != 0 ||
        piece(call, &ap->task, reply, &nobody, err) != 0) {
        return -1;
    }
    reply->result = json_pack("{s:s, s:I}", "hash", digest_text(&ap->task_id, text), "size",
                              (json_int_t)ap->task.size);
    return 0;
}

static int on_join(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    federated_ap_t *ap = context;
    const json_t *args = call->request->args;
    char name[STORE_NAME_MAX], session[SESSION_LENGTH + 1], hash[DIGEST_TEXT];
    int64_t rx_session, order, task_bytes = 0;
    digest_t task;
    if (field_only(args, "name session rx_session order hash task_bytes", err) != 0 ||
        field_text(args, "name", name, sizeof name, err) != 0 || store_name_check(name, err) != 0 ||
        field_text(args, "session", session, sizeof session, err) != 0 ||
        field_int(args, "rx_session", 1, INT64_MAX, &rx_session, err) != 0 ||
        field_int(args, "order", 0, INT64_C(1) << 53, &order, err) != 0 ||
        field_int_or(args, "task_bytes", 0, INT64_C(1) << 53, &task_bytes, err) != 0 ||
        field_text(args, "hash", hash, sizeof hash, err) != 0 ||
        digest_parse(hash, &task, err) != 0) {
        return -1;
    }
    if (strlen(session) != SESSION_LENGTH) {
        return err_set(err, ERR_ARGUMENT, "\"session\" has not %d digits", SESSION_LENGTH);
    }
    if (!digest_equal(&task, &ap->task_id)) {
        return err_set(err, ERR_UNSUPPORTED, "this task is another one: get it first");
    }
    ap_user_t *user = ap_find(ap, name);
    const bool back = user != NULL;
    user = back ? user : ap_find(ap, "");
    if (!user) {
        return err_set(err, ERR_STATE, "there are %d users already", FEDERATED_AP_USERS);
    }
    if (!back) {
        *user = (ap_user_t){.takes_part = false};
        strcpy(user->name, name);
    }
    ap_forget_incoming(user);
    strcpy(user->session, session);
    user->rx_session = (uint64_t)rx_session;
    user->shared = false;
    user->left_out[0] = 0;
    user->answered = 0;
    user->ready_order = 0;
    user->ticket = 0;
    user->heard_ns = clock_now_ns();
    user->bytes_task += (uint64_t)task_bytes;
    ap_outrank(ap, order);
    log_info("%s %s", name, back ? "is back" : "has joined");
    reply->result = json_pack("{s:I}", "alignment", (json_int_t)ap->alignment);
    return 0;
}

static int on_next(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    federated_ap_t *ap = context;
    if (field_only(call->request->args, "name session", err) != 0) {
        return -1;
    }
    ap_user_t *user = ap_who(ap, call, err);
    if (!user) {
        return -1;
    }
    if (ap_want(ap, user) == AP_NOTHING) {
        user->ticket = call->ticket; /* answered when something is wanted, or as a sign of life */
        user->ticket_ns = user->heard_ns;
        return CONTROL_LATER;
    }
    user->ticket = 0;
    reply->result = ap_next(ap, user);
    return 0;
}

static int on_get(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    federated_ap_t *ap = context;
    int64_t alignment, round;
    if (field_only(call->request->args, "name session alignment round offset", err) != 0) {
        return -1;
    }
    ap_user_t *user = ap_who(ap, call, err);
    if (!user || field_int(call->request->args, "alignment", 0, INT64_MAX, &alignment, err) != 0 ||
        field_int(call->request->args, "round", 0, INT32_MAX, &round, err) != 0) {
        return -1;
    }
    if (alignment != ap->alignment || round != ap->round || ap->state == FEDERATED_GATHER) {
        return err_set(err, ERR_STATE, "round %lld of alignment %lld is over", (long long)round,
                       (long long)alignment);
    }
    return piece(call, &ap->package, reply, &user->bytes_down, err);
}

/* The whole package of a user. */
static int take(federated_ap_t *ap, ap_user_t *user, err_t *err)
{
    const ap_incoming_t *in = &user->incoming;
    if (in->is_share) {
        federated_share_t share;
        if (federated_read_share(in->bytes, in->size, &ap->shape, &share, err) < 0) {
            return -1;
        }
        if (federated_split_check(ap->split, &share, err) < 0) {
            federated_share_destroy(&share);
            return -1;
        }
        federated_share_destroy(&user->share);
        user->share = share;
        user->bytes_share += in->size;
        ap_shared(ap, user);
        return 0;
    }
    federated_answer_t answer;
    if (federated_read_answer(in->bytes, in->size, &ap->shape, &answer, err) < 0) {
        return -1;
    }
    federated_answer_destroy(&user->answer);
    user->answer = answer;
    user->answered = ap->round;
    user->late = false;
    user->bytes_up += in->size;
    user->last_up = in->size;
    return 0;
}

/* Room for a package that begins, of this size. */
static int start_incoming(const federated_ap_t *ap, ap_user_t *user, bool is_share, int64_t size,
                          err_t *err)
{
    ap_forget_incoming(user);
    if ((size_t)size > federated_package_most(&ap->shape)) {
        return err_set(err, ERR_ARGUMENT, "%lld bytes are more than any package here",
                       (long long)size);
    }
    user->incoming =
        (ap_incoming_t){.bytes = malloc((size_t)size), .size = (size_t)size, .is_share = is_share};
    return user->incoming.bytes ? 0 : err_set(err, ERR_MEMORY, "no memory for a package");
}

static int on_send(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    federated_ap_t *ap = context;
    const json_t *args = call->request->args;
    char kind[8];
    int64_t alignment, round, size, offset;
    if (field_only(args, "name session kind alignment round size offset", err) != 0) {
        return -1;
    }
    ap_user_t *user = ap_who(ap, call, err);
    if (!user || field_text(args, "kind", kind, sizeof kind, err) != 0 ||
        field_int(args, "alignment", 0, INT64_MAX, &alignment, err) != 0 ||
        field_int(args, "round", 0, INT32_MAX, &round, err) != 0 ||
        field_int(args, "size", 1, FEDERATED_PACKAGE_MAX, &size, err) != 0 ||
        field_int(args, "offset", 0, FEDERATED_PACKAGE_MAX, &offset, err) != 0) {
        return -1;
    }
    const bool is_share = strcmp(kind, "share") == 0;
    if (!is_share && strcmp(kind, "answer") != 0) {
        return err_set(err, ERR_ARGUMENT, "\"kind\" is share or answer");
    }
    if (user->left_out[0]) {
        return err_set(err, ERR_STATE, "left out: %.200s", user->left_out);
    }
    if (!is_share && (ap->state != FEDERATED_ROUNDS || alignment != ap->alignment ||
                      round != ap->round || !user->takes_part || !user->shared)) {
        ap_forget_incoming(user);
        return err_set(err, ERR_STATE, "round %lld of alignment %lld is over", (long long)round,
                       (long long)alignment);
    }
    if (offset == 0 && start_incoming(ap, user, is_share, size, err) != 0) {
        return -1;
    }
    ap_incoming_t *in = &user->incoming;
    if (!call->blob || !in->bytes || in->is_share != is_share || in->size != (size_t)size ||
        in->have != (size_t)offset || call->blob_size > in->size - in->have) {
        return err_set(err, ERR_ARGUMENT, "a piece at %lld that does not follow",
                       (long long)offset);
    }
    memcpy(in->bytes + in->have, call->blob, call->blob_size);
    in->have += call->blob_size;
    const bool done = in->have == in->size;
    if (done && take(ap, user, err) < 0) {
        ap_leave_out(user, err->text);
        return -1;
    }
    reply->result = json_pack("{s:I, s:b}", "have", (json_int_t)in->have, "done", done);
    if (done) {
        ap_forget_incoming(user);
    }
    return 0;
}

static int on_leave(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    federated_ap_t *ap = context;
    char why[200];
    (void)reply;
    if (field_only(call->request->args, "name session why", err) != 0) {
        return -1;
    }
    ap_user_t *user = ap_who(ap, call, err);
    if (!user || field_text(call->request->args, "why", why, sizeof why, err) != 0) {
        return -1;
    }
    ap_leave_out(user, why);
    return 0;
}

static int on_ready(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    federated_ap_t *ap = context;
    const json_t *args = call->request->args;
    int64_t order;
    (void)reply;
    if (field_only(args, "name session order nmse nmse_raw", err) != 0) {
        return -1;
    }
    ap_user_t *user = ap_who(ap, call, err);
    if (!user || field_int(args, "order", 1, INT64_MAX, &order, err) != 0 ||
        field_real(args, "nmse", -1e30, 1e30, &user->nmse, err) != 0 ||
        field_real(args, "nmse_raw", -1e30, 1e30, &user->nmse_raw, err) != 0) {
        return -1;
    }
    if (order != ap->order || user->left_out[0]) {
        return err_set(err, ERR_STATE, "order %lld is not the present one", (long long)order);
    }
    user->ready_order = order;
    return 0;
}

static int on_status(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    federated_ap_t *ap = context;
    if (field_only(call->request->args, "", err) != 0) {
        return -1;
    }
    reply->result = federated_ap_status(ap);
    json_object_set_new(reply->result, "control", control_server_status(ap->server));
    return 0;
}

const control_command_t federated_ap_commands[] = {{"federated.task", on_task, CONTROL_PURE},
                                                   {"federated.join", on_join, 0},
                                                   {"federated.next", on_next, CONTROL_PURE},
                                                   {"federated.get", on_get, CONTROL_PURE},
                                                   {"federated.send", on_send, 0},
                                                   {"federated.leave", on_leave, 0},
                                                   {"federated.ready", on_ready, 0},
                                                   {"status", on_status, CONTROL_PURE},
                                                   {0}};
