/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_station: a user's end of the alignment (docs/FEDERATED.md, "The protocol").  Its
 * latents stay here; what leaves are H, |Y|^2 / n and C^H C (or C) once, M1 and Q in each round.
 *
 *     federated_station_t *s = federated_station_create(&config, &err);
 *     while (!stop && federated_station_step(s, &err) == 0) { ... }
 *
 * It joins again by itself when the access point, or the way to it, was gone.
 * One thread; only federated_station_find may be another's.
 */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_STATION_H
#define ALIGNMENT_FEDERATED_FEDERATED_STATION_H

#include "adapter/adapter.h"
#include "control/control_peer.h"
#include "federated/federated_package.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

/* A channel that was measured. */
typedef struct {
    double h[2 * 64 * 64]; /* [rows][antennas], pairs */
    int rows, antennas;
    double scale; /* on what G is given: 1, or what turns received symbols into H s + w */
} federated_channel_t;

typedef struct {
    control_peer_config_t ap; /* where it listens, and keys */
    const char *name;         /* 1 … 63 of A-Z a-z 0-9 . _ -: who we are, also after a restart */
    federated_tensor_t y;     /* m x n; borrowed for its whole life */
    federated_tensor_t h;     /* n_r x n_t; borrowed; v NULL: measure tells it */
    double linger_s;          /* swap.linger_s */
    store_t *store;           /* adapters are put there too; NULL: kept in memory only */
    /* The channel now, for a noise variance of sigma2.  1: not known yet, asked again soon. */
    int (*measure)(void *context, double sigma2, federated_channel_t *channel, err_t *err);
    /* A new equaliser is armed for frames of this tag.  Before the access point learns of it. */
    void (*armed)(void *context, uint16_t tag, const adapter_t *adapter);
    void *context;
} federated_station_config_t;

typedef struct federated_station federated_station_t;

/* ERR_ARGUMENT, ERR_IO, ERR_FORMAT, ERR_MEMORY.  Nobody need be there yet. */
federated_station_t *federated_station_create(const federated_station_config_t *config, err_t *err);
void federated_station_destroy(federated_station_t *station); /* NULL is fine */

/*
 * One exchange; takes at most about two seconds.  0: go on (also while nobody answers).  -1: this
 * user can't take part, and the access point has been told (ERR_ARGUMENT), the keys don't fit
 * (ERR_STATE), or ERR_MEMORY.
 */
int federated_station_step(federated_station_t *station, err_t *err);

/* Counts deployments: 0 until the first G is armed. */
uint64_t federated_station_armed(const federated_station_t *station);
/* The newest G, mean, lower, NMSE; NULL before. */
const federated_user_result_t *federated_station_result(const federated_station_t *station);
/* The newest adapter; NULL before. */
const adapter_t *federated_station_adapter(const federated_station_t *station);
/* Whether the access point says that Z is stamped. */
bool federated_station_in_use(const federated_station_t *station);
const federated_task_t *
federated_station_task(const federated_station_t *station);       /* NULL before */
int federated_station_rounds(const federated_station_t *station); /* answered */

/* H, G, mean, lower, nmse, nmse_raw, F64.  ERR_STATE before the first. */
int federated_station_save(const federated_station_t *station, const char *path, err_t *err);

#endif
