/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * estimate: what a received probe (probe.h) tells about both radios.
 *
 * The received signal, with t the probe, h the channel (flat), delta the difference of the
 * carriers in cycles per sample, and `image`, `dc` as in radio/correction.h:
 *
 *     s = t + tx_image conj(t) + tx_dc                  what the transmitter makes of it
 *     x[n] = h s(n - delay) exp(2 pi j delta n)         what comes to the receiver
 *     y = x + rx_image conj(x) + rx_dc                  what the receiver makes of it
 *
 * Seen as lines: the tones at f, the transmitter's images at 2 delta - f and its carrier at delta,
 * the receiver's images at -f and its DC at 0.  They are told apart only while delta is not
 * zero: tune the receiver away from the transmitter by a 1/64 or so of the sample rate.
 *
 * The image model is that of M. Valkama, M. Renfors, V. Koivunen, "Advanced methods for I/Q
 * imbalance compensation in communication receivers", IEEE Trans. Signal Processing 49 (10), 2001.
 */
#ifndef CALIBRATION_ESTIMATE_H
#define CALIBRATION_ESTIMATE_H

#include "err.h"

#include <complex.h>
#include <stddef.h>

typedef struct {
    double complex rx_dc, rx_image; /* as in radio/correction.h: dc in full scale */
    double complex tx_dc, tx_image;
    double carrier;   /* delta: the transmitter's carrier above the receiver's, cycles/sample */
    double clock_ppm; /* the transmitter's sample clock is this much faster */
    double delay;     /* of the burst's first sample, in samples from y[0] */
    double gain_db;   /* 20 log10 |h| */
    double snr_db;    /* stronger tone over everything that is none of these lines */
    double rx_dc_dbc, rx_image_dbc; /* relative to the stronger tone, as received */
    double tx_dc_dbc, tx_image_dbc; /* relative to the stronger tone, as sent */
} estimate_t;

/*
 * y[count] holds one whole probe somewhere.  ERR_FORMAT: there is none, or it is too weak;
 * ERR_ARGUMENT: the carriers are too close to tell the images apart.
 */
int estimate_probe(const float complex *y, size_t count, estimate_t *estimate, err_t *err);

#endif
