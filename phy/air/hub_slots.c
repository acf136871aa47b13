/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/hub_slots.h"

#include "log.h"
#include "radio/radio.h"

enum { NOISE_STREAM = 1000 };

segment_slot_t *hub_shared(hub_t *hub, int i)
{
    return &hub->segment.header->slot[i];
}

void hub_tell(hub_t *hub, int i, uint64_t kind, uint64_t timestamp, uint64_t count)
{
    segment_event_push(hub_shared(hub, i), &(segment_event_t){kind, timestamp, count});
}

static void tell_others(hub_t *hub, int about, radio_event_kind_t kind)
{
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        if (i != about && hub->slot[i].attached) {
            hub_tell(hub, i, kind, hub->now, (uint64_t)about);
        }
    }
}

uint64_t hub_pair_seed(const air_config_t *channel, int from, int to)
{
    /* The first 64 pairs as when an air had eight slots: recorded draws stay. */
    const int pair = from < 8 && to < 8 ? from * 8 + to : 64 + from * SEGMENT_SLOTS + to;
    return channel->seed + UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(1 + pair);
}

void hub_seed_front(front_end_t *front, const air_config_t *channel, int to)
{
    front_end_seed(front, channel->seed, NOISE_STREAM + (uint64_t)to);
}

static void start_links(hub_t *hub, int to)
{
    hub_slot_t *slot = &hub->slot[to];
    for (int from = 0; from < SEGMENT_SLOTS; from++) {
        if (slot->link[from] != NULL) {
            air_reset(slot->link[from], hub_pair_seed(&hub->config.channel, from, to));
        }
    }
    hub_seed_front(&slot->front, &hub->config.channel, to);
}

static void follow_tuning(hub_t *hub, int i)
{
    segment_slot_t *shared = hub_shared(hub, i);
    hub->slot[i].freq_hz = segment_value(atomic_load(&shared->freq_bits));
    hub->slot[i].tx_freq_hz = segment_value(atomic_load(&shared->tx_freq_bits));
}

static void attach(hub_t *hub, int i)
{
    hub_slot_t *slot = &hub->slot[i];
    slot->attached = true;
    slot->in_burst = false;
    slot->epoch = 0;
    slot->receiving = false;
    slot->lost = 0;
    follow_tuning(hub, i);
    for (int other = 0; other < SEGMENT_SLOTS; other++) {
        if (other != i && hub->slot[other].attached) {
            hub_tell(hub, i, RADIO_EVENT_PEER_JOINED, hub->now, (uint64_t)other);
        }
    }
    tell_others(hub, i, RADIO_EVENT_PEER_JOINED);
    log_info("radio %d joined (process %u, %.6g MHz)", i, atomic_load(&hub_shared(hub, i)->pid),
             slot->freq_hz * 1e-6);
}

static void detach(hub_t *hub, int i, bool died)
{
    hub_slot_t *slot = &hub->slot[i];
    if (slot->attached) {
        slot->attached = false;
        slot->receiving = false;
        tell_others(hub, i, died ? RADIO_EVENT_PEER_DIED : RADIO_EVENT_PEER_LEFT);
        log_info("radio %d %s", i, died ? "died: its process ended without closing" : "left");
    }
    slot->banned = false;
    atomic_store(&hub_shared(hub, i)->state, SLOT_FREE);
}

void hub_ban(hub_t *hub, int i)
{
    hub->slot[i].banned = true;
    hub->slot[i].attached = false;
    hub->slot[i].receiving = false;
    tell_others(hub, i, RADIO_EVENT_PEER_DIED);
    log_warn("radio %d: its shared memory is damaged; it is cut off until it leaves", i);
}

static void follow_epoch(hub_t *hub, int i)
{
    hub_slot_t *slot = &hub->slot[i];
    segment_ring_t *ring = &hub_shared(hub, i)->rx;
    const uint32_t epoch = atomic_load(&hub_shared(hub, i)->epoch);
    if (epoch == slot->epoch) {
        return;
    }
    if (epoch % 2 == 0) {
        slot->receiving = false;
        slot->epoch = epoch;
    } else if (segment_mark_room(ring, 1)) { /* else: when it has read */
        slot->epoch = epoch;
        slot->receiving = true;
        slot->lost = 0;
        start_links(hub, i);
        segment_mark_push(ring,
                          &(mark_t){atomic_load(&ring->head), hub->now, epoch, MARK_FRESH});
    }
}

void hub_look_after(hub_t *hub, bool thorough)
{
    uint64_t radios = 0;
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        hub_slot_t *slot = &hub->slot[i];
        const uint32_t state = atomic_load(&hub_shared(hub, i)->state);
        if (state == SLOT_FREE) {
            continue;
        }
        if (state != SLOT_ATTACHED) {
            detach(hub, i, false);
        } else if (thorough && !segment_slot_lives(&hub->segment, i)) {
            detach(hub, i, true);
        } else if (!slot->attached && !slot->banned) {
            attach(hub, i);
        }
        if (slot->attached) {
            follow_epoch(hub, i);
            follow_tuning(hub, i);
            radios++;
        }
    }
    atomic_store(&hub->segment.header->radios, radios);
}
