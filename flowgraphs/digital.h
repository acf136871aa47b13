/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digital: the settings of a digital link for pictures, docs/DIGITAL.md.
 *
 *     picture(s) -> JPEG, WebP or AVIF bytes -> LDPC, modulation -> symbols
 *
 * A mode is the three choices that decide how many bytes a picture has and from which SNR
 * on they arrive.  A configuration fixes them, or leaves some open: then they are chosen
 * before the first picture is sent (digital_choice.h).
 */
#ifndef FLOWGRAPHS_DIGITAL_H
#define FLOWGRAPHS_DIGITAL_H

#include "modem/modulation.h"
#include "options.h"
#include "stills/still.h"

enum { DIGITAL_MOSAIC_MAX = 255 };

typedef struct {
    still_kind_t source;
    modulation_t modulation;
    int rate_numerator, rate_denominator; /* of the code */
} digital_mode_t;

typedef struct {
    digital_mode_t mode;    /* the fixed parts of it */
    bool best_source;       /* the best of all formats instead */
    bool best_mcs;          /* the best modulation and code rate instead */
    int mosaic;             /* pictures compressed as one, 1 … DIGITAL_MOSAIC_MAX */
    int calibration_images; /* pictures whose quality decides, at least 1 */
    int calibration_frames; /* frames whose loss decides, at least 1 */
} digital_config_t;

/* Section "digital". */
extern const option_t digital_options[];
digital_config_t digital_from_options(const options_t *options);

/* Whether a mode has to be chosen. */
bool digital_chooses(const digital_config_t *config);

/* "jpeg 64QAM 2/3". */
void digital_mode_text(const digital_mode_t *mode, char *text, size_t size);

double digital_code_rate(const digital_mode_t *mode);

/* Symbols of a picture: k/n = numerator/denominator of its values, rounded down. */
size_t digital_symbols(int numerator, int denominator, int width, int height);

#endif
