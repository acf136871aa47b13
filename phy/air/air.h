/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * air: one emulated link, sample by sample, reproducible.
 *
 *     x[n] -> amplifier -> fading filter -> sample clock -> carrier offset -> phase noise
 *          -> + interferers -> + impulses -> + noise -> I/Q imbalance, DC -> converter -> gaps -> y[n]
 *
 * Everything but the model is off by default and composes with every model.
 *
 * Models
 * - none:      y = x (bit for bit while every impairment is off).  No noise.
 * - awgn:      y = x + noise.
 * - rayleigh:  fading with an exponential power-delay profile of rms delay
 *              spread w.  The gains h_j of sub-carriers a distance D apart are
 *              jointly circular Gaussian with
 *                  E[h_j' conj(h_j)] = P_h / (1 + 2 pi i D w),      P_h = 1
 *              DeKA-g (9), whose print `P_h / exp(1 + ...)` is a slip: only this
 *              has P_h on its diagonal (D = f_j' - f_j).
 * - tdl-a … tdl-e: the tapped delay lines of 3GPP TR 38.901, tables 7.7.2-1 … -5,
 *              their normalised delays times delay_spread_ns (7.7-1).  A, B and C
 *              are Rayleigh; D and E have a line of sight in their first path
 *              (K = 13.3 and 22 dB), with a Doppler shift of 0.7 doppler_hz.
 * - taps:      tap_count independent Rayleigh taps a sample apart, each
 *              tap_decay_db below the one before: the plain benchmark channel.
 * - replay:    channel state that a Wi-Fi card measured (csi_file.h, replay.h).
 *
 * A draw is *not* normalised: |h|^2 varies from block to block, its mean is 1 at
 * every frequency inside +-0.28 of the sample rate, within 1 % (+-2.15 MHz at
 * 7.68 MS/s; the interpolation kernel rolls off beyond).
 *
 * Doppler: doppler_hz is the largest shift f_D; each path has Clarke's spectrum
 * (3GPP TR 38.901 7.7.2, "Jakes"), so E[h(t + s) conj(h(t))] = J0(2 pi f_D s).
 * 0: the gains stand still within a block.
 *
 * SNR is Es/N0 per data sub-carrier after a unitary FFT (docs/WAVEFORM.md):
 *     N0 = E|h|^2 * symbol_energy / 10^(snr_db / 10)
 * per complex sample, half on each axis; noise is on in silence too.  All other
 * levels refer to S, the mean power of the samples while a frame is sent
 * (signal_power), with E|h|^2 = 1.
 *
 * Fading blocks belong to the samples that are *sent* in them: after
 * air_begin_block the echoes of earlier samples still leave with the old draw,
 * so bursts may follow each other without a gap.
 *
 * The same configuration gives the same samples, whatever the sizes of the
 * blocks handed to air_process and whatever the machine's vector width.
 *
 * Steady state: no allocation, cannot fail.  One air_t per thread.
 * docs/AIR.md has the definitions with their sources and how they are checked.
 */
#ifndef AIR_AIR_H
#define AIR_AIR_H

#include "err.h"
#include "options.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    AIR_NONE,
    AIR_AWGN,
    AIR_RAYLEIGH,
    AIR_TDL_A,
    AIR_TDL_B,
    AIR_TDL_C,
    AIR_TDL_D,
    AIR_TDL_E,
    AIR_TAPS,
    AIR_REPLAY
} air_model_t;

typedef enum {
    AIR_BLOCK_BURST, /* a fresh draw at every air_begin_block */
    AIR_BLOCK_STATIC /* one draw for the whole run; with Doppler it moves, without a break */
} air_block_t;

/* INFINITY (or -INFINITY for dc_dbc) switches off what is told in dB; 0 the rest. */
typedef struct {
    air_model_t model;
    air_block_t block;
    double snr_db;          /* -100 … 100, or INFINITY: no noise */
    double delay_spread_ns; /* rms; 0 (flat) … AIR_MAX_SPREAD samples; tdl: as AIR_MAX_TAPS allows */
    double doppler_hz;      /* largest shift, 0 … sample rate / 1000; not for replay */
    int tap_count;          /* taps: 1 … 64 */
    double tap_decay_db;    /* taps: 0 (equal power) … 60 from tap to tap */
    const char *path;       /* replay: a file; read at air_create only */
    int path_link;          /* replay: 3 * receive antenna + transmit stream, 0 … 8 */

    double cfo_hz;       /* carrier offset, within +-sample_rate_hz / 2 */
    double sco_ppm;      /* sample-clock offset, +-200: see below */
    double linewidth_hz; /* phase noise of both oscillators together: 3-dB width of the carrier
                            line, 0 … sample rate / 1000 */
    double pa_backoff_db; /* amplifier: saturation power over S, -10 … 60, INFINITY: none */
    double pa_smoothness; /* Rapp's p, 1 … 20 */
    double iq_gain_db;    /* gain of Q over I, +-20 */
    double iq_phase_deg;  /* error of their right angle, +-45 */
    double dc_dbc;        /* power of the constant over S, -100 … 40, -INFINITY: none */
    int adc_bits;         /* of each axis, 1 … 24, 0: none */
    double adc_headroom_db; /* full scale over the rms of one axis, -20 … 60 */
    double loss_rate;       /* share of samples lost, 0 … 0.9 */
    double loss_samples;    /* mean length of a gap, 1 … 1e9 */
    double tone_sir_db;     /* S over the tone's power, +-100, INFINITY: none */
    double tone_hz;         /* within +-sample_rate_hz / 2 */
    double ofdm_sir_db;     /* S over the power of a foreign OFDM signal, +-100, INFINITY: none */
    double impulse_rate_hz; /* impulses a second, 0 … sample_rate_hz */
    double impulse_db;      /* their mean power over S, -100 … 100 */

    double sample_rate_hz; /* 1 kHz … 1 GHz */
    double symbol_energy;  /* of a sent sub-carrier, unitary FFT; > 0 */
    double signal_power;   /* S; 0: symbol_energy * AIR_OCCUPANCY */
    uint64_t seed;
} air_config_t;

/* S over symbol_energy for nr5: 132 of 256 sub-carriers. */
#define AIR_OCCUPANCY (132.0 / 256.0)

/* awgn, burst, 20 dB, 100 ns, no impairment, 7.68 MS/s, 1/16, seed 1. */
air_config_t air_config_default(void);

/* The largest delay spread of rayleigh, in samples: 1042 ns at 7.68 MS/s. */
#define AIR_MAX_SPREAD 8.0

/* The number of fading taps never exceeds this: tdl-e up to 1562 ns at 7.68 MS/s. */
#define AIR_MAX_TAPS 256

/* The sample clock's offset is exact over so many samples of an unbroken signal; see sco below. */
#define AIR_CLOCK_SAMPLES (1u << 21)

typedef struct air air_t;

/*
 * Checks everything and draws the first block.  NULL with ERR_ARGUMENT when a
 * value is out of range (the message names the option), ERR_IO or ERR_FORMAT
 * for channel.path (the message names file and byte), ERR_MEMORY.
 */
air_t *air_create(const air_config_t *config, err_t *err);
void air_destroy(air_t *air);

/* 0, or -1 and what is out of range.  Does not look at the file of replay. */
int air_config_check(const air_config_t *config, err_t *err);

/* Back to the start, with another seed (one worker, many trials).  What was set stays set. */
void air_reset(air_t *air, uint64_t seed);

/* Draws fresh fading for the samples that follow (AIR_BLOCK_BURST; else nothing). */
void air_begin_block(air_t *air);

/*
 * out[count]: the channel's output for in[count], a stream: output sample n is
 * at the time of input sample n, plus air_delay_samples of bulk delay.  `in` may
 * be NULL (silence, cheap) and may be `out` itself; otherwise no overlap.
 *
 * Sample clock: with sco_ppm = e the receiver takes its sample m at the input's
 * time m (1 + e 1e-6) - delay, so e > 0 is a receiver that samples too slowly.
 * As many samples leave as come, so the drift is taken up when the channel has
 * been silent (`in` NULL) long enough to run empty: each burst begins at its
 * nominal time and drifts from there.  A signal without such a pause slips once
 * in AIR_CLOCK_SAMPLES, by what it has drifted.
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
 * h[fft_size]: the true gain of each sub-carrier in FFT order (0, 1, …, -1) at
 * the present block's first sample, without carrier offset, *including* the bulk
 * delay: a receiver that takes its FFT windows at the transmitter's sample
 * positions sees exactly h[k] * s[k] while air_tap_count - 1 <= cyclic prefix and
 * the channel stands still.  What comes after it (phase noise … gaps) and the
 * amplifier are not in it.
 */
void air_response(const air_t *air, size_t fft_size, float complex *h);

/*
 * The same at another time of the present block: output sample `at`, counted
 * from the first output of air_process after air_begin_block (for
 * AIR_BLOCK_STATIC: after air_reset); it need not have been processed yet.  For an
 * OFDM symbol whose FFT window begins at output sample w, ask for
 * at = w + (fft_size - 1) / 2.0, its middle.  A drifting sample clock is in it as
 * the phase slope that the window sees.
 */
void air_response_at(const air_t *air, double at, size_t fft_size, float complex *h);

/* Whether the response changes within a block (Doppler, replay, sample clock). */
bool air_is_moving(const air_t *air);

/* Where the first path lies: 0 for none, awgn, taps and flat fading, else 3 (replay: 3 plus its
   lead), plus air_clock_delay_samples; and the filter's length. */
size_t air_delay_samples(const air_t *air);
size_t air_tap_count(const air_t *air);

/* The part of air_delay_samples that the drifting sample clock needs; 0 without. */
size_t air_clock_delay_samples(const air_t *air);

/* The profile's energy beyond the last tap, cut and made up for by scaling the rest (<= 1e-3). */
double air_truncated_energy(const air_t *air);

/* The configuration without what the receiver's front end adds (interferers … gaps): a hub's link. */
air_config_t air_config_without_front_end(const air_config_t *config);

/* The option table, section "channel". */
extern const option_t air_options[];

/* Fills in what the table holds; sample_rate_hz, symbol_energy and signal_power stay as they are.
   `path` points into the options. */
void air_config_from_options(air_config_t *config, const options_t *options);

/* "none" | "awgn" | "rayleigh" … and back; air_model_parse returns -1 with ERR_ARGUMENT. */
const char *air_model_name(air_model_t model);
int air_model_parse(const char *name, air_model_t *model, err_t *err);

#endif
