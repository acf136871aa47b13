/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sync/phase.h"

#include <math.h>

/* Random walk per symbol (35.7 us): 0.2 degrees of phase, 0.0006 degrees of drift, rms. */
#define PHASE_WALK 1.2e-5
#define DRIFT_WALK 1e-10

void phase_start(phase_t *p, double phase, double drift, double phase_var, double drift_var,
                 double cov)
{
    p->line = (drift_t){.value = phase, .slope = drift, .vv = phase_var, .vs = cov, .ss = drift_var};
}

static float complex turned_back(double phase)
{
    float angle = (float)phase;
    return (float complex)(cosf(angle) - I * sinf(angle));
}

float complex phase_skip(phase_t *p)
{
    float complex turn = turned_back(p->line.value);
    drift_step(&p->line, PHASE_WALK, DRIFT_WALK);
    if (!(fabs(p->line.value) < M_PI)) {
        p->line.value = remainder(p->line.value, 2.0 * M_PI);
    }
    return turn;
}

float complex phase_update(phase_t *p, float complex z, double energy, double n0)
{
    if (energy > 0.0) {
        /* Linear detector: no wrap to jump over when the pilots are weak. */
        double off = (double)cimagf(z * turned_back(p->line.value)) / energy;
        drift_correct(&p->line, fmax(-1.0, fmin(1.0, off)), n0 / (2.0 * energy) + 1e-12);
    }
    return phase_skip(p);
}
