/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * facility: uncapacitated facility location on the network's times: which agents hold one level so
 * that  sum_i demand[i] min(limit, min over holders h of time[h][i]) + open * holders  is least.
 */
#ifndef ALLOCATION_FACILITY_H
#define ALLOCATION_FACILITY_H

#include "allocation/allocation_private.h"

/*
 * Dual ascent (Erlenkotter): prices v[stride] with  sum_i demand[i] max(0, v[i] - time[h][i]) <=
 * open  for every h and v <= limit; sum_i demand[i] v[i] is a lower bound of the least cost with a
 * free dummy that serves everybody at `limit`.  room[stride] receives what is left of `open`.
 */
void facility_ascend(const allocation_t *a, const double *demand, double open, double limit,
                     double *v, double *room);

/* Opens holders that the prices have paid for, nearest pairs apart; at least one. */
void facility_from_prices(const allocation_t *a, const double *v, const double *room, double open,
                          uint8_t *hold);

/* Adds, drops and swaps holders until none of it helps; hold[agents] in and out, at least one
   stays.  Returns the cost without limit.  work[3][stride]. */
double facility_improve(const allocation_t *a, const double *demand, double open, uint8_t *hold,
                        double *work);

/* Prices, holders from them, improved: a good solution from nothing. */
double facility_solve(const allocation_t *a, const double *demand, double open, uint8_t *hold,
                      double *work);

#endif
