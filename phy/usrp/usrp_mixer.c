/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y = Re x + i g Im(x e^(i phi)) + d: the second branch has the gain g and is off by phi. */
#include "usrp/usrp_device.h"

#include <math.h>

void usrp_mixer_apply(const usrp_mixer_t *mixer, float full_scale, float complex *x, size_t count)
{
    if (mixer->dc_db <= -200.0 && mixer->iq_gain_db == 0.0 && mixer->iq_phase_deg == 0.0) {
        return;
    }
    const double gain = pow(10.0, mixer->iq_gain_db / 20.0),
                 phase = mixer->iq_phase_deg * M_PI / 180;
    const float straight = (float)(gain * cos(phase)), across = (float)(gain * sin(phase));
    const float dc = full_scale * (float)(sqrt(0.5) * pow(10.0, mixer->dc_db / 20.0));
    for (size_t i = 0; i < count; i++) {
        const float re = crealf(x[i]), im = cimagf(x[i]);
        x[i] = CMPLXF(re + dc, straight * im + across * re + dc);
    }
}
