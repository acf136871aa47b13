/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/swap_rx.h"

#include "adapter/tags.h"

#include <stdlib.h>

enum { RESERVED = 1024 };

typedef struct {
    swap_pair_t pair;
    uint64_t dead_ns; /* since when no frame with it can leave; 0: it may */
    uint64_t order;   /* when it was armed last: the oldest goes first */
} held_t;

struct swap_rx {
    swap_rx_config_t config;
    uint64_t order;
    held_t held[SWAP_HELD];
    int count;
    tags_t *tags;
};

swap_rx_t *swap_rx_create(const swap_rx_config_t *config, err_t *err)
{
    if (config->session == 0 || config->held < 2 || config->held > SWAP_HELD) {
        err_set(err, ERR_ARGUMENT, "a receiver that holds %d adapters (2 to %d)", config->held,
                SWAP_HELD);
        return NULL;
    }
    swap_rx_t *rx = calloc(1, sizeof *rx);
    if (rx == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a receiver's adapters");
        return NULL;
    }
    rx->config = *config;
    rx->tags = tags_create(RESERVED, 2 * config->linger_ns, err);
    if (rx->tags == NULL) {
        free(rx);
        return NULL;
    }
    return rx;
}

void swap_rx_destroy(swap_rx_t *rx)
{
    if (rx != NULL) {
        tags_destroy(rx->tags);
        free(rx);
    }
}

static held_t *held_of(swap_rx_t *rx, const digest_t *id)
{
    for (int i = 0; i < rx->count; i++) {
        if (digest_equal(&rx->held[i].pair.id, id)) {
            return &rx->held[i];
        }
    }
    return NULL;
}

/* What the transmitter does not name can't leave it any more, and the other way round. */
static void note_live(swap_rx_t *rx, const swap_list_t *live, uint64_t now_ns)
{
    for (int i = 0; i < rx->count; i++) {
        held_t *held = &rx->held[i];
        const digest_t *id = swap_list_find(live, held->pair.tag);
        if (id != NULL && digest_equal(id, &held->pair.id)) {
            held->dead_ns = 0;
        } else if (held->dead_ns == 0) {
            held->dead_ns = now_ns > 0 ? now_ns : 1;
        }
    }
}

/* A free place, or the one of the adapter that has been dead long enough and is oldest. */
static held_t *make_room(swap_rx_t *rx, uint64_t now_ns, swap_pair_t *dropped)
{
    if (rx->count < rx->config.held) {
        return &rx->held[rx->count++];
    }
    held_t *oldest = NULL;
    for (int i = 0; i < rx->count; i++) {
        held_t *held = &rx->held[i];
        const bool gone = held->dead_ns != 0 && now_ns - held->dead_ns >= rx->config.linger_ns;
        if (gone && (oldest == NULL || held->order < oldest->order)) {
            oldest = held;
        }
    }
    if (oldest != NULL) {
        *dropped = oldest->pair;
        (void)tags_release(rx->tags, &oldest->pair.id, now_ns, NULL);
    }
    return oldest;
}

static bool room(const swap_rx_t *rx, uint64_t now_ns)
{
    if (rx->count < rx->config.held) {
        return true;
    }
    for (int i = 0; i < rx->count; i++) {
        const held_t *held = &rx->held[i];
        if (held->dead_ns != 0 && now_ns - held->dead_ns >= rx->config.linger_ns) {
            return true;
        }
    }
    return false;
}

swap_code_t swap_rx_arm(swap_rx_t *rx, const swap_arm_t *arm, bool staged, uint64_t now_ns,
                        swap_pair_t *dropped)
{
    dropped->tag = 0;
    if (arm->session != rx->config.session) {
        return SWAP_SESSION;
    }
    held_t *held = held_of(rx, &arm->id);
    if (arm->order == rx->order && held != NULL && held->order == arm->order &&
        held->pair.tag == arm->tag) {
        return SWAP_OK;
    }
    if (arm->order <= rx->order) {
        return SWAP_STALE;
    }
    if (!staged || arm->tag == 0) {
        return SWAP_NOT_STAGED;
    }
    /* Even a refused arm tells what is dead: the transmitter has moved its fence already. */
    rx->order = arm->order;
    note_live(rx, &arm->live, now_ns);
    if (held == NULL && !room(rx, now_ns)) {
        return SWAP_FULL;
    }
    if (tags_hold(rx->tags, &arm->id, arm->tag, now_ns, NULL) != 0) {
        return SWAP_TAG;
    }
    if (held == NULL) {
        held = make_room(rx, now_ns, dropped);
        held->pair = (swap_pair_t){arm->tag, arm->id};
    }
    held->dead_ns = 0;
    held->order = arm->order;
    return SWAP_OK;
}

const digest_t *swap_rx_find(const swap_rx_t *rx, uint16_t tag)
{
    for (int i = 0; i < rx->count; i++) {
        if (rx->held[i].pair.tag == tag) {
            return &rx->held[i].pair.id;
        }
    }
    return NULL;
}

void swap_rx_state(const swap_rx_t *rx, swap_state_t *state)
{
    *state = (swap_state_t){.session = rx->config.session, .order = rx->order};
    for (int i = 0; i < rx->count; i++) {
        state->held.pair[state->held.count++] = rx->held[i].pair;
    }
}
