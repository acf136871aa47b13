/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "digital.h"

#include <stdio.h>

const option_t digital_options[] = {
    {.section = "digital",
     .name = "source",
     .type = OPTION_CHOICE,
     .choices = "jpeg|webp|avif|best",
     .fallback = "jpeg",
     .help = "codec=digital: what compresses the pictures; best: chosen on digital.calibration"},
    {.section = "digital",
     .name = "modulation",
     .type = OPTION_CHOICE,
     .choices = "bpsk|qpsk|16qam|64qam|256qam",
     .fallback = "64qam",
     .help = "codec=digital: modulation of the coded bits"},
    {.section = "digital",
     .name = "code_rate",
     .type = OPTION_RATIO,
     .fallback = "2/3",
     .min = 1.0 / 32,
     .max = 0.95,
     .help = "codec=digital: rate of the LDPC code, its CRC counted as information"},
    {.section = "digital",
     .name = "mcs",
     .type = OPTION_CHOICE,
     .choices = "fixed|best",
     .fallback = "fixed",
     .help = "best: modulation and code rate chosen for each point, on digital.calibration"},
    {.section = "digital",
     .name = "mosaic",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 1,
     .max = DIGITAL_MOSAIC_MAX,
     .help = "codec=digital: pictures compressed together as one; must divide frame.images"},
    {.section = "digital",
     .name = "calibration",
     .type = OPTION_STRING,
     .help = "data set, not the source, on whose pictures the best mode is chosen"},
    {.section = "digital",
     .name = "calibration_images",
     .type = OPTION_INT,
     .fallback = "128",
     .min = 1,
     .max = 1e6,
     .help = "pictures of digital.calibration whose quality decides"},
    {.section = "digital",
     .name = "calibration_frames",
     .type = OPTION_INT,
     .fallback = "300",
     .min = 1,
     .max = 1e6,
     .help = "frames sent before a point to measure the losses of a mode"},
    {0}};

digital_config_t digital_from_options(const options_t *options)
{
    int source = options_choice(options, "digital.source");
    digital_config_t config = {
        .mode = {.source = source < STILL_KINDS ? (still_kind_t)source : STILL_JPEG,
                 .modulation = (modulation_t)options_choice(options, "digital.modulation")},
        .best_source = source == STILL_KINDS,
        .best_mcs = options_choice(options, "digital.mcs") == 1,
        .mosaic = (int)options_int(options, "digital.mosaic"),
        .calibration_images = (int)options_int(options, "digital.calibration_images"),
        .calibration_frames = (int)options_int(options, "digital.calibration_frames"),
    };
    options_fraction(options, "digital.code_rate", &config.mode.rate_numerator,
                     &config.mode.rate_denominator);
    return config;
}

bool digital_chooses(const digital_config_t *config)
{
    return config->best_source || config->best_mcs;
}

void digital_mode_text(const digital_mode_t *mode, char *text, size_t size)
{
    snprintf(text, size, "%s %s %d/%d", still_name(mode->source), modulation_name(mode->modulation),
             mode->rate_numerator, mode->rate_denominator);
}

double digital_code_rate(const digital_mode_t *mode)
{
    return (double)mode->rate_numerator / mode->rate_denominator;
}

size_t digital_symbols(int numerator, int denominator, int width, int height)
{
    uint64_t values = 3 * (uint64_t)width * (uint64_t)height;
    return (size_t)(values * (uint64_t)numerator / (uint64_t)denominator);
}
