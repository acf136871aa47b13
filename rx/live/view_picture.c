/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The constellation after equalisation in dots of braille (2 x 4 in a sign), and beside it the
 * image as sent and as received in half blocks: two pixels in a sign, foreground above background.
 */
#include "live/view_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DOTS_X = 2 * VIEW_PICTURE, DOTS_Y = 4 * VIEW_PICTURE_ROWS };

/* The grid's outermost points lie at 7 sqrt(1/42) = 1.08; noise beyond 1.5 is not shown. */
static void mark(const view_t *view, bool dots[DOTS_Y][DOTS_X])
{
    for (size_t i = 0; i < view->frame.count; i++) {
        const double x = (crealf(view->frame.after[i]) / 1.5 + 1.0) * DOTS_X / 2.0;
        const double y = (1.0 - cimagf(view->frame.after[i]) / 1.5) * DOTS_Y / 2.0;
        if (x >= 0 && x < DOTS_X && y >= 0 && y < DOTS_Y) {
            dots[(int)y][(int)x] = true;
        }
    }
}

/* Unicode's U+2800 and the bits of its eight dots. */
static void braille(const bool dots[DOTS_Y][DOTS_X], int row, int column, char sign[4])
{
    static const unsigned bit[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    unsigned bits = 0;
    for (int i = 0; i < 8; i++) {
        bits |= dots[4 * row + i / 2][2 * column + i % 2] ? bit[i / 2][i % 2] : 0;
    }
    sign[0] = (char)0xe2;
    sign[1] = (char)(0xa0 | (bits >> 6));
    sign[2] = (char)(0x80 | (bits & 0x3f));
    sign[3] = 0;
}

static void put_dots(view_line_t *line, const bool dots[DOTS_Y][DOTS_X], int row, bool utf8)
{
    for (int column = 0; column < VIEW_PICTURE; column++) {
        char sign[4];
        braille(dots, row, column, sign);
        const bool any = memcmp(sign, "\xe2\xa0\x80", 4) != 0;
        view_sign(line, "", utf8 ? sign : any ? "*" : " ");
    }
}

/* The 256-colour palette: 16 + 36 r + 6 g + b, each of 0 … 5. */
static int colour(const uint8_t pixel[3])
{
    int index = 16;
    for (int c = 0; c < 3; c++) {
        const int level = pixel[c] < 48 ? 0 : pixel[c] < 115 ? 1 : (pixel[c] - 35) / 40;
        index += level * (c == 0 ? 36 : c == 1 ? 6 : 1);
    }
    return index;
}

static void put_picture(view_line_t *line, const view_picture_t *picture, int row)
{
    if (!picture->there || line == NULL || line->columns - line->column < VIEW_PICTURE + 2) {
        return;
    }
    view_put(line, "  ");
    for (int x = 0; x < VIEW_PICTURE; x++) {
        char escape[48];
        snprintf(escape, sizeof escape, "\033[38;5;%d;48;5;%dm",
                 colour(picture->pixels[2 * row][x]), colour(picture->pixels[2 * row + 1][x]));
        view_sign(line, escape, "▀");
    }
    line->used += (size_t)snprintf(line->text + line->used, 5, "\033[0m");
}

void view_pictures(const view_t *view, view_page_t *page, const view_terminal_t *terminal)
{
    bool dots[DOTS_Y][DOTS_X] = {{false}};
    const bool images = terminal->utf8 && terminal->colours && view->received.there;
    if (!view->has_frame || page->most - page->count < VIEW_PICTURE_ROWS + 1) {
        return;
    }
    mark(view, dots);
    view_line_t *title = view_line(page);
    view_put(title, "%-*s", VIEW_PICTURE, "after equaliser");
    if (images) {
        view_put(title, "  %-*s", VIEW_PICTURE, "received");
        view_put(title, view->sent.there ? "  sent" : "");
    }
    for (int row = 0; row < VIEW_PICTURE_ROWS; row++) {
        view_line_t *line = view_line(page);
        put_dots(line, dots, row, terminal->utf8);
        if (images) {
            put_picture(line, &view->received, row);
            put_picture(line, &view->sent, row);
        }
    }
}
