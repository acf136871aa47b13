/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The terminal view: what it says, and that it stays in its place on a terminal. */
#include "check.h"
#include "live/view.h"
#include "log.h"
#include "seen.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static seen_t seen;
static tally_t window, total;

static view_t *made(int reports)
{
    err_t err = ERR_INIT;
    view_t *view = view_create(&err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(view);
    tally_reset(&window);
    tally_reset(&total);
    for (int i = 0; i < reports; i++) {
        seen_make(&seen, i);
        view_see_frame(view, &seen.frame);
        view_see_report(view, &seen.report);
        view_see_images(view, SEEN_SIDE, SEEN_SIDE, seen.sent, seen.received);
        tally_add(&window, &seen.report);
        tally_add(&total, &seen.report);
    }
    return view;
}

static view_numbers_t numbers(void)
{
    return (view_numbers_t){.window = &window, .total = &total, .span_s = 1, .time_s = 12.3};
}

/* Columns of the widest line, escapes and the further bytes of a sign apart; lines. */
static int widest(const char *text, int *lines)
{
    int column = 0, most = 0;
    *lines = 0;
    for (const char *at = text; *at != 0; at++) {
        if (*at == '\033') {
            while (*at != 'm') {
                at++;
            }
        } else if (*at == '\n') {
            most = column > most ? column : most;
            column = 0;
            (*lines)++;
        } else if (((unsigned char)*at & 0xc0) != 0x80) {
            column++;
        }
    }
    return most;
}

static void test_says(void)
{
    char text[VIEW_TEXT];
    view_t *view = made(12);
    const view_numbers_t n = numbers();
    const view_terminal_t terminal = {.columns = 100, .rows = 40, .utf8 = true, .colours = true};
    frame_report_t lost;
    report_init(&lost);
    lost.status = REPORT_LOST_GAP;
    lost.count = 3;
    tally_add(&total, &lost);
    view_write(view, &n, &terminal, text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "image32 1/6"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "12 ok, 3 lost: gap 3, header 0"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "PSNR 30.00 dB"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "accuracy 100.0 %"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "SNR dB"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "     21\n"));
    view_destroy(view);
    view = made(0);
    view_write(view, &n, &terminal, text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "nothing received yet"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "PSNR - dB"));
    view_destroy(view);
}

static void test_fits(void)
{
    char text[VIEW_TEXT];
    view_t *view = made(12);
    const view_numbers_t n = numbers();
    for (int columns = 1; columns < 300; columns += columns < 90 ? 1 : 13) {
        for (int rows = 1; rows < 50; rows++) {
            const view_terminal_t terminal = {columns, rows, rows % 2 == 0, columns % 3 > 0};
            int lines;
            const int told = view_write(view, &n, &terminal, text);
            const int wide = widest(text, &lines);
            if (wide > columns || lines > (rows > 1 ? rows - 1 : 1) || told != lines) {
                fprintf(stderr, "%dx%d: %d columns, %d lines (told: %d)\n", columns, rows, wide,
                        lines, told);
                CU_FAIL("the view does not fit");
            }
            for (const char *at = text; rows % 2 == 1 && *at != 0; at++) {
                CU_ASSERT_FATAL((unsigned char)*at < 128);
            }
        }
    }
    view_destroy(view);
}

/* ---- a terminal ---- */

enum { ROWS = 24, COLUMNS = 80 };

/* As much of one as the view needs: letters, \r, \n, up, wipe the line's rest, wipe below. */
typedef struct {
    char sign[ROWS][COLUMNS + 1];
    int row, column;
} screen_t;

static void scroll(screen_t *screen)
{
    if (screen->row == ROWS) {
        memmove(screen->sign[0], screen->sign[1], (ROWS - 1) * (COLUMNS + 1));
        memset(screen->sign[ROWS - 1], ' ', COLUMNS);
        screen->row--;
    }
}

static void show(screen_t *screen, const char *text)
{
    for (const char *at = text; *at != 0; at++) {
        if (*at == '\033') {
            char *end;
            const long n = strtol(at + 2, &end, 10);
            while (!(*end >= 'A' && *end <= 'z')) {
                end++;
            }
            if (*end == 'A') {
                screen->row = screen->row > n ? screen->row - (int)n : 0;
            } else if (*end == 'K' || *end == 'J') {
                memset(screen->sign[screen->row] + screen->column, ' ',
                       (size_t)(COLUMNS - screen->column));
                for (int i = screen->row + 1; *end == 'J' && i < ROWS; i++) {
                    memset(screen->sign[i], ' ', COLUMNS);
                }
            }
            at = end;
        } else if (*at == '\n') {
            screen->row++;
            scroll(screen);
        } else if (*at == '\r') {
            screen->column = 0;
        } else if (((unsigned char)*at & 0xc0) != 0x80) {
            CU_ASSERT_FATAL(screen->column < COLUMNS);
            screen->sign[screen->row][screen->column++] = *at;
        }
    }
}

/* Lines that begin with this word. */
static int count_lines(const screen_t *screen, const char *word)
{
    int count = 0;
    for (int i = 0; i < ROWS; i++) {
        count += strncmp(screen->sign[i], word, strlen(word)) == 0;
    }
    return count;
}

static void take(int master, screen_t *screen)
{
    static char text[1 << 16];
    size_t have = 0;
    ssize_t got;
    while ((got = read(master, text + have, sizeof text - 1 - have)) > 0) {
        have += (size_t)got;
    }
    text[have] = 0;
    show(screen, text);
}

static int open_terminal(int *slave)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    CU_ASSERT_FATAL(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    *slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    const struct winsize size = {.ws_row = ROWS, .ws_col = COLUMNS};
    ioctl(master, TIOCSWINSZ, &size);
    return master;
}

static void test_in_place(void)
{
    static screen_t screen;
    int slave;
    const int master = open_terminal(&slave), kept = dup(STDERR_FILENO);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TERM", "xterm-256color", 1);
    for (int i = 0; i < ROWS; i++) {
        memset(screen.sign[i], ' ', COLUMNS);
    }
    view_t *view = made(12);
    view_numbers_t n = numbers();
    for (int i = 0; i < 5; i++) {
        n.time_s = i;
        view_draw(view, &n, slave);
        take(master, &screen);
        CHECK_INT(count_lines(&screen, "semradio-rx"), 1);
        CHECK_INT(count_lines(&screen, "frames"), 1);
        CHECK_INT(count_lines(&screen, "after equaliser"), 1);
    }
    CHECK_INT(count_lines(&screen, "semradio-rx  4.0 s"), 1);
    dup2(slave, STDERR_FILENO); /* a line of the log stays where it is */
    log_set_program(NULL);
    log_warn("something happened");
    dup2(kept, STDERR_FILENO);
    view_draw(view, &n, slave);
    take(master, &screen);
    int found = 0;
    for (int i = 0; i < ROWS; i++) {
        found += strstr(screen.sign[i], "warning: something happened") != NULL;
    }
    CHECK_INT(found, 1);
    view_destroy(view);
    close(slave);
    close(master);
    close(kept);
}

static const check_test_t tests[] = {
    {"the view says what the receiver measured, and - for what it did not", test_says},
    {"it fits into every terminal, and is plain ASCII where that is asked for", test_fits},
    {"on a terminal it is redrawn in place, and log lines stay", test_in_place},
};

int main(void)
{
    return check_run("view", tests, CHECK_COUNT(tests));
}
