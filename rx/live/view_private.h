/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_private: what the view's files share.
 *
 *     view.c           what is seen, and the drawing on a terminal
 *     view_text.c      the lines of numbers, |H|, quality against SNR
 *     view_picture.c   constellation and pictures
 */
#ifndef RX_LIVE_VIEW_PRIVATE_H
#define RX_LIVE_VIEW_PRIVATE_H

#include "live/curve.h"
#include "live/tap.h"
#include "live/view.h"

enum {
    VIEW_LINES = 32,
    VIEW_LINE = 2048,  /* bytes of a line, colours and all */
    VIEW_PICTURE = 16, /* pixels of a picture's side, and a constellation's columns */
    VIEW_PICTURE_ROWS = VIEW_PICTURE / 2,
};

typedef struct {
    bool there;
    uint8_t pixels[VIEW_PICTURE][VIEW_PICTURE][3];
} view_picture_t;

struct view {
    tap_t tap; /* frames only */
    tap_frame_t frame;
    bool has_frame;
    frame_report_t last;
    bool has_last;
    curve_t curve;
    view_picture_t sent, received;
    bool want_images; /* nothing was taken since the last drawing */

    int lines_drawn, columns_drawn;
    uint64_t log_lines;
};

/* One line under construction; what is beyond `columns` is dropped. */
typedef struct {
    char text[VIEW_LINE];
    size_t used;
    int column, columns;
} view_line_t;

typedef struct {
    view_line_t line[VIEW_LINES];
    int count, most, columns;
} view_page_t;

/* A new line, or NULL when there is no room for one. */
view_line_t *view_line(view_page_t *page);
/* Text of one column for each ASCII letter; cut at the right edge. */
__attribute__((format(printf, 2, 3))) void view_put(view_line_t *line, const char *format, ...);
/* One sign of one column, of any number of bytes; `escape` before it takes no column. */
void view_sign(view_line_t *line, const char *escape, const char *sign);

/* view_picture.c */
void view_pictures(const view_t *view, view_page_t *page, const view_terminal_t *terminal);

#endif
