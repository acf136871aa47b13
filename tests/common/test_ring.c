/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ring.h"

#include "check.h"
#include "clock.h"

#include <pthread.h>
#include <stdint.h>

typedef struct {
    uint64_t number;
    uint64_t square;
    char padding[40];
} item_t;

static void test_order(void)
{
    ring_t *ring = ring_create(4, sizeof(item_t), NULL);
    CHECK_INT(ring_slots(ring), 4);
    for (uint64_t round = 0; round < 100; round++) {
        for (uint64_t i = 0; i < 3; i++) {
            item_t item = {.number = round * 3 + i};
            CU_ASSERT(ring_push(ring, &item));
        }
        CHECK_INT(ring_fill(ring), 3);
        for (uint64_t i = 0; i < 3; i++) {
            item_t item;
            CU_ASSERT(ring_pop(ring, &item));
            CHECK_INT(item.number, round * 3 + i);
        }
        CU_ASSERT_PTR_NULL(ring_peek(ring));
    }
    CHECK_INT(ring_dropped(ring), 0);
    ring_destroy(ring);
}

static void test_full(void)
{
    ring_t *ring = ring_create(3, sizeof(int), NULL); /* rounded up to 4 */
    int i = 0;
    while (ring_push(ring, &i)) {
        i++;
    }
    CHECK_INT(i, 4);
    CHECK_INT(ring_dropped(ring), 1);
    CU_ASSERT_PTR_NULL(ring_acquire(ring));
    CHECK_INT(ring_dropped(ring), 2);
    ring_release(ring);
    CU_ASSERT(ring_push(ring, &i));
    for (int expected = 1; expected <= 4; expected++) {
        int value;
        CU_ASSERT(ring_pop(ring, &value));
        CHECK_INT(value, expected);
    }
    ring_destroy(ring);
}

static void test_slots_in_place(void)
{
    ring_t *ring = ring_create(2, 100, NULL);
    char *slot = ring_acquire(ring);
    CHECK_INT((uintptr_t)slot % 64, 0);
    CU_ASSERT_PTR_EQUAL(ring_acquire(ring), slot);
    memset(slot, 7, 100);
    CU_ASSERT_PTR_NULL(ring_peek(ring));
    ring_commit(ring);
    CU_ASSERT_PTR_EQUAL(ring_peek(ring), slot);
    CU_ASSERT_PTR_NOT_EQUAL(ring_acquire(ring), slot);
    ring_destroy(ring);
}

static void test_timeouts(void)
{
    ring_t *ring = ring_create(1, sizeof(int), NULL);
    uint64_t start = clock_now_ns();
    CHECK_INT(ring_wait_items(ring, 0.02), 0);
    CHECK_AT_LEAST((double)(clock_now_ns() - start) * 1e-9, 0.02);
    CHECK_INT(ring_wait_space(ring, 0), 1);
    int value = 5;
    ring_push(ring, &value);
    CHECK_INT(ring_wait_items(ring, 0), 1);
    CHECK_INT(ring_wait_space(ring, 0.01), 0);
    ring_destroy(ring);
}

static void test_close_drains(void)
{
    ring_t *ring = ring_create(4, sizeof(int), NULL);
    int value = 1;
    ring_push(ring, &value);
    ring_close(ring);
    CU_ASSERT(ring_closed(ring));
    CU_ASSERT_FALSE(ring_push(ring, &value));
    CHECK_INT(ring_dropped(ring), 0);
    CHECK_INT(ring_wait_space(ring, -1), -1);
    CHECK_INT(ring_wait_items(ring, -1), 1);
    ring_release(ring);
    CHECK_INT(ring_wait_items(ring, -1), -1);
    ring_destroy(ring);
}

static void test_bad_sizes(void)
{
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(ring_create(0, 4, &err));
    CHECK_INT(err.code, ERR_ARGUMENT);
    CU_ASSERT_PTR_NULL(ring_create(4, 0, &err));
    CU_ASSERT_PTR_NULL(ring_create((size_t)1 << 40, 4, &err));
}

/* ---- two threads ---- */

typedef struct {
    ring_t *ring;
    uint64_t count, sent, received, wrong;
    int waits;
} traffic_t;

static void *produce(void *context)
{
    traffic_t *t = context;
    for (uint64_t i = 0; i < t->count; i++) {
        if (t->waits) {
            ring_wait_space(t->ring, -1);
        }
        item_t *item = ring_acquire(t->ring);
        if (item != NULL) {
            item->number = i;
            item->square = i * i;
            ring_commit(t->ring);
            t->sent++;
        }
    }
    ring_close(t->ring);
    return NULL;
}

static void *consume(void *context)
{
    traffic_t *t = context;
    uint64_t last = 0;
    while (ring_wait_items(t->ring, -1) == 1) {
        const item_t *item;
        while ((item = ring_peek(t->ring)) != NULL) {
            bool ordered = t->received == 0 || item->number > last;
            bool gapless = !t->waits || item->number == t->received;
            t->wrong += item->square != item->number * item->number || !ordered || !gapless;
            last = item->number;
            t->received++;
            ring_release(t->ring);
        }
    }
    return NULL;
}

static void run_traffic(size_t slots, uint64_t count, int waits)
{
    traffic_t t = {.ring = ring_create(slots, sizeof(item_t), NULL), .count = count, .waits = waits};
    pthread_t producer, consumer;
    pthread_create(&consumer, NULL, consume, &t);
    pthread_create(&producer, NULL, produce, &t);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    CHECK_INT(t.wrong, 0);
    CHECK_INT(t.received, t.sent);
    CHECK_INT(t.sent + ring_dropped(t.ring), count);
    if (waits) {
        CHECK_INT(t.sent, count);
    }
    ring_destroy(t.ring);
}

static void test_threads_wait(void)
{
    run_traffic(1, 20000, 1);
    run_traffic(8, 200000, 1);
}

static void test_threads_drop(void)
{
    run_traffic(4, 300000, 0);
}

static void *close_later(void *context)
{
    clock_sleep_s(0.02);
    ring_close(context);
    return NULL;
}

static void test_close_wakes(void)
{
    for (int side = 0; side < 2; side++) {
        ring_t *ring = ring_create(1, sizeof(int), NULL);
        int value = 0;
        if (side == 1) {
            ring_push(ring, &value);
        }
        pthread_t closer;
        pthread_create(&closer, NULL, close_later, ring);
        CHECK_INT(side == 0 ? ring_wait_items(ring, -1) : ring_wait_space(ring, -1), -1);
        pthread_join(closer, NULL);
        ring_destroy(ring);
    }
}

static const check_test_t tests[] = {
    {"items come out in the order they went in", test_order},
    {"a full ring refuses and counts", test_full},
    {"slots are aligned, filled in place and seen only after the commit", test_slots_in_place},
    {"waits end when time runs out", test_timeouts},
    {"a closed ring refuses, and gives what is inside", test_close_drains},
    {"impossible sizes are errors", test_bad_sizes},
    {"two threads that wait lose nothing", test_threads_wait},
    {"two threads that do not wait drop whole items and count them", test_threads_drop},
    {"closing wakes a sleeper on either side", test_close_wakes},
};

int main(void)
{
    return check_run("ring", tests, CHECK_COUNT(tests));
}
