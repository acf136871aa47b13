/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sync/phase.h"

#include <math.h>

/* Random walk per symbol (35.7 us): 0.2 degrees of phase, 0.0006 degrees of drift, rms. */
#define PHASE_WALK 1.2e-5
#define DRIFT_WALK 1e-10

void phase_start(phase_t *p, double phase, double drift, double phase_var, double drift_var,
                 double cov)
{
    *p = (phase_t){.phase = phase, .drift = drift, .pp = phase_var, .pd = cov, .dd = drift_var};
}

void phase_skip(phase_t *p)
{
    p->phase = remainder(p->phase + p->drift, 2.0 * M_PI);
    p->pp += 2.0 * p->pd + p->dd + PHASE_WALK;
    p->pd += p->dd;
    p->dd += DRIFT_WALK;
}

float complex phase_update(phase_t *p, float complex z, double energy, double n0)
{
    if (energy > 0.0) {
        /* Linear detector: no wrap to jump over when the pilots are weak. */
        double complex turned = (double complex)z * cexp(-I * p->phase);
        double off = fmax(-1.0, fmin(1.0, cimag(turned) / energy));
        double gain = 1.0 / (p->pp + n0 / (2.0 * energy) + 1e-12);
        double kp = p->pp * gain, kd = p->pd * gain;
        p->phase += kp * off;
        p->drift += kd * off;
        p->dd -= kd * p->pd;
        p->pd -= kp * p->pd;
        p->pp -= kp * p->pp;
    }
    float complex turn = (float complex)cexp(-I * p->phase);
    phase_skip(p);
    return turn;
}
