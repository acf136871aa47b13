/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Another channel while the air runs.  Who asks makes all links and front ends anew, with all that
 * takes time and may fail; the hub's thread only exchanges them between two blocks and hands the
 * old ones back.
 */
#include "air/hub_slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hub_change {
    air_config_t channel;
    air_t *link[SEGMENT_SLOTS][SEGMENT_SLOTS]; /* [to][from] */
    front_end_t front[SEGMENT_SLOTS];
    hub_change_t *next; /* of those handed back */
};

static void free_change(hub_change_t *change)
{
    while (change != NULL) {
        hub_change_t *next = change->next;
        for (int i = 0; i < SEGMENT_SLOTS * SEGMENT_SLOTS; i++) {
            air_destroy(change->link[i / SEGMENT_SLOTS][i % SEGMENT_SLOTS]);
        }
        free(change);
        change = next;
    }
}

static hub_change_t *make_change(const air_config_t *channel, err_t *err)
{
    const size_t size = (sizeof(hub_change_t) + 63) / 64 * 64;
    hub_change_t *change = aligned_alloc(64, size);
    if (change == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a channel");
        return NULL;
    }
    memset(change, 0, size);
    change->channel = *channel;
    const air_config_t links = air_config_without_front_end(channel);
    for (int to = 0; to < SEGMENT_SLOTS; to++) {
        for (int from = 0; from < SEGMENT_SLOTS; from++) {
            air_t *link = from != to ? air_create(&links, err) : NULL;
            if (from != to && link == NULL) {
                free_change(change);
                return NULL;
            }
            if (link != NULL) {
                air_reset(link, hub_pair_seed(channel, from, to));
            }
            change->link[to][from] = link;
        }
        front_end_init(&change->front[to], channel);
        hub_seed_front(&change->front[to], channel, to);
    }
    return change;
}

/* But for what the shared memory carries. */
static bool same_but_levels(const air_config_t *a, const air_config_t *b)
{
    air_config_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    left.snr_db = right.snr_db = 0.0;
    left.cfo_hz = right.cfo_hz = 0.0;
    left.path = right.path = NULL;
    return memcmp(&left, &right, sizeof left) == 0 && strcmp(a->path, b->path) == 0;
}

static int check(const hub_t *hub, const air_config_t *channel, err_t *err)
{
    if (channel->sample_rate_hz != hub->config.channel.sample_rate_hz) {
        return err_set(err, ERR_ARGUMENT, "the sample rate of an air cannot change while it runs");
    }
    air_t *air = air_create(channel, err); /* all its checks, with the true SNR */
    air_destroy(air);
    return air != NULL ? 0 : -1;
}

void hub_remember(hub_t *hub, const air_config_t *channel)
{
    memcpy(&hub->asked, channel, sizeof hub->asked);
    snprintf(hub->asked_path, sizeof hub->asked_path, "%s", channel->path);
    hub->asked.path = hub->asked_path;
}

int hub_change(hub_t *hub, const air_config_t *channel, err_t *err)
{
    if (strlen(channel->path) >= sizeof hub->asked_path) {
        return err_set(err, ERR_ARGUMENT, "channel.path is longer than %zu bytes",
                       sizeof hub->asked_path - 1);
    }
    free_change(atomic_exchange(&hub->retired, NULL));
    if (!same_but_levels(&hub->asked, channel)) {
        hub_change_t *change = check(hub, channel, err) == 0 ? make_change(channel, err) : NULL;
        if (change == NULL) {
            return -1;
        }
        change->channel.path = ""; /* read already, and the caller's */
        /* One that the hub has not taken yet is ours again. */
        free_change(atomic_exchange(&hub->change, change));
    } else if (air_config_check(channel, err) != 0) {
        return -1;
    }
    hub_remember(hub, channel);
    atomic_store(&hub->segment.header->snr_bits, segment_bits(channel->snr_db));
    atomic_store(&hub->segment.header->cfo_bits, segment_bits(channel->cfo_hz));
    return 0;
}

void hub_take_change(hub_t *hub)
{
    if (atomic_load_explicit(&hub->change, memory_order_relaxed) == NULL) {
        return;
    }
    hub_change_t *change = atomic_exchange(&hub->change, NULL);
    if (change == NULL) {
        return;
    }
    for (int to = 0; to < SEGMENT_SLOTS; to++) {
        for (int from = 0; from < SEGMENT_SLOTS; from++) {
            air_t *old = hub->slot[to].link[from];
            hub->slot[to].link[from] = change->link[to][from];
            change->link[to][from] = old;
        }
        hub->slot[to].front = change->front[to];
    }
    hub->config.channel = change->channel;
    hub->snr_bits = hub->cfo_bits = ~UINT64_C(0); /* to be applied anew */
    change->next = atomic_exchange(&hub->retired, NULL);
    atomic_store(&hub->retired, change);
}

void hub_forget_changes(hub_t *hub)
{
    free_change(atomic_exchange(&hub->change, NULL));
    free_change(atomic_exchange(&hub->retired, NULL));
}
