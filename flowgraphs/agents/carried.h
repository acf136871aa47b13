/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * carried: a picture's symbols as one frame of the waveform through an emulated air, in this
 * process: transmitter, air and the real receiver (link.h).  The frame's header names codec, rate
 * and the adapter that it was encoded with, as between daemons.
 */
#ifndef AGENTS_CARRIED_H
#define AGENTS_CARRIED_H

#include "waveform/header.h"

#include <complex.h>
#include <stdint.h>

typedef struct {
    double snr_db, evm_db; /* as the receiver measured them */
} carried_t;

/*
 * symbols[header->symbols] -> soft, noise_var [the same] (codec_decode's).  AWGN of snr_db; `seed`:
 * noise and the frame's place.  ERR_ARGUMENT; ERR_CLOSED: the frame was lost or damaged;
 * ERR_FORMAT: it names another adapter than was sent.
 */
int carry(const frame_header_t *header, const float complex *symbols, double snr_db, uint64_t seed,
          float complex *soft, float *noise_var, carried_t *carried, err_t *err);

#endif
