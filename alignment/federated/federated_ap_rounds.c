/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_ap_rounds: gather, rounds, deployment; one step at a time.
 *
 *     gather    until `users` have sent their share, or gather_s after the first one
 *     rounds    F is out; the round ends when everybody who is waited for has answered, or at its
 *               deadline.  Who has not answered is missing from the sums of this round and isn't
 * waited for again until it answers; it gets F like all others, and F is all there is to catch up.
 *     deploy    Z is out; users fit G, stage, arm.  When all that live have, or at the deadline
 * with at least one, the transmitter stamps (swap_tx.h) in use    latecomers and those that come
 * back get Z, or (realign) begin new rounds from Z
 */
#include "federated/federated_ap_private.h"

#include "clock.h"
#include "federated/federated_adapter.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

/* Pointers for federated_split. */
typedef struct {
    const federated_share_t *share[FEDERATED_AP_USERS];
    const federated_answer_t *answer[FEDERATED_AP_USERS];
    int count;
} ap_group_t;

static uint64_t after(uint64_t now_ns, double seconds)
{
    return now_ns + (uint64_t)(seconds * 1e9);
}

static int publish(federated_ap_t *ap, const matrix_t *f, err_t *err)
{
    federated_package_t made = {0};
    if (federated_package_f(f, ap->config.task.wire, &made, err) < 0) {
        return -1;
    }
    free(ap->package.bytes);
    ap->package = made;
    return 0;
}

/* ---- deployment ------------------------------------------------------------ */

static int deploy(federated_ap_t *ap, uint64_t now_ns, err_t *err)
{
    const federated_adapter_info_t info = {ap->base, "pre-equaliser", ap->config.task.antennas};
    adapter_t *adapter = federated_adapter_z(federated_split_z(ap->split),
                                             federated_split_result(ap->split), &info, err);
    if (!adapter || publish(ap, federated_split_z(ap->split), err) < 0) {
        adapter_destroy(adapter);
        return -1;
    }
    pthread_mutex_lock(&ap->lock);
    adapter_destroy(ap->adapter);
    ap->adapter = adapter;
    pthread_mutex_unlock(&ap->lock);
    ap->state = FEDERATED_DEPLOY;
    ap->round = 0;
    ap->order++;
    ap->prepared = false;
    ap->deadline_ns = after(now_ns, ap->config.deadline_s);
    return 0;
}

/* The fence for older orders, and the tag. */
static void prepare(federated_ap_t *ap, uint64_t now_ns)
{
    const swap_prepare_t wish = {
        .session = AP_GROUP, .order = (uint64_t)ap->order, .id = adapter_id(ap->adapter)};
    pthread_mutex_lock(&ap->lock);
    const swap_code_t code = swap_tx_prepare(ap->swap, &wish, now_ns, &ap->ticket);
    pthread_mutex_unlock(&ap->lock);
    if (code == SWAP_OK) {
        ap->prepared = true;
        ap->deadline_ns = after(now_ns, ap->config.deadline_s);
    } else if (code == SWAP_STALE || code == SWAP_TAG) {
        ap->order++; /* the same adapter under a newer number */
    }
}

void ap_outrank(federated_ap_t *ap, int64_t order)
{
    if (order < ap->order || (order == 0 && ap->order == 0)) {
        return;
    }
    if (ap->state == FEDERATED_GATHER || ap->state == FEDERATED_ROUNDS) {
        ap->order = order; /* deploy counts on */
        return;
    }
    ap->order = order + 1;
    ap->prepared = false;
    ap->state = FEDERATED_DEPLOY;
}

/* How many have armed this order, and whether anybody is still waited for; *age_ns: of the newest
   word of one that has armed any. */
static int count_ready(const federated_ap_t *ap, uint64_t now_ns, bool *waiting, uint64_t *age_ns)
{
    int ready = 0;
    *waiting = false;
    *age_ns = UINT64_MAX;
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        const ap_user_t *u = &ap->user[k];
        if (!ap_user_lives(ap, u, now_ns)) {
            continue;
        }
        const uint64_t age = now_ns > u->heard_ns ? now_ns - u->heard_ns : 0;
        if (u->ready_order > 0) {
            *age_ns = age < *age_ns ? age : *age_ns;
        }
        if (u->ready_order == ap->order) {
            ready++;
        } else if (u->shared) {
            *waiting = true;
        }
    }
    return ready;
}

static void try_go(federated_ap_t *ap, uint64_t now_ns)
{
    bool waiting;
    uint64_t age_ns;
    const int ready = count_ready(ap, now_ns, &waiting, &age_ns);
    if (ready == 0 || (waiting && now_ns < ap->deadline_ns)) {
        return;
    }
    const swap_go_t go = {
        AP_GROUP, (uint64_t)ap->order, adapter_id(ap->adapter), ap->ticket.tag, AP_GROUP, age_ns};
    pthread_mutex_lock(&ap->lock);
    const swap_code_t code = swap_tx_go(ap->swap, &go, true, now_ns);
    pthread_mutex_unlock(&ap->lock);
    if (code == SWAP_OK) {
        ap->state = FEDERATED_IN_USE;
        ap->in_use_ns = now_ns;
        log_info("alignment %lld in use: tag %u, %d users, %.3f s after it began",
                 (long long)ap->alignment, ap->ticket.tag, ready,
                 1e-9 * (double)(now_ns - ap->began_ns));
    } else {
        ap->prepared = false;
        ap->order++;
    }
}

/* Somebody who has armed must be alive, or the transmitter goes back to its base by itself. */
static void keep_alive(federated_ap_t *ap, uint64_t now_ns)
{
    bool waiting;
    uint64_t age_ns;
    (void)count_ready(ap, now_ns, &waiting, &age_ns);
    pthread_mutex_lock(&ap->lock);
    if (age_ns != UINT64_MAX) {
        swap_tx_beat(ap->swap, AP_GROUP, age_ns, now_ns);
    }
    swap_state_t state;
    swap_tx_state(ap->swap, &state);
    pthread_mutex_unlock(&ap->lock);
    if (state.tag == 0 && ap->state == FEDERATED_IN_USE) {
        log_warn(
            "nothing was heard of any aligned user: back to no alignment until one is there again");
        ap->state = FEDERATED_DEPLOY;
        ap->prepared = false;
        ap->order++;
    }
}

/* ---- rounds ---------------------------------------------------------------- */

static int open_round(federated_ap_t *ap, int round, uint64_t now_ns, err_t *err)
{
    ap->round = round;
    ap->deadline_ns = after(now_ns, ap->config.deadline_s);
    return publish(ap, federated_split_f(ap->split), err);
}

static int begin(federated_ap_t *ap, uint64_t now_ns, err_t *err)
{
    ap_group_t group = {.count = 0};
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        ap_user_t *u = &ap->user[k];
        u->takes_part = ap_user_lives(ap, u, now_ns) && u->shared;
        u->answered = 0;
        u->late = false;
        if (u->takes_part) {
            group.share[group.count++] = &u->share;
        }
    }
    if (group.count == 0) {
        return 0; /* all have vanished again */
    }
    ap->alignment++;
    ap->done = 0;
    ap->aligned = group.count;
    ap->began_ns = now_ns;
    if (federated_split_begin(ap->split, group.share, group.count, ap->warm.v ? &ap->warm : NULL,
                              err) < 0) {
        return -1;
    }
    log_info("alignment %lld: %d users, %s", (long long)ap->alignment, group.count,
             federated_method_name(ap->config.task.config.method));
    if (ap->config.task.config.method == FEDERATED_ONE_SHOT) {
        return deploy(ap, now_ns, err);
    }
    ap->state = FEDERATED_ROUNDS;
    return open_round(ap, 1, now_ns, err);
}

/* Whether the round may end. */
static bool is_complete(federated_ap_t *ap, uint64_t now_ns)
{
    int answered = 0;
    bool waiting = false;
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        const ap_user_t *u = &ap->user[k];
        const bool has =
            ap_user_here(u) && !u->left_out[0] && u->takes_part && u->answered == ap->round;
        answered += has;
        waiting = waiting || (!has && ap_user_lives(ap, u, now_ns) && u->takes_part && !u->late);
    }
    return answered > 0 && (!waiting || now_ns >= ap->deadline_ns);
}

static int end_round(federated_ap_t *ap, uint64_t now_ns, err_t *err)
{
    ap_group_t group = {.count = 0};
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        ap_user_t *u = &ap->user[k];
        if (!ap_user_here(u) || u->left_out[0] || !u->takes_part) {
            continue;
        }
        if (u->answered == ap->round) {
            group.share[group.count] = &u->share;
            group.answer[group.count++] = &u->answer;
            u->rounds++;
            continue;
        }
        if (!u->late) {
            log_warn("round %d goes on without %s", ap->round, u->name);
        }
        u->late = true;
        u->missed++;
    }
    ap->aligned = group.count;
    if (federated_split_step(ap->split, group.share, group.answer, group.count,
                             &ap->obj[ap->round - 1], err) < 0) {
        return err_prefix(err, "round %d", ap->round);
    }
    ap->done = ap->round;
    log_debug("round %d: %d users, J %.6g", ap->round, group.count, ap->obj[ap->round - 1]);
    return ap->round == ap->config.task.config.rounds ? deploy(ap, now_ns, err)
                                                      : open_round(ap, ap->round + 1, now_ns, err);
}

void ap_begin_again(federated_ap_t *ap)
{
    const matrix_t *z = federated_split_z(ap->split);
    if (ap->config.task.config.method != FEDERATED_ONE_SHOT && ap->warm.v) {
        matrix_copy(&ap->warm, z);
    } else if (ap->config.task.config.method != FEDERATED_ONE_SHOT &&
               matrix_create(&ap->warm, z->rows, z->cols, z->real, NULL) == 0) {
        matrix_copy(&ap->warm, z);
    }
    ap->state = FEDERATED_GATHER;
    ap->first_share_ns = clock_now_ns();
}

void ap_shared(federated_ap_t *ap, ap_user_t *user)
{
    const bool known = user->takes_part;
    const uint64_t now = clock_now_ns();
    user->shared = true;
    if (ap->state == FEDERATED_GATHER) {
        ap->first_share_ns = ap->first_share_ns != 0 ? ap->first_share_ns : now;
    } else if (ap->state == FEDERATED_ROUNDS) {
        if (!known) {
            log_info("%s joins in round %d", user->name, ap->round);
        }
        user->takes_part = true;
        user->late = false;
    } else if (!known && ap->config.realign) {
        log_info("%s is new: another alignment, from the present one", user->name);
        ap_begin_again(ap);
    }
}

/* Whether the rounds may begin. */
static bool is_gathered(const federated_ap_t *ap, uint64_t now_ns)
{
    int shared = 0, out = 0;
    bool waiting = false;
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        const ap_user_t *u = &ap->user[k];
        out += ap_user_here(u) && u->left_out[0];
        shared += ap_user_lives(ap, u, now_ns) && u->shared;
        waiting = waiting || (ap_user_lives(ap, u, now_ns) && !u->shared);
    }
    const bool over =
        ap->first_share_ns != 0 && now_ns >= after(ap->first_share_ns, ap->config.gather_s);
    return shared > 0 && ((shared + out >= ap->config.users && !waiting) || over);
}

int ap_rounds_step(federated_ap_t *ap, uint64_t now_ns, err_t *err)
{
    if (ap->state == FEDERATED_GATHER && is_gathered(ap, now_ns) && begin(ap, now_ns, err) < 0) {
        return -1;
    }
    if (ap->state == FEDERATED_ROUNDS && is_complete(ap, now_ns) &&
        end_round(ap, now_ns, err) < 0) {
        return -1;
    }
    if (ap->state == FEDERATED_DEPLOY && !ap->prepared) {
        prepare(ap, now_ns);
    }
    if (ap->state == FEDERATED_DEPLOY && ap->prepared) {
        try_go(ap, now_ns);
    }
    keep_alive(ap, now_ns);
    return 0;
}
