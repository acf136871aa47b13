/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * member_fetch: increments on their way here.  The one who fetches paces: chunks of a 16th of the
 * increment (4 KiB ... 256 KiB, so that a death costs little), in order, written at once, so that
 * whatever dies, the next fetch goes on from the last chunk that came.
 *
 * Emulated rates: a bucket for each link, filled at R bytes a second and at most BURST deep.  A
 * chunk is asked for when the bucket holds it, which is when it would have arrived.
 */
#include "crew/member_private.h"

#include "clock.h"
#include "control/field.h"
#include "log.h"

#include <math.h>
#include <string.h>

#define PATIENCE_S 3.0 /* for one chunk */
#define BURST_NS                                                                                   \
    50000000 /* what the bucket holds at most: pauses of ours up to this cost nothing */

static const knowledge_level_t *level_of(const member_fetch_t *fetch)
{
    return &fetch->task->knowledge.level[fetch->level - 1];
}

static uint64_t chunk_of(const member_fetch_t *fetch)
{
    const uint64_t part = level_of(fetch)->size / 16;
    return part < 4096 ? 4096 : part > CONTROL_CHUNK ? CONTROL_CHUNK : part;
}

member_fetch_t *member_fetching(member_t *member, const member_task_t *task, int level)
{
    for (int i = 0; i < MEMBER_FETCHES; i++) {
        if (member->fetch[i].task == task && member->fetch[i].level == level) {
            return &member->fetch[i];
        }
    }
    return NULL;
}

/* Its requests are forgotten, what came is kept for later. */
static void let_go(member_fetch_t *fetch)
{
    for (int i = 0; i < MEMBER_WINDOW; i++) {
        if (fetch->asked[i] != 0 && fetch->source != NULL) {
            control_peer_forget(fetch->source->peer, fetch->asked[i]);
        }
        fetch->asked[i] = 0;
    }
    fetch->under_way = 0;
    fetch->due_ns = 0;
    store_partial_close(fetch->partial);
    fetch->partial = NULL;
}

void member_fetch_forget(member_fetch_t *fetch)
{
    let_go(fetch);
    memset(fetch, 0, sizeof *fetch);
}

static void fail(member_fetch_t *fetch, bool here, const err_t *error)
{
    log_warn("%s, level %d from %s: %s", fetch->task->knowledge.task, fetch->level,
             fetch->source->name, error->text);
    let_go(fetch);
    fetch->here = here;
    fetch->error = *error;
}

/* ---- sources ---- */

static member_source_t *find_source(member_t *member, const member_source_t *wanted, err_t *err)
{
    member_source_t *place = NULL;
    for (int i = 0; i < MEMBER_SOURCES; i++) {
        member_source_t *source = &member->source[i];
        if (source->peer == NULL) {
            place = place == NULL ? source : place;
        } else if (strcmp(source->endpoint, wanted->endpoint) == 0 &&
                   strcmp(source->key, wanted->key) == 0) {
            strcpy(source->name, wanted->name);
            return source;
        }
    }
    if (place == NULL) {
        err_set(err, ERR_STATE, "an agent fetches from at most %d others", MEMBER_SOURCES);
        return NULL;
    }
    *place = *wanted;
    const control_peer_config_t config = {
        wanted->endpoint, wanted->key,
        *wanted->key != 0 ? options_string(member->options, "agent.key") : ""};
    place->peer = control_peer_create(member->zmq, &config, err);
    return place->peer != NULL ? place : NULL;
}

int member_fetch(member_t *member, member_task_t *task, int level, bool keep,
                 const member_source_t *wanted, double rate, err_t *err)
{
    member_fetch_t *fetch = member_fetching(member, task, level);
    member_source_t *source = find_source(member, wanted, err);
    if (source == NULL) {
        return -1;
    }
    if (fetch != NULL && (fetch->source != source || fetch->error.code != ERR_NONE)) {
        member_fetch_forget(fetch);
        fetch = NULL;
    }
    if (fetch != NULL) { /* under way */
        fetch->keep = keep || fetch->keep;
        fetch->rate = rate;
        return 0;
    }
    fetch = member_fetching(member, NULL, 0);
    if (fetch == NULL) {
        return err_set(err, ERR_STATE, "%d increments are on their way already", MEMBER_FETCHES);
    }
    *fetch = (member_fetch_t){.member = member,
                              .task = task,
                              .level = level,
                              .keep = keep,
                              .source = source,
                              .rate = rate};
    return 0;
}

/* ---- chunks ---- */

static void finish(member_fetch_t *fetch)
{
    member_t *member = fetch->member;
    member_task_t *task = fetch->task;
    const int level = fetch->level;
    err_t err = ERR_INIT;
    store_partial_t *partial = fetch->partial;
    fetch->partial = NULL;
    if (store_partial_finish(partial, &err) != 0 ||
        (fetch->keep && knowledge_pin(member->store, &task->knowledge, level, &err) != 0)) {
        /* Another hash is the source's fault, everything else ours. */
        fail(fetch, err.code != ERR_FORMAT, &err);
        return;
    }
    task->held[level - 1] = fetch->keep ? 2 : 1;
    task->seconds[level - 1] = 1e-9 * (double)(clock_now_ns() - fetch->begun_ns);
    log_info("%s, level %d: %llu bytes from %s", task->knowledge.task, level,
             (unsigned long long)level_of(fetch)->size, fetch->source->name);
    member_fetch_forget(fetch);
}

static void on_chunk(void *context, const control_answer_t *given)
{
    member_fetch_t *fetch = context;
    const uint64_t size = level_of(fetch)->size;
    int64_t offset = 0, whole = 0;
    err_t err = given->answer->error;
    for (int i = 0; i < MEMBER_WINDOW; i++) {
        fetch->asked[i] = fetch->asked[i] == given->id ? 0 : fetch->asked[i];
    }
    fetch->under_way--;
    if (fetch->partial == NULL) {
        return;
    }
    if (!given->answer->ok ||
        field_int(given->answer->result, "offset", 0, INT64_MAX, &offset, &err) != 0 ||
        field_int(given->answer->result, "size", (int64_t)size, (int64_t)size, &whole, &err) != 0) {
        fail(fetch, false, &err);
        return;
    }
    ledger_received(fetch->member->ledger, fetch->source->name, fetch->keep, given->blob_size);
    if ((uint64_t)offset != store_partial_offset(fetch->partial) || given->blob_size == 0) {
        fetch->next = store_partial_offset(fetch->partial); /* behind a hole */
        return;
    }
    if (store_partial_write(fetch->partial, (uint64_t)offset, given->blob, given->blob_size,
                            &err) != 0) {
        fail(fetch, true, &err);
    } else if (store_partial_offset(fetch->partial) == size) {
        finish(fetch);
    }
}

static void ask(member_fetch_t *fetch, uint64_t count)
{
    char hash[DIGEST_TEXT];
    err_t err = ERR_INIT;
    int place = 0;
    while (place < MEMBER_WINDOW && fetch->asked[place] != 0) {
        place++;
    }
    json_t *args =
        json_pack("{s:s, s:I, s:I}", "hash", digest_text(&level_of(fetch)->increment, hash),
                  "offset", (json_int_t)fetch->next, "count", (json_int_t)count);
    fetch->asked[place] = control_peer_ask(fetch->source->peer, "fetch", "", args, NULL, 0,
                                           PATIENCE_S, on_chunk, fetch, &err);
    json_decref(args);
    fetch->due_ns = 0;
    if (fetch->asked[place] == 0) {
        fail(fetch, true, &err);
        return;
    }
    fetch->under_way++;
    fetch->next += count;
}

/* One emulated link carries one increment at a time. */
static bool must_wait(const member_t *member, const member_fetch_t *fetch)
{
    for (int i = 0; i < MEMBER_FETCHES && fetch->rate > 0; i++) {
        const member_fetch_t *other = &member->fetch[i];
        if (other != fetch && other->task != NULL && other->source == fetch->source &&
            other->partial != NULL) {
            return true;
        }
    }
    return false;
}

static void begin(member_fetch_t *fetch, uint64_t now)
{
    const knowledge_level_t *level = level_of(fetch);
    err_t err = ERR_INIT;
    fetch->partial = store_partial_open(fetch->member->store, &level->increment, level->size, &err);
    if (fetch->partial == NULL) {
        fail(fetch, true, &err);
        return;
    }
    fetch->next = store_partial_offset(fetch->partial);
    fetch->begun_ns = now;
    if (fetch->next == level->size) {
        finish(fetch); /* all of it came before */
    }
}

/* Asks for what may be asked for; when it may next, in seconds. */
static double step(member_fetch_t *fetch, uint64_t now)
{
    const uint64_t size = level_of(fetch)->size;
    const int window = fetch->rate > 0 ? 1 : MEMBER_WINDOW;
    while (fetch->partial != NULL && fetch->next < size && fetch->under_way < window) {
        const uint64_t left = size - fetch->next, most = chunk_of(fetch);
        const uint64_t count = left < most ? left : most;
        if (fetch->rate > 0) {
            member_source_t *source = fetch->source;
            if (fetch->due_ns == 0) {
                const uint64_t oldest = now > BURST_NS ? now - BURST_NS : 0;
                const uint64_t from = source->free_ns > oldest ? source->free_ns
                                      : source->free_ns == 0   ? now
                                                               : oldest;
                fetch->due_ns = from + (uint64_t)(1e9 * (double)count / fetch->rate) + 1;
                source->free_ns = fetch->due_ns;
            }
            if (now < fetch->due_ns) {
                return 1e-9 * (double)(fetch->due_ns - now);
            }
        }
        ask(fetch, count);
    }
    return 1.0;
}

double member_fetch_step(member_t *member)
{
    double wait_s = 1.0;
    for (int i = 0; i < MEMBER_SOURCES; i++) {
        if (member->source[i].peer != NULL) {
            wait_s = fmin(wait_s, control_peer_step(member->source[i].peer));
        }
    }
    const uint64_t now = clock_now_ns();
    for (int i = 0; i < MEMBER_FETCHES; i++) {
        member_fetch_t *fetch = &member->fetch[i];
        if (fetch->task == NULL || fetch->error.code != ERR_NONE) {
            continue;
        }
        if (fetch->partial == NULL && !must_wait(member, fetch)) {
            begin(fetch, now);
        }
        if (fetch->task != NULL && fetch->partial != NULL) {
            wait_s = fmin(wait_s, step(fetch, now));
        }
    }
    return wait_s;
}

void member_fetch_close(member_t *member)
{
    for (int i = 0; i < MEMBER_FETCHES; i++) {
        if (member->fetch[i].task != NULL) {
            member_fetch_forget(&member->fetch[i]);
        }
    }
    for (int i = 0; i < MEMBER_SOURCES; i++) {
        control_peer_destroy(member->source[i].peer);
        member->source[i].peer = NULL;
    }
}
