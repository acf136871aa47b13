/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "waveform/numerology.h"

#include <math.h>
#include <string.h>

enum { HALF = NUMEROLOGY_USED / 2, PILOT_FIRST = 5, PILOT_STEP = 11 };

numerology_t numerology_default(void)
{
    return (numerology_t){.spacing_hz = 30e3, .cp = NUMEROLOGY_CP_NORMAL, .retrain_every = 0};
}

int numerology_check(const numerology_t *n, err_t *err)
{
    if (!(n->spacing_hz > 0.0 && n->spacing_hz <= 1e6)) {
        return err_set(err, ERR_ARGUMENT, "numerology: spacing_hz = %g is not in (0, 1e6]",
                       n->spacing_hz);
    }
    if (n->cp != NUMEROLOGY_CP_NORMAL && n->cp != NUMEROLOGY_CP_EXTENDED) {
        return err_set(err, ERR_ARGUMENT, "numerology: cp = %d is neither %d nor %d samples",
                       n->cp, NUMEROLOGY_CP_NORMAL, NUMEROLOGY_CP_EXTENDED);
    }
    if (n->retrain_every < 0 || n->retrain_every > 1000000) {
        return err_set(err, ERR_ARGUMENT, "numerology: retrain_every = %d is not in 0 … 1000000",
                       n->retrain_every);
    }
    return 0;
}

double numerology_sample_rate_hz(const numerology_t *n)
{
    return n->spacing_hz * NUMEROLOGY_FFT;
}

int numerology_bin(int u)
{
    return u < HALF ? NUMEROLOGY_FFT - HALF + u : u - HALF + 1;
}

double numerology_radians(int u)
{
    return 2.0 * M_PI / NUMEROLOGY_FFT * (u < HALF ? u - HALF : u - HALF + 1);
}

int numerology_pilot(int p)
{
    return PILOT_FIRST + PILOT_STEP * p;
}

int numerology_data(int d)
{
    /* Five data carriers, then a pilot before every tenth. */
    return d + (d + PILOT_FIRST) / (PILOT_STEP - 1);
}

void numerology_gather(const float complex *bins, float complex *used)
{
    memcpy(used, bins + NUMEROLOGY_FFT - HALF, HALF * sizeof(*used));
    memcpy(used + HALF, bins + 1, HALF * sizeof(*used));
}

void numerology_scatter(const float complex *used, float complex *bins)
{
    memset(bins, 0, NUMEROLOGY_FFT * sizeof(*bins));
    memcpy(bins + NUMEROLOGY_FFT - HALF, used, HALF * sizeof(*used));
    memcpy(bins + 1, used + HALF, HALF * sizeof(*used));
}

/* Runs of ten data carriers lie between the pilots, five at either end: sizes that the compiler
   knows, or the copies would cost more than the arithmetic around them. */
void numerology_pick_data(const float complex *used, float complex *data)
{
    enum { RUN = PILOT_STEP - 1 };
    memcpy(data, used, PILOT_FIRST * sizeof(*data));
    for (int p = 0; p < NUMEROLOGY_PILOTS - 1; p++) {
        memcpy(data + PILOT_FIRST + RUN * p, used + PILOT_FIRST + 1 + PILOT_STEP * p,
               RUN * sizeof(*data));
    }
    memcpy(data + NUMEROLOGY_DATA - PILOT_FIRST, used + NUMEROLOGY_USED - PILOT_FIRST,
           PILOT_FIRST * sizeof(*data));
}

void numerology_place_data(const float complex *data, float complex *used)
{
    enum { RUN = PILOT_STEP - 1 };
    memcpy(used, data, PILOT_FIRST * sizeof(*used));
    for (int p = 0; p < NUMEROLOGY_PILOTS - 1; p++) {
        memcpy(used + PILOT_FIRST + 1 + PILOT_STEP * p, data + PILOT_FIRST + RUN * p,
               RUN * sizeof(*used));
    }
    memcpy(used + NUMEROLOGY_USED - PILOT_FIRST, data + NUMEROLOGY_DATA - PILOT_FIRST,
           PILOT_FIRST * sizeof(*used));
}

size_t numerology_payload_symbols(size_t symbols)
{
    return (symbols + NUMEROLOGY_DATA - 1) / NUMEROLOGY_DATA;
}

size_t numerology_retraining_symbols(const numerology_t *n, size_t symbols)
{
    size_t payload = numerology_payload_symbols(symbols);
    return n->retrain_every > 0 && payload > 0 ? (payload - 1) / (size_t)n->retrain_every : 0;
}

size_t numerology_frame_samples(const numerology_t *n, size_t symbols)
{
    size_t ofdm = NUMEROLOGY_KNOWN + NUMEROLOGY_HEADER + numerology_payload_symbols(symbols) +
                  numerology_retraining_symbols(n, symbols);
    return NUMEROLOGY_PREAMBLE + ofdm * (size_t)(NUMEROLOGY_FFT + n->cp);
}

double numerology_efficiency(const numerology_t *n, size_t symbols)
{
    return (double)symbols / (double)numerology_frame_samples(n, symbols);
}
