/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pilot_link: known pictures through a link (link.h), and what is left of their symbols at the
 * receiver: the raw material of alignment between two codecs (docs/ADAPTERS.md).
 *
 *     pilot_batch_t *batch = pilot_link_run(&config, &err);
 *     … batch->soft, batch->noise_var: what a decoder would get …
 *     pilot_batch_free(batch);
 */
#ifndef FLOWGRAPHS_PILOT_LINK_H
#define FLOWGRAPHS_PILOT_LINK_H

#include "codec/codec.h"
#include "images/dataset.h"
#include "link.h"

enum { PILOT_IMAGES_MAX = 100000 };

typedef struct {
    codec_t *codec; /* the transmitter's */
    int mode;       /* rate and design SNR */
    const dataset_t *dataset;
    size_t first; /* index of the first picture */
    int images;   /* all of one size, 1 … PILOT_IMAGES_MAX; a frame for each */
    link_config_t link;
} pilot_link_config_t;

/* Pictures that arrived, in the order of the data set. */
typedef struct {
    int images, lost;
    int width, height;
    int channels, rows, columns; /* of a picture's symbols, in this order */
    size_t symbols;              /* their product */
    uint8_t *rgb;                /* [images][height][width][3] as sent */
    float complex *soft;         /* [images][symbols] */
    float *noise_var;
    double snr_db; /* mean of what the receiver measured */
} pilot_batch_t;

/* Errors: pictures that differ in size, are not there, or are too large for a frame; none arrived.
 */
pilot_batch_t *pilot_link_run(const pilot_link_config_t *config, err_t *err);
void pilot_batch_free(pilot_batch_t *batch); /* NULL is fine */

#endif
