/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clock.h"
#include "trial_round.h"

#include <string.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The largest pictures decide how much room rounds and frames need. */
static int survey(trial_t *trial, err_t *err)
{
    size_t count = dataset_count(trial->dataset);
    for (size_t i = 0; i < count && i < trial->config->images; i++) {
        if (dataset_get(trial->dataset, i, &trial->picture, NULL, err) != 0) {
            return -1;
        }
        int width = trial->picture.width, height = trial->picture.height;
        size_t symbols = scheme_symbols(trial->scheme, width, height);
        if (symbols == 0 || symbols > HEADER_MAX_SYMBOLS) {
            return err_set(err, ERR_ARGUMENT,
                           "picture %zu of %s (%dx%d) is too large for one frame at this rate", i,
                           dataset_name(trial->dataset), width, height);
        }
        size_t images = (size_t)round_capacity(trial, width, height);
        trial->round_symbols = larger(trial->round_symbols, images * symbols);
        trial->round_pixels = larger(trial->round_pixels, images * (size_t)width * (size_t)height);
        trial->frame_symbols =
            larger(trial->frame_symbols, (size_t)trial->config->frame_images * symbols);
    }
    return 0;
}

static int open_scheme(trial_t *trial, err_t *err)
{
    trial->scheme = scheme_open(&trial->config->scheme, err);
    return trial->scheme != NULL ? 0 : -1;
}

static int prepare_scheme(trial_t *trial, err_t *err)
{
    scheme_place_t place = {.link = &trial->config->link,
                            .frame_images = trial->config->frame_images,
                            .calibration = trial->config->calibration};
    if (dataset_get(trial->dataset, 0, &trial->picture, NULL, err) != 0) {
        return -1;
    }
    place.width = trial->picture.width;
    place.height = trial->picture.height;
    return scheme_prepare(trial->scheme, &place, err);
}

static int open_judge(trial_t *trial, err_t *err)
{
    const char *name = trial->config->judge;
    if (strcmp(name, "auto") == 0) {
        name = dataset_name(trial->dataset);
        if (!judge_known(name)) {
            return 0;
        }
    } else if (strcmp(name, "none") == 0) {
        return 0;
    }
    trial->judge = judge_open(name, err);
    return trial->judge != NULL ? 0 : -1;
}

static int open_link(trial_t *trial, err_t *err)
{
    link_config_t config = trial->config->link;
    config.max_symbols = trial->frame_symbols;
    config.on_frame = round_on_frame;
    config.context = trial;
    trial->link = link_create(&config, err);
    return trial->link != NULL ? 0 : -1;
}

static int open_strip(trial_t *trial, err_t *err)
{
    const trial_config_t *config = trial->config;
    if (config->samples == 0 || config->samples_path == NULL) {
        return 0;
    }
    return dataset_get(trial->dataset, 0, &trial->picture, NULL, err) != 0
               ? -1
               : strip_create(&trial->strip, config->samples, trial->picture.width,
                              trial->picture.height, err);
}

static void close_all(trial_t *trial)
{
    strip_free(&trial->strip);
    round_close(trial);
    image_free(&trial->picture);
    link_destroy(trial->link);
    judge_close(trial->judge);
    scheme_close(trial->scheme);
}

bool trial_stops(const trial_config_t *config)
{
    const trial_stop_t *stop = &config->stop;
    return stop->psnr_ci_db > 0.0 || stop->accuracy_ci > 0.0 || stop->loss_ci > 0.0;
}

/* NaN is never narrow. */
static bool narrow(double half_width, double wanted)
{
    return !(wanted > 0.0) || half_width <= wanted;
}

bool trial_precise(const trial_config_t *config, const result_t *now)
{
    const trial_stop_t *stop = &config->stop;
    return trial_stops(config) && now->images >= (double)stop->min_images &&
           narrow(now->psnr_ci_db, stop->psnr_ci_db) &&
           narrow(now->accuracy_ci, stop->accuracy_ci) && narrow(now->loss_ci, stop->loss_ci);
}

static bool precise_enough(const trial_t *trial)
{
    result_t now;
    if (!trial_stops(trial->config)) {
        return false;
    }
    score_result(&trial->score, &now);
    return trial_precise(trial->config, &now);
}

static int run_rounds(trial_t *trial, err_t *err)
{
    const trial_config_t *config = trial->config;
    while (trial->done < config->images && !precise_enough(trial)) {
        if (round_load(trial, err) != 0 || round_send(trial, err) != 0 ||
            round_measure(trial, err) != 0) {
            return -1;
        }
        if (config->on_progress != NULL) {
            config->on_progress(config->context, trial->done);
        }
    }
    return 0;
}

int trial_run(const trial_config_t *config, const dataset_t *dataset, result_t *result, err_t *err)
{
    double started = clock_cpu_s();
    trial_t trial = {.config = config, .dataset = dataset, .picture = IMAGE_EMPTY, .strip = STRIP_EMPTY};
    int status = -1;
    if (open_scheme(&trial, err) == 0 && open_judge(&trial, err) == 0 && survey(&trial, err) == 0 &&
        prepare_scheme(&trial, err) == 0 && open_link(&trial, err) == 0 &&
        round_open(&trial, err) == 0 && open_strip(&trial, err) == 0) {
        status = run_rounds(&trial, err);
    }
    if (status == 0 && trial.strip.image.rgb != NULL) {
        status = image_save_png(config->samples_path, &trial.strip.image, err);
    }
    if (status == 0) {
        score_result(&trial.score, result);
        scheme_describe(trial.scheme, result->mode);
        result->compression = trial.symbols / trial.values;
        result->on_air = (double)link_frame_samples(trial.link) / trial.values;
        result->images_per_s = result->images_received *
                               numerology_sample_rate_hz(&config->link.numerology) /
                               (double)link_frame_samples(trial.link);
        result->cpu_s = clock_cpu_s() - started;
    }
    close_all(&trial);
    return status;
}
