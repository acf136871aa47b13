/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_ap_users: who is there, and what is wanted of them. */
#include "federated/federated_ap_private.h"

#include "clock.h"
#include "control/field.h"
#include "control/swap_wire.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

bool ap_user_here(const ap_user_t *user)
{
    return user->name[0] != 0;
}

bool ap_user_lives(const federated_ap_t *ap, const ap_user_t *user, uint64_t now_ns)
{
    return ap_user_here(user) && !user->left_out[0] &&
           (now_ns < user->heard_ns ||
            now_ns - user->heard_ns < (uint64_t)(ap->config.lease_s * 1e9));
}

void ap_forget_incoming(ap_user_t *user)
{
    free(user->incoming.bytes);
    user->incoming = (ap_incoming_t){0};
}

void ap_leave_out(ap_user_t *user, const char *why)
{
    if (!user->left_out[0]) {
        log_warn("user %s is left out: %.200s", user->name, why);
    }
    snprintf(user->left_out, sizeof user->left_out, "%s", why);
    user->shared = false;
    user->takes_part = false;
    user->ready_order = 0;
    ap_forget_incoming(user);
}

ap_user_t *ap_find(federated_ap_t *ap, const char *name)
{
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        if (strcmp(ap->user[k].name, name) == 0) {
            return &ap->user[k];
        }
    }
    return NULL;
}

ap_user_t *ap_who(federated_ap_t *ap, const control_call_t *call, err_t *err)
{
    char name[STORE_NAME_MAX], session[SESSION_LENGTH + 1];
    if (field_text(call->request->args, "name", name, sizeof name, err) != 0 ||
        field_text(call->request->args, "session", session, sizeof session, err) != 0) {
        return NULL;
    }
    ap_user_t *user = name[0] ? ap_find(ap, name) : NULL;
    if (!user || strcmp(user->session, session) != 0) {
        err_set(err, ERR_STATE, "join first: %s of this session is not known here", name);
        return NULL;
    }
    user->heard_ns = clock_now_ns();
    return user;
}

ap_want_t ap_want(const federated_ap_t *ap, const ap_user_t *user)
{
    if (user->left_out[0]) {
        return AP_NOTHING;
    }
    if (!user->shared) {
        return AP_SHARE;
    }
    if (ap->state == FEDERATED_ROUNDS) {
        return user->takes_part && user->answered != ap->round ? AP_ANSWER : AP_NOTHING;
    }
    return ap->state != FEDERATED_GATHER && ap->prepared && user->ready_order != ap->order
               ? AP_DEPLOY
               : AP_NOTHING;
}

json_t *ap_next(const federated_ap_t *ap, const ap_user_t *user)
{
    static const char *const wants[] = {"nothing", "share", "answer", "deploy"};
    const ap_want_t want = ap_want(ap, user);
    json_t *object = json_pack("{s:s, s:I, s:i, s:b}", "want", wants[want], "alignment",
                               (json_int_t)ap->alignment, "round", ap->round, "in_use",
                               ap->state == FEDERATED_IN_USE);
    if (want == AP_ANSWER || want == AP_DEPLOY) {
        json_object_set_new(object, "size", json_integer((json_int_t)ap->package.size));
    }
    if (want == AP_DEPLOY) {
        const swap_action_t action = {.kind = SWAP_ARM,
                                      .arm = {.session = user->rx_session,
                                              .order = (uint64_t)ap->order,
                                              .id = adapter_id(ap->adapter),
                                              .tag = ap->ticket.tag,
                                              .live = ap->ticket.live}};
        json_object_set_new(object, "arm", swap_wire_args(&action));
    }
    if (user->left_out[0]) {
        json_object_set_new(object, "left_out", json_string(user->left_out));
    }
    return object;
}
