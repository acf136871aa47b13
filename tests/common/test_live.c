/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values handed to threads that never wait. */
#include "live.h"

#include "check.h"
#include "clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { READERS = 3, WORDS = 40, PUBLISHES = 20000 };

typedef struct {
    uint64_t number[WORDS]; /* all the same */
    char tail[3];
} value_t;

static void test_newest(void)
{
    live_t *live = live_create(sizeof(value_t), 2, NULL);
    value_t value, got;
    memset(&value, 0, sizeof value);
    CU_ASSERT(!live_take(live, 0, &got));
    CHECK_INT(live_taken(live), 0);
    for (int i = 1; i <= 3; i++) {
        value.number[WORDS - 1] = (uint64_t)i;
        value.tail[2] = (char)i;
        CHECK_INT(live_publish(live, &value), i);
    }
    CU_ASSERT(live_take(live, 0, &got));
    CU_ASSERT(memcmp(&got, &value, sizeof got) == 0);
    CU_ASSERT(!live_take(live, 0, &got));
    CHECK_INT(live_taken(live), 0);
    CU_ASSERT(live_take(live, 1, &got));
    CHECK_INT(live_taken(live), 3);
    live_destroy(live);
}

typedef struct {
    live_t *live;
    int reader;
    _Atomic bool *stop;
    uint64_t torn, backwards, taken;
} reader_t;

static void *read_on(void *context)
{
    reader_t *me = context;
    value_t value;
    uint64_t last = 0;
    bool more = true;
    while (more) {
        more = !atomic_load(me->stop);
        if (!live_take(me->live, me->reader, &value)) {
            continue;
        }
        me->taken++;
        me->backwards += value.number[0] < last;
        last = value.number[0];
        for (int i = 1; i < WORDS; i++) {
            me->torn += value.number[i] != last;
        }
    }
    me->backwards += last != PUBLISHES;
    return NULL;
}

/* Three readers, one writer: whole values, never an older one after a newer, the last one at last.
 */
static void test_threads(void)
{
    live_t *live = live_create(sizeof(value_t), READERS, NULL);
    _Atomic bool stop = false;
    pthread_t threads[READERS];
    reader_t readers[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i] = (reader_t){.live = live, .reader = i, .stop = &stop};
        pthread_create(&threads[i], NULL, read_on, &readers[i]);
    }
    value_t value;
    memset(&value, 0, sizeof value);
    for (uint64_t n = 1; n <= PUBLISHES; n++) {
        for (int i = 0; i < WORDS; i++) {
            value.number[i] = n;
        }
        live_publish(live, &value);
        if (n % 64 == 0) {
            clock_sleep_s(1e-6); /* one core: let the readers in */
        }
    }
    atomic_store(&stop, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(readers[i].torn, 0);
        CHECK_INT(readers[i].backwards, 0);
        CHECK_AT_LEAST(readers[i].taken, 2);
    }
    CHECK_INT(live_taken(live), PUBLISHES);
    live_destroy(live);
}

static void test_bounds(void)
{
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(live_create(0, 1, &err));
    CU_ASSERT_PTR_NULL(live_create(1 << 20, 1, &err));
    CU_ASSERT_PTR_NULL(live_create(8, LIVE_MOST_READERS + 1, &err));
    CHECK_INT(err.code, ERR_ARGUMENT);
}

static const check_test_t tests[] = {
    {"a reader gets the newest value once, and the writer sees who has it", test_newest},
    {"threads get whole values in order, and at last the last one", test_threads},
    {"sizes and readers are bounded", test_bounds},
};

int main(void)
{
    return check_run("live", tests, CHECK_COUNT(tests));
}
