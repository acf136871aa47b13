/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rotator: a carrier whose phase is exact after any number of samples. */
#ifndef AIR_ROTATOR_H
#define AIR_ROTATOR_H

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROTATOR_GROUP = 64 }; /* samples between two exact phases */

/* Phase in turns / 2^64: it wraps by itself and never drifts. */
typedef struct {
    uint64_t phase; /* of the group's first sample */
    uint64_t step;  /* per sample */
    size_t index;   /* within the group */
    float complex base;
    float complex turn[ROTATOR_GROUP];
} rotator_t;

/* Starts at a phase (turns / 2^64), with a frequency in turns a sample, +-0.5. */
void rotator_init(rotator_t *r, uint64_t phase, double turns_per_sample);

/* Another frequency from the next sample on; the phase goes on. */
void rotator_set(rotator_t *r, double turns_per_sample);

/* False while it would turn nothing: frequency and phase are 0. */
bool rotator_turns(const rotator_t *r);

/* samples[count] *= the carrier. */
void rotator_process(rotator_t *r, float complex *samples, size_t count);

/* samples[count] += amplitude * the carrier. */
void rotator_add(rotator_t *r, float amplitude, float complex *samples, size_t count);

#endif
