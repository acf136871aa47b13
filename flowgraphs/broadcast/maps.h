/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * maps: equalisers by the tag of the frames that they are for, between the thread that arms them
 * and the radio's. Tag 0 is what there is without alignment.  A short lock is held by both; while
 * the radio's thread applies a map the other waits.
 */
#ifndef BROADCAST_MAPS_H
#define BROADCAST_MAPS_H

#include "fit/equaliser.h"

#include <stdbool.h>
#include <stdint.h>

enum { MAPS_HELD = 32 };

typedef struct maps maps_t;

/* For at most `places` latents or messages at a time. */
maps_t *maps_create(int places, err_t *err);
void maps_destroy(maps_t *maps); /* NULL is fine */

/* From now on `tag` means this adapter (kind linear); the one unused for longest gives its place
 * up. */
int maps_set(maps_t *maps, uint16_t tag, const adapter_t *adapter, err_t *err);
bool maps_has(maps_t *maps, uint16_t tag);

/*
 * in[in_channels][places] -> out[out_channels][places]; what the map has beyond is left away, what
 * it lacks is filled with 0.  The caller holds blas.h.  noise_var[in_channels][places], or NULL:
 * none.  False: nothing is held for the tag.
 */
bool maps_apply(maps_t *maps, uint16_t tag, int places, const float complex *in,
                const float *noise_var, int in_channels, float complex *out, int out_channels);

#endif
