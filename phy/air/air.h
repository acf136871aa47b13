/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * air: one emulated link, sample by sample, reproducible.
 *
 *     x[n] -> fading filter -> carrier offset -> + noise -> y[n]
 *
 * - none:      y = x (with a carrier offset of 0: bit for bit).  No noise.
 * - awgn:      y = x + noise.
 * - rayleigh:  block fading with an exponential power-delay profile of rms
 *              delay spread w.  The gains h_j of sub-carriers a distance D apart
 *              are jointly circular Gaussian with
 *                  E[h_j' conj(h_j)] = P_h / (1 + 2 pi i D w),      P_h = 1
 *              DeKA-g (9), whose print `P_h / exp(1 + ...)` is a slip: only this
 *              has P_h on its diagonal (D = f_j' - f_j).  A draw is *not*
 *              normalised: |h|^2 varies from block to block, its mean is 1.
 *              Accurate to 1 % inside +-0.28 of the sample rate (+-2.15 MHz at
 *              7.68 MS/s); the interpolation kernel rolls off beyond.
 *
 * SNR is Es/N0 per data sub-carrier after a unitary FFT (docs: design §4):
 *     N0 = E|h|^2 * symbol_energy / 10^(snr_db / 10)
 * per complex sample, half on each axis; noise is on in silence too.
 *
 * Fading blocks belong to the samples that are *sent* in them: after
 * air_begin_block the echoes of earlier samples still leave with the old draw,
 * so bursts may follow each other without a gap.
 *
 * The same configuration gives the same samples, whatever the sizes of the
 * blocks handed to air_process and whatever the machine's vector width.
 *
 * Steady state: no allocation, cannot fail.  One air_t per thread.
 */
#ifndef AIR_AIR_H
#define AIR_AIR_H

#include "err.h"
#include "options.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { AIR_NONE, AIR_AWGN, AIR_RAYLEIGH } air_model_t;

typedef enum {
    AIR_BLOCK_BURST, /* a fresh draw at every air_begin_block */
    AIR_BLOCK_STATIC /* one draw for the whole run */
} air_block_t;

typedef struct {
    air_model_t model;
    air_block_t block;
    double snr_db;          /* -100 … 100, or INFINITY: no noise */
    double delay_spread_ns; /* rms; 0 (flat) … AIR_MAX_SPREAD samples; rayleigh only */
    double cfo_hz;          /* within +-sample_rate_hz / 2 */
    double sample_rate_hz;  /* 1 kHz … 1 GHz */
    double symbol_energy;   /* of a sent sub-carrier, unitary FFT; > 0 */
    uint64_t seed;
} air_config_t;

/* awgn, burst, 20 dB, 100 ns, no offset, 7.68 MS/s, 1/16, seed 1. */
air_config_t air_config_default(void);

/* The largest delay spread, in samples: 1042 ns at 7.68 MS/s. */
#define AIR_MAX_SPREAD 8.0

/* The number of fading taps never exceeds this. */
#define AIR_MAX_TAPS 64

typedef struct air air_t;

/*
 * Checks everything and draws the first block.  NULL with ERR_ARGUMENT when a
 * value is out of range (the message names the option), ERR_MEMORY.
 */
air_t *air_create(const air_config_t *config, err_t *err);
void air_destroy(air_t *air);

/* Back to the start, with another seed (one worker, many trials).  What was set stays set. */
void air_reset(air_t *air, uint64_t seed);

/* Draws fresh fading for the samples that follow (rayleigh with AIR_BLOCK_BURST; else nothing). */
void air_begin_block(air_t *air);

/*
 * out[count]: the channel's output for in[count], a stream: output sample n is
 * at the time of input sample n, plus air_delay_samples of bulk delay.  `in` may
 * be NULL (silence, cheap) and may be `out` itself; otherwise no overlap.
 */
void air_process(air_t *air, const float complex *in, float complex *out, size_t count);

/* Noise and carrier offset may change at any time; they act from the next sample.
 * Values are clipped to their ranges.  The offset's phase stays continuous. */
void air_set_snr_db(air_t *air, double snr_db);
void air_set_cfo_hz(air_t *air, double cfo_hz);
double air_snr_db(const air_t *air);

/* N0 per complex sample, E|noise|^2; 0 for AIR_NONE. */
double air_noise_var(const air_t *air);

/*
 * h[fft_size]: the true gain of each sub-carrier in FFT order (0, 1, …, -1) in
 * the present block, without carrier offset, *including* the bulk delay: a
 * receiver that takes its FFT windows at the transmitter's sample positions
 * sees exactly h[k] * s[k] while air_tap_count - 1 <= cyclic prefix.
 */
void air_response(const air_t *air, size_t fft_size, float complex *h);

/* Where the first path lies (0 for none, awgn and flat fading, else 3), and the filter's length. */
size_t air_delay_samples(const air_t *air);
size_t air_tap_count(const air_t *air);

/* The profile's energy beyond the last tap, cut and made up for by scaling the rest (<= 1e-3). */
double air_truncated_energy(const air_t *air);

/* The option table, section "channel": model, block, snr_db, delay_spread_ns, cfo_hz, seed. */
extern const option_t air_options[];

/* Fills in what the table holds; sample_rate_hz and symbol_energy stay as they are. */
void air_config_from_options(air_config_t *config, const options_t *options);

/* "none" | "awgn" | "rayleigh" and back; air_model_parse returns -1 with ERR_ARGUMENT. */
const char *air_model_name(air_model_t model);
int air_model_parse(const char *name, air_model_t *model, err_t *err);

#endif
