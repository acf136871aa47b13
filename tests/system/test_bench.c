/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What semradio-bench prints, with rounds too short to tell a speed.  Its rows
 * check themselves that each side does its work; the program fails when one does not.
 */
#include "check.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { LINE_SIZE = 4096, ROWS_MOST = 64 };

#define PROGRAM SEMRADIO_BIN_DIR "/semradio-bench "

/* Runs a command; its standard output's lines. */
static int run(const char *words, char lines[ROWS_MOST][LINE_SIZE], int *count)
{
    char command[1024];
    snprintf(command, sizeof(command), "%s%s", PROGRAM, words);
    FILE *pipe = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pipe);
    *count = 0;
    while (*count < ROWS_MOST && fgets(lines[*count], LINE_SIZE, pipe) != NULL) {
        ++*count;
    }
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool number_or_null(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return json_is_null(value) || (json_is_number(value) && json_number_value(value) > 0.0);
}

static bool text_or_null(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return json_is_null(value) || json_is_string(value);
}

static void check_row(const json_t *row)
{
    double ours = json_number_value(json_object_get(row, "ours"));
    const json_t *peer = json_object_get(row, "peer");
    const char *unit = json_string_value(json_object_get(row, "unit"));
    CU_ASSERT(json_is_string(json_object_get(row, "name")));
    CU_ASSERT_PTR_NOT_NULL_FATAL(unit);
    CU_ASSERT(strcmp(unit, "MS/s") == 0 || strcmp(unit, "us") == 0);
    CU_ASSERT(ours > 0.0);
    CU_ASSERT(number_or_null(row, "peer") && text_or_null(row, "peer_name"));
    CU_ASSERT(number_or_null(row, "ratio") && number_or_null(row, "asked"));
    CU_ASSERT(number_or_null(row, "limit") && text_or_null(row, "limit_name"));
    CU_ASSERT(json_is_null(peer) == json_is_null(json_object_get(row, "peer_name")));
    CU_ASSERT(json_is_null(peer) == json_is_null(json_object_get(row, "ratio")));
    if (json_is_number(peer)) {
        double other = json_number_value(peer);
        double faster = strcmp(unit, "us") == 0 ? other / ours : ours / other;
        CHECK_NEAR(json_number_value(json_object_get(row, "ratio")) / faster, 1.0, 1e-3);
    }
}

static void every_row_is_a_json_line(void)
{
    static const char *const asked[] = {"transmit",      "receive", "search_wide",
                                        "search_narrow", "air",     NULL};
    static char lines[ROWS_MOST][LINE_SIZE];
    int count, found = 0;
    CHECK_INT(run("phy --rounds 1 --slice_ms 0.001", lines, &count), 0);
    CHECK_AT_LEAST(count, 10);
    for (int i = 0; i < count; i++) {
        json_t *row = json_loads(lines[i], JSON_REJECT_DUPLICATES, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(row);
        check_row(row);
        for (int k = 0; asked[k] != NULL; k++) {
            const char *name = json_string_value(json_object_get(row, "name"));
            bool is = name != NULL && strcmp(name, asked[k]) == 0;
            found += is;
            CU_ASSERT(!is || (json_is_number(json_object_get(row, "peer")) &&
                              json_is_number(json_object_get(row, "asked"))));
        }
        json_decref(row);
    }
    CHECK_INT(found, 5);
}

static void rows_are_chosen_by_name(void)
{
    static char lines[ROWS_MOST][LINE_SIZE];
    int count;
    CHECK_INT(run("phy --row mmse,noise --rounds 1 --slice_ms 0.001", lines, &count), 0);
    CHECK_INT(count, 2);
    CHECK_INT(run("phy --row warp 2>&1", lines, &count), 2);
    CHECK_INT(count, 1);
    CU_ASSERT(strstr(lines[0], "'warp'") != NULL && strstr(lines[0], "transmit") != NULL);
    CHECK_INT(run("2>&1", lines, &count), 2);
    CHECK_INT(run("--help", lines, &count), 0);
    CHECK_AT_LEAST(count, 5);
}

static const check_test_t tests[] = {
    {"every row is one JSON line with its keys, and every side does its work",
     every_row_is_a_json_line},
    {"rows are chosen by name; an unknown one is refused with the names there are",
     rows_are_chosen_by_name},
};

int main(void)
{
    return check_run("bench", tests, CHECK_COUNT(tests));
}
