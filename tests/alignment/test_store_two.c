/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One store, several threads and processes at once, with a collector that spares nothing. */
#include "alignment/adapters.h"
#include "clock.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { WORKERS = 3, STEPS = 30 };

static char folder[64];

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/semradio_two_XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

/*
 * Puts objects and names them.  A name that could be set keeps its object for good, however often
 * the others collect; one that could not (collected in between) is said, and putting again helps.
 * Returns broken promises.
 */
static int work(store_t *store, int worker)
{
    rng_t rng;
    int broken = 0;
    rng_seed(&rng, 92, (uint64_t)worker);
    for (int step = 0; step < STEPS; step++) {
        char text[64], name[32];
        err_t err = ERR_INIT;
        digest_t id, found;
        store_collected_t collected;
        snprintf(text, sizeof text, "object %d", (int)rng_below(&rng, 12)); /* shared by all */
        snprintf(name, sizeof name, "worker%d.%d", worker, (int)rng_below(&rng, 4));
        int set;
        do {
            err = (err_t)ERR_INIT;
            broken += store_put(store, text, strlen(text), &id, &err) < 0;
            set = store_set_name(store, name, &id, &err);
        } while (set < 0 && err.code == ERR_ARGUMENT);
        broken += set < 0;
        broken += store_collect(store, 0.0, &collected, &err) < 0;
        uint8_t *bytes = NULL;
        size_t size = 0;
        broken += store_find_name(store, name, &found, &err) < 0 || !digest_equal(&found, &id);
        broken += store_load(store, &id, &bytes, &size, &err) < 0;
        free(bytes);
        if (rng_below(&rng, 4) == 0) {
            broken += store_remove_name(store, name, &err) < 0;
        }
        if (err.code != ERR_NONE) {
            fprintf(stderr, "worker %d: %s\n", worker, err.text);
        }
    }
    return broken;
}

static store_t *shared;
static _Atomic int broken_threads;

static void *thread_main(void *argument)
{
    broken_threads += work(shared, (int)(intptr_t)argument);
    return NULL;
}

static void test_threads(void)
{
    begin();
    err_t err = ERR_INIT;
    pthread_t thread[WORKERS];
    shared = store_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shared);
    for (intptr_t i = 0; i < WORKERS; i++) {
        CHECK_INT(pthread_create(&thread[i], NULL, thread_main, (void *)i), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(thread[i], NULL);
    }
    CHECK_INT(broken_threads, 0);
    CHECK_INT(store_verify(shared, NULL, &err), 0);
    store_close(shared);
    adapters_remove_folder(folder);
}

/* All open, and so make, the same store at the same instant. */
static void test_processes(void)
{
    begin();
    pid_t child[WORKERS];
    uint64_t together = clock_now_ns() + 50000000ull;
    fflush(NULL);
    for (int i = 0; i < WORKERS; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            err_t err = ERR_INIT;
            clock_sleep_until_ns(together);
            store_t *store = store_open(folder, &err);
            if (!store) {
                fprintf(stderr, "%s\n", err.text);
                _exit(99);
            }
            int broken = work(store, i);
            store_close(store);
            _exit(broken > 98 ? 98 : broken);
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        int status = 0;
        waitpid(child[i], &status, 0);
        CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
    }
    adapters_remove_folder(folder);
}

static const check_test_t tests[] = {
    {"processes: a name that could be set keeps its object from every collector", test_processes},
    {"threads: the same", test_threads},
};

int main(void)
{
    return check_run("store, shared", tests, CHECK_COUNT(tests));
}
