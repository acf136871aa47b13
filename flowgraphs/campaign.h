/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * campaign: what was asked for, resolved: every option of every point.
 *
 *     campaign_t *campaign = campaign_create(&err);
 *     campaign_word(campaign, "codec.rate=1/12,1/6", &err);
 *     for (point = 0; point < campaign_points(campaign); point++)
 *         campaign_select(campaign, point) …
 *
 * A point is named by its id: a hash of every setting that can change its
 * numbers and differs from its default.  Where and how fast it runs (out,
 * jobs, overwrite) is not among them.
 *
 * A point's random numbers come from `seed` and from the settings of the
 * channel, the waveform, the frame and the rate.  Source, codec (with all of
 * section digital), judge, receiver and the number of images are left out on
 * purpose: points that differ only there see the same air, so their difference
 * is theirs.
 */
#ifndef FLOWGRAPHS_CAMPAIGN_H
#define FLOWGRAPHS_CAMPAIGN_H

#include "daemon_trial.h"
#include "sweep.h"
#include "trial.h"

#include <jansson.h>

#define CAMPAIGN_ID_SIZE 17 /* 16 hexadecimal digits and NUL */

typedef struct campaign campaign_t;

campaign_t *campaign_create(err_t *err);
void campaign_destroy(campaign_t *campaign); /* NULL is fine */

/* One word of the command line: `key=value`, `--key=value`, or a campaign file (a word without
   '='); files must come first. */
int campaign_word(campaign_t *campaign, const char *word, err_t *err);

/* After the last word.  Errors: too many points, a key swept that must have one value. */
int campaign_finish(campaign_t *campaign, err_t *err);

/* All options, for --help and docs/OPTIONS.md. */
const options_t *campaign_options(const campaign_t *campaign);

/* How the campaign runs: `out` ("" when not given), jobs (at least 1), overwrite. */
const char *campaign_out(const campaign_t *campaign);
int campaign_jobs(const campaign_t *campaign);
int campaign_jobs_asked(const campaign_t *campaign); /* as given; 0: no limit */
bool campaign_overwrite(const campaign_t *campaign);
const char *campaign_source(const campaign_t *campaign);
bool campaign_slurm(const campaign_t *campaign);                 /* launcher=slurm */
const char *campaign_slurm_options(const campaign_t *campaign); /* words for sbatch */
const char *campaign_calibration(const campaign_t *campaign); /* digital.calibration, or "" */

size_t campaign_points(const campaign_t *campaign);
const sweep_t *campaign_sweep(const campaign_t *campaign);

/* Every setting with its values: {"channel.snr_db": ["0", "5"], …}, all keys but those that
   only say how it runs.  A new object; NULL when memory is short. */
json_t *campaign_settings(const campaign_t *campaign);

/* The same as a campaign file, which makes the same points in the same order. */
void campaign_print(const campaign_t *campaign, FILE *out);

/* Makes `point` the present one: the calls below speak of it. */
void campaign_select(campaign_t *campaign, size_t point);

/* The present value of a key in full, in its one spelling; `text` may be used for it. */
const char *campaign_value(const campaign_t *campaign, const char *key,
                           char text[SWEEP_SPELLING_SIZE]);
void campaign_id(const campaign_t *campaign, char id[CAMPAIGN_ID_SIZE]);
uint64_t campaign_point_seed(const campaign_t *campaign);
json_t *campaign_point_settings(const campaign_t *campaign); /* {"channel.snr_db": "5", …} */

/* What the present point runs; texts are valid until the next select. */
trial_config_t campaign_trial(const campaign_t *campaign);

/* link=daemons: the daemons it runs over, in *link; texts as above.  False: link=process. */
bool campaign_daemons(const campaign_t *campaign, daemon_link_t *link);

/* "rate 1/6, snr_db 5": the swept keys of the present point, for people. */
void campaign_describe(const campaign_t *campaign, char *text, size_t size);

#endif
