/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transform of one symbol with fft.h, and sixteen at once with the same kind of
 * plan, to see what there is to gain.  No peer: liquid calls FFTW as well.  The limit:
 * sixteen at once with FFTW's own choice after measuring.
 */
#include "bench_fftw.h"
#include "bench_phy.h"
#include "rng.h"
#include "waveform/fft.h"
#include "waveform/numerology.h"

#include <stdlib.h>

enum { BATCH = 16, REPEAT = 64 };

typedef struct {
    fft_t *one;
    bench_fftw_t batch, limit;
} kernels_t;

static void destroy(void *state)
{
    kernels_t *k = state;
    fft_destroy(k->one);
    bench_fftw_close(&k->batch);
    bench_fftw_close(&k->limit);
    free(k);
}

static void *create(err_t *err)
{
    kernels_t *k = calloc(1, sizeof(*k));
    if (k == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    rng_t rng;
    rng_seed(&rng, 8, 0);
    k->one = fft_create(NUMEROLOGY_FFT, FFT_FORWARD, err);
    bool ready = bench_fftw_open(&k->batch, NUMEROLOGY_FFT, FFTW_FORWARD, BATCH, FFTW_ESTIMATE) &&
                 bench_fftw_open(&k->limit, NUMEROLOGY_FFT, FFTW_FORWARD, BATCH, FFTW_MEASURE);
    if (k->one == NULL || !ready) {
        destroy(k);
        return NULL;
    }
    rng_complex_normal(&rng, 1.0f, fft_in(k->one), NUMEROLOGY_FFT);
    return k;
}

static double one(void *state)
{
    kernels_t *k = state;
    for (int i = 0; i < REPEAT; i++) {
        fft_execute(k->one);
    }
    return REPEAT * (double)NUMEROLOGY_FFT;
}

static double batch(void *state)
{
    kernels_t *k = state;
    bench_fftw_run(&k->batch);
    return BATCH * (double)NUMEROLOGY_FFT;
}

static double limit(void *state)
{
    kernels_t *k = state;
    bench_fftw_run(&k->limit);
    return BATCH * (double)NUMEROLOGY_FFT;
}

const bench_row_t bench_fft = {
    .name = "fft_256",
    .what = "transform of one symbol",
    .unit = BENCH_MS,
    .limit_name = "FFTW 256 batched",
    .create = create,
    .destroy = destroy,
    .ours = one,
    .limit = limit,
};

const bench_row_t bench_fft_batch = {
    .name = "fft_256_batch",
    .what = "transforms of 16 symbols in one call",
    .unit = BENCH_MS,
    .limit_name = "FFTW 256 batched",
    .create = create,
    .destroy = destroy,
    .ours = batch,
    .limit = limit,
};
