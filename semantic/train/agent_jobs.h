/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_jobs: the four tasks of DeKAP's evaluation (section IV-A), as what becomes of a clean
 * picture before an agent sees it; the clean one is the result that it learns.
 *
 *     denoise   + N(0, 0.1^2) on each channel of each pixel
 *     colour    a faded print: (1 - .45) of the saturation, a warm cast (gains 1.05, .9, .65),
 * gamma 0.8, and each channel's gain off by up to 10 % superres  the mean of each 4x4 block in all
 * its pixels anomaly   one or two foreign shapes, an ellipse of 8 .. 20 pixels or a bar of 28 in a
 * random colour; where they were is what an agent's result shows beside the picture
 *
 * All but colour's cast is drawn anew for every crop; results are clamped to 0 .. 1.
 */
#ifndef SEMANTIC_TRAIN_AGENT_JOBS_H
#define SEMANTIC_TRAIN_AGENT_JOBS_H

#include "rng.h"
#include "train/agent_options.h"

/* clean[side][side][3] -> out, may be the same; side a multiple of 4. */
void agent_job_apply(agent_job_t job, int side, const float *clean, float *out, rng_t *rng);

#endif
