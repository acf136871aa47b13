/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store: objects, names, pins, collection, and what it says when the disk refuses. */
#include "alignment/adapters.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[64];
static store_t *store;

static void begin(void)
{
    err_t err = ERR_INIT;
    snprintf(folder, sizeof folder, "/tmp/semradio_store_XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    store = store_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
}

static void end(void)
{
    store_close(store);
    adapters_remove_folder(folder);
}

static digest_t put(const char *text)
{
    err_t err = ERR_INIT;
    digest_t id = {{0}};
    CHECK_INT(store_put(store, text, strlen(text), &id, &err), 0);
    return id;
}

static const char *object_file(const digest_t *id)
{
    static char path[256];
    char text[DIGEST_TEXT];
    digest_text(id, text);
    snprintf(path, sizeof path, "%s/objects/%.2s/%s", folder, text, text + 2);
    return path;
}

/* Overwrites a file that the store made read-only. */
static void scribble(const char *path, long at, const char *text)
{
    CHECK_INT(chmod(path, 0644), 0);
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    CHECK_INT(pwrite(fd, text, strlen(text), at), strlen(text));
    close(fd);
}

static void test_objects(void)
{
    begin();
    err_t err = ERR_INIT;
    uint8_t *bytes = NULL;
    size_t size = 0;
    digest_t id = put("some weights"), again = put("some weights"), other = put("others");
    CU_ASSERT(digest_equal(&id, &again) && !digest_equal(&id, &other));
    CHECK_INT(store_load(store, &id, &bytes, &size, &err), 0);
    CHECK_INT(size, 12);
    CU_ASSERT_STRING_EQUAL((char *)bytes, "some weights");
    free(bytes);
    CU_ASSERT(store_has(store, &id));
    store_stat_t stat, *list;
    int count = 0;
    CHECK_INT(store_stat(store, &id, &stat, &err), 0);
    CHECK_INT(stat.size, 12);
    CHECK_INT(stat.pinned || stat.names, 0);
    CHECK_INT(store_list(store, &list, &count, &err), 0);
    CHECK_INT(count, 2);
    CU_ASSERT(memcmp(list[0].id.byte, list[1].id.byte, DIGEST_SIZE) < 0);
    free(list);
    CHECK_INT(store_verify(store, NULL, &err), 0);
    CHECK_INT(store_remove(store, &other, &err), 0);
    CHECK_INT(store_remove(store, &other, &err), -1);
    CHECK_ERROR_NAMES(&err, "has no object");
    CHECK_INT(store_load(store, &other, &bytes, &size, &err), -1);
    CHECK_INT(err.code, ERR_ARGUMENT);
    CHECK_INT(store_stat(store, &other, &stat, &err), -1);
    CHECK_INT(store_put(store, "", 0, &other, &err), -1);
    store_t *second = store_open(folder, &err); /* what is there is found again */
    CU_ASSERT(store_has(second, &id));
    store_close(second);
    end();
}

static void test_adapters(void)
{
    begin();
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 80, 0);
    adapter_t *adapter = adapters_random(&rng, 4, 20);
    digest_t id = adapter_id(adapter), text = put("not an adapter");
    CHECK_INT(store_put_adapter(store, adapter, &err), 0);
    adapter_t *loaded = store_load_adapter(store, &id, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loaded);
    digest_t same = adapter_id(loaded);
    CU_ASSERT(digest_equal(&id, &same));
    CU_ASSERT_PTR_NULL(store_load_adapter(store, &text, &err));
    char hex[DIGEST_TEXT];
    CHECK_ERROR_NAMES(&err, digest_text(&text, hex));
    adapter_destroy(adapter);
    adapter_destroy(loaded);
    end();
}

static void test_damage(void)
{
    begin();
    uint8_t *bytes = NULL;
    size_t size = 0;
    digest_t id = put("some weights");
    const char *path = object_file(&id);
    err_t err = ERR_INIT;
    scribble(path, 3, "f"); /* 'e' with one bit flipped would do as well */
    CHECK_INT(store_load(store, &id, &bytes, &size, &err), -1);
    CHECK_INT(err.code, ERR_FORMAT);
    CHECK_ERROR_NAMES(&err, path);
    CHECK_ERROR_NAMES(&err, "12 bytes hash to");
    CU_ASSERT_PTR_NULL(bytes);
    int damaged = 0;
    CHECK_INT(store_verify(store, &damaged, &err), -1);
    CHECK_INT(damaged, 1);
    put("some weights"); /* mends it */
    CHECK_INT(store_verify(store, &damaged, &err), 0);
    CHECK_INT(truncate(path, 5), 0);
    CHECK_INT(store_load(store, &id, &bytes, &size, &err), -1);
    CHECK_ERROR_NAMES(&err, "5 bytes hash to");
    CHECK_INT(truncate(path, 0), 0);
    CHECK_INT(store_load(store, &id, &bytes, &size, &err), -1);
    CHECK_ERROR_NAMES(&err, "damaged");
    CHECK_INT(unlink(path), 0);
    CHECK_INT(symlink("/etc/hostname", path), 0);
    CHECK_INT(store_load(store, &id, &bytes, &size, &err), -1);
    CU_ASSERT(!store_has(store, &id));
    CHECK_INT(unlink(path), 0);
    CHECK_INT(mkdir(path, 0755), 0);
    CHECK_INT(store_load(store, &id, &bytes, &size, &err), -1);
    CHECK_ERROR_NAMES(&err, "not a plain file");
    end();
}

static void test_names(void)
{
    static const char *const bad[] = {
        "",        ".",     "..",
        "../x",    "a/b",   "/etc/passwd",
        ".hidden", "-x",    "a b",
        "a\n",     "a\xff", "r\xc3\xa9",
        "a\\b",    "x:y",   "0123456789012345678901234567890123456789012345678901234567890123"};
    begin();
    err_t err = ERR_INIT;
    digest_t a = put("a"), b = put("b"), absent = {{7}}, found;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err_t reason = ERR_INIT;
        CHECK_INT(store_set_name(store, bad[i], &a, &reason), -1);
        CHECK_INT(reason.code, ERR_ARGUMENT);
        CHECK_INT(store_find_name(store, bad[i], &found, &reason), -1);
        CHECK_INT(store_remove_name(store, bad[i], &reason), -1);
    }
    CHECK_INT(store_set_name(store, "city-night.v2_x", &a, &err), 0);
    CHECK_INT(store_set_name(store, "default", &b, &err), 0);
    CHECK_INT(store_set_name(store, "default", &a, &err), 0);
    CHECK_INT(store_find_name(store, "default", &found, &err), 0);
    CU_ASSERT(digest_equal(&found, &a));
    CHECK_INT(store_set_name(store, "default", &absent, &err), -1);
    CHECK_ERROR_NAMES(&err, "default");
    store_name_t *list = NULL;
    int count = 0;
    CHECK_INT(store_names(store, &list, &count, &err), 0);
    CHECK_INT(count, 2);
    CU_ASSERT_STRING_EQUAL(list[0].name, "city-night.v2_x");
    free(list);
    CHECK_INT(store_remove(store, &a, &err), -1);
    CHECK_INT(err.code, ERR_STATE);
    CHECK_INT(store_remove_name(store, "default", &err), 0);
    CHECK_INT(store_remove_name(store, "default", &err), -1);
    CHECK_ERROR_NAMES(&err, "default");
    char path[128];
    snprintf(path, sizeof path, "%s/refs/city-night.v2_x", folder);
    scribble(path, 10, "Z");
    CHECK_INT(store_find_name(store, "city-night.v2_x", &found, &err), -1);
    CHECK_INT(err.code, ERR_FORMAT);
    CHECK_ERROR_NAMES(&err, path);
    store_collected_t collected;
    CHECK_INT(store_collect(store, 0.0, &collected, &err), -1); /* who knows what it kept */
    CU_ASSERT(store_has(store, &a));
    end();
}

static void test_resolve(void)
{
    begin();
    err_t err = ERR_INIT;
    char text[DIGEST_TEXT];
    digest_t a = put("a"), found;
    put("b");
    store_set_name(store, "one", &a, &err);
    CHECK_INT(store_resolve(store, "one", &found, &err), 0);
    CU_ASSERT(digest_equal(&found, &a));
    digest_text(&a, text);
    CHECK_INT(store_resolve(store, text, &found, &err), 0);
    text[6] = 0;
    CHECK_INT(store_resolve(store, text, &found, &err), 0);
    CU_ASSERT(digest_equal(&found, &a));
    CHECK_INT(store_resolve(store, "000000", &found, &err), -1);
    CHECK_ERROR_NAMES(&err, "000000");
    CHECK_INT(store_resolve(store, "two", &found, &err), -1);
    CHECK_ERROR_NAMES(&err, "two");
    CHECK_INT(store_resolve(store, "../one", &found, &err), -1);
    end();
}

static void test_collect(void)
{
    begin();
    err_t err = ERR_INIT;
    store_collected_t collected;
    char path[128];
    digest_t named = put("named"), pinned = put("pinned"), loose = put("loose");
    store_set_name(store, "name", &named, &err);
    CHECK_INT(store_pin(store, &pinned, &err), 0);
    CHECK_INT(store_pin(store, &pinned, &err), 0);
    digest_t absent = {{9}};
    CHECK_INT(store_pin(store, &absent, &err), -1);
    snprintf(path, sizeof path, "%s/temporary/left-behind", folder);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    store_partial_t *partial = store_partial_open(store, &absent, 100, &err);
    CHECK_INT(store_partial_write(partial, 0, "abc", 3, &err), 0);
    CHECK_INT(store_collect(store, 1000.0, &collected, &err), 0);
    CHECK_INT(collected.objects, 0);
    CHECK_INT(collected.kept, 3);
    CHECK_INT(collected.temporaries, 1);
    CHECK_INT(store_collect(store, 0.0, &collected, &err), 0);
    CHECK_INT(collected.objects, 1);
    CHECK_INT(collected.bytes, 5);
    CHECK_INT(collected.partials, 0); /* it is being received */
    CU_ASSERT(!store_has(store, &loose) && store_has(store, &named) && store_has(store, &pinned));
    store_partial_close(partial);
    CHECK_INT(store_collect(store, 0.0, &collected, &err), 0);
    CHECK_INT(collected.partials, 1);
    CHECK_INT(store_remove(store, &pinned, &err), -1);
    CHECK_INT(store_unpin(store, &pinned, &err), 0);
    CHECK_INT(store_unpin(store, &pinned, &err), 0);
    store_remove_name(store, "name", &err);
    CHECK_INT(store_collect(store, 0.0, &collected, &err), 0);
    CHECK_INT(collected.objects, 2);
    CHECK_INT(collected.kept, 0);
    CHECK_INT(store_collect(store, NAN, &collected, &err), -1);
    end();
}

/* Putting an old object again makes it young: who stages it has the whole grace period. */
static void test_grace(void)
{
    begin();
    err_t err = ERR_INIT;
    store_collected_t collected;
    digest_t id = put("old");
    const struct timespec old[2] = {{1000, 0}, {1000, 0}};
    CHECK_INT(utimensat(AT_FDCWD, object_file(&id), old, 0), 0);
    put("old");
    CHECK_INT(store_collect(store, 60.0, &collected, &err), 0);
    CHECK_INT(collected.objects, 0);
    CHECK_INT(utimensat(AT_FDCWD, object_file(&id), old, 0), 0);
    CHECK_INT(store_collect(store, 60.0, &collected, &err), 0);
    CHECK_INT(collected.objects, 1);
    end();
}

static void test_open(void)
{
    begin();
    err_t err = ERR_INIT;
    char path[160];
    snprintf(path, sizeof path, "%s/objects", folder); /* not empty, not a store */
    put("x");
    CU_ASSERT_PTR_NULL(store_open(path, &err));
    CHECK_ERROR_NAMES(&err, path);
    snprintf(path, sizeof path, "%s/format", folder);
    scribble(path, 0, "semradio-store 9");
    CU_ASSERT_PTR_NULL(store_open(folder, &err));
    CHECK_ERROR_NAMES(&err, path);
    CHECK_INT(unlink(path), 0); /* its maker was killed before the last step */
    store_t *again = store_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL(again);
    store_close(again);
    CU_ASSERT_PTR_NULL(store_open("/dev/null/store", &err));
    CHECK_ERROR_NAMES(&err, "/dev/null/store");
    snprintf(path, sizeof path, "%s/deep/er/store", folder);
    again = store_open(path, &err);
    CU_ASSERT_PTR_NOT_NULL(again);
    store_close(again);
    end();
}

/* ---- a disk that refuses -------------------------------------------------- */

/* Runs `body` in a child: 0 = held, 1 = not, 77 = can't be tried here. */
static void in_child(int (*body)(void), const char *what)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        _exit(body());
    }
    int status = 0;
    CHECK_INT(waitpid(child, &status, 0), child);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == CHECK_SKIP) {
        printf("(skipped: %s) ", what);
    } else {
        CHECK_INT(code, 0);
    }
}

/* A file system of 64 kB of its own. */
static int full_disk(void)
{
    static uint8_t bytes[40000];
    err_t err = ERR_INIT;
    digest_t id, first;
    if ((unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", folder, "tmpfs", 0, "size=65536") < 0) {
        return CHECK_SKIP;
    }
    store_t *small = store_open(folder, &err);
    if (!small || store_put(small, bytes, sizeof bytes, &first, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    bytes[0] = 1;
    if (store_put(small, bytes, sizeof bytes, &id, &err) == 0 || err.code != ERR_IO ||
        !strstr(err.text, "No space left") || !strstr(err.text, folder) || store_has(small, &id)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    store_partial_t *partial = store_partial_open(small, &id, sizeof bytes, &err);
    if (!partial || store_partial_write(partial, 0, bytes, sizeof bytes, &err) == 0 ||
        !strstr(err.text, "No space left")) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (store_remove(small, &first, &err) < 0) { /* room again: it goes on where it stopped */
        return 1;
    }
    uint64_t at = store_partial_offset(partial);
    int code = store_partial_write(partial, at, bytes + at, sizeof bytes - at, &err) < 0 ||
               store_partial_finish(partial, &err) < 0 || store_verify(small, NULL, &err) < 0;
    store_close(small);
    return code;
}

static void test_full_disk(void)
{
    begin();
    in_child(full_disk, "no private mount");
    end();
}

static int no_permission(void)
{
    err_t err = ERR_INIT;
    digest_t id;
    if (getuid() == 0 && setresuid(65534, 65534, 65534) < 0) {
        return CHECK_SKIP;
    }
    chmod(folder, 0555); /* ours when we are not root */
    store_t *closed = store_open(folder, &err);
    if (!closed) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    int refused = store_put(closed, "new", 3, &id, &err) < 0 && err.code == ERR_IO &&
                  strstr(err.text, "Permission denied") && strstr(err.text, folder);
    uint8_t *bytes = NULL;
    size_t size = 0;
    id = digest_of("old", 3); /* reading needs no more than reading */
    int readable = store_load(closed, &id, &bytes, &size, &err) == 0;
    free(bytes);
    store_close(closed);
    return !(refused && readable);
}

static void test_permission(void)
{
    begin();
    char command[200];
    put("old");
    snprintf(command, sizeof command, "chmod -R a+rX,a-w '%s'", folder);
    CHECK_INT(system(command), 0);
    in_child(no_permission, "can't give up root");
    snprintf(command, sizeof command, "chmod -R u+w '%s'", folder);
    CHECK_INT(system(command), 0);
    end();
}

static const check_test_t tests[] = {
    {"what is put comes back, once, under its hash", test_objects},
    {"adapters go in and out, other bytes are refused as adapters", test_adapters},
    {"a flipped bit, a cut, a link or a folder is an error that names the file", test_damage},
    {"names can't leave the store; a damaged name stops collection", test_names},
    {"a name, a hash or its beginning finds an object", test_resolve},
    {"names, pins and the grace period keep objects, the rest goes", test_collect},
    {"putting again begins the grace period anew", test_grace},
    {"another folder or version is refused, a half-made store is finished", test_open},
    {"a full disk is named, nothing half is visible, a download goes on later", test_full_disk},
    {"a store without write permission can be read and says why it can't be written",
     test_permission},
};

int main(void)
{
    return check_run("store", tests, CHECK_COUNT(tests));
}
