/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * campaign_program: running semradio-campaign and looking at what it left,
 * for the tests of the program.
 */
#ifndef TESTS_CAMPAIGN_PROGRAM_H
#define TESTS_CAMPAIGN_PROGRAM_H

#include "check.h"
#include "table.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MOST = 32, SAID_SIZE = 8192 };

static char base[64];        /* every folder of these tests lies in it */
static char said[SAID_SIZE]; /* what the last program wrote on standard error */

/* ---- running the program ---- */

typedef struct {
    const char *path;   /* PATH, NULL: as it is */
    rlim_t file_limit;  /* largest file it may write, 0: no limit */
    const char *folder; /* where it runs, NULL: here */
} surroundings_t;

static inline const char *in_base(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", base, name);
    return path;
}

static inline void program_main(const char *words[], const surroundings_t *around)
{
    int log = open(in_base("said"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(log, STDERR_FILENO);
    if (around->path != NULL) {
        setenv("PATH", around->path, 1);
    }
    if (around->folder != NULL && chdir(around->folder) != 0) {
        _exit(99);
    }
    if (around->file_limit != 0) {
        struct rlimit limit = {around->file_limit, around->file_limit};
        signal(SIGXFSZ, SIG_IGN); /* writes fail as on a full disk */
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    execv(SEMRADIO_BIN_DIR "/semradio-campaign", (char *const *)words);
    _exit(98);
}

static inline pid_t start(const surroundings_t *around, va_list list)
{
    const char *words[WORDS_MOST] = {"semradio-campaign"};
    int count = 1;
    const char *word;
    while ((word = va_arg(list, const char *)) != NULL) {
        words[count++] = word;
    }
    pid_t process = fork();
    if (process == 0) {
        program_main(words, around);
    }
    return process;
}

static inline void hear(void)
{
    int log = open(in_base("said"), O_RDONLY);
    ssize_t length = log >= 0 ? read(log, said, sizeof said - 1) : 0;
    said[length > 0 ? length : 0] = '\0';
    close(log);
}

/* The exit code, or minus the signal. */
static inline int end(pid_t process)
{
    int status;
    waitpid(process, &status, 0);
    hear();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline int run(const char *first, ...)
{
    surroundings_t around = {0};
    va_list list;
    va_start(list, first);
    const char *words[WORDS_MOST] = {"semradio-campaign", first};
    for (int count = 2; (words[count] = va_arg(list, const char *)) != NULL;) {
        count++;
    }
    va_end(list);
    pid_t process = fork();
    if (process == 0) {
        program_main(words, &around);
    }
    return end(process);
}

static inline pid_t start_in(surroundings_t around, ...)
{
    va_list list;
    va_start(list, around);
    pid_t process = start(&around, list);
    va_end(list);
    return process;
}

/* ---- looking at folders ---- */

static inline int count_points(const char *out)
{
    char path[300];
    snprintf(path, sizeof path, "%s/points", out);
    DIR *points = opendir(path);
    int count = 0;
    for (struct dirent *entry; points != NULL && (entry = readdir(points)) != NULL;) {
        size_t length = strlen(entry->d_name);
        count += length == 21 && strcmp(entry->d_name + 16, ".json") == 0;
    }
    if (points != NULL) {
        closedir(points);
    }
    return count;
}

/* Waits until the campaign has finished `count` points; false when it ended before. */
static inline int wait_for_points(pid_t process, const char *out, int count)
{
    siginfo_t info = {.si_pid = 0};
    while (count_points(out) < count) {
        if (waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            info.si_pid != 0) {
            return 0;
        }
        usleep(2000);
    }
    return 1;
}

static inline table_t *results(const char *out)
{
    char path[300];
    snprintf(path, sizeof path, "%s/results.csv", out);
    err_t err = ERR_INIT;
    table_t *table = table_load(path, &err);
    if (table == NULL) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    return table;
}

/* Every field but cpu_s. */
static inline void check_same_results(const char *a, const char *b)
{
    table_t *x = results(a), *y = results(b);
    CHECK_INT(table_rows(x), table_rows(y));
    CHECK_INT(table_columns(x), table_columns(y));
    size_t cpu = (size_t)table_find(x, "cpu_s");
    for (size_t row = 0; row < table_rows(x) && row < table_rows(y); row++) {
        for (size_t column = 0; column < table_columns(x); column++) {
            if (column != cpu) {
                CU_ASSERT_STRING_EQUAL(table_text(x, row, column), table_text(y, row, column));
            }
        }
    }
    table_free(x);
    table_free(y);
}

static inline void check_said(const char *part)
{
    if (strstr(said, part) == NULL) {
        fprintf(stderr, "\"%s\" is not in: %s\n", part, said);
        CU_FAIL("the message does not say it");
    }
}

static inline void say_out(char *word, size_t size, const char *name)
{
    snprintf(word, size, "out=%s", in_base(name));
}

/* check_run with a folder of its own, which is removed afterwards. */
static inline int check_run_in_base(const char *module, const check_test_t *tests, int count)
{
    strcpy(base, "/tmp/test_campaign.XXXXXX");
    if (mkdtemp(base) == NULL) {
        perror(base);
        return 1;
    }
    int failed = check_run(module, tests, count);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    return system(command) != 0 || failed;
}

#endif
