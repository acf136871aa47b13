/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * demapper: soft symbols to log-likelihood ratios ln(P(bit = 0) / P(bit = 1)), the
 * symbols equally likely, the noise circular Gaussian.
 *
 * Two ways in.  The receiver's equaliser (eq/mmse.h) gives symbols that are drawn
 * towards zero: those go to demapper_mmse.  A symbol y = s + w goes to demapper_unbiased.
 * Taking one for the other costs nothing at BPSK and QPSK but for the scale, and errors
 * at 16QAM and more.
 *
 * Any input is taken.  A symbol or variance that is not finite, or an MMSE variance
 * of 1 (nothing received), gives zeros: no opinion.  Every LLR is finite.
 */
#ifndef MODEM_DEMAPPER_H
#define MODEM_DEMAPPER_H

#include "modem/modulation.h"

typedef enum {
    DEMAPPER_LOG_MAP, /* exact */
    DEMAPPER_MAX_LOG, /* the nearest points only: 3 times as fast, 0.01 ... 0.3 dB worse */
} demapper_algorithm_t;

/*
 * y[count] = s + w with E|w|^2 = noise_var[count] -> llr[modulation_bits * count].
 */
void demapper_unbiased(modulation_t modulation, demapper_algorithm_t algorithm,
                       const float complex *y, const float *noise_var, size_t count, float *llr);

/*
 * s_hat[count] = h* y / (|h|^2 + n0) and noise_var[count] = n0 / (|h|^2 + n0) as in
 * eq/mmse.h.  The same as demapper_unbiased of s_hat / (1 - noise_var) with variance
 * noise_var / (1 - noise_var).
 */
void demapper_mmse(modulation_t modulation, demapper_algorithm_t algorithm,
                   const float complex *s_hat, const float *noise_var, size_t count, float *llr);

#endif
