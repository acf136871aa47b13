/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digital_pipe: a group of pictures of one size, through one mode: mosaic, still, modem, and
 * back.  The group is received whole or not at all: one block of the channel code that fails,
 * and its bytes are not looked at.
 */
#ifndef FLOWGRAPHS_DIGITAL_PIPE_H
#define FLOWGRAPHS_DIGITAL_PIPE_H

#include "digital.h"

#include <complex.h>

typedef struct digital_pipe digital_pipe_t;

/* `symbols`: of all pictures together.  Errors: they carry not one byte in this mode; a mosaic
   beyond STILL_SIDE_MAX; no memory. */
digital_pipe_t *digital_pipe_create(const digital_mode_t *mode, int pictures, int width, int height,
                                    size_t symbols, err_t *err);
void digital_pipe_destroy(digital_pipe_t *pipe); /* NULL is fine */

/* Bytes that the symbols carry. */
size_t digital_pipe_bytes(const digital_pipe_t *pipe);

/* rgb[pictures][height][width][3] -> symbols; false: over budget, filler was written. */
bool digital_pipe_encode(digital_pipe_t *pipe, const uint8_t *rgb, float complex *symbols);

/* The MMSE receiver's soft[symbols] and noise_var[symbols] -> rgb; false: nothing to be seen. */
bool digital_pipe_decode(digital_pipe_t *pipe, const float complex *soft, const float *noise_var,
                         uint8_t *rgb);

/* The compressor alone: what the pictures look like when every bit arrives; false: over budget. */
bool digital_pipe_squeeze(digital_pipe_t *pipe, const uint8_t *rgb, uint8_t *squeezed);

#endif
