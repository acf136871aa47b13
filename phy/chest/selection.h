/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * selection: finds the profiles of a bank under which a least-squares estimate
 * is most likely.
 */
#ifndef CHEST_SELECTION_H
#define CHEST_SELECTION_H

#include "chest/bank.h"

/* Where the first path may lie, in samples from the start of the FFT window. */
#define SELECTION_FIRST (-2)
#define SELECTION_LAST  8

enum { SELECTION_MAX = 1536 };

typedef struct {
    int entry, shift;  /* of the bank; first path at shift / BANK_STEPS samples */
    double likelihood; /* log, over that of noise alone */
    double rank_by;    /* among its shape: the same, or at a noise that forgives paths out of
                          place; the likelihood is -INFINITY then */
} candidate_t;

typedef struct selection selection_t;

selection_t *selection_create(const bank_t *bank, err_t *err);
void selection_destroy(selection_t *s); /* NULL is fine */

/* h planes [132], E|h|^2 about 1; noise > 0 per carrier.  Keeps the pointers. */
void selection_begin(selection_t *s, const float *hre, const float *him, double noise);

/* Searches; the candidates tried are then in list[count]. */
int selection_search(selection_t *s, const candidate_t **list);

/* c = B^T h at that shift, within SELECTION_FIRST … SELECTION_LAST samples; kept until the next
 * begin. */
void selection_projected(selection_t *s, int shift, const float **cre, const float **cim);

/* Wiener gains lambda / (lambda + noise) of an entry's eigenvalues; *width: beyond, all below 1e-3.
 */
const float *selection_gains(selection_t *s, int entry, int *width);

#endif
