/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench_fftw.h"

#include "rng.h"
#include "waveform/fft.h"

bool bench_fftw_open(bench_fftw_t *f, int size, int direction, int batch, unsigned plan)
{
    size_t points = (size_t)size * (size_t)batch;
    f->in = fftwf_alloc_complex(points);
    f->out = fftwf_alloc_complex(points);
    if (f->in == NULL || f->out == NULL) {
        return false;
    }
    fft_planner_lock();
    f->plan = fftwf_plan_many_dft(1, &size, batch, f->in, NULL, 1, size, f->out, NULL, 1, size,
                                  direction, plan);
    /* What was measured here must not improve the plans of what is compared. */
    fftwf_forget_wisdom();
    fft_planner_unlock();
    rng_t rng;
    rng_seed(&rng, 2, 0);
    rng_complex_normal(&rng, 1.0f, f->in, points); /* after planning, which overwrites */
    return f->plan != NULL;
}

void bench_fftw_close(bench_fftw_t *f)
{
    if (f->plan != NULL) {
        fftwf_destroy_plan(f->plan);
    }
    fftwf_free(f->in);
    fftwf_free(f->out);
}

void bench_fftw_run(const bench_fftw_t *f)
{
    fftwf_execute(f->plan);
}
