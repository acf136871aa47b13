/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clock.h"
#include "log.h"

#include "check.h"

#include <fcntl.h>
#include <unistd.h>

static void test_sleep(void)
{
    uint64_t start = clock_now_ns();
    clock_sleep_until_ns(start + 20000000u);
    CHECK_AT_LEAST(clock_now_ns(), start + 20000000u);
    uint64_t past = clock_now_ns();
    clock_sleep_until_ns(start);
    CHECK_AT_MOST((double)(clock_now_ns() - past) * 1e-9, 1.0);
}

static void test_cpu(void)
{
    double process = clock_cpu_s(), thread = clock_thread_cpu_s();
    clock_sleep_s(0.05);
    CHECK_AT_MOST(clock_thread_cpu_s() - thread, 0.04);
    volatile double x = 1;
    for (int i = 0; i < 20000000; i++) {
        x = x * 1.0000001;
    }
    CHECK_AT_LEAST(clock_thread_cpu_s() - thread, 0.001);
    CHECK_AT_LEAST(clock_cpu_s() - process, 0.001);
}

static void test_wall_text(void)
{
    char text[32];
    CU_ASSERT_STRING_EQUAL(clock_wall_text(1000000000123000000u, text, sizeof text),
                           "2001-09-09T01:46:40.123Z");
}

/* What the log writes to standard error while `run` runs. */
static void capture(void (*run)(void), char *text, size_t size)
{
    int pipes[2], saved = dup(STDERR_FILENO);
    CHECK_INT(pipe(pipes), 0);
    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    dup2(pipes[1], STDERR_FILENO);
    run();
    dup2(saved, STDERR_FILENO);
    ssize_t got = read(pipes[0], text, size - 1);
    text[got > 0 ? got : 0] = 0;
    close(pipes[0]);
    close(pipes[1]);
    close(saved);
}

static void write_some(void)
{
    log_set_program("rx");
    log_debug("not seen");
    log_warn("%d blocks dropped", 3);
    log_set_program(NULL);
}

static void write_long(void)
{
    char body[3000];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = 0;
    log_info("%s", body);
}

static void test_log_line(void)
{
    char text[4096];
    capture(write_some, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text + 12, " warning: rx: 3 blocks dropped\n");
    capture(write_long, text, sizeof text);
    CHECK_INT(strlen(text), 1023);
    CHECK_INT(text[1022], '\n');
    CHECK_INT(log_level_of("debug"), LOG_DEBUG);
    CHECK_INT(log_level_of("loud"), -1);
}

static void test_limit(void)
{
    log_limit_t limit = {0};
    uint64_t more = 0;
    CU_ASSERT(log_limit_allow(&limit, 0.02, &more));
    CU_ASSERT_FALSE(log_limit_allow(&limit, 0.02, &more));
    CU_ASSERT_FALSE(log_limit_allow(&limit, 0.02, &more));
    clock_sleep_s(0.03);
    CU_ASSERT(log_limit_allow(&limit, 0.02, &more));
    CHECK_INT(more, 2);
}

static const check_test_t tests[] = {
    {"a sleep lasts until its deadline and not without one", test_sleep},
    {"CPU time counts work, not sleep", test_cpu},
    {"wall times are written in UTC", test_wall_text},
    {"a log line is one whole line with time, level and program", test_log_line},
    {"a limited line comes once per interval and counts the rest", test_limit},
};

int main(void)
{
    return check_run("clock", tests, CHECK_COUNT(tests));
}
