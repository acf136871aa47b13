/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "file.h"
#include "lines.h"

#include "check.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/semradio-file-XXXXXX";

static const char *at(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, 256, "%s/%s", folder, name);
    return path;
}

static char *content(const char *path)
{
    uint8_t *data;
    size_t size;
    return file_read_all(path, 1 << 20, &data, &size, NULL) == 0 ? (char *)data : NULL;
}

static size_t files_like(const char *pattern)
{
    glob_t found;
    size_t count = glob(at(pattern), 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static void test_commit(void)
{
    err_t err = ERR_INIT;
    file_writer_t *w = file_writer_open(at("a.txt"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    CHECK_INT(file_writer_write(w, "old", 3, &err), 0);
    CU_ASSERT_PTR_NULL(content(at("a.txt")));
    CHECK_INT(file_writer_commit(w, &err), 0);
    w = file_writer_open(at("a.txt"), &err);
    fprintf(file_writer_stream(w), "new");
    char *text = content(at("a.txt"));
    CU_ASSERT_STRING_EQUAL(text, "old");
    free(text);
    CHECK_INT(file_writer_commit(w, &err), 0);
    text = content(at("a.txt"));
    CU_ASSERT_STRING_EQUAL(text, "new");
    free(text);
    CHECK_INT(files_like("a.txt*"), 1);
}

static void test_abort(void)
{
    file_writer_t *w = file_writer_open(at("b.txt"), NULL);
    file_writer_write(w, "x", 1, NULL);
    file_writer_abort(w);
    CHECK_INT(files_like("b.txt*"), 0);
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(file_writer_open("/nonexistent/b.txt", &err));
    CHECK_ERROR_NAMES(&err, "/nonexistent/b.txt");
}

/* RLIMIT_FSIZE stands in for a full disk: writes past it fail. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void test_full_disk(void)
{
    static char block[100000];
    err_t err = ERR_INIT;
    file_writer_t *w = file_writer_open(at("c.txt"), &err);
    limit_files(5000);
    int early = file_writer_write(w, block, sizeof block, &err);
    int late = file_writer_commit(w, &err);
    limit_files(RLIM_INFINITY);
    CU_ASSERT(early != 0 || late != 0);
    CHECK_INT(late, -1);
    CHECK_ERROR_NAMES(&err, "c.txt");
    CHECK_INT(files_like("c.txt*"), 0);
}

static void test_read_limits(void)
{
    uint8_t *data;
    size_t size;
    err_t err = ERR_INIT;
    CHECK_INT(file_read_all(at("a.txt"), 3, &data, &size, &err), 0);
    CHECK_INT(size, 3);
    free(data);
    CHECK_INT(file_read_all(at("a.txt"), 2, &data, &size, &err), -1);
    CHECK_INT(err.code, ERR_FORMAT);
    CHECK_INT(file_read_all(at("none"), 2, &data, &size, &err), -1);
    CHECK_INT(err.code, ERR_IO);
    CHECK_INT(file_read_all(folder, 2, &data, &size, &err), -1);
}

static void test_lines(void)
{
    err_t err = ERR_INIT;
    lines_t *lines = lines_open(at("d.jsonl"), false, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lines);
    lines_put(lines, "{\"a\":1}", 7, &err);
    char *text = content(at("d.jsonl"));
    CU_ASSERT_STRING_EQUAL(text, "{\"a\":1}\n");
    free(text);
    CHECK_INT(lines_written(lines), 1);
    CHECK_INT(lines_close(lines, &err), 0);
}

static void test_append_after_crash(void)
{
    FILE *f = fopen(at("e.jsonl"), "w");
    fprintf(f, "{\"a\":1}\n{\"b\":");
    fclose(f);
    lines_t *lines = lines_open(at("e.jsonl"), true, NULL);
    lines_put(lines, "{}", 2, NULL);
    lines_close(lines, NULL);
    char *text = content(at("e.jsonl"));
    CU_ASSERT_STRING_EQUAL(text, "{\"a\":1}\n{}\n");
    free(text);
}

static void test_lines_full_disk(void)
{
    err_t err = ERR_INIT;
    lines_t *lines = lines_open(at("f.jsonl"), false, &err);
    limit_files(25);
    CHECK_INT(lines_put(lines, "0123456789", 10, &err), 0);
    CHECK_INT(lines_put(lines, "0123456789", 10, &err), 0);
    CHECK_INT(lines_put(lines, "0123456789", 10, &err), -1);
    CHECK_ERROR_NAMES(&err, "f.jsonl");
    CHECK_INT(lines_put(lines, "0123456789", 10, &err), -1);
    limit_files(RLIM_INFINITY);
    CHECK_INT(lines_lost(lines), 2);
    char *text = content(at("f.jsonl"));
    CU_ASSERT_STRING_EQUAL(text, "0123456789\n0123456789\n");
    free(text);
    CHECK_INT(lines_put(lines, "again", 5, &err), 0);
    lines_close(lines, NULL);
    text = content(at("f.jsonl"));
    CU_ASSERT_STRING_EQUAL(text, "0123456789\n0123456789\nagain\n");
    free(text);
    lines = lines_open("/dev/full", false, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lines);
    CHECK_INT(lines_put(lines, "x", 1, &err), -1);
    lines_close(lines, NULL);
}

static void test_folders(void)
{
    err_t err = ERR_INIT;
    CHECK_INT(file_make_folder(at("x/y/z"), &err), 0);
    CHECK_INT(file_make_folder(at("x/y/z/"), &err), 0);
    struct stat status;
    CHECK_INT(stat(at("x/y/z"), &status), 0);
    CHECK_INT(file_make_folder(at("a.txt"), &err), -1);
    CHECK_INT(file_make_folder(at("a.txt/b"), &err), -1);
    CHECK_ERROR_NAMES(&err, "a.txt/b");
}

/* A pipe stands for /dev/null, which a test must not risk. */
static void test_device(void)
{
    err_t err = ERR_INIT;
    struct stat there;
    CHECK_INT(mkfifo(at("pipe"), 0600), 0);
    CU_ASSERT_PTR_NULL(file_writer_open(at("pipe"), &err));
    CHECK_ERROR_NAMES(&err, "device, pipe or socket");
    CHECK_INT(stat(at("pipe"), &there), 0);
    CU_ASSERT(S_ISFIFO(there.st_mode));
    CHECK_INT(unlink(at("pipe")), 0);
}

static const check_test_t tests[] = {
    {"nothing takes the place of a device or pipe", test_device},
    {"a file appears whole, and the old one stays until then", test_commit},
    {"an aborted file leaves nothing", test_abort},
    {"a full disk leaves nothing and says which file", test_full_disk},
    {"reading is limited and names the file", test_read_limits},
    {"each line is in the file at once", test_lines},
    {"an append after a crash cuts the half line", test_append_after_crash},
    {"a full disk loses whole lines, counted; later lines go on", test_lines_full_disk},
    {"folders are made with their parents", test_folders},
};

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    int code = check_run("file", tests, CHECK_COUNT(tests));
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0 ? 1 : code;
}
