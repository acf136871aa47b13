/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_score_private: the moments of a test set, of federated_score_set.c and federated_score.c. */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_SCORE_PRIVATE_H
#define ALIGNMENT_FEDERATED_FEDERATED_SCORE_PRIVATE_H

#include "federated/federated_private.h"
#include "federated/federated_score.h"

typedef struct {
    matrix_t y;      /* m x sent: raw, without the mean */
    matrix_t c;      /* m x d */
    matrix_t weight; /* classes x m: logits = Re(weight y) + bias */
    double *bias;    /* the mean's logits included */
    double energy;
    int classes;
} scored_t;

struct federated_score_set {
    matrix_t x, r; /* d x n, d x d */
    scored_t *user;
    int users, sent;
    const int *labels;
};

#endif
