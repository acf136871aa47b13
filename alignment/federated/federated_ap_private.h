/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_ap_private: what the files of the access point share. */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_AP_PRIVATE_H
#define ALIGNMENT_FEDERATED_FEDERATED_AP_PRIVATE_H

#include "control/control_server.h"
#include "control/swap_tx.h"
#include "federated/federated_ap.h"
#include "store/store.h"

#include <pthread.h>

enum { AP_FLYING = 4096, AP_GROUP = 1 };

typedef enum { AP_NOTHING, AP_SHARE, AP_ANSWER, AP_DEPLOY } ap_want_t;

/* A package on its way in. */
typedef struct {
    uint8_t *bytes; /* NULL: none */
    size_t size, have;
    bool is_share;
    int64_t alignment, round;
} ap_incoming_t;

typedef struct {
    char name[STORE_NAME_MAX]; /* "": free */
    char session[SESSION_LENGTH + 1];
    uint64_t rx_session;
    char left_out[256];            /* why; "": it is not */
    bool shared, takes_part, late; /* late: missed the last round; nobody waits for it */
    federated_share_t share;
    federated_answer_t answer;
    int answered; /* the round of `answer`, 0: none */
    int64_t ready_order;
    double nmse, nmse_raw;
    uint64_t heard_ns, ticket, ticket_ns;
    ap_incoming_t incoming;
    uint64_t bytes_task, bytes_share, bytes_up,
        bytes_down;   /* up, down: of the rounds and the end */
    uint64_t last_up; /* of one answer */
    int rounds, missed;
} ap_user_t;

struct federated_ap {
    federated_ap_config_t config;
    federated_split_t *split;
    federated_shape_t shape;
    federated_package_t task, package; /* package: F of this round, or Z */
    digest_t task_id;
    uint64_t base;
    void *zmq;
    control_server_t *server;
    ap_user_t user[FEDERATED_AP_USERS];

    federated_state_t state;
    int64_t alignment; /* counts from 1 */
    int round, done;   /* the round that is out; rounds that are in obj */
    int aligned;       /* users of the last round */
    double *obj;       /* [rounds]: J after each */
    uint64_t began_ns, in_use_ns, first_share_ns, deadline_ns;
    matrix_t warm; /* v NULL: F0 from the shares */

    adapter_t *adapter;
    int64_t order;
    bool prepared;
    swap_prepared_t ticket; /* its tag, and what frames may still carry */
    pthread_mutex_t lock;   /* of what follows: stamping is another thread's */
    swap_tx_t *swap;
    uint16_t flying[AP_FLYING];
    uint64_t made, gone;
};

extern const control_command_t federated_ap_commands[];

/* NULL: nobody of this name ("": no place is free). */
ap_user_t *ap_find(federated_ap_t *ap, const char *name);
/* The user that "name" and "session" tell; NULL with ERR_STATE "join first". */
ap_user_t *ap_who(federated_ap_t *ap, const control_call_t *call, err_t *err);
void ap_forget_incoming(ap_user_t *user);
bool ap_user_here(const ap_user_t *user);
/* Not left out, and heard of within the lease. */
bool ap_user_lives(const federated_ap_t *ap, const ap_user_t *user, uint64_t now_ns);
void ap_leave_out(ap_user_t *user, const char *why);
ap_want_t ap_want(const federated_ap_t *ap, const ap_user_t *user);
/* What "next" answers. */
json_t *ap_next(const federated_ap_t *ap, const ap_user_t *user);
/* A share has come. */
void ap_shared(federated_ap_t *ap, ap_user_t *user);

/* Rounds. */
int ap_rounds_step(federated_ap_t *ap, uint64_t now_ns, err_t *err);
/* A user has seen orders up to this one, perhaps of our earlier life: ours must be newer. */
void ap_outrank(federated_ap_t *ap, int64_t order);
void ap_begin_again(federated_ap_t *ap);

#endif
