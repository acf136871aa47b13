/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "campaign_check.h"

#include "quality/judge.h"

#include <math.h>
#include <string.h>

static void note_content(json_t *contents, const char *kind, const char *name, uint64_t hash)
{
    char key[512], text[24];
    snprintf(key, sizeof key, "%s%s%s", kind, name[0] != '\0' ? " " : "", name);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    json_object_set_new(contents, key, json_string(text));
}

static int check_trial(const trial_config_t *trial, json_t *contents, err_t *err)
{
    scheme_t *scheme = scheme_open(&trial->scheme, err);
    if (scheme == NULL) {
        return -1;
    }
    note_content(contents, "codec", trial->scheme.codec, scheme_hash(scheme));
    scheme_close(scheme);
    bool named = strcmp(trial->judge, "auto") != 0 && strcmp(trial->judge, "none") != 0;
    return named && !judge_known(trial->judge)
               ? err_set(err, ERR_ARGUMENT, "there is no judge \"%s\"", trial->judge)
               : 0;
}

/* A mode must not be chosen on the pictures that it is measured with. */
static int check_calibration(campaign_t *campaign, const dataset_t *dataset,
                             const dataset_t *calibration, err_t *err)
{
    for (size_t point = 0; point < campaign_points(campaign); point++) {
        campaign_select(campaign, point);
        trial_config_t trial = campaign_trial(campaign);
        if (!scheme_chooses(&trial.scheme)) {
            continue;
        }
        if (calibration == NULL) {
            return err_set(err, ERR_ARGUMENT,
                           "the best mode is chosen on pictures that are not the source's: say "
                           "digital.calibration=DATASET");
        }
        return dataset_hash(calibration) == dataset_hash(dataset)
                   ? err_set(err, ERR_ARGUMENT,
                             "digital.calibration=%s holds the source's pictures",
                             campaign_calibration(campaign))
                   : 0;
    }
    return 0;
}

static int check_all(campaign_t *campaign, json_t *contents, err_t *err)
{
    char checked[1024] = "", names[1024];
    for (size_t point = 0; point < campaign_points(campaign); point++) {
        campaign_select(campaign, point);
        trial_config_t trial = campaign_trial(campaign);
        if (isnan(trial.scheme.design_snr_db)) {
            char text[SWEEP_SPELLING_SIZE];
            return err_set(err, ERR_ARGUMENT, "codec.design_snr_db = %s is not a number or \"matched\"",
                           campaign_value(campaign, "codec.design_snr_db", text));
        }
        daemon_link_t link;
        if (campaign_daemons(campaign, &link) && daemon_trial_check(&trial, &link, err) != 0) {
            return -1;
        }
        if (trial_stops(&trial) && trial.stop.min_images > trial.images) {
            return err_set(err, ERR_ARGUMENT,
                           "stop.min_images = %llu is more than stop.max_images = %llu",
                           (unsigned long long)trial.stop.min_images,
                           (unsigned long long)trial.images);
        }
        snprintf(names, sizeof names, "%s %d/%d %s", trial.scheme.codec,
                 trial.scheme.rate_numerator, trial.scheme.rate_denominator, trial.judge);
        if (strcmp(names, checked) != 0 && check_trial(&trial, contents, err) != 0) {
            return -1;
        }
        memcpy(checked, names, sizeof checked);
    }
    return 0;
}

json_t *campaign_check(campaign_t *campaign, const dataset_t *dataset, const dataset_t *calibration,
                       err_t *err)
{
    json_t *contents = json_object();
    if (contents == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a campaign's contents");
        return NULL;
    }
    note_content(contents, "source", "", dataset_hash(dataset));
    if (calibration != NULL) {
        note_content(contents, "calibration", "", dataset_hash(calibration));
    }
    if (check_all(campaign, contents, err) != 0 ||
        check_calibration(campaign, dataset, calibration, err) != 0) {
        json_decref(contents);
        return NULL;
    }
    return contents;
}
