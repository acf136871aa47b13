/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * calibration: the file that holds what is known of one radio, FOLDER/SERIAL.json.
 *
 * Each part has the date at which it was measured; measuring one part leaves the others as they
 * are:
 *
 *     format   "semradio calibration 1"          serial   the radio's
 *     rx, tx   what radio/correction.h reads, and the levels before and after
 *     noise_floor   [[gain_db, dBFS], …]         tx_level [[gain_db, dBFS at the other radio], …]
 *     pair     with the other radio: carrier_hz, carrier_ppm, clock_ppm, delay_samples
 */
#ifndef CALIBRATION_CALIBRATION_H
#define CALIBRATION_CALIBRATION_H

#include "err.h"

#include <jansson.h>

/* The file's content; a fresh one when it is not there.  NULL: ERR_FORMAT (another radio's, or not
   such a file), ERR_IO.  json_decref it. */
json_t *calibration_load(const char *path, const char *serial, err_t *err);

/* Writes it as a whole. */
int calibration_save(const char *path, const json_t *root, err_t *err);

/* A new part of today; json_object_set_new it into the root. */
json_t *calibration_part(void);

#endif
