/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * network: an allocation problem as JSON, and networks drawn at random.
 *
 *     {"N": 3, "L": 2, "eta_A": 1, "eta_T": 0.5, "eta_S": 0.1, "J_A": [0.4, 0.2], "S": [1, 1],
 *      "F": [[0, 0.5, 0.5], ...], "R": [[0, 1.2, 0.8], ...], "names": ["a", "b", "c"]}
 *
 * F[i][j]: how often i sends to j; R[h][i]: rate from h to i, 0 or null where there is no way.
 * Diagonals are ignored.  "names" is optional; other keys are kept.  A plan is the same object and
 *
 *     {"method": "ours", "reading": "link", "s": [[1, 1], [1, 0], [0, 0]],
 *      "objective": 1.2, "bound": 1.1, "gap": 0.08, "seconds": 0.001}
 */
#ifndef ALLOCATION_NETWORK_H
#define ALLOCATION_NETWORK_H

#include "allocation/allocation.h"

#include <stdio.h>

typedef struct network network_t;

/* Reads JSON; `name` stands for the file in messages.  ERR_FORMAT names key and place; shapes and
   kinds are checked here, values by allocation_create. */
network_t *network_parse(const char *text, size_t size, const char *name, err_t *err);
network_t *network_read(const char *path, err_t *err);
void network_destroy(network_t *network); /* NULL is fine */

/* By reference, as long as the network lives. */
const allocation_input_t *network_input(const network_t *network);
const uint8_t *network_held(const network_t *network); /* a plan's s[N][L]; NULL: no plan */

const char *network_name(const network_t *network, int agent); /* NULL: there are no names */

/* Other losses J_A[L] and sizes S[L], measured ones.  ERR_MEMORY. */
int network_set_levels(network_t *network, const double *loss, const double *size, err_t *err);

/* Puts the plan (and removes an older one). */
int network_set_plan(network_t *network, const char *method, const char *reading,
                     const allocation_plan_t *plan, err_t *err);
/* One line of JSON; numbers with 12 digits. */
int network_write(const network_t *network, FILE *out, err_t *err);

/*
 * held[N][L] of `network` from the plan of `previous`: agents are matched by name when both have
 * names, else by position, newcomers last.  Newcomers hold nothing.  ERR_ARGUMENT: there is no
 * plan, L differs, or agents left and there are no names to tell which.
 */
int network_carry_over(const network_t *network, const network_t *previous, uint8_t *held,
                       err_t *err);

typedef enum {
    NETWORK_LOGNORMAL, /* R = exp(standard normal), the paper's; each direction for itself */
    NETWORK_SQUARE,    /* agents uniform in a unit square, R = log2(1 + (0.5/d)^3): a path loss of
                          30 dB a decade, 1 bit at d = 0.5; both directions the same */
} network_kind_t;

typedef struct {
    network_kind_t kind;
    int agents, levels;
    uint64_t seed;
    double eta_a, eta_t, eta_s;
    const double *loss; /* J_A[levels]; S is one for each */
} network_draw_t;

/* F uniform, each row scaled to one. */
network_t *network_draw(const network_draw_t *draw, err_t *err);

#endif
