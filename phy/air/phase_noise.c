/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phase is summed in turns / 2^64, so it never loses precision.  Sine and cosine
 * are the Cephes polynomials (Moshier) within +-pi/4 after taking off quarter
 * turns; the loop has no calls and vectorises.
 */
#include "air/phase_noise.h"

#include <math.h>
#include <string.h>

enum { BATCH = 64 };

void phase_noise_init(phase_noise_t *p, double linewidth_hz, double rate_hz, uint64_t seed,
                      uint64_t stream)
{
    static const double PI = 3.14159265358979323846;
    noise_seed(&p->noise, seed, stream);
    p->step = sqrt(2.0 * PI * linewidth_hz / rate_hz) / (2.0 * PI) * 0x1p64;
    p->phase = 0;
}

/* cos and sin of turns / 2^32. */
static inline void cis(uint32_t turns, float *c, float *s)
{
    const uint32_t quarter = (turns + 0x20000000u) >> 30;
    const int32_t rest = (int32_t)(turns - (quarter << 30)); /* +-1/8 turn */
    const float x = (float)rest * (6.28318530718f * 0x1p-32f);
    const float z = x * x;
    const float sine =
        x + x * z * ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f);
    const float cosine =
        1.0f - 0.5f * z +
        z * z * ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f);
    const float a = (quarter & 1) != 0 ? -sine : cosine; /* a quarter turn on: (-sin, cos) */
    const float b = (quarter & 1) != 0 ? cosine : sine;
    *c = (quarter & 2) != 0 ? -a : a;
    *s = (quarter & 2) != 0 ? -b : b;
}

void phase_noise_process(phase_noise_t *p, float complex *samples, size_t count)
{
    float z[BATCH];
    uint32_t turns[BATCH];
    for (size_t done = 0; done < count;) {
        const size_t n = count - done < BATCH ? count - done : BATCH;
        noise_normal(&p->noise, z, n);
        for (size_t i = 0; i < n; i++) {
            turns[i] = (uint32_t)(p->phase >> 32);
            p->phase += (uint64_t)(int64_t)((double)z[i] * p->step);
        }
        float *y = (float *)(samples + done);
        for (size_t i = 0; i < n; i++) {
            float c, s;
            cis(turns[i], &c, &s);
            const float re = y[2 * i], im = y[2 * i + 1];
            y[2 * i] = re * c - im * s;
            y[2 * i + 1] = re * s + im * c;
        }
        done += n;
    }
}
