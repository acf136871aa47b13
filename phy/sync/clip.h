/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clip: takes impulses down to the level of what surrounds them, so that a
 * detector that divides by energy is neither fooled nor blinded by them.
 */
#ifndef SYNC_CLIP_H
#define SYNC_CLIP_H

#include <complex.h>

enum { CLIP_BLOCK = 256, CLIP_GROUPS = 4 };

/*
 * x[CLIP_BLOCK] -> y[CLIP_BLOCK], which may be the same; energy[g]: sum |y|^2
 * of the g-th 64 samples.  A block without impulses passes unchanged; in one
 * with, samples keep their phase and lose what exceeds 12 times the median
 * power.  Finite input; any gain.
 */
void clip_block(const float complex *x, float complex *y, float energy[CLIP_GROUPS]);

#endif
