/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usrp_bench: semradio-air with two virtual USRPs, and UHD's own programs, as processes. */
#ifndef TESTS_SYSTEM_USRP_BENCH_H
#define TESTS_SYSTEM_USRP_BENCH_H

#include "daemons.h"

#define EXAMPLES "/usr/libexec/uhd/examples"

static char usrp_address[2][16];
static program_t usrp_air;

/* Two addresses that no other test has, at the first call of a program. */
static void choose_addresses(void)
{
    const unsigned id = (unsigned)getpid();
    for (unsigned i = 0; i < 2; i++) {
        snprintf(usrp_address[i], sizeof usrp_address[i], "127.%u.%u.%u", 201 + id / 40000 % 50,
                 1 + id / 200 % 200, 1 + id % 200 / 2 * 2 + i);
    }
}

/* `devices`: what follows the addresses, ",loss=0.01"; `more`: options of the air. */
static void start_usrps(const char *devices, const char *more)
{
    choose_addresses();
    usrp_air =
        start("air", "--air usrp%d --radio usrp:%s%s --radio usrp:%s%s%s%s", (int)getpid(),
              usrp_address[0], devices, usrp_address[1], devices, more[0] != '\0' ? " " : "", more);
    CU_ASSERT(wait_for(&usrp_air, usrp_address[1]));
}

__attribute__((unused)) static void stop_usrps(void)
{
    CHECK_INT(interrupt(&usrp_air), 0);
}

/* Runs a program of UHD's for at most a minute; its exit code (124: it took longer).  What it said
   is in tool.out.  `#` stands for the first device's arguments, `@` for the second's. */
__attribute__((unused)) static int tool(const char *line)
{
    char command[1024], *at = command;
    at += snprintf(at, sizeof command, "timeout -k 5 60 ");
    for (const char *c = line; *c != '\0' && at < command + sizeof command - 64; c++) {
        if (*c == '#' || *c == '@') {
            at += sprintf(at, "type=usrp2,addr=%s", usrp_address[*c == '@']);
        } else {
            *at++ = *c;
        }
    }
    snprintf(at, 64, " >%.50s 2>&1", in_work("tool.out"));
    const int status = system(command);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    if (code != 0) {
        char *text = text_of(in_work("tool.out"));
        fprintf(stderr, "%s\n%s", command, text);
        free(text);
    }
    return code;
}

__attribute__((unused)) static void expect_tool_says(const char *part)
{
    char *text = text_of(in_work("tool.out"));
    if (strstr(text, part) == NULL) {
        fprintf(stderr, "it does not say \"%s\" but:\n%s", part, text);
        CU_FAIL("a program did not say what it should");
    }
    free(text);
}

/* The number behind a text; -1: it is not there. */
__attribute__((unused)) static double tool_number(const char *before)
{
    char *text = text_of(in_work("tool.out"));
    const char *at = strstr(text, before);
    const double number = at != NULL ? strtod(at + strlen(before), NULL) : -1;
    free(text);
    return number;
}

static bool have_uhd_programs(void)
{
    return access(EXAMPLES "/benchmark_rate", X_OK) == 0 &&
           access("/usr/bin/uhd_usrp_probe", X_OK) == 0;
}

/* daemons_run, or a word where UHD's programs are missing. */
static int usrp_run(const char *module, const check_test_t *tests, int count)
{
    if (!have_uhd_programs()) {
        fprintf(stderr, "skipped: UHD's programs are not here (package uhd-host)\n");
        return CHECK_SKIP;
    }
    return daemons_run(module, tests, count);
}

#endif
