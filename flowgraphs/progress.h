/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * progress: how far the campaign is, on standard error: one line per finished
 * point, and on a terminal a bar below them that redraws itself.
 */
#ifndef FLOWGRAPHS_PROGRESS_H
#define FLOWGRAPHS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    bool terminal;
    size_t points, points_done;
    uint64_t images, images_done; /* of all points that this run has to do */
    uint64_t started_ns;
} progress_t;

/* `points_before` of `points` were there already; `images` are left to do. */
void progress_start(progress_t *progress, size_t points, size_t points_before, uint64_t images);

/* Redraws the bar (on a terminal). */
void progress_draw(const progress_t *progress, uint64_t images_under_way);

/* A point has ended: `text` is its line.  The bar is back with the next progress_draw. */
void progress_point(progress_t *progress, uint64_t images, const char *text);

/* Takes the bar off the screen, so that other lines can follow. */
void progress_clear(const progress_t *progress);

#endif
