/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A sequence lock without fences: the count is odd while a publish is under way.  The words are
 * stored with release and loaded with acquire, so a reader that saw a new word also sees, when it
 * looks at the count again, that a publish had begun (H. Boehm, "Can seqlocks get along with
 * programming language memory models?", MSPC 2012).
 */
#include "live.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 8, MOST_BYTES = 4096 };

struct live {
    size_t size, words;
    int readers;
    _Atomic uint64_t count; /* 2 n: n publishes; odd: one is under way */
    _Atomic uint64_t taken[LIVE_MOST_READERS];
    _Atomic uint64_t word[];
};

live_t *live_create(size_t size, int readers, err_t *err)
{
    if (size < 1 || size > MOST_BYTES || readers < 0 || readers > LIVE_MOST_READERS) {
        err_set(err, ERR_ARGUMENT, "a live value of %zu bytes for %d readers", size, readers);
        return NULL;
    }
    const size_t words = (size + 7) / 8;
    live_t *live = calloc(1, sizeof *live + words * sizeof live->word[0]);
    if (live == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a live value of %zu bytes", size);
        return NULL;
    }
    live->size = size;
    live->words = words;
    live->readers = readers;
    return live;
}

void live_destroy(live_t *live)
{
    free(live);
}

uint64_t live_publish(live_t *live, const void *value)
{
    const uint64_t count = atomic_load_explicit(&live->count, memory_order_relaxed);
    atomic_store_explicit(&live->count, count + 1, memory_order_release);
    const uint8_t *from = value;
    for (size_t i = 0; i < live->words; i++) {
        uint64_t word = 0;
        const size_t left = live->size - 8 * i;
        memcpy(&word, from + 8 * i, left < 8 ? left : 8);
        atomic_store_explicit(&live->word[i], word, memory_order_release);
    }
    atomic_store_explicit(&live->count, count + 2, memory_order_release);
    return (count + 2) / 2;
}

static bool copy(live_t *live, uint64_t count, uint8_t *to)
{
    for (size_t i = 0; i < live->words; i++) {
        const uint64_t word = atomic_load_explicit(&live->word[i], memory_order_acquire);
        const size_t left = live->size - 8 * i;
        memcpy(to + 8 * i, &word, left < 8 ? left : 8);
    }
    return atomic_load_explicit(&live->count, memory_order_acquire) == count;
}

bool live_take(live_t *live, int reader, void *value)
{
    const uint64_t had = atomic_load_explicit(&live->taken[reader], memory_order_relaxed);
    if (atomic_load_explicit(&live->count, memory_order_acquire) / 2 == had) {
        return false; /* the usual case costs one load */
    }
    uint8_t whole[MOST_BYTES]; /* half a value must not reach the reader */
    for (int i = 0; i < TRIES; i++) {
        const uint64_t count = atomic_load_explicit(&live->count, memory_order_acquire);
        if (count % 2 == 0 && count / 2 != had && copy(live, count, whole)) {
            memcpy(value, whole, live->size);
            atomic_store_explicit(&live->taken[reader], count / 2, memory_order_release);
            return true;
        }
    }
    return false;
}

uint64_t live_published(const live_t *live)
{
    return atomic_load_explicit(&live->count, memory_order_acquire) / 2;
}

uint64_t live_taken(const live_t *live)
{
    uint64_t oldest = UINT64_MAX;
    for (int i = 0; i < live->readers; i++) {
        const uint64_t taken = atomic_load_explicit(&live->taken[i], memory_order_acquire);
        oldest = taken < oldest ? taken : oldest;
    }
    return live->readers > 0 ? oldest : live_published(live);
}
