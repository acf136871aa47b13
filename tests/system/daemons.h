/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * daemons: starting and watching the real programs from a test.  Everything
 * happens in one temporary folder, which holds a small labelled data set
 * (cifar10's format), a codec trained on it for a second, and the programs'
 * output; an air has a name of its own, so tests may run side by side.
 */
#ifndef TESTS_SYSTEM_DAEMONS_H
#define TESTS_SYSTEM_DAEMONS_H

#include "check.h"
#include "clock.h"
#include "file.h"
#include "report.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL_SET = 96, MOST_ARGUMENTS = 32 };

static char work_folder[64] = "/tmp/semradio-daemons-XXXXXX";
static rlim_t child_file_limit = RLIM_INFINITY; /* for the next program: a full disk */

typedef struct {
    pid_t pid;
    char log[160]; /* its standard error */
} program_t;

/* A path in the work folder; eight at a time. */
__attribute__((format(printf, 1, 2))) static const char *in_work(const char *format, ...)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8], name[128];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    snprintf(path, 256, "%s/%s", work_folder, name);
    return path;
}

/* Runs in the child, so that the parent's limit stays. */
static void become(const char *program, char *const argv[], const char *log)
{
    char path[512];
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    int out = open(in_work("%s.out", program), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    dup2(fd, STDERR_FILENO);
    dup2(out, STDOUT_FILENO);
    snprintf(path, sizeof path, "%s/semradio-%s", SEMRADIO_BIN_DIR, program);
    struct rlimit limit = {child_file_limit, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    execv(path, argv);
    _exit(127);
}

/* start("tx", "--a=b --c=d"): words are separated by single spaces. */
__attribute__((format(printf, 2, 3), unused)) static program_t start(const char *program,
                                                                      const char *format, ...)
{
    static int count;
    char line[2048], *argv[MOST_ARGUMENTS] = {(char *)(uintptr_t)program}, *save = NULL;
    int argc = 1;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *word = strtok_r(line, " ", &save); word != NULL && argc < MOST_ARGUMENTS - 1;
         word = strtok_r(NULL, " ", &save)) {
        argv[argc++] = word;
    }
    program_t started;
    snprintf(started.log, sizeof started.log, "%s", in_work("%d-%s.log", count++, program));
    started.pid = fork();
    if (started.pid == 0) {
        become(program, argv, started.log);
    }
    return started;
}

/* Exit code, -signal, or -1000 when it did not end in time (it is killed then). */
static int finish(program_t *program, double timeout_s)
{
    uint64_t deadline = clock_now_ns() + (uint64_t)(timeout_s * 1e9);
    int status;
    while (waitpid(program->pid, &status, WNOHANG) == 0) {
        if (clock_now_ns() > deadline) {
            kill(program->pid, SIGKILL);
            waitpid(program->pid, &status, 0);
            fprintf(stderr, "%s did not end in %.0f s\n", program->log, timeout_s);
            return -1000;
        }
        clock_sleep_s(0.01);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

__attribute__((unused)) static int interrupt(program_t *program)
{
    kill(program->pid, SIGINT);
    return finish(program, 30);
}

/* A whole file as text (free it); "" when it is not there. */
static char *text_of(const char *path)
{
    uint8_t *data;
    size_t size;
    return file_read_all(path, 256u << 20, &data, &size, NULL) == 0 ? (char *)data : strdup("");
}

__attribute__((unused)) static bool says(const program_t *program, const char *part)
{
    char *text = text_of(program->log);
    bool found = strstr(text, part) != NULL;
    free(text);
    return found;
}

/* Waits until the program's log holds `part`. */
__attribute__((unused)) static bool wait_for(const program_t *program, const char *part)
{
    for (int i = 0; i < 1000; i++) {
        if (says(program, part)) {
            return true;
        }
        clock_sleep_s(0.02);
    }
    fprintf(stderr, "%s never said \"%s\"\n", program->log, part);
    return false;
}

/* On a failure: what the programs said. */
__attribute__((unused)) static void expect_says(const program_t *program, const char *part)
{
    if (!says(program, part)) {
        char *text = text_of(program->log);
        fprintf(stderr, "%s does not say \"%s\" but:\n%s", program->log, part, text);
        free(text);
        CU_FAIL("a program did not say what it should");
    }
}

/* A number of a summary file; -1 when it is not there. */
__attribute__((unused)) static double number_in(const char *path, const char *key)
{
    json_t *object = json_load_file(path, 0, NULL);
    json_t *value = json_object_get(object, key);
    double number = json_is_number(value) ? json_number_value(value) : -1;
    json_decref(object);
    return number;
}

/* Reads every line of a report file with report_from_json; returns how many, -1 when one is bad or
   half.  each (may be NULL) sees them in order. */
__attribute__((unused)) static int read_reports(const char *path,
                                                void (*each)(const frame_report_t *, void *),
                                                void *context)
{
    char *text = text_of(path), *at = text;
    int count = 0;
    while (*at != 0 && count >= 0) {
        char *end = strchr(at, '\n');
        frame_report_t report;
        if (end == NULL) {
            count = -1;
            break;
        }
        *end = 0;
        count = report_from_json(at, &report, NULL) == 0 ? count + 1 : -1;
        if (count > 0 && each != NULL) {
            each(&report, context);
        }
        at = end + 1;
    }
    free(text);
    return count;
}

/* Waits until a file has not grown for half a second: what was on its way has arrived. */
__attribute__((unused)) static void settle(const char *path)
{
    size_t last = SIZE_MAX;
    for (int i = 0; i < 60; i++) {
        char *text = text_of(path);
        size_t size = strlen(text);
        free(text);
        if (size == last) {
            return;
        }
        last = size;
        clock_sleep_s(0.5);
    }
}

/* ---- the work folder ---- */

/* Smooth coloured pictures: enough for a codec to learn something in a second. */
static void write_small_set(const char *path)
{
    FILE *file = fopen(path, "wb");
    for (int n = 0; n < SMALL_SET; n++) {
        fputc(n % 10, file);
        for (int channel = 0; channel < 3; channel++) {
            for (int i = 0; i < 1024; i++) {
                double x = i % 32, y = i / 32, wave = 0.1 + 0.02 * (n % 10);
                double v = 128 + 90 * sin(wave * x + n + channel) * cos(wave * y - n);
                fputc((int)v, file);
            }
        }
    }
    fclose(file);
}

static int train_small_codec(void)
{
    program_t train = start("train",
                            "codec --data.train=cifar10:%s --train.epochs=20 --train.batch=16 "
                            "--codec.width=8 --codec.encoder_blocks=0 --codec.decoder_blocks=0 "
                            "--train.out=%s --train.log=%s --train.checkpoint=%s",
                            in_work("set.bin"), in_work("codec"), in_work("train.log"),
                            in_work("train.checkpoint"));
    return finish(&train, 120);
}

static int daemons_begin(void)
{
    if (mkdtemp(work_folder) == NULL) {
        return -1;
    }
    write_small_set(in_work("set.bin"));
    return train_small_codec();
}

static void daemons_end(int failed)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", work_folder);
    if (failed) {
        fprintf(stderr, "the programs' logs are in %s\n", work_folder);
    } else if (system(command) != 0) {
        fprintf(stderr, "cannot remove %s\n", work_folder);
    }
}

/* check_run in a work folder. */
__attribute__((unused)) static int daemons_run(const char *module, const check_test_t *tests, int count)
{
    if (daemons_begin() != 0) {
        fprintf(stderr, "cannot make a codec to test with\n");
        return 1;
    }
    int failed = check_run(module, tests, count);
    daemons_end(failed);
    return failed;
}

#endif
