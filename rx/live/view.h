/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view: the receiver on a terminal, redrawn in place (docs/LIVE.md): the live page's essentials in
 * some twenty lines of text.
 *
 *     view_t *view = view_create(&err);
 *     view_see_frame(view, frame);                 // the demodulator's thread: never waits
 *     view_see_report(view, report);  ...          // the report thread: these and the drawing
 *     view_draw(view, &numbers, STDERR_FILENO);
 *
 * A log line that was written since the last drawing stays: the view goes on below it.
 * All functions take a NULL view and do nothing.
 */
#ifndef RX_LIVE_VIEW_H
#define RX_LIVE_VIEW_H

#include "tally.h"
#include "waveform/receiver.h"

#include <stdbool.h>

enum { VIEW_TEXT = 16384 };

typedef struct view view_t;

typedef struct {
    const tally_t *window, *total; /* since the last drawing; since the start */
    double span_s, time_s;         /* of these */
    double ring_percent;           /* how full the fullest ring is */
    uint64_t samples_dropped;
} view_numbers_t;

/* How a terminal wants it. */
typedef struct {
    int columns, rows;
    bool utf8;    /* false: letters and signs of ASCII only, no pictures */
    bool colours; /* of the 256-colour palette: pictures */
} view_terminal_t;

view_t *view_create(err_t *err);
void view_destroy(view_t *view);

void view_see_frame(view_t *view, const received_frame_t *frame);

void view_see_report(view_t *view, const frame_report_t *report);
/* Pixels are [height][width][3]; sent NULL: not known. */
void view_see_images(view_t *view, int width, int height, const uint8_t *sent,
                     const uint8_t *received);

/*
 * The view as text: lines that end with '\n', each at most `columns` wide and the whole less than
 * `rows` high; what does not fit is left out from the end.  Returns the number of lines.
 */
int view_write(view_t *view, const view_numbers_t *numbers, const view_terminal_t *terminal,
               char text[VIEW_TEXT]);

/* To a terminal, over what was drawn last.  One write(2). */
void view_draw(view_t *view, const view_numbers_t *numbers, int fd);

#endif
