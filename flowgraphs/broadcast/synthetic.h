/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * synthetic: latents of several parties that share hidden causes, where nobody has trained
 * encoders: each party's features are its own random mix of 48 causes, cause j weighted 0.93^j, and
 * a hundredth of noise energy.
 */
#ifndef BROADCAST_SYNTHETIC_H
#define BROADCAST_SYNTHETIC_H

#include "err.h"

#include <stdint.h>

/* `features` of party `party`, `samples` in X and `tests` in X_test, the same causes for all
 * parties of a seed. */
int synthetic_write(const char *path, uint64_t seed, int party, int features, int samples,
                    int tests, err_t *err);

#endif
