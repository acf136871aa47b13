/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "campaign.h"

#include "air/air.h"
#include "campaign_options.h"
#include "waveform/receiver_options.h"
#include "waveform/waveform_options.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The air's own seed is one more setting that the points' seeds are made of. */
static const option_t *const tables[] = {campaign_option_table, digital_options, waveform_options, receiver_options, air_options,
                                         NULL};

struct campaign {
    options_t *options;
    sweep_t *sweep;
    bool words; /* key=value was seen: files may not follow */
    char *out, *source, *calibration, *slurm_options;
    int jobs, jobs_asked;
    bool overwrite, slurm;
};

campaign_t *campaign_create(err_t *err)
{
    campaign_t *campaign = calloc(1, sizeof *campaign);
    if (campaign == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a campaign");
        return NULL;
    }
    campaign->options =
        options_create("semradio-campaign", "sweeps, their results and figures", tables, err);
    if (campaign->options != NULL) {
        campaign->sweep = sweep_create(campaign->options, "campaign", campaign_single_keys);
    }
    if (campaign->sweep == NULL) {
        campaign_destroy(campaign);
        return NULL;
    }
    return campaign;
}

void campaign_destroy(campaign_t *campaign)
{
    if (campaign == NULL) {
        return;
    }
    sweep_destroy(campaign->sweep);
    options_destroy(campaign->options);
    free(campaign->out);
    free(campaign->source);
    free(campaign->calibration);
    free(campaign->slurm_options);
    free(campaign);
}

int campaign_word(campaign_t *campaign, const char *word, err_t *err)
{
    if (strncmp(word, "--", 2) == 0) {
        word += 2; /* as the other programs write their options */
    }
    if (strchr(word, '=') == NULL) {
        if (campaign->words) {
            return err_set(err, ERR_ARGUMENT,
                           "\"%s\" is not key=value, and a campaign file "
                           "comes before the keys",
                           word);
        }
        sweep_next_layer(campaign->sweep);
        return sweep_load(campaign->sweep, word, err);
    }
    if (!campaign->words) {
        sweep_next_layer(campaign->sweep);
        campaign->words = true;
    }
    return sweep_add(campaign->sweep, word, "command line", err);
}

/* Keys that go together make other points: what was read before is of no use after this. */
static int settle(campaign_t *campaign, err_t *err)
{
    int zip = sweep_find(campaign->sweep, "campaign.zip");
    const char *groups = zip >= 0 ? sweep_axis(campaign->sweep, (size_t)zip).values[0] : "";
    if (sweep_settle(campaign->sweep, groups, err) != 0) {
        return -1;
    }
    return sweep_points(campaign->sweep) > 0
               ? 0
               : err_set(err, ERR_ARGUMENT, "more than %d points", SWEEP_MOST_POINTS);
}

int campaign_finish(campaign_t *campaign, err_t *err)
{
    if (settle(campaign, err) != 0) {
        return -1;
    }
    campaign_select(campaign, 0);
    campaign->out = strdup(options_string(campaign->options, "campaign.out"));
    campaign->source = strdup(options_string(campaign->options, "campaign.source"));
    campaign->calibration = strdup(options_string(campaign->options, "digital.calibration"));
    campaign->slurm_options = strdup(options_string(campaign->options, "slurm.options"));
    campaign->slurm = options_choice(campaign->options, "campaign.launcher") == 1;
    if (campaign->out == NULL || campaign->source == NULL || campaign->calibration == NULL ||
        campaign->slurm_options == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a campaign");
    }
    campaign->overwrite = options_bool(campaign->options, "campaign.overwrite");
    campaign->jobs = campaign->jobs_asked = (int)options_int(campaign->options, "campaign.jobs");
    daemon_link_t link;
    if (campaign_daemons(campaign, &link)) {
        campaign->jobs = 1; /* daemons keep time, or there is only one pair of them */
    } else if (campaign->jobs == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        campaign->jobs = processors > 0 ? (int)processors : 1;
    }
    return 0;
}

const options_t *campaign_options(const campaign_t *campaign)
{
    return campaign->options;
}

const char *campaign_out(const campaign_t *campaign)
{
    return campaign->out;
}

int campaign_jobs(const campaign_t *campaign)
{
    return campaign->jobs;
}

int campaign_jobs_asked(const campaign_t *campaign)
{
    return campaign->jobs_asked;
}

bool campaign_overwrite(const campaign_t *campaign)
{
    return campaign->overwrite;
}

const char *campaign_source(const campaign_t *campaign)
{
    return campaign->source;
}

bool campaign_slurm(const campaign_t *campaign)
{
    return campaign->slurm;
}

const char *campaign_slurm_options(const campaign_t *campaign)
{
    return campaign->slurm_options;
}

const char *campaign_calibration(const campaign_t *campaign)
{
    return campaign->calibration;
}

size_t campaign_points(const campaign_t *campaign)
{
    return sweep_points(campaign->sweep);
}

const sweep_t *campaign_sweep(const campaign_t *campaign)
{
    return campaign->sweep;
}

void campaign_select(campaign_t *campaign, size_t point)
{
    for (size_t i = 0; i < sweep_axes(campaign->sweep); i++) {
        const char *key = sweep_axis(campaign->sweep, i).key;
        int status =
            options_set(campaign->options, key, sweep_value(campaign->sweep, point, i), NULL);
        assert(status == 0); /* sweep_add has set every value once */
        (void)status;
    }
}

const char *campaign_value(const campaign_t *campaign, const char *key,
                           char text[SWEEP_SPELLING_SIZE])
{
    return sweep_spell(campaign->options, key, text);
}

/* NaN: neither a number nor "matched". */
static double design_snr_db(const options_t *options)
{
    const char *text = options_string(options, "codec.design_snr_db");
    if (strcmp(text, "matched") == 0) {
        return options_real(options, "channel.snr_db");
    }
    char *end = NULL;
    double value = strtod(text, &end);
    return end == text || *end != '\0' ? (double)NAN : value;
}

trial_config_t campaign_trial(const campaign_t *campaign)
{
    const options_t *options = campaign->options;
    trial_config_t trial = {
        .scheme = {.codec = options_string(options, "campaign.codec"),
                   .digital = digital_from_options(options)},
        .judge = options_string(options, "campaign.judge"),
        .images = (uint64_t)options_int(options, "campaign.images"),
        .samples = (int)options_int(options, "campaign.samples"),
        .stop = {.psnr_ci_db = options_real(options, "stop.psnr_ci_db"),
                 .accuracy_ci = options_real(options, "stop.accuracy_ci"),
                 .loss_ci = options_real(options, "stop.loss_ci"),
                 .min_images = (uint64_t)options_int(options, "stop.min_images")},
        .frame_images = (int)options_int(options, "frame.images"),
        .link = link_config_default(),
    };
    if (trial_stops(&trial)) {
        trial.images = (uint64_t)options_int(options, "stop.max_images");
    }
    options_fraction(options, "codec.rate", &trial.scheme.rate_numerator,
                     &trial.scheme.rate_denominator);
    trial.link.gap_most = (size_t)options_int(options, "frame.gap_samples");
    trial.link.genie = options_choice(options, "campaign.receiver") == 1;
    /* Cannot fail: the option table holds the ranges, and the rate is the default's own. */
    numerology_from_options(options, numerology_sample_rate_hz(&trial.link.numerology),
                            &trial.link.numerology, NULL);
    receiver_from_options(&trial.link.receiver, options);
    air_config_from_options(&trial.link.air, options);
    trial.scheme.design_snr_db = design_snr_db(options);
    trial.link.air.seed = campaign_point_seed(campaign);
    return trial;
}

bool campaign_daemons(const campaign_t *campaign, daemon_link_t *link)
{
    const options_t *options = campaign->options;
    *link = (daemon_link_t){.tx = options_string(options, "daemons.tx"),
                            .rx = options_string(options, "daemons.rx"),
                            .air = options_string(options, "daemons.air"),
                            .tx_options = options_string(options, "daemons.tx_options"),
                            .rx_options = options_string(options, "daemons.rx_options"),
                            .key = options_string(options, "daemons.key"),
                            .tx_key = options_string(options, "daemons.tx_key"),
                            .rx_key = options_string(options, "daemons.rx_key"),
                            .settle_s = options_real(options, "daemons.settle_s"),
                            .patience_s = options_real(options, "daemons.patience_s"),
                            .source = options_string(options, "campaign.source"),
                            .options = options};
    return options_choice(options, "campaign.link") == 1;
}

void campaign_describe(const campaign_t *campaign, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sweep_axes(campaign->sweep) && used < size; i++) {
        sweep_axis_t axis = sweep_axis(campaign->sweep, i);
        if (axis.count > 1) {
            char room[SWEEP_SPELLING_SIZE];
            int length = snprintf(text + used, size - used, "%s%s=%s", used > 0 ? " " : "",
                                  axis.key, campaign_value(campaign, axis.key, room));
            used += length > 0 ? (size_t)length : 0;
        }
    }
}
