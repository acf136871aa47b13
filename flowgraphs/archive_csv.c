/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * results.csv: first the columns that everyone expects, then the rest of the
 * result, then one column for every other key that was swept.
 */
#include "file.h"
#include "archive.h"

#include <string.h>

/* A column is a field of the result, or a setting under a shorter name. */
typedef struct {
    const char *name;
    const char *key; /* NULL: a number of the result of this name; "mode": its text */
} column_t;

static const char mode[] = "mode";

static const column_t columns[] = {
    {"source", "campaign.source"},
    {"codec", "campaign.codec"},
    {"rate", "codec.rate"},
    {"channel", "channel.model"},
    {"snr_db", "channel.snr_db"},
    {"delay_spread_ns", "channel.delay_spread_ns"},
    {"seed", "campaign.seed"},
    {"images", NULL},
    {"frames_sent", NULL},
    {"frames_lost", NULL},
    {"psnr_mse_db", NULL},
    {"psnr_mean_db", NULL},
    {"ssim", NULL},
    {"accuracy", NULL},
    {"evm_db", NULL},
    {"snr_measured_db", NULL},
    {"cpu_s", NULL},
    {"receiver", "campaign.receiver"},
    {"frame_images", "frame.images"},
    {"mode", mode},
    {"images_received", NULL},
    {"images_undecodable", NULL},
    {"images_over_budget", NULL},
    {"frames_false", NULL},
    {"psnr_all_db", NULL},
    {"accuracy_all", NULL},
    {"psnr_ci_db", NULL},
    {"psnr_mean_ci_db", NULL},
    {"accuracy_ci", NULL},
    {"loss_ci", NULL},
    {"symbol_power", NULL},
    {"compression", NULL},
    {"images_per_s", NULL},
    {"on_air", NULL},
};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* Of the models of air.h, those whose delays the option scales. */
static int has_delay_spread(const char *model)
{
    return strcmp(model, "rayleigh") == 0 || strncmp(model, "tdl-", 4) == 0;
}

/* Swept keys without a column of their own; the images column shows what was sent. */
static int is_extra(sweep_axis_t axis)
{
    if (axis.count < 2 || strcmp(axis.key, "campaign.images") == 0) {
        return 0;
    }
    for (int i = 0; i < COLUMNS; i++) {
        if (columns[i].key != NULL && strcmp(columns[i].key, axis.key) == 0) {
            return 0;
        }
    }
    return 1;
}

static void put_head(const campaign_t *campaign, FILE *out)
{
    for (int i = 0; i < COLUMNS; i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", columns[i].name);
    }
    const sweep_t *sweep = campaign_sweep(campaign);
    for (size_t i = 0; i < sweep_axes(sweep); i++) {
        if (is_extra(sweep_axis(sweep, i))) {
            fprintf(out, ",%s", sweep_axis(sweep, i).key);
        }
    }
    fputc('\n', out);
}

static void put_setting(const campaign_t *campaign, const column_t *column, const char *source,
                        FILE *out)
{
    char model[SWEEP_SPELLING_SIZE], room[SWEEP_SPELLING_SIZE];
    const char *channel = campaign_value(campaign, "channel.model", model);
    const char *value = campaign_value(campaign, column->key, room);
    daemon_link_t link;
    if (campaign_daemons(campaign, &link) && strcmp(link.air, "none") == 0) {
        channel = "radio"; /* what it does is not ours to set */
        value = strcmp(column->name, "channel") == 0 ? channel : value;
        value = strcmp(column->name, "snr_db") == 0 ? "" : value;
    }
    if (strcmp(column->name, "source") == 0) {
        value = source;
    } else if (strcmp(column->name, "snr_db") == 0 && strcmp(channel, "none") == 0) {
        value = ""; /* no noise, no ratio */
    } else if (strcmp(column->name, "delay_spread_ns") == 0 && !has_delay_spread(channel)) {
        value = "0"; /* one path */
    }
    result_put_text(out, value);
}

static void put_row(const campaign_t *campaign, const char *source, const result_t *result,
                    FILE *out)
{
    for (int i = 0; i < COLUMNS; i++) {
        if (i > 0) {
            fputc(',', out);
        }
        if (columns[i].key == mode) {
            result_put_text(out, result->mode);
        } else if (columns[i].key != NULL) {
            put_setting(campaign, &columns[i], source, out);
        } else {
            result_put_number(out, result_value(result, columns[i].name));
        }
    }
    const sweep_t *sweep = campaign_sweep(campaign);
    for (size_t i = 0; i < sweep_axes(sweep); i++) {
        char room[SWEEP_SPELLING_SIZE];
        if (is_extra(sweep_axis(sweep, i))) {
            fputc(',', out);
            result_put_text(out, campaign_value(campaign, sweep_axis(sweep, i).key, room));
        }
    }
    fputc('\n', out);
}

int archive_write_csv(archive_t *archive, const char *source, err_t *err)
{
    campaign_t *campaign = archive_campaign(archive);
    file_writer_t *writer = file_writer_open(archive_path(archive, "results.csv"), err);
    if (writer == NULL) {
        return -1;
    }
    FILE *out = file_writer_stream(writer);
    put_head(campaign, out);
    for (size_t point = 0; point < campaign_points(campaign); point++) {
        result_t result;
        if (archive_load(archive, point, &result, NULL) > 0) {
            put_row(campaign, source, &result, out);
        }
    }
    return file_writer_commit(writer, err);
}
