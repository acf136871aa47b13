/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_ap: life, waiting, stamping. */
#include "federated/federated_ap_private.h"

#include "clock.h"
#include "log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HOLD_NS = 300000000 }; /* a "next" is answered by then: clients repeat after 0.4 s */

static int check(const federated_ap_config_t *c, err_t *err)
{
    if (c->users < 1 || c->users > FEDERATED_AP_USERS) {
        return err_set(err, ERR_ARGUMENT, "%d users (1 to %d)", c->users, FEDERATED_AP_USERS);
    }
    if (!(c->gather_s >= 0.0 && c->deadline_s > 0.0 && c->lease_s > 0.0 && c->linger_s > 0.0) ||
        c->gather_s > 1e6 || c->deadline_s > 1e6 || c->lease_s > 1e6 || c->linger_s > 60.0) {
        return err_set(err, ERR_ARGUMENT,
                       "gather_s, deadline_s, lease_s or linger_s is out of range");
    }
    return 0;
}

static int open_ap(federated_ap_t *ap, err_t *err)
{
    const federated_ap_config_t *c = &ap->config;
    const swap_tx_config_t swap = {.session = AP_GROUP,
                                   .lease_ns = (uint64_t)(c->lease_s * 1e9),
                                   .linger_ns = (uint64_t)(c->linger_s * 1e9)};
    ap->split = federated_split_create(&c->task.x, &c->task.config, c->task.antennas, err);
    ap->obj = calloc((size_t)c->task.config.rounds, sizeof *ap->obj);
    if (!ap->split || !ap->obj || federated_package_task(&c->task, &ap->task, err) < 0) {
        return ap->split && !ap->obj ? err_set(err, ERR_MEMORY, "no memory for the rounds") : -1;
    }
    federated_split_shape(ap->split, &ap->shape.rows, &ap->shape.features, &ap->shape.real);
    ap->task_id = digest_of(ap->task.bytes, ap->task.size);
    memcpy(&ap->base, ap->task_id.byte, sizeof ap->base);
    ap->swap = swap_tx_create(&swap, clock_now_ns(), err);
    ap->zmq = zmq_ctx_new();
    const control_server_config_t server = {.program = "semradio-align ap",
                                            .bind = c->bind,
                                            .key = c->key,
                                            .allow = c->allow,
                                            .commands = federated_ap_commands,
                                            .context = ap,
                                            .zmq = ap->zmq};
    ap->server = ap->swap && ap->zmq ? control_server_create(&server, err) : NULL;
    return ap->server ? 0 : -1;
}

federated_ap_t *federated_ap_create(const federated_ap_config_t *config, err_t *err)
{
    if (check(config, err) < 0) {
        return NULL;
    }
    federated_ap_t *ap = calloc(1, sizeof *ap);
    if (!ap) {
        err_set(err, ERR_MEMORY, "no memory for an access point");
        return NULL;
    }
    pthread_mutex_init(&ap->lock, NULL);
    ap->config = *config;
    ap->state = FEDERATED_GATHER;
    if (open_ap(ap, err) < 0) {
        federated_ap_destroy(ap);
        return NULL;
    }
    ap->config.task.x.v = NULL;
    log_info("access point at %s, task %02x%02x%02x%02x, %zu bytes",
             control_server_endpoint(ap->server), ap->task_id.byte[0], ap->task_id.byte[1],
             ap->task_id.byte[2], ap->task_id.byte[3], ap->task.size);
    return ap;
}

void federated_ap_destroy(federated_ap_t *ap)
{
    if (!ap) {
        return;
    }
    control_server_destroy(ap->server);
    if (ap->zmq) {
        zmq_ctx_term(ap->zmq);
    }
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        federated_share_destroy(&ap->user[k].share);
        federated_answer_destroy(&ap->user[k].answer);
        free(ap->user[k].incoming.bytes);
    }
    federated_split_destroy(ap->split);
    adapter_destroy(ap->adapter);
    swap_tx_destroy(ap->swap);
    matrix_destroy(&ap->warm);
    pthread_mutex_destroy(&ap->lock);
    free(ap->task.bytes);
    free(ap->package.bytes);
    free(ap->obj);
    free(ap);
}

/* Whoever waits for something, and has it now or waited long enough. */
static void answer_waiting(federated_ap_t *ap, uint64_t now_ns)
{
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        ap_user_t *u = &ap->user[k];
        if (u->ticket != 0 && (ap_want(ap, u) != AP_NOTHING || now_ns - u->ticket_ns >= HOLD_NS)) {
            control_reply_t reply = {.result = ap_next(ap, u)};
            control_server_answer(ap->server, u->ticket, &reply, NULL);
            json_decref(reply.result);
            u->ticket = 0;
        }
    }
}

int federated_ap_step(federated_ap_t *ap, double timeout_s, err_t *err)
{
    zmq_pollitem_t items[CONTROL_ITEMS];
    const int count = control_server_items(ap->server, items);
    const double tick_s =
        ap->state == FEDERATED_GATHER || ap->state == FEDERATED_IN_USE ? 0.05 : 0.01;
    zmq_poll(items, count, (long)ceil(1e3 * fmin(timeout_s, tick_s)));
    control_server_serve(ap->server);
    if (ap_rounds_step(ap, clock_now_ns(), err) < 0) {
        return -1;
    }
    answer_waiting(ap, clock_now_ns());
    return 0;
}

/* ---- looking at it --------------------------------------------------------- */

federated_state_t federated_ap_state(const federated_ap_t *ap)
{
    return ap->state;
}

const char *federated_ap_endpoint(const federated_ap_t *ap)
{
    return control_server_endpoint(ap->server);
}

int federated_ap_users(const federated_ap_t *ap, int *ready)
{
    int lives = 0;
    *ready = 0;
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        const ap_user_t *u = &ap->user[k];
        const bool alive = ap_user_lives(ap, u, clock_now_ns());
        lives += alive;
        *ready += alive && ap->order > 0 && u->ready_order == ap->order;
    }
    return lives;
}

int federated_ap_left_out(const federated_ap_t *ap)
{
    int count = 0;
    for (int k = 0; k < FEDERATED_AP_USERS; k++) {
        count += ap_user_here(&ap->user[k]) && ap->user[k].left_out[0] != 0;
    }
    return count;
}

void federated_ap_times(const federated_ap_t *ap, uint64_t *began_ns, uint64_t *in_use_ns)
{
    *began_ns = ap->began_ns;
    *in_use_ns = ap->in_use_ns;
}

const matrix_t *federated_ap_z(const federated_ap_t *ap)
{
    return federated_split_z(ap->split);
}

const adapter_t *federated_ap_adapter(const federated_ap_t *ap)
{
    return ap->adapter;
}

bool federated_ap_prepared(const federated_ap_t *ap, uint16_t *tag)
{
    *tag = ap->ticket.tag;
    return ap->prepared;
}

uint64_t federated_ap_base(const federated_ap_t *ap)
{
    return ap->base;
}

void federated_ap_stamp(federated_ap_t *ap, uint64_t gone, federated_stamp_t *stamp)
{
    swap_choice_t choice;
    pthread_mutex_lock(&ap->lock);
    for (; ap->gone < gone && ap->gone < ap->made; ap->gone++) {
        swap_tx_sent(ap->swap, ap->flying[ap->gone % AP_FLYING], clock_now_ns());
    }
    swap_tx_stamp(ap->swap, clock_now_ns(), &choice);
    ap->flying[ap->made++ % AP_FLYING] = choice.tag;
    *stamp = (federated_stamp_t){choice.tag, choice.id};
    pthread_mutex_unlock(&ap->lock);
}
