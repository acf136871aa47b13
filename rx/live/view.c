/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the view sees, and how it comes onto a terminal. */
#include "live/view_private.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

view_t *view_create(err_t *err)
{
    view_t *view = calloc(1, sizeof *view);
    if (view == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the view");
        return NULL;
    }
    view->want_images = true;
    view->tap.frames = ring_create(1, sizeof(tap_frame_t), err);
    if (view->tap.frames == NULL) {
        view_destroy(view);
        return NULL;
    }
    return view;
}

void view_destroy(view_t *view)
{
    if (view != NULL) {
        tap_close(&view->tap);
        free(view);
    }
}

void view_see_frame(view_t *view, const received_frame_t *frame)
{
    if (view != NULL) {
        tap_frame(&view->tap, frame);
    }
}

void view_see_report(view_t *view, const frame_report_t *report)
{
    if (view != NULL) {
        curve_add(&view->curve, report);
        if (report->status == REPORT_OK) {
            view->last = *report;
            view->has_last = true;
        }
    }
}

/* Means over equal parts of the picture; a picture smaller than that is repeated. */
static void reduce(view_picture_t *to, int width, int height, const uint8_t *pixels)
{
    to->there = pixels != NULL;
    for (int i = 0; pixels != NULL && i < VIEW_PICTURE * VIEW_PICTURE * 3; i++) {
        const int y = i / 3 / VIEW_PICTURE, x = i / 3 % VIEW_PICTURE, c = i % 3;
        const int top = y * height / VIEW_PICTURE, left = x * width / VIEW_PICTURE;
        int bottom = (y + 1) * height / VIEW_PICTURE, right = (x + 1) * width / VIEW_PICTURE;
        bottom = bottom > top ? bottom : top + 1;
        right = right > left ? right : left + 1;
        long sum = 0;
        for (int v = top; v < bottom; v++) {
            for (int u = left; u < right; u++) {
                sum += pixels[3 * ((size_t)v * (size_t)width + (size_t)u) + (size_t)c];
            }
        }
        to->pixels[y][x][c] = (uint8_t)(sum / ((bottom - top) * (right - left)));
    }
}

void view_see_images(view_t *view, int width, int height, const uint8_t *sent,
                     const uint8_t *received)
{
    if (view != NULL && view->want_images && width > 0 && height > 0) {
        view->want_images = false;
        reduce(&view->sent, width, height, sent);
        reduce(&view->received, width, height, received);
    }
}

static bool names_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != 0) {
            return strcasestr(value, "UTF-8") != NULL || strcasestr(value, "utf8") != NULL;
        }
    }
    return false;
}

static view_terminal_t terminal_of(int fd)
{
    const char *term = getenv("TERM");
    struct winsize size = {0};
    view_terminal_t terminal = {.columns = 80, .rows = 24, .utf8 = names_utf8()};
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        terminal.columns = size.ws_col;
        terminal.rows = size.ws_row;
    }
    terminal.colours =
        term != NULL && (strstr(term, "256color") != NULL || getenv("COLORTERM") != NULL);
    return terminal;
}

/* Each line wipes the rest of the one it is written over, the last all that is below. */
void view_draw(view_t *view, const view_numbers_t *numbers, int fd)
{
    char text[VIEW_TEXT], out[VIEW_TEXT + 16 * VIEW_LINES];
    if (view == NULL) {
        return;
    }
    if (ring_peek(view->tap.frames) != NULL) {
        view->frame = *(const tap_frame_t *)ring_peek(view->tap.frames);
        view->has_frame = true;
        ring_release(view->tap.frames);
    }
    const view_terminal_t terminal = terminal_of(fd);
    const int lines = view_write(view, numbers, &terminal, text);
    const bool over = view->lines_drawn > 0 && view->log_lines == log_lines() &&
                      view->columns_drawn == terminal.columns;
    size_t used = over ? (size_t)snprintf(out, sizeof out, "\033[%dA", view->lines_drawn) : 0;
    for (const char *at = text; *at != 0; at++) {
        if (*at == '\n') {
            memcpy(out + used, "\033[K", 3);
            used += 3;
        }
        out[used++] = *at;
    }
    memcpy(out + used, "\033[J", 3);
    const ssize_t ignored = write(fd, out, used + 3);
    (void)ignored;
    view->lines_drawn = lines;
    view->columns_drawn = terminal.columns;
    view->log_lines = log_lines();
    view->want_images = true;
}
