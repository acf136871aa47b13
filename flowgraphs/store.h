/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store: a campaign's folder.
 *
 *     DIR/campaign.json     settings, contents, version, git revision, command line, points and
 * seeds DIR/points/ID.json    one finished point: its settings and its result DIR/results.csv one
 * row per finished point, in the order of the sweep DIR/failures.txt      points that failed, and
 * why; only when there are any DIR/figure.png        and figure.gp, the gnuplot script that draws
 * it
 *
 * Each file appears whole or not at all, so a killed campaign leaves nothing
 * half done and the next run goes on.  One campaign at a time holds the
 * folder (flock on DIR/lock).
 */
#ifndef FLOWGRAPHS_STORE_H
#define FLOWGRAPHS_STORE_H

#include "campaign.h"
#include "result.h"

typedef struct store store_t;

/*
 * Opens the campaign's folder, made when missing, and writes campaign.json.
 * `contents` says what the files behind the settings hold, {"codec image32":
 * hash, …}.  Errors: not writable; held by a running campaign; it holds the
 * results of other settings or contents (the message names the first that
 * differs), unless campaign_overwrite: then those results are deleted (nothing
 * else is).
 */
store_t *store_open(campaign_t *campaign, const json_t *contents, int argc, char *const argv[],
                    err_t *err);
void store_close(store_t *store); /* NULL is fine */

/*
 * The result of a point: 1 and the result, 0 when it is not there yet, -1 when
 * its file is damaged (it names the file).  Files are read once.  Changes the
 * selected point, as all calls below do.
 */
int store_load(store_t *store, size_t point, result_t *result, err_t *err);
int store_save(store_t *store, size_t point, const result_t *result, err_t *err);

/* Writes results.csv with the points that are there.  `source` goes into its first column. */
int store_write_csv(store_t *store, const char *source, err_t *err);

/* Writes failures.txt: problems[campaign_points], NULL for points that did not fail; removes it
   when none did. */
int store_write_failures(store_t *store, char *const problems[], err_t *err);

campaign_t *store_campaign(const store_t *store);

/* "DIR/name"; valid until the next call. */
const char *store_path(store_t *store, const char *name);

#endif
