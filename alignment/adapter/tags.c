/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tags: a short table, searched from front to back; it changes only when adapters are staged. */
#include "adapter/tags.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    digest_t id;
    uint16_t tag;
    bool held; /* else reserved until `free_ns` */
    uint64_t free_ns;
} entry_t;

struct tags {
    uint64_t quarantine_ns;
    int capacity, count;
    entry_t entry[];
};

uint16_t tags_candidate(const digest_t *id, int candidate)
{
    const uint8_t *pair = &id->byte[2 * (candidate & (TAGS_CANDIDATES - 1))];
    uint16_t tag = (uint16_t)(pair[0] << 8 | pair[1]);
    return tag == 0 ? 1 : tag;
}

static int by_bytes(const void *left, const void *right)
{
    return memcmp(left, right, DIGEST_SIZE);
}

digest_t tags_set_id(const digest_t *ids, int count)
{
    if (count == 1) {
        return ids[0];
    }
    digest_t sorted[TAGS_SET_MAX];
    assert(count >= 1 && count <= TAGS_SET_MAX);
    memcpy(sorted, ids, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_bytes);
    return digest_of(sorted, (size_t)count * sizeof *sorted);
}

tags_t *tags_create(int capacity, uint64_t quarantine_ns, err_t *err)
{
    if (capacity < 1 || capacity > 4096) {
        err_set(err, ERR_ARGUMENT, "a table of %d tags; 1 .. 4096", capacity);
        return NULL;
    }
    tags_t *tags = calloc(1, sizeof *tags + (size_t)capacity * sizeof tags->entry[0]);
    if (!tags) {
        err_set(err, ERR_MEMORY, "no memory for %d tags", capacity);
        return NULL;
    }
    tags->quarantine_ns = quarantine_ns;
    tags->capacity = capacity;
    return tags;
}

void tags_destroy(tags_t *tags)
{
    free(tags);
}

static bool taken(const entry_t *entry, uint64_t now_ns)
{
    return entry->held || now_ns < entry->free_ns;
}

static entry_t *held_entry(const tags_t *tags, const digest_t *id)
{
    for (int i = 0; i < tags->count; i++) {
        if (tags->entry[i].held && digest_equal(&tags->entry[i].id, id)) {
            return (entry_t *)&tags->entry[i];
        }
    }
    return NULL;
}

/* Who else has this tag; NULL: nobody. */
static const entry_t *other_owner(const tags_t *tags, const digest_t *id, uint16_t tag,
                                  uint64_t now_ns)
{
    for (int i = 0; i < tags->count; i++) {
        const entry_t *entry = &tags->entry[i];
        if (entry->tag == tag && taken(entry, now_ns) && !digest_equal(&entry->id, id)) {
            return entry;
        }
    }
    return NULL;
}

static bool is_candidate(const digest_t *id, uint16_t tag)
{
    for (int i = 0; i < TAGS_CANDIDATES; i++) {
        if (tags_candidate(id, i) == tag) {
            return true;
        }
    }
    return false;
}

/* A slot for (id, tag): its own reservation, else one whose time is over, else a new one. */
static entry_t *slot(tags_t *tags, const digest_t *id, uint16_t tag, uint64_t now_ns)
{
    for (int i = 0; i < tags->count; i++) {
        entry_t *entry = &tags->entry[i];
        if (!entry->held && entry->tag == tag && digest_equal(&entry->id, id)) {
            return entry;
        }
    }
    for (int i = 0; i < tags->count; i++) {
        if (!taken(&tags->entry[i], now_ns)) {
            return &tags->entry[i];
        }
    }
    return tags->count < tags->capacity ? &tags->entry[tags->count++] : NULL;
}

int tags_hold(tags_t *tags, const digest_t *id, uint16_t tag, uint64_t now_ns, err_t *err)
{
    char mine[DIGEST_TEXT], theirs[DIGEST_TEXT];
    digest_text(id, mine);
    if (!is_candidate(id, tag)) {
        return err_set(err, ERR_ARGUMENT, "tag %u is not one of adapter %s", tag, mine);
    }
    const entry_t *held = held_entry(tags, id);
    if (held) {
        return held->tag == tag ? 0
                                : err_set(err, ERR_STATE, "adapter %s is held as tag %u, not %u",
                                          mine, held->tag, tag);
    }
    const entry_t *other = other_owner(tags, id, tag, now_ns);
    if (other) {
        return err_set(err, ERR_STATE, "tag %u of adapter %s %s adapter %s: take another candidate",
                       tag, mine, other->held ? "belongs to" : "is reserved for frames of",
                       digest_text(&other->id, theirs));
    }
    entry_t *entry = slot(tags, id, tag, now_ns);
    if (!entry) {
        return err_set(err, ERR_STATE, "no room for adapter %s: %d tags are held or reserved", mine,
                       tags->capacity);
    }
    *entry = (entry_t){*id, tag, true, 0};
    return 0;
}

int tags_release(tags_t *tags, const digest_t *id, uint64_t now_ns, err_t *err)
{
    entry_t *entry = held_entry(tags, id);
    if (!entry) {
        char mine[DIGEST_TEXT];
        return err_set(err, ERR_ARGUMENT, "adapter %s holds no tag", digest_text(id, mine));
    }
    entry->held = false;
    entry->free_ns = now_ns + tags->quarantine_ns;
    return 0;
}

uint16_t tags_choose(const tags_t *tags, const digest_t *id, uint64_t now_ns)
{
    const entry_t *held = held_entry(tags, id);
    for (int i = 0; i < TAGS_CANDIDATES && !held; i++) {
        uint16_t tag = tags_candidate(id, i);
        if (!other_owner(tags, id, tag, now_ns)) {
            return tag;
        }
    }
    return held ? held->tag : 0;
}

const digest_t *tags_find(const tags_t *tags, uint16_t tag)
{
    for (int i = 0; i < tags->count; i++) {
        if (tags->entry[i].held && tags->entry[i].tag == tag) {
            return &tags->entry[i].id;
        }
    }
    return NULL;
}
