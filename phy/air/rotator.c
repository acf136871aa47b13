/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A table of one group's turns, times the group's exact phase. */
#include "air/rotator.h"

#include <math.h>

static float complex cis_turns(uint64_t phase)
{
    const double angle = (double)(int64_t)phase * (0x1p-64 * 2.0 * 3.14159265358979323846);
    return __builtin_complex((float)cos(angle), (float)sin(angle));
}

void rotator_init(rotator_t *r, uint64_t phase, double turns_per_sample)
{
    *r = (rotator_t){.phase = phase};
    rotator_set(r, turns_per_sample);
}

void rotator_set(rotator_t *r, double turns_per_sample)
{
    r->phase += r->step * r->index;
    r->index = 0;
    r->base = cis_turns(r->phase);
    r->step = (uint64_t)(int64_t)fmin(turns_per_sample * 0x1p64, 0x1.fffffffffffffp62);
    for (size_t i = 0; i < ROTATOR_GROUP; i++) {
        r->turn[i] = cis_turns(r->step * i);
    }
}

bool rotator_turns(const rotator_t *r)
{
    return r->step != 0 || r->phase != 0;
}

/* How many of `count` samples the present group still holds; begins the next one. */
static size_t ready(rotator_t *r, size_t count)
{
    if (r->index == ROTATOR_GROUP) {
        r->phase += r->step * ROTATOR_GROUP;
        r->index = 0;
        r->base = cis_turns(r->phase);
    }
    const size_t left = ROTATOR_GROUP - r->index;
    return count < left ? count : left;
}

void rotator_process(rotator_t *r, float complex *samples, size_t count)
{
    while (count > 0) {
        const size_t n = ready(r, count);
        for (size_t i = 0; i < n; i++) {
            samples[i] *= r->base * r->turn[r->index + i];
        }
        r->index += n;
        samples += n;
        count -= n;
    }
}

void rotator_add(rotator_t *r, float amplitude, float complex *samples, size_t count)
{
    while (count > 0) {
        const size_t n = ready(r, count);
        for (size_t i = 0; i < n; i++) {
            samples[i] += amplitude * (r->base * r->turn[r->index + i]);
        }
        r->index += n;
        samples += n;
        count -= n;
    }
}
