/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "progress.h"

#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

void progress_start(progress_t *progress, size_t points, size_t points_before, uint64_t images)
{
    *progress = (progress_t){.terminal = isatty(STDERR_FILENO) == 1,
                             .points = points,
                             .points_done = points_before,
                             .images = images,
                             .started_ns = clock_now_ns()};
}

static void time_text(double seconds, char *text, size_t size)
{
    unsigned long whole = seconds < 1e6 ? (unsigned long)seconds : 999999;
    if (whole < 3600) {
        snprintf(text, size, "%lu:%02lu", whole / 60, whole % 60);
    } else {
        snprintf(text, size, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    }
}

void progress_draw(const progress_t *progress, uint64_t images_under_way)
{
    if (!progress->terminal || progress->images == 0) {
        return;
    }
    double done = (double)(progress->images_done + images_under_way);
    double share = done / (double)progress->images;
    share = share < 1.0 ? share : 1.0;
    char bar[BAR_WIDTH + 1], left[32] = "?";
    int full = (int)(share * BAR_WIDTH);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)full);
    bar[BAR_WIDTH] = '\0';
    double elapsed = (double)(clock_now_ns() - progress->started_ns) * 1e-9;
    if (done > 0.0) {
        time_text(elapsed * (1.0 - share) / share, left, sizeof left);
    }
    fprintf(stderr, "\r[%s] %zu/%zu points, %.0f images/s, %s left \x1b[K", bar,
            progress->points_done, progress->points, elapsed > 0.0 ? done / elapsed : 0.0, left);
}

void progress_point(progress_t *progress, uint64_t images, const char *text)
{
    progress->points_done++;
    progress->images_done += images;
    progress_clear(progress);
    fprintf(stderr, "[%zu/%zu] %s\n", progress->points_done, progress->points, text);
}

void progress_clear(const progress_t *progress)
{
    if (progress->terminal) {
        fputs("\r\x1b[K", stderr);
    }
}
