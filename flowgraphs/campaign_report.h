/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * campaign_report: a campaign's folder as one HTML file to pass on: the exact command, what made
 * it, figure, numbers, sample pictures, points that are missing.  Everything is in it.
 */
#ifndef FLOWGRAPHS_CAMPAIGN_REPORT_H
#define FLOWGRAPHS_CAMPAIGN_REPORT_H

#include "err.h"

/*
 * Writes FOLDER/report.html from results.csv and, where they are there, figure.svg,
 * campaign.json, points.csv and samples/.  `command` stands in where there is no
 * campaign.json.  Errors: no results.csv, a damaged file (it is named).
 */
int campaign_report_make(const char *folder, const char *command, err_t *err);

#endif
