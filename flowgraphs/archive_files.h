/* SPDX-License-Identifier: GPL-3.0-or-later */
/* archive_files: the files of a campaign's folder, one by one.  Only archive*.c uses this. */
#ifndef FLOWGRAPHS_ARCHIVE_FILES_H
#define FLOWGRAPHS_ARCHIVE_FILES_H

#include "campaign.h"

#include <jansson.h>

/* A JSON object from a file, or NULL and an error that names it. */
json_t *archive_read_json(const char *path, err_t *err);
int archive_write_json(const char *path, const json_t *json, err_t *err);

/* Writes campaign.json.  Takes `settings` over. */
int archive_write_record(const char *path, campaign_t *campaign, json_t *settings,
                       const json_t *contents, int argc, char *const argv[], err_t *err);

/* Warns when the earlier points of this campaign were made by another build. */
void archive_compare_builds(const json_t *record);

/* Deletes what killed runs left in a folder of points or samples; with `all` these too. */
void archive_clear_points(const char *folder, bool all);

#endif
