/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sync/phase.h"

#include <math.h>

/* Random walk per symbol (35.7 us): 0.2 degrees of phase, 0.0006 degrees of drift, rms. */
#define PHASE_WALK 1.2e-5
#define DRIFT_WALK 1e-10

void phase_start(phase_t *p, double phase, double drift, double phase_var, double drift_var,
                 double cov)
{
    p->line = (trend_t){.value = phase, .slope = drift, .vv = phase_var, .vs = cov, .ss = drift_var};
}

static float complex turned_back(double phase)
{
    float angle = (float)phase;
    return (float complex)(cosf(angle) - I * sinf(angle));
}

/* exp(-i phase) for at most 1 rad, without a library's care for all the others. */
static float complex turned_little(float phase)
{
    float q = phase * phase;
    float sine = phase * (1.0f - q * (1.0f / 6.0f - q * (1.0f / 120.0f - q * (1.0f / 5040.0f))));
    float cosine = 1.0f - q * (0.5f - q * (1.0f / 24.0f - q * (1.0f / 720.0f - q / 40320.0f)));
    return (float complex)(cosine - I * sine);
}

static void step(phase_t *p)
{
    trend_step(&p->line, PHASE_WALK, DRIFT_WALK);
    if (!(fabs(p->line.value) < M_PI)) {
        p->line.value = remainder(p->line.value, 2.0 * M_PI);
    }
}

float complex phase_skip(phase_t *p)
{
    float complex turn = turned_back(p->line.value);
    step(p);
    return turn;
}

float complex phase_update(phase_t *p, float complex z, double energy, double n0)
{
    float complex turn = turned_back(p->line.value);
    if (energy > 0.0) {
        /* Linear detector: no wrap to jump over when the pilots are weak. */
        double off = (double)cimagf(z * turn) / energy, before = p->line.value;
        trend_correct(&p->line, fmax(-1.0, fmin(1.0, off)), n0 / (2.0 * energy) + 1e-12);
        turn *= turned_little((float)(p->line.value - before));
    }
    step(p);
    return turn;
}
