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
        size_t symbols = codec_symbols(trial->codec, width, height, trial->mode);
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

static int open_codec(trial_t *trial, err_t *err)
{
    const trial_config_t *config = trial->config;
    trial->codec = codec_open(config->codec, err);
    if (trial->codec == NULL) {
        return -1;
    }
    int p = codec_rates(trial->codec, NULL) > 1 ? 2 : 1;
    if (config->rate_numerator != 0) {
        p = codec_find_rate(trial->codec, config->rate_numerator, config->rate_denominator, err);
    }
    if (p < 1) {
        return -1;
    }
    trial->mode = codec_mode(trial->codec, p, config->design_snr_db);
    return 0;
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

static void close_all(trial_t *trial)
{
    round_close(trial);
    image_free(&trial->picture);
    link_destroy(trial->link);
    judge_close(trial->judge);
    codec_close(trial->codec);
}

static int run_rounds(trial_t *trial, err_t *err)
{
    const trial_config_t *config = trial->config;
    while (trial->done < config->images) {
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
    trial_t trial = {.config = config, .dataset = dataset, .picture = IMAGE_EMPTY};
    int status = -1;
    if (open_codec(&trial, err) == 0 && open_judge(&trial, err) == 0 && survey(&trial, err) == 0 &&
        open_link(&trial, err) == 0 && round_open(&trial, err) == 0) {
        status = run_rounds(&trial, err);
    }
    if (status == 0) {
        score_result(&trial.score, result);
        result->compression = trial.symbols / trial.values;
        result->on_air = (double)link_frame_samples(trial.link) / trial.values;
        result->cpu_s = clock_cpu_s() - started;
    }
    close_all(&trial);
    return status;
}
