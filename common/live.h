/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * live: a value that one thread publishes and others take over when it suits them: settings that
 * change while the program runs, totals that another thread shows.
 *
 *     writer                           reader 0, between two frames
 *     live_publish(live, &settings);   if (live_take(live, 0, &mine)) { ... it changed ... }
 *
 * A reader gets the whole value of one publish, never parts of two, and always the newest it can
 * see.  Nobody waits, locks or allocates: a publish is wait-free; a take that meets a publish in
 * progress tries a few times and otherwise says "nothing new", to be asked again at the next frame.
 */
#ifndef COMMON_LIVE_H
#define COMMON_LIVE_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIVE_MOST_READERS = 80 };

typedef struct live live_t;

/* For a value of `size` bytes (1 … 4096), and readers 0 … readers - 1 (at most LIVE_MOST_READERS).
   Nothing is published yet.  NULL: ERR_ARGUMENT, ERR_MEMORY. */
live_t *live_create(size_t size, int readers, err_t *err);
void live_destroy(live_t *live); /* NULL is fine */

/* One thread.  The number of this publish: 1, 2, 3 … */
uint64_t live_publish(live_t *live, const void *value);

/* Each reader is one thread.  True: `value` was filled with something this reader has not had. */
bool live_take(live_t *live, int reader, void *value);

/* Any thread: the newest publish, and the oldest that some reader still works with (0: none yet). */
uint64_t live_published(const live_t *live);
uint64_t live_taken(const live_t *live);

#endif
