/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/swap_tx.h"

#include "adapter/tags.h"

#include <stdlib.h>

enum { RESERVED = 1024 };

typedef struct {
    swap_pair_t pair;
    uint64_t unsent; /* frames stamped with it that have not left */
} used_t;

struct swap_tx {
    swap_tx_config_t config;
    uint64_t start_ns, order;
    swap_pair_t current, prepared; /* tag 0: none */
    uint64_t rx_session, lease_end_ns;
    swap_fall_t fell;
    used_t used[SWAP_HELD];
    int count;
    tags_t *tags;
};

swap_tx_t *swap_tx_create(const swap_tx_config_t *config, uint64_t now_ns, err_t *err)
{
    if (config->session == 0) {
        err_set(err, ERR_ARGUMENT, "a transmitter without a session");
        return NULL;
    }
    swap_tx_t *tx = calloc(1, sizeof *tx);
    if (tx == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a transmitter's adapters");
        return NULL;
    }
    tx->config = *config;
    tx->start_ns = now_ns;
    tx->tags = tags_create(RESERVED, 2 * config->linger_ns, err);
    if (tx->tags == NULL) {
        free(tx);
        return NULL;
    }
    return tx;
}

void swap_tx_destroy(swap_tx_t *tx)
{
    if (tx != NULL) {
        tags_destroy(tx->tags);
        free(tx);
    }
}

static used_t *used_of(swap_tx_t *tx, uint16_t tag)
{
    for (int i = 0; i < tx->count; i++) {
        if (tx->used[i].pair.tag == tag) {
            return &tx->used[i];
        }
    }
    return NULL;
}

/* Tags that no frame carries and nobody is about to use go into quarantine. */
static void tidy(swap_tx_t *tx, uint64_t now_ns)
{
    for (int i = 0; i < tx->count;) {
        const used_t *used = &tx->used[i];
        const uint16_t tag = used->pair.tag;
        if (used->unsent == 0 && tag != tx->current.tag && tag != tx->prepared.tag) {
            (void)tags_release(tx->tags, &used->pair.id, now_ns, NULL);
            tx->used[i] = tx->used[--tx->count];
        } else {
            i++;
        }
    }
}

/* The receiver's tag for the hash, or a candidate that is free at both ends; 0: none. */
static uint16_t choose(const swap_tx_t *tx, const digest_t *id, const swap_list_t *rx_held,
                       uint64_t now_ns)
{
    const uint16_t mine = tags_choose(tx->tags, id, now_ns);
    const uint16_t theirs = swap_list_tag(rx_held, id);
    if (theirs != 0) {
        return theirs;
    }
    const digest_t *owner = swap_list_find(rx_held, mine);
    if (mine != 0 && (owner == NULL || digest_equal(owner, id))) {
        return mine;
    }
    for (int i = 0; i < TAGS_CANDIDATES; i++) {
        const uint16_t tag = tags_candidate(id, i);
        if (swap_list_find(rx_held, tag) == NULL && tags_find(tx->tags, tag) == NULL) {
            return tag;
        }
    }
    return 0;
}

static void list_live(const swap_tx_t *tx, swap_list_t *live)
{
    live->count = 0;
    for (int i = 0; i < tx->count; i++) {
        if (tx->used[i].unsent > 0 || tx->used[i].pair.tag == tx->current.tag) {
            live->pair[live->count++] = tx->used[i].pair;
        }
    }
}

swap_code_t swap_tx_prepare(swap_tx_t *tx, const swap_prepare_t *prepare, uint64_t now_ns,
                            swap_prepared_t *prepared)
{
    if (prepare->session != tx->config.session) {
        return SWAP_SESSION;
    }
    if (prepare->order < tx->order) {
        return SWAP_STALE;
    }
    if (now_ns - tx->start_ns < tx->config.linger_ns) {
        return SWAP_SETTLING;
    }
    const bool again = prepare->order == tx->order && tx->prepared.tag != 0 &&
                       digest_equal(&tx->prepared.id, &prepare->id);
    if (prepare->order == tx->order && !again) {
        return SWAP_STALE;
    }
    tx->order = prepare->order; /* the fence: nothing older from here on */
    if (!again) {
        tx->prepared.tag = 0;
        tidy(tx, now_ns);
        const uint16_t tag = choose(tx, &prepare->id, &prepare->rx_held, now_ns);
        if (tag == 0 || tags_hold(tx->tags, &prepare->id, tag, now_ns, NULL) != 0) {
            return SWAP_TAG;
        }
        tx->prepared = (swap_pair_t){tag, prepare->id};
        if (used_of(tx, tag) == NULL) {
            if (tx->count == SWAP_HELD) {
                (void)tags_release(tx->tags, &prepare->id, now_ns, NULL);
                tx->prepared.tag = 0;
                return SWAP_FULL;
            }
            tx->used[tx->count++] = (used_t){.pair = tx->prepared};
        }
    }
    prepared->tag = tx->prepared.tag;
    list_live(tx, &prepared->live);
    return SWAP_OK;
}

swap_code_t swap_tx_go(swap_tx_t *tx, const swap_go_t *go, bool staged, uint64_t now_ns)
{
    if (go->session != tx->config.session) {
        return SWAP_SESSION;
    }
    if (go->order != tx->order) {
        return SWAP_STALE;
    }
    if (go->tag != 0 && tx->current.tag == go->tag && tx->prepared.tag == 0 &&
        tx->rx_session == go->rx_session) {
        return SWAP_OK; /* once more */
    }
    if (tx->prepared.tag == 0 || tx->prepared.tag != go->tag ||
        !digest_equal(&tx->prepared.id, &go->id)) {
        return SWAP_STALE;
    }
    if (!staged) {
        return SWAP_NOT_STAGED;
    }
    tx->current = tx->prepared;
    tx->prepared.tag = 0;
    tx->rx_session = go->rx_session;
    const uint64_t lease = tx->config.lease_ns;
    tx->lease_end_ns = now_ns + (go->age_ns < lease ? lease - go->age_ns : 0);
    tx->fell = SWAP_FALL_NONE;
    tidy(tx, now_ns);
    return SWAP_OK;
}

swap_code_t swap_tx_base(swap_tx_t *tx, uint64_t session, uint64_t order)
{
    if (session != tx->config.session) {
        return SWAP_SESSION;
    }
    if (order < tx->order) {
        return SWAP_STALE;
    }
    tx->order = order;
    tx->current.tag = tx->prepared.tag = 0;
    tx->fell = SWAP_FALL_NONE;
    return SWAP_OK;
}

/* The prepared one was confirmed by the receiver that is gone: it must be prepared anew. */
static void fall(swap_tx_t *tx, swap_fall_t why)
{
    tx->fell = tx->current.tag != 0 ? why : tx->fell;
    tx->current.tag = tx->prepared.tag = 0;
}

void swap_tx_beat(swap_tx_t *tx, uint64_t rx_session, uint64_t age_ns, uint64_t now_ns)
{
    if (tx->current.tag == 0) {
        return;
    }
    if (rx_session != tx->rx_session) {
        fall(tx, SWAP_FALL_RESTART);
    } else if (age_ns < tx->config.lease_ns) {
        const uint64_t end = now_ns + tx->config.lease_ns - age_ns;
        tx->lease_end_ns = end > tx->lease_end_ns ? end : tx->lease_end_ns;
    }
}

swap_fall_t swap_tx_fell(swap_tx_t *tx)
{
    const swap_fall_t fell = tx->fell;
    tx->fell = SWAP_FALL_NONE;
    return fell;
}

void swap_tx_stamp(swap_tx_t *tx, uint64_t now_ns, swap_choice_t *choice)
{
    if (tx->current.tag != 0 && now_ns >= tx->lease_end_ns) {
        fall(tx, SWAP_FALL_LEASE);
    }
    *choice = (swap_choice_t){.tag = tx->current.tag, .id = tx->current.id, .fell = tx->fell};
    tx->fell = SWAP_FALL_NONE;
    used_t *used = choice->tag != 0 ? used_of(tx, choice->tag) : NULL;
    if (used != NULL) {
        used->unsent++;
    }
}

void swap_tx_sent(swap_tx_t *tx, uint16_t tag, uint64_t now_ns)
{
    used_t *used = tag != 0 ? used_of(tx, tag) : NULL;
    if (used != NULL && used->unsent > 0) {
        used->unsent--;
        tidy(tx, now_ns);
    }
}

void swap_tx_state(const swap_tx_t *tx, swap_state_t *state)
{
    *state = (swap_state_t){.session = tx->config.session,
                            .order = tx->order,
                            .tag = tx->current.tag,
                            .id = tx->current.id,
                            .rx_session = tx->rx_session};
    list_live(tx, &state->held);
}
