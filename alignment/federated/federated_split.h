/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_split: the rounds of federated.h cut in two: users that keep their latents, and an
 * access point (AP) that sees statistics only.
 *
 *     user    federated_t *part = federated_create(X, Y, H of this one user, strict);
 *             federated_part_share(part, &h, true, &share);        once: H, |Y|^2 / n, T or C
 *             federated_part_answer(part, F, &answer);             a round: M1, Q, |G|^2, gain
 *             federated_part_deploy(part, Z);                      at the end: its own G for Z
 *     AP      federated_split_t *split = federated_split_create(X, config, n_t);
 *             federated_split_begin(split, shares, count, NULL);   F0; one-shot: everything
 *             federated_split_step(split, shares, answers, count); F and Z of the next round
 *
 * With all users in every round the numbers are those of federated_run but for the order of sums
 * (tests: 1e-9).  A user that is missing from a step is missing from the sums, and nothing else:
 * all that the rounds remember is in F, Z and the dual.  Matrices are in the coordinates of
 * (whitened) X.
 */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_SPLIT_H
#define ALIGNMENT_FEDERATED_FEDERATED_SPLIT_H

#include "federated/federated.h"

typedef struct {
    federated_tensor_t h; /* n_r x n_t as it came; v belongs to the share */
    matrix_t t, c;        /* one of them: C^H C (d x d), or C (m x d) where that is less; or none */
    double energy;        /* |Y|^2 / n, > 0 */
} federated_share_t;

typedef struct {
    matrix_t m1, q;     /* M x M, M x d */
    double norm2, gain; /* |G|^2; what the receiver takes off the energy, at this F */
} federated_answer_t;

void federated_share_destroy(federated_share_t *share); /* twice is fine */
void federated_answer_destroy(federated_answer_t *answer);

/* ---- a user's part: `part` has exactly one user.  They make what they fill; ERR_MEMORY, ERR_STATE
   (numbers that broke down), ERR_ARGUMENT (F of the wrong shape). */
int federated_part_share(federated_t *part, const federated_tensor_t *h, bool statistics,
                         federated_share_t *share, err_t *err);
int federated_part_answer(federated_t *part, const matrix_t *f, federated_answer_t *answer,
                          err_t *err);
/* g_dep, nmse, nmse_raw of federated_result(part)->user[0]. */
int federated_part_deploy(federated_t *part, const matrix_t *z, err_t *err);
/*
 * NMSE of user k's raw latents when its deployed Z and G, found for the channel that
 * federated_create was given, meet another one (n_r and n_t must be the same): how much a channel
 * that was measured wrongly costs.
 */
int federated_mismatch(federated_t *part, int k, const federated_tensor_t *truth, double *nmse_raw,
                       err_t *err);
/* M and d, as F must have them. */
void federated_part_shape(const federated_t *part, int *rows, int *features);

/* ---- the AP's part */
typedef struct federated_split federated_split_t;

/* `antennas` n_t of the AP.  Methods mean, joint, wiener, one-shot.  ERR_ARGUMENT. */
federated_split_t *federated_split_create(const federated_tensor_t *x,
                                          const federated_config_t *config, int antennas,
                                          err_t *err);
void federated_split_destroy(federated_split_t *split); /* NULL is fine */
void federated_split_shape(const federated_split_t *split, int *rows, int *features, bool *real);
/* Whether shares must bring T or C: one-shot, and the spectral start. */
bool federated_split_wants_statistics(const federated_split_t *split);
/* ERR_ARGUMENT: why this user can't take part (H of another shape, all zero, not finite; energy).
 */
int federated_split_check(const federated_split_t *split, const federated_share_t *share,
                          err_t *err);

/* F0 from the shares (f0 NULL), or f0 scaled to full power.  one-shot: all rounds, F and Z are
 * final. */
int federated_split_begin(federated_split_t *split, const federated_share_t *const share[],
                          int count, const matrix_t *f0, err_t *err);
/* One round of `count` >= 1 users.  *obj: J of the new F with the round's G, of these users. */
int federated_split_step(federated_split_t *split, const federated_share_t *const share[],
                         const federated_answer_t *const answer[], int count, double *obj,
                         err_t *err);
const matrix_t *federated_split_f(const federated_split_t *split);
const matrix_t *federated_split_z(const federated_split_t *split);
/* x_mean, x_lower. */
const federated_result_t *federated_split_result(const federated_split_t *split);

#endif
