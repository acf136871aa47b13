/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ladder: which adapter and rate suit the channel.  Rungs from the worst to the best SNR, with an
 * edge between each two:
 *
 *     "g0:1/4, 7.5, g1:1/6, 17.5, g2"      names (base: the base codec), rates optional
 *     "base@0, 2.5, base@5, 7.5, base@10"  design SNRs: what a codec with modes prepares for
 *
 * The SNR that the receiver reports is averaged over `smooth_s`; a rung is left only when the
 * average is `hysteresis_db` beyond its edge, and not before `dwell_s` have passed since the last
 * change. So noise around an edge changes nothing, and no change comes back sooner than it can pay.
 */
#ifndef CONTROL_LADDER_H
#define CONTROL_LADDER_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

enum { LADDER_RUNGS = 16, LADDER_NAME = 68, LADDER_RATE = 16 };

typedef struct {
    char name[LADDER_NAME]; /* of an adapter, or "base" */
    char rate[LADDER_RATE]; /* "1/6"; "": as it is */
    double design_snr_db;   /* NAN: as it is */
} rung_t;

typedef struct {
    int count;
    rung_t rung[LADDER_RUNGS];
    double edge_db[LADDER_RUNGS]; /* edge_db[i] between rung i and i + 1 */
    double hysteresis_db, dwell_s, smooth_s;

    /* state */
    bool started;
    int now;
    double average_db;
    uint64_t measured_ns, changed_ns;
} ladder_t;

/* "NAME[:RATE][@DB]". */
int ladder_parse_rung(rung_t *rung, const char *word, err_t *err);

/* ERR_ARGUMENT: not rung, edge, rung …, or edges that do not rise. */
int ladder_parse(ladder_t *ladder, const char *text, err_t *err);

/* A reported SNR; true when another rung is the right one now. */
bool ladder_measure(ladder_t *ladder, double snr_db, uint64_t now_ns);

const rung_t *ladder_rung(const ladder_t *ladder);

#endif
