/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "waveform/fft.h"

#include <fftw3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct fft {
    fftwf_plan plan;
    size_t size;
    float complex *in, *out;
};

static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

void fft_planner_lock(void)
{
    pthread_mutex_lock(&planner);
}

void fft_planner_unlock(void)
{
    pthread_mutex_unlock(&planner);
}

fft_t *fft_create(int size, fft_direction_t direction, err_t *err)
{
    fft_t *fft = calloc(1, sizeof(*fft));
    if (fft == NULL) {
        err_set(err, ERR_MEMORY, "fft: out of memory");
        return NULL;
    }
    fft->size = (size_t)size;
    fft->in = fftwf_alloc_complex((size_t)size);
    fft->out = fftwf_alloc_complex((size_t)size);
    if (fft->in != NULL && fft->out != NULL) {
        memset(fft->in, 0, (size_t)size * sizeof(*fft->in));
        fft_planner_lock();
        fft->plan = fftwf_plan_dft_1d(size, fft->in, fft->out, direction,
                                      FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
        fft_planner_unlock();
    }
    if (fft->plan == NULL) {
        err_set(err, ERR_MEMORY, "fft: no plan for %d points", size);
        fft_destroy(fft);
        return NULL;
    }
    return fft;
}

void fft_destroy(fft_t *fft)
{
    if (fft == NULL) {
        return;
    }
    if (fft->plan != NULL) {
        fft_planner_lock();
        fftwf_destroy_plan(fft->plan);
        fft_planner_unlock();
    }
    fftwf_free(fft->in);
    fftwf_free(fft->out);
    free(fft);
}

float complex *fft_in(fft_t *fft)
{
    return fft->in;
}

const float complex *fft_out(const fft_t *fft)
{
    return fft->out;
}

void fft_execute(fft_t *fft)
{
    fftwf_execute(fft->plan);
}

void fft_execute_to(fft_t *fft, float complex *out)
{
    /* One plan for all, or the bits would depend on where the caller's memory lies. */
    if (fftwf_alignment_of((float *)out) == fftwf_alignment_of((float *)fft->out)) {
        fftwf_execute_dft(fft->plan, fft->in, out);
    } else {
        fftwf_execute(fft->plan);
        memcpy(out, fft->out, fft->size * sizeof(*out));
    }
}
