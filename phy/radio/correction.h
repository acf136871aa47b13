/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * correction: what semradio-calibrate has found out about a radio, taken back on its samples.
 *
 * Model, both ways, after division by the wanted gain:
 *
 *     y = x + image conj(x) + dc
 *
 * `image` is what a gain and phase difference of I and Q makes: 20 log10|image| is the level of the
 * mirrored spectrum, in dBc.  The inverse, exact:
 *
 *     v = y - dc,   x = (v - image conj(v)) / (1 - |image|^2)
 *
 * Receiving, y is what the radio hands out and x what is on the air.  Sending, y is what shall go
 * on the air and x what the radio must be given.
 */
#ifndef RADIO_CORRECTION_H
#define RADIO_CORRECTION_H

#include "err.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    bool known;
    double complex dc, image;
    double freq_hz, gain_db; /* where it was measured: dc depends on both */
    char date[32];           /* UTC */
} correction_side_t;

typedef struct {
    char serial[64], path[256];
    correction_side_t rx, tx;
} correction_t;

/*
 * Reads a calibration file.  `path` may also be a folder: then SERIAL.json in it.  ERR_IO (not
 * there), ERR_FORMAT (not such a file, or made for another serial number), ERR_ARGUMENT (a
 * folder, and the radio has no serial number).
 */
int correction_load(correction_t *correction, const char *path, const char *serial, err_t *err);

/* FOLDER/SERIAL.json into path[size]; letters that do not belong into a file name become '_'. */
int correction_path(char *path, size_t size, const char *folder, const char *serial, err_t *err);

/* y[count] -> x[count]; the same array is fine.  A side that is not known changes nothing. */
void correction_apply(const correction_side_t *side, const float complex *y, float complex *x,
                      size_t count);

#endif
