/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * link_cut: the cost of one link as a function of who stores what, from below.
 *
 * For fractional holdings s the link's linear programme has the value  integral over u in [0,1] of
 * min_m { base[m] + sum_{l<=m} (c_i[l](u) + c_j[l](u)) },  c[l](u) the cost of the u-quantile when
 * level l is fetched from the nearest holders first (the minimand is supermodular in (m, u), so the
 * best depth never grows with u and the pieces fit together).  Its dual gives prices v and the cut
 *
 *   cost >= constant - sum_{l,h} [ (v_i[l] - c_hi[l])^+ + (v_j[l] - c_hj[l])^+ ] s_h[l],
 *
 * which holds for every s and is tight at the one it was made for.
 */
#ifndef ALLOCATION_LINK_CUT_H
#define ALLOCATION_LINK_CUT_H

#include "allocation/allocation_private.h"

typedef struct {
    double constant;
    double value; /* of the cut at `share` */
    double price[2][ALLOCATION_MAX_LEVELS];
} link_cut_t;

/* share[depth][agents]: s, 0 ... 1. */
void link_cut_make(const allocation_t *a, int i, int j, const double *share, link_cut_t *cut);
/* From prices that somebody else found. */
void link_cut_from_prices(const allocation_t *a, int i, int j, const double *price,
                          link_cut_t *cut);
/* What s_h[level] takes off: the sum of the two brackets. */
double link_cut_slope(const allocation_t *a, int i, int j, const link_cut_t *cut, int level, int h);

#endif
