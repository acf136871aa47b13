/* SPDX-License-Identifier: GPL-3.0-or-later */
/* probe: a channel as a user measures it, beside the true one: frames through an air of one's own
 * and the real receiver. */
#ifndef BROADCAST_PROBE_H
#define BROADCAST_PROBE_H

#include "waveform/transmitter.h"

typedef struct {
    transmitter_t *transmitter;
    float complex *samples; /* of one frame of Gaussian symbols */
    size_t length;
} probe_t;

int probe_open(probe_t *probe, err_t *err);
void probe_close(probe_t *probe);

/*
 * H of broadcast_user.c for sigma2 = 10^(-snr_db / 10), over `frames` frames of one static Rayleigh
 * draw, and the same of the true gains and noise.  A user that hears nothing measures 0.001.
 */
int probe_hear(const probe_t *probe, double snr_db, double spread_ns, uint64_t seed, int frames,
               double *measured, double *truth, err_t *err);

#endif
