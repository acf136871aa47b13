/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * archive: a campaign's folder.
 *
 *     DIR/campaign.json     settings, contents, version, git revision, build and machine, command
 *                           line, points with their ids and seeds
 *     DIR/campaign.conf     the settings in full, as a campaign file
 *     DIR/points/ID.json    one finished point: its settings and its result
 *     DIR/samples/ID.png    its first pictures as they arrived; sent.png: as they were sent
 *     DIR/results.csv       one row per finished point, in the order of the sweep
 *     DIR/points.csv        every point, with its state: done, failed (and why) or missing
 *     DIR/failures.txt      points that failed, and why; only when there are any
 *     DIR/figure.*, report.html    figure.h, campaign_report.h
 *
 * Each file appears whole or not at all, so a killed campaign leaves nothing
 * half done and the next run goes on.  One campaign at a time holds the
 * folder (flock on DIR/lock).
 */
#ifndef FLOWGRAPHS_ARCHIVE_H
#define FLOWGRAPHS_ARCHIVE_H

#include "campaign.h"
#include "result.h"

typedef struct archive archive_t;

/*
 * Opens the campaign's folder, made when missing, and writes campaign.json.
 * `contents` says what the files behind the settings hold, {"codec image32":
 * hash, …}.  Errors: not writable; held by a running campaign; it holds the
 * results of other settings or contents (the message names the first that
 * differs), unless campaign_overwrite: then those results are deleted (nothing
 * else is).
 */
archive_t *archive_open(campaign_t *campaign, const json_t *contents, int argc, char *const argv[],
                    err_t *err);
void archive_close(archive_t *archive); /* NULL is fine */

/* Opens the folder of a campaign that runs, to add points to it: it must hold this campaign.
   Nothing in it changes. */
archive_t *archive_join(campaign_t *campaign, const json_t *contents, err_t *err);

/*
 * The result of a point: 1 and the result, 0 when it is not there yet, -1 when
 * its file is damaged (it names the file).  Files are read once.  Changes the
 * selected point, as all calls below do.
 */
int archive_load(archive_t *archive, size_t point, result_t *result, err_t *err);
int archive_save(archive_t *archive, size_t point, const result_t *result, err_t *err);

/* Writes results.csv with the points that are there.  `source` goes into its first column. */
int archive_write_csv(archive_t *archive, const char *source, err_t *err);

/* Where a point's samples go: "DIR/samples/ID.png"; valid until the next archive_path. */
const char *archive_samples_path(archive_t *archive, size_t point);

/* Writes points.csv, and failures.txt where points failed: problems[campaign_points], NULL for
   points that did not fail. */
int archive_write_states(archive_t *archive, char *const problems[], err_t *err);

campaign_t *archive_campaign(const archive_t *archive);

/* "DIR/name"; valid until the next call. */
const char *archive_path(archive_t *archive, const char *name);

#endif
