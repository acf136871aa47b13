/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/ladder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ladder_parse_rung(rung_t *rung, const char *word, err_t *err)
{
    const char *at = strchr(word, '@'), *end = at != NULL ? at : word + strlen(word);
    const char *colon = memchr(word, ':', (size_t)(end - word));
    const size_t length = (size_t)((colon != NULL ? colon : end) - word);
    const size_t rate = colon != NULL ? (size_t)(end - colon) - 1 : 0;
    char *rest = NULL;
    rung->design_snr_db = at != NULL ? strtod(at + 1, &rest) : (double)NAN;
    if (length == 0 || length >= sizeof rung->name ||
        (colon != NULL && (rate == 0 || rate >= sizeof rung->rate)) ||
        (at != NULL && (rest == at + 1 || *rest != 0 || !(fabs(rung->design_snr_db) <= 100)))) {
        return err_set(err, ERR_ARGUMENT, "\"%.60s\" is not NAME[:RATE][@DESIGN_SNR_DB]", word);
    }
    memcpy(rung->name, word, length);
    rung->name[length] = 0;
    memcpy(rung->rate, colon != NULL ? colon + 1 : "", rate);
    rung->rate[rate] = 0;
    return 0;
}

static int parse_edge(ladder_t *l, int index, const char *word, err_t *err)
{
    char *end;
    const double edge = strtod(word, &end);
    if (*end != 0 || end == word || !(fabs(edge) <= 200)) {
        return err_set(err, ERR_ARGUMENT, "\"%.60s\" is not an SNR in dB", word);
    }
    if (index > 0 && edge <= l->edge_db[index - 1]) {
        return err_set(err, ERR_ARGUMENT, "the edges of a ladder rise: %g after %g", edge,
                       l->edge_db[index - 1]);
    }
    l->edge_db[index] = edge;
    return 0;
}

int ladder_parse(ladder_t *ladder, const char *text, err_t *err)
{
    char copy[2048], *save = NULL;
    ladder_t fresh = {.hysteresis_db = ladder->hysteresis_db,
                      .dwell_s = ladder->dwell_s,
                      .smooth_s = ladder->smooth_s};
    if (strlen(text) >= sizeof copy) {
        return err_set(err, ERR_ARGUMENT, "a ladder of more than %zu letters", sizeof copy - 1);
    }
    strcpy(copy, text);
    int words = 0;
    for (char *word = strtok_r(copy, ", ", &save); word != NULL;
         word = strtok_r(NULL, ", ", &save), words++) {
        if (words / 2 >= LADDER_RUNGS) {
            return err_set(err, ERR_ARGUMENT, "a ladder of more than %d rungs", LADDER_RUNGS);
        }
        const int code = words % 2 == 0 ? ladder_parse_rung(&fresh.rung[words / 2], word, err)
                                        : parse_edge(&fresh, words / 2, word, err);
        if (code != 0) {
            return -1;
        }
        fresh.count += words % 2 == 0;
    }
    if (words % 2 == 0) {
        return err_set(err, ERR_ARGUMENT, "a ladder is NAME[:RATE][@DB], SNR, NAME[:RATE][@DB], …");
    }
    *ladder = fresh;
    return 0;
}

static int rung_of(const ladder_t *l, double snr_db)
{
    int i = 0;
    while (i < l->count - 1 && snr_db >= l->edge_db[i]) {
        i++;
    }
    return i;
}

bool ladder_measure(ladder_t *l, double snr_db, uint64_t now_ns)
{
    if (!isfinite(snr_db) || l->count == 0) {
        return false;
    }
    if (!l->started) {
        l->started = true;
        l->average_db = snr_db;
        l->now = rung_of(l, snr_db);
        l->measured_ns = l->changed_ns = now_ns;
        return true;
    }
    const double span_s = 1e-9 * (double)(now_ns - l->measured_ns);
    l->average_db +=
        (snr_db - l->average_db) * (l->smooth_s > 0 ? -expm1(-span_s / l->smooth_s) : 1);
    l->measured_ns = now_ns;
    if (1e-9 * (double)(now_ns - l->changed_ns) < l->dwell_s) {
        return false;
    }
    int next = l->now;
    if (l->now < l->count - 1 && l->average_db > l->edge_db[l->now] + l->hysteresis_db) {
        next = rung_of(l, l->average_db - l->hysteresis_db);
    } else if (l->now > 0 && l->average_db < l->edge_db[l->now - 1] - l->hysteresis_db) {
        next = rung_of(l, l->average_db + l->hysteresis_db);
    }
    if (next == l->now) {
        return false;
    }
    l->now = next;
    l->changed_ns = now_ns;
    return true;
}

const rung_t *ladder_rung(const ladder_t *ladder)
{
    return ladder->started ? &ladder->rung[ladder->now] : NULL;
}
