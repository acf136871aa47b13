/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log.h"

#include "clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_words[] = {"error", "warning", "info", "debug"};

static _Atomic int level_now = LOG_INFO;
static const char *_Atomic program_now;
static _Atomic uint64_t lines_written;

void log_set_level(log_level_t level)
{
    atomic_store(&level_now, (int)level);
}

log_level_t log_level(void)
{
    return (log_level_t)atomic_load(&level_now);
}

int log_level_of(const char *name)
{
    for (int i = 0; i < (int)(sizeof level_names / sizeof level_names[0]); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

void log_set_program(const char *name)
{
    atomic_store(&program_now, name);
}

/* "12:04:31.207 warning: rx: " into line[]; returns its length. */
static size_t write_head(char *line, size_t size, log_level_t level)
{
    uint64_t now = clock_wall_ns();
    time_t seconds = (time_t)(now / 1000000000u);
    struct tm local;
    localtime_r(&seconds, &local);
    const char *program = atomic_load(&program_now);
    int used = snprintf(line, size, "%02d:%02d:%02d.%03d %s: %s%s", local.tm_hour, local.tm_min,
                        local.tm_sec, (int)(now / 1000000u % 1000u), level_words[level],
                        program != NULL ? program : "", program != NULL ? ": " : "");
    return used > 0 && (size_t)used < size ? (size_t)used : 0;
}

__attribute__((format(printf, 2, 0))) static void write_line(log_level_t level, const char *format,
                                                             va_list args)
{
    if ((int)level > atomic_load(&level_now)) {
        return;
    }
    char line[1024];
    size_t used = write_head(line, sizeof line - 1, level);
    int body = vsnprintf(line + used, sizeof line - 1 - used, format, args);
    if (body > 0) {
        used += (size_t)body;
    }
    if (used > sizeof line - 2) {
        used = sizeof line - 2;
    }
    line[used++] = '\n';
    atomic_fetch_add(&lines_written, 1);
    /* When standard error is gone there is nobody left to tell. */
    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored;
}

#define LOG_FUNCTION(name, level)                                                              \
    void name(const char *format, ...)                                                         \
    {                                                                                          \
        va_list args;                                                                          \
        va_start(args, format);                                                                \
        write_line(level, format, args);                                                       \
        va_end(args);                                                                          \
    }

LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)

uint64_t log_lines(void)
{
    return atomic_load(&lines_written);
}

bool log_limit_allow(log_limit_t *limit, double interval_s, uint64_t *suppressed)
{
    uint64_t now = clock_now_ns();
    if (now < limit->next_ns) {
        limit->suppressed++;
        return false;
    }
    *suppressed = limit->suppressed;
    limit->suppressed = 0;
    limit->next_ns = now + (uint64_t)(interval_s * 1e9);
    return true;
}
