/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_station_private: what the files of a user share. */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_STATION_PRIVATE_H
#define ALIGNMENT_FEDERATED_FEDERATED_STATION_PRIVATE_H

#include "control/control_client.h"
#include "control/envelope.h"
#include "control/swap_rx.h"
#include "federated/federated_station.h"

typedef enum { STATION_TASK, STATION_JOIN, STATION_NEXT, STATION_OUT } station_state_t;

struct federated_station {
    federated_station_config_t config;
    control_client_t *client;
    station_state_t state;
    char session[SESSION_LENGTH + 1];
    federated_task_t task;
    digest_t task_id;
    uint64_t base;
    federated_t *part; /* NULL: no channel yet */
    federated_channel_t channel;
    swap_rx_t *rx;
    uint64_t rx_session;
    adapter_t *adapter;
    uint64_t armed;
    int rounds;
    uint64_t task_bytes; /* that the access point doesn't know of */
    bool in_use, said_nobody;
};

/*
 * Takes args.  1: nobody there, or "not now": the state may be another one, and it is asked anew.
 * 0: free the result.
 */
int station_ask(federated_station_t *s, const char *command, json_t *args, const void *blob,
                size_t size, control_result_t *got, err_t *err);
/* {"name":…,"session":…}, new. */
json_t *station_who(const federated_station_t *s);

/* One thing each; 0: go on. */
int station_get_task(federated_station_t *s, err_t *err);
int station_join(federated_station_t *s, err_t *err);
int station_share(federated_station_t *s, err_t *err);
int station_answer(federated_station_t *s, const json_t *next, err_t *err);
int station_deploy(federated_station_t *s, const json_t *next, err_t *err);

/* In pieces; 1: the round went on, or nobody there. */
int station_send(federated_station_t *s, const char *kind, int64_t alignment, int64_t round,
                 const federated_package_t *package, err_t *err);
/* F or Z.  1: over. */
int station_get_f(federated_station_t *s, const json_t *next, matrix_t *out, err_t *err);

#endif
