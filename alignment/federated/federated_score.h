/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_score: what an alignment is worth on latents that it was not made from.
 *
 * NMSE   E|y - (L G (H F x + noise) + mean)|^2 / E|y - mean|^2 of the raw latents, mean the aligned one;
 *        over the noise in closed form, over the samples by their second moments (R, C of the test set).
 * accuracy  of logits W y^ + b: noise reaches the logits as a normal vector of covariance
 *        W L G G^H L^H W^H, drawn as such: as if every sample had been sent, at the cost of its 10 logits.
 * top-k and 64-QAM points have no such short cut: the first FEDERATED_SCORE_SENT samples are really sent.
 */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_SCORE_H
#define ALIGNMENT_FEDERATED_FEDERATED_SCORE_H

#include "federated/federated.h"

enum { FEDERATED_SCORE_SENT = 1000, FEDERATED_SCORE_CLASSES_MAX = 64 };

/* One party's latents for the test: real, [features][n]. */
typedef struct {
    federated_tensor_t x;
    int classes;          /* 0: no classifier */
    const double *weight; /* [classes][features] */
    const double *bias;   /* [classes] */
} federated_party_t;

typedef struct {
    double nmse, accuracy; /* accuracy NAN: no classifier */
    int count;             /* samples behind it */
} federated_score_t;

typedef struct federated_score_set federated_score_set_t;

/*
 * Gathers moments with the transforms of `like`.  user[users] as `like` numbers them; labels[n].
 * The arrays must outlive the result.
 */
federated_score_set_t *federated_score_create(const federated_t *like, const federated_tensor_t *x,
                                              const federated_party_t *user, const int *labels, err_t *err);
void federated_score_destroy(federated_score_set_t *set); /* NULL is fine */

/*
 * Scores every aligned user of `f`, which has run and stems from the same `like` (federated_again).
 * `points`: symbols are rounded to the nearest of the 64-QAM points on the air, each row of F scaled to
 * its own mean power.  out[users]; left out: NAN.
 */
int federated_score(federated_t *f, const federated_score_set_t *set, bool points, uint64_t seed,
                    federated_score_t *out, err_t *err);

#endif
