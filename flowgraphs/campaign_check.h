/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * campaign_check: every codec at every rate, and every judge, before the first
 * point: a slip should not cost an hour.
 *
 * Nothing is computed, so no threads are left behind in a process that forks.
 */
#ifndef FLOWGRAPHS_CAMPAIGN_CHECK_H
#define FLOWGRAPHS_CAMPAIGN_CHECK_H

#include "campaign.h"

/*
 * What the files behind the settings hold, for archive_open: a new object
 * {"source": hash, "codec image32": hash, …}; `calibration` is NULL where none was named.  NULL:
 * something is not there or does not fit; `err` names it.  Changes the selected point.
 */
json_t *campaign_check(campaign_t *campaign, const dataset_t *dataset, const dataset_t *calibration,
                       err_t *err);

#endif
