/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `semradio-bench nn` prints, with rounds too short to tell a speed.  Where there is a
 * PyTorch, the rows check themselves that it computes what the engine does.
 */
#include "check.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_SIZE = 4096, ROWS_MOST = 32 };

#define PROGRAM SEMRADIO_BIN_DIR "/semradio-bench nn --rounds 1 --slice_ms 0.001 "

static char lines[ROWS_MOST][LINE_SIZE];

/* Runs a command; its standard output's lines.  Returns the exit code. */
static int run(const char *before, const char *words, int *count)
{
    char command[1024];
    snprintf(command, sizeof(command), "%s " PROGRAM "%s", before, words);
    FILE *pipe = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pipe);
    *count = 0;
    while (*count < ROWS_MOST && fgets(lines[*count], LINE_SIZE, pipe) != NULL) {
        ++*count;
    }
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_row(const char *line, const char *unit, bool peer)
{
    json_t *row = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(row, "unit")), unit);
    double ours = json_number_value(json_object_get(row, "ours"));
    CU_ASSERT(ours > 0.0);
    CHECK_INT(json_is_number(json_object_get(row, "peer")), peer);
    CHECK_INT(json_is_string(json_object_get(row, "peer_name")), peer);
    if (peer) {
        double other = json_number_value(json_object_get(row, "peer"));
        double faster = strcmp(unit, "us") == 0 ? other / ours : ours / other;
        CHECK_NEAR(json_number_value(json_object_get(row, "ratio")) / faster, 1.0, 1e-3);
    }
    json_decref(row);
}

static void test_rows(void)
{
    bool peer = system("/usr/bin/python3 -c 'import numpy, torch' 2>/dev/null") == 0;
    int count;
    if (!peer) {
        printf("(no python3-torch: without a peer) ");
    }
    CHECK_INT(run("", "--threads 1 --row decode_32,small_encode_32,small_train_1", &count), 0);
    CHECK_INT(count, 3);
    for (int i = 0; i < count; i++) {
        check_row(lines[i], i < 2 ? "us" : "images/s", peer);
    }
}

static void test_no_peer(void)
{
    char hide[] = "/tmp/semradio-no-torch-XXXXXX", path[64], before[128];
    int count;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(hide));
    snprintf(path, sizeof(path), "%s/torch.py", hide);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("raise ImportError('hidden')\n", file);
    CHECK_INT(fclose(file), 0);
    snprintf(before, sizeof(before), "PYTHONPATH=%s", hide);
    CHECK_INT(run(before, "--threads 2 --row encode_32,small_train", &count), 0);
    CHECK_INT(count, 2);
    for (int i = 0; i < count; i++) {
        check_row(lines[i], i == 0 ? "us" : "images/s", false);
    }
    snprintf(before, sizeof(before), "rm -rf %s", hide);
    CHECK_INT(system(before), 0);
}

static void test_wrong_words(void)
{
    int count;
    CHECK_INT(run("", "--row transmit 2>&1", &count), 2);
    CU_ASSERT(count > 0 && strstr(lines[count - 1], "small_train_1") != NULL);
    CHECK_INT(run("", "--threads 3 2>&1", &count), 2);
    CU_ASSERT(count > 0 && strstr(lines[count - 1], "3 threads") != NULL);
}

static const check_test_t tests[] = {
    {"every row is one JSON line; ours and PyTorch's results are the same", test_rows},
    {"without PyTorch the rows have no peer", test_no_peer},
    {"a row or number of threads that cannot be is refused", test_wrong_words},
};

int main(void)
{
    return check_run("bench nn", tests, CHECK_COUNT(tests));
}
