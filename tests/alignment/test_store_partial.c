/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Downloads that stop anywhere, and processes that die anywhere. */
#include "alignment/adapters.h"
#include "clock.h"
#include "store/store.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static char folder[64];
static store_t *store;

static void begin(void)
{
    err_t err = ERR_INIT;
    snprintf(folder, sizeof folder, "/tmp/semradio_partial_XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    store = store_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
}

static void end(void)
{
    store_close(store);
    adapters_remove_folder(folder);
}

static void fill(uint8_t *bytes, size_t size, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 3);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)rng_bits(&rng);
    }
}

/* A transfer cut at every byte, closed, opened and resumed from the offset that it tells. */
static void test_every_cut(void)
{
    enum { SIZE = 80 };
    uint8_t bytes[SIZE];
    begin();
    for (size_t cut = 0; cut <= SIZE; cut++) {
        err_t err = ERR_INIT;
        fill(bytes, SIZE, cut);
        digest_t id = digest_of(bytes, SIZE);
        store_partial_t *partial = store_partial_open(store, &id, SIZE, &err);
        CHECK_INT(store_partial_write(partial, 0, bytes, cut, &err), 0);
        store_partial_close(partial);
        CU_ASSERT(!store_has(store, &id));
        store_partial_info_t *list = NULL;
        int count = 0;
        CHECK_INT(store_partials(store, &list, &count, &err), 0);
        CHECK_INT(count, 1);
        CHECK_INT(list[0].offset, cut);
        CHECK_INT(list[0].size, SIZE);
        CU_ASSERT(digest_equal(&list[0].id, &id));
        free(list);
        store_close(store); /* as after a restart */
        store = store_open(folder, &err);
        partial = store_partial_open(store, &id, SIZE, &err);
        CHECK_INT(store_partial_offset(partial), cut);
        CHECK_INT(store_partial_write(partial, cut, bytes + cut, SIZE - cut, &err), 0);
        CHECK_INT(store_partial_finish(partial, &err), 0);
        uint8_t *back = NULL;
        size_t size = 0;
        CHECK_INT(store_load(store, &id, &back, &size, &err), 0);
        CU_ASSERT(size == SIZE && memcmp(back, bytes, SIZE) == 0);
        free(back);
        CHECK_INT(store_partials(store, &list, &count, &err), 0);
        CHECK_INT(count, 0);
    }
    end();
}

static void test_chunks(void)
{
    enum { SIZE = 5000 };
    static uint8_t bytes[SIZE];
    begin();
    rng_t rng;
    rng_seed(&rng, 90, 0);
    for (uint64_t turn = 0; turn < 20; turn++) {
        err_t err = ERR_INIT;
        fill(bytes, SIZE, 1000 + turn);
        digest_t id = digest_of(bytes, SIZE);
        store_partial_t *partial = store_partial_open(store, &id, SIZE, &err);
        while (store_partial_offset(partial) <
               SIZE) { /* chunks that repeat, overlap, leave holes */
            uint64_t here = store_partial_offset(partial), at = rng_below(&rng, SIZE);
            size_t count = rng_below(&rng, SIZE - (uint32_t)at + 1);
            err_t reason = ERR_INIT;
            int code = store_partial_write(partial, at, bytes + at, count, &reason);
            CHECK_INT(code, at > here ? -1 : 0);
            if (at > here) {
                char text[40];
                snprintf(text, sizeof text, "resume at %llu", (unsigned long long)here);
                CHECK_ERROR_NAMES(&reason, text);
            }
        }
        CHECK_INT(store_partial_write(partial, SIZE - 1, bytes, 2, &err), -1);
        CHECK_ERROR_NAMES(&err, "past its end");
        CHECK_INT(store_partial_write(partial, 0, bytes, (size_t)-1, &err), -1);
        CHECK_INT(store_partial_finish(partial, &err), 0);
    }
    CHECK_INT(store_verify(store, NULL, NULL), 0);
    end();
}

static void test_wrong(void)
{
    begin();
    err_t err = ERR_INIT;
    digest_t id = digest_of("right", 5);
    store_partial_t *partial = store_partial_open(store, &id, 5, &err);
    CHECK_INT(store_partial_write(partial, 0, "wrong", 5, &err), 0);
    CU_ASSERT_PTR_NULL(store_partial_open(store, &id, 5, &err)); /* one receiver at a time */
    CHECK_INT(err.code, ERR_STATE);
    CHECK_ERROR_NAMES(&err, "somebody else");
    CHECK_INT(store_partial_finish(partial, &err), -1);
    CHECK_INT(err.code, ERR_FORMAT);
    CHECK_ERROR_NAMES(&err, "hash");
    CU_ASSERT(!store_has(store, &id));
    partial = store_partial_open(store, &id, 5, &err);
    CHECK_INT(store_partial_offset(partial), 0); /* anew */
    CHECK_INT(store_partial_write(partial, 0, "rig", 3, &err), 0);
    CHECK_INT(store_partial_finish(partial, &err), -1);
    CHECK_ERROR_NAMES(&err, "only 3");
    partial = store_partial_open(store, &id, 5, &err);
    CHECK_INT(store_partial_offset(partial), 3);
    store_partial_discard(partial);
    partial = store_partial_open(store, &id, 5, &err);
    CHECK_INT(store_partial_offset(partial), 0);
    CHECK_INT(store_partial_write(partial, 0, "right", 5, &err), 0);
    CHECK_INT(store_partial_finish(partial, &err), 0);
    partial = store_partial_open(store, &id, 5, &err); /* it is here already */
    CHECK_INT(store_partial_offset(partial), 5);
    CHECK_INT(store_partial_finish(partial, &err), 0);
    CU_ASSERT_PTR_NULL(store_partial_open(store, &id, 0, &err));
    CU_ASSERT_PTR_NULL(store_partial_open(store, &id, 1ull << 40, &err));
    end();
}

/* ---- killed --------------------------------------------------------------- */

enum { BLOB = 20000, BLOBS = 6 };

static size_t blob(uint8_t *bytes, int index)
{
    size_t size = BLOB / (size_t)(1 + index);
    fill(bytes, size, (uint64_t)(500 + index));
    return size;
}

/* Does everything at once until somebody kills it. */
static void live(uint64_t seed)
{
    static uint8_t bytes[BLOB];
    rng_t rng;
    store_collected_t collected;
    rng_seed(&rng, seed, 1);
    store_t *mine = store_open(folder, NULL);
    for (;;) {
        digest_t id;
        char name[16];
        int index = (int)rng_below(&rng, BLOBS);
        size_t size = blob(bytes, index);
        id = digest_of(bytes, size);
        snprintf(name, sizeof name, "name%d", index);
        switch (rng_below(&rng, 6)) {
        case 0:
            store_put(mine, bytes, size, &id, NULL);
            break;
        case 1:
            store_set_name(mine, name, &id, NULL);
            break;
        case 2:
            store_remove_name(mine, name, NULL);
            break;
        case 3:
            store_collect(mine, 0.0, &collected, NULL);
            break;
        case 4:
            store_pin(mine, &id, NULL);
            store_unpin(mine, &id, NULL);
            break;
        default: {
            store_partial_t *partial = store_partial_open(mine, &id, size, NULL);
            uint64_t at = partial ? store_partial_offset(partial) : 0;
            while (partial && at < size) {
                size_t step = size - at < 700 ? size - at : 700;
                store_partial_write(partial, at, bytes + at, step, NULL);
                at = store_partial_offset(partial);
            }
            if (partial) {
                store_partial_finish(partial, NULL);
            }
        }
        }
    }
}

static pid_t start(uint64_t seed)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        live(seed);
        _exit(0);
    }
    return child;
}

/* What must be true of a store at any instant. */
static void check_store(void)
{
    err_t err = ERR_INIT;
    store_name_t *names = NULL;
    int count = 0;
    if (store_verify(store, NULL, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL("a torn object is visible");
    }
    CHECK_INT(store_names(store, &names, &count, &err), 0);
    for (int i = 0; i < count; i++) {
        if (!store_has(store, &names[i].id)) {
            CU_FAIL("a name means an object that is gone");
        }
    }
    free(names);
}

static void test_killed(void)
{
    static uint8_t bytes[BLOB];
    begin();
    rng_t rng;
    rng_seed(&rng, 91, 0);
    uint64_t until = clock_now_ns() + 3000000000ull;
    int rounds = 0, leftovers = 0;
    while (clock_now_ns() < until || rounds < 20) {
        pid_t child[2] = {start(rng_bits(&rng)), start(rng_bits(&rng))};
        for (int i = 0; i < 2; i++) {
            clock_sleep_s(0.002 + 0.02 * (double)rng_uniform(&rng));
            kill(child[i], SIGKILL);
        }
        for (int i = 0; i < 2; i++) {
            CHECK_INT(waitpid(child[i], NULL, 0), child[i]);
        }
        check_store();
        store_collected_t collected;
        err_t err = ERR_INIT;
        CHECK_INT(store_collect(store, 1e6, &collected, &err), 0); /* no lock survives its holder */
        leftovers += collected.temporaries;
        rounds++;
    }
    printf("(%d rounds, %d torn files collected) ", rounds, leftovers);
    /* every download can be resumed, whatever was left of it */
    for (int i = 0; i < BLOBS; i++) {
        err_t err = ERR_INIT;
        size_t size = blob(bytes, i);
        digest_t id = digest_of(bytes, size);
        store_partial_t *partial = store_partial_open(store, &id, size, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(partial);
        uint64_t at = store_partial_offset(partial);
        CHECK_INT(store_partial_write(partial, at, bytes + at, size - at, &err), 0);
        CHECK_INT(store_partial_finish(partial, &err), 0);
    }
    check_store();
    end();
}

static const check_test_t tests[] = {
    {"a transfer cut at any byte resumes and verifies", test_every_cut},
    {"chunks may repeat and overlap, never leave a hole or pass the end", test_chunks},
    {"a wrong hash is refused, a short one waits, two receivers exclude each other", test_wrong},
    {"two processes killed at random leave no torn object, no dangling name, no lock", test_killed},
};

int main(void)
{
    return check_run("store partials", tests, CHECK_COUNT(tests));
}
