/* SPDX-License-Identifier: GPL-3.0-or-later */
/* I = Re x + dc,  Q = g (cos(phi) Im x - sin(phi) Re x) + dc: the header's formula by axes. */
#include "air/imbalance.h"

#include <math.h>

void imbalance_init(imbalance_t *m, double gain_db, double phase_deg, double dc_power)
{
    const double gain = pow(10.0, gain_db / 20.0);
    const double phase = phase_deg * 3.14159265358979323846 / 180.0;
    const float axis = (float)sqrt(0.5 * dc_power);
    m->on = gain_db != 0.0 || phase_deg != 0.0 || dc_power > 0.0;
    m->q_from_i = (float)(-gain * sin(phase));
    m->q_from_q = (float)(gain * cos(phase));
    m->dc = __builtin_complex(axis, axis);
}

void imbalance_process(const imbalance_t *m, float complex *samples, size_t count)
{
    float *y = (float *)samples;
    const float dc = crealf(m->dc);
    for (size_t i = 0; i < count; i++) {
        const float re = y[2 * i], im = y[2 * i + 1];
        y[2 * i] = re + dc;
        y[2 * i + 1] = m->q_from_i * re + m->q_from_q * im + dc;
    }
}
