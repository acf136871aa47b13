/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has become of every point: points.csv for programs, failures.txt for people. */
#include "file.h"
#include "archive.h"

#include <unistd.h>

/* The selected point. */
static void put_state(FILE *out, const campaign_t *campaign, size_t point, int found,
                      const char *problem)
{
    char id[CAMPAIGN_ID_SIZE], about[512];
    campaign_id(campaign, id);
    campaign_describe(campaign, about, sizeof about);
    fprintf(out, "%zu,%s,%llu,%s,", point + 1, id,
            (unsigned long long)campaign_point_seed(campaign),
            found > 0         ? "done"
            : problem != NULL ? "failed"
                              : "missing");
    result_put_text(out, about);
    fputc(',', out);
    result_put_text(out, found <= 0 && problem != NULL ? problem : "");
    fputc('\n', out);
}

static int write_points(archive_t *archive, char *const problems[], err_t *err)
{
    campaign_t *campaign = archive_campaign(archive);
    file_writer_t *writer = file_writer_open(archive_path(archive, "points.csv"), err);
    if (writer == NULL) {
        return -1;
    }
    fputs("point,id,seed,state,settings,why\n", file_writer_stream(writer));
    for (size_t i = 0; i < campaign_points(campaign); i++) {
        result_t result;
        int found = archive_load(archive, i, &result, NULL); /* selects it */
        put_state(file_writer_stream(writer), campaign, i, found, problems[i]);
    }
    return file_writer_commit(writer, err);
}

static int write_failures(archive_t *archive, char *const problems[], err_t *err)
{
    campaign_t *campaign = archive_campaign(archive);
    file_writer_t *writer = file_writer_open(archive_path(archive, "failures.txt"), err);
    if (writer == NULL) {
        return -1;
    }
    for (size_t i = 0; i < campaign_points(campaign); i++) {
        if (problems[i] != NULL) {
            char text[512];
            campaign_select(campaign, i);
            campaign_describe(campaign, text, sizeof text);
            fprintf(file_writer_stream(writer), "%s: %s\n", text, problems[i]);
        }
    }
    return file_writer_commit(writer, err);
}

int archive_write_states(archive_t *archive, char *const problems[], err_t *err)
{
    size_t failed = 0;
    for (size_t i = 0; i < campaign_points(archive_campaign(archive)); i++) {
        failed += problems[i] != NULL;
    }
    if (write_points(archive, problems, err) != 0) {
        return -1;
    }
    if (failed == 0) {
        unlink(archive_path(archive, "failures.txt"));
        return 0;
    }
    return write_failures(archive, problems, err);
}
