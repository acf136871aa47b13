/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A frame of 200 payload symbols from 24,000 points to samples, header and
 * preamble included; liquid's frame of the same length from the same points, which
 * lie on its carriers already (ours has to put them there).
 * The limit: as many transforms of 256 points as the samples hold symbols.
 */
#include "bench_fftw.h"
#include "bench_phy.h"
#include "liquid_ofdm.h"
#include "rng.h"
#include "waveform/transmitter.h"

#include <math.h>
#include <stdlib.h>

enum {
    SYMBOLS = 200,
    POINTS = SYMBOLS * NUMEROLOGY_DATA,
    /* Our head is longer than liquid's: its frame gets the difference in data symbols. */
    PEER_SYMBOLS = 213,
    PEER_SAMPLES = (LIQUID_OFDM_HEAD + PEER_SYMBOLS) * LIQUID_OFDM_SYMBOL,
    BATCH = 16,
};

typedef struct {
    transmitter_t *tx;
    ofdmframegen generator;
    bench_fftw_t limit;
    frame_header_t header;
    size_t length;
    float complex *points, *samples, *peer_bins, *peer_samples;
} transmit_t;

static void destroy(void *state)
{
    transmit_t *t = state;
    transmitter_destroy(t->tx);
    if (t->generator != NULL) {
        ofdmframegen_destroy(t->generator);
    }
    bench_fftw_close(&t->limit);
    free(t->points);
    free(t->samples);
    free(t->peer_bins);
    free(t->peer_samples);
    free(t);
}

static void *create(err_t *err)
{
    transmit_t *t = calloc(1, sizeof(*t));
    numerology_t numerology = numerology_default();
    if (t == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    t->header =
        (frame_header_t){.images = 1, .width = 32, .height = 32, .rate = 1, .symbols = POINTS};
    t->tx = transmitter_create(&numerology, err);
    t->generator = liquid_ofdm_generator();
    t->length = t->tx != NULL ? transmitter_frame_samples(t->tx, &t->header) : 0;
    t->points = malloc(PEER_SYMBOLS * NUMEROLOGY_DATA * sizeof(*t->points));
    t->samples = malloc((t->length + 1) * sizeof(*t->samples));
    t->peer_bins = malloc(PEER_SYMBOLS * NUMEROLOGY_FFT * sizeof(*t->peer_bins));
    t->peer_samples = malloc(PEER_SAMPLES * sizeof(*t->peer_samples));
    bool ready = bench_fftw_open(&t->limit, NUMEROLOGY_FFT, FFTW_BACKWARD, BATCH, FFTW_MEASURE);
    if (t->tx == NULL || t->generator == NULL || !ready || t->points == NULL ||
        t->samples == NULL || t->peer_bins == NULL || t->peer_samples == NULL) {
        destroy(t);
        err_set(err, ERR_MEMORY, "no transmitter, peer or memory");
        return NULL;
    }
    rng_t rng;
    rng_seed(&rng, 1, 0);
    rng_complex_normal(&rng, 1.0f, t->points, PEER_SYMBOLS * NUMEROLOGY_DATA);
    liquid_ofdm_lay_out(t->points, PEER_SYMBOLS, t->peer_bins);
    return t;
}

static double ours(void *state)
{
    transmit_t *t = state;
    transmitter_modulate(t->tx, &t->header, t->points, t->samples);
    return (double)t->length;
}

static double peer(void *state)
{
    transmit_t *t = state;
    liquid_ofdm_frame(t->generator, t->peer_bins, PEER_SYMBOLS, t->peer_samples);
    return PEER_SAMPLES;
}

static double limit(void *state)
{
    transmit_t *t = state;
    bench_fftw_run(&t->limit);
    return BATCH * (double)LIQUID_OFDM_SYMBOL;
}

/* Both wrote the points: the data carriers of a symbol in the middle say so. */
static int check_symbol(const float complex *symbol, const float complex *points, const char *who,
                        err_t *err)
{
    double complex cross = 0.0;
    double own = 0.0, sent = 0.0;
    for (int d = 0; d < NUMEROLOGY_DATA; d++) {
        double complex got = 0.0, want = (double complex)points[d];
        for (int n = 0; n < NUMEROLOGY_FFT; n++) {
            got += (double complex)symbol[NUMEROLOGY_CP_NORMAL + n] *
                   cexp(-2.0 * I * M_PI * (double)(liquid_ofdm_bin(d) * n % NUMEROLOGY_FFT) /
                        NUMEROLOGY_FFT);
        }
        cross += got * conj(want);
        own += creal(got * conj(got));
        sent += creal(want * conj(want));
    }
    double match = cabs(cross) / sqrt(own * sent);
    return match > 0.999999 ? 0 : err_set(err, ERR_STATE, "%s sends other points", who);
}

static int verify(void *state, err_t *err)
{
    transmit_t *t = state;
    size_t middle = SYMBOLS / 2;
    const float complex *ours_at = t->samples + t->length - (SYMBOLS - middle) * LIQUID_OFDM_SYMBOL;
    const float complex *peer_at =
        t->peer_samples + (LIQUID_OFDM_HEAD + middle) * LIQUID_OFDM_SYMBOL;
    const float complex *points = t->points + middle * NUMEROLOGY_DATA;
    return check_symbol(ours_at, points, "transmitter", err) == 0
               ? check_symbol(peer_at, points, "ofdmframegen", err)
               : -1;
}

const bench_row_t bench_transmit = {
    .name = "transmit",
    .what = "frame of 200 payload symbols, points to samples",
    .unit = BENCH_MS,
    .peer_name = "liquid ofdmframegen",
    .limit_name = "FFTW 256 batched",
    .asked = 1.6,
    .create = create,
    .destroy = destroy,
    .verify = verify,
    .ours = ours,
    .peer = peer,
    .limit = limit,
};
