/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the senders' rings through the links to the receivers' rings. */
#include "air/hub_slots.h"

#include "radio/radio.h"

#include <math.h>
#include <string.h>

void hub_apply_settings(hub_t *hub)
{
    segment_header_t *header = hub->segment.header;
    hub_take_change(hub);
    const uint64_t snr_bits = atomic_load_explicit(&header->snr_bits, memory_order_relaxed);
    const uint64_t cfo_bits = atomic_load_explicit(&header->cfo_bits, memory_order_relaxed);
    air_config_t *channel = &hub->config.channel;
    if (snr_bits != hub->snr_bits) {
        hub->snr_bits = snr_bits;
        const double snr_db = segment_value(snr_bits);
        if (snr_db >= -100.0 && snr_db <= 100.0) {
            channel->snr_db = snr_db;
        }
        for (int i = 0; i < SEGMENT_SLOTS; i++) {
            front_end_set_snr_db(&hub->slot[i].front, channel->snr_db);
        }
    }
    if (cfo_bits != hub->cfo_bits) {
        hub->cfo_bits = cfo_bits;
        const double cfo_hz = segment_value(cfo_bits);
        if (fabs(cfo_hz) <= 0.5 * channel->sample_rate_hz) {
            channel->cfo_hz = cfo_hz;
        }
    }
}

/* Adds what receiver `to` hears of sender `from`; `first`: nothing is in `sum` yet. */
static bool hear(hub_t *hub, int from, int to, uint64_t count, bool first)
{
    hub_slot_t *sender = &hub->slot[from];
    air_t *link = hub->slot[to].link[from];
    const double offset_hz =
        hub->config.channel.cfo_hz + sender->tx_freq_hz - hub->slot[to].freq_hz;
    if (!(fabs(offset_hz) < 0.5 * hub->config.channel.sample_rate_hz)) {
        return false;
    }
    air_set_cfo_hz(link, offset_hz);
    if (sender->fresh && sender->activity == HUB_ACTIVE) {
        air_begin_block(link);
    }
    float complex *out = first ? hub->sum : hub->scratch;
    air_process(link, sender->activity == HUB_ACTIVE ? sender->from : NULL, out, count);
    if (!first) {
        for (uint64_t n = 0; n < count; n++) {
            hub->sum[n] += hub->scratch[n];
        }
    }
    return true;
}

static void deliver(hub_t *hub, int to, uint64_t count)
{
    hub_slot_t *slot = &hub->slot[to];
    segment_ring_t *ring = &hub_shared(hub, to)->rx;
    const uint64_t size = hub->segment.rx_samples;
    const uint64_t room = segment_room(ring, size);
    if (room == UINT64_MAX) {
        hub_ban(hub, to);
        return;
    }
    /* After a loss a quarter of the ring must be free: few long gaps, not many short ones. */
    const uint64_t needed = slot->lost > 0 ? hub_smaller(size, size / 4 + count) : count;
    if (room < needed || !segment_mark_room(ring, 1)) {
        slot->lost += count;
        atomic_fetch_add(&hub->segment.header->dropped, count);
        return;
    }
    const uint64_t head = atomic_load(&ring->head);
    if (slot->lost > 0) {
        segment_mark_push(ring, &(mark_t){head, hub->now, slot->lost, MARK_GAP});
        slot->lost = 0;
    }
    const uint64_t at = head & (size - 1);
    const uint64_t first = hub_smaller(count, size - at);
    memcpy(hub->segment.rx[to] + at, hub->sum, first * sizeof *hub->sum);
    memcpy(hub->segment.rx[to], hub->sum + first, (count - first) * sizeof *hub->sum);
    segment_written(ring, count);
}

static void receive(hub_t *hub, int to, uint64_t count)
{
    bool silent = true;
    for (int from = 0; from < SEGMENT_SLOTS; from++) {
        if (from != to && hub->slot[from].attached) {
            silent = !hear(hub, from, to, count, silent) && silent;
        }
    }
    if (silent) {
        memset(hub->sum, 0, count * sizeof *hub->sum);
    }
    front_end_process(&hub->slot[to].front, hub->sum, count);
    deliver(hub, to, count);
}

void hub_process(hub_t *hub, uint64_t count)
{
    for (int to = 0; to < SEGMENT_SLOTS; to++) {
        if (hub->slot[to].attached && hub->slot[to].receiving) {
            receive(hub, to, count);
        }
    }
    hub->now += count;
    atomic_store(&hub->segment.header->now, hub->now);
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        hub_slot_t *slot = &hub->slot[i];
        if (slot->attached && slot->activity == HUB_ACTIVE) {
            slot->fresh = false;
            slot->hole = false;
            segment_read(&hub_shared(hub, i)->tx, count, hub->segment.tx_samples);
        } else if (slot->attached && slot->activity == HUB_STARVED && !slot->hole) {
            slot->hole = true;
            atomic_fetch_add(&hub->segment.header->underflows, 1);
            hub_tell(hub, i, RADIO_EVENT_UNDERFLOW, hub->now - count, 0);
        }
    }
}
