/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each sender does next: its ring's marks turned into bursts in time. */
#include "air/hub_slots.h"

#include "radio/radio.h"

/* Throws away what has come of a late burst.  True when that was all of it. */
static bool drop(hub_t *hub, int i, uint64_t ready, bool ended)
{
    hub_slot_t *slot = &hub->slot[i];
    slot->burst_dropped += ready;
    if (ended) {
        atomic_fetch_add(&hub->segment.header->late, 1);
        hub_tell(hub, i, RADIO_EVENT_LATE, slot->burst_timestamp, slot->burst_dropped);
        slot->in_burst = false;
        segment_mark_pop(&hub_shared(hub, i)->tx);
    }
    segment_read(&hub_shared(hub, i)->tx, ready, hub->segment.tx_samples);
    return ended;
}

static void begin_burst(hub_t *hub, int i, uint64_t timestamp, bool even_if_late)
{
    hub_slot_t *slot = &hub->slot[i];
    slot->in_burst = true;
    slot->dropping = timestamp < hub->now && !even_if_late; /* ASAP is never */
    slot->fresh = !slot->dropping;
    slot->hole = false;
    slot->burst_timestamp = timestamp;
    slot->burst_dropped = 0;
    if (slot->fresh) {
        atomic_fetch_add(&hub->segment.header->bursts, 1);
    }
    segment_mark_pop(&hub_shared(hub, i)->tx);
}

/* One look at the ring.  1: look again, 0: `activity` is known, -1: nonsense. */
static int plan_once(hub_t *hub, int i, uint64_t *count)
{
    hub_slot_t *slot = &hub->slot[i];
    segment_ring_t *ring = &hub_shared(hub, i)->tx;
    const uint64_t size = hub->segment.tx_samples;
    const uint64_t filled = segment_filled(ring, size); /* before the marks: they come first */
    const uint64_t tail = atomic_load(&ring->tail);
    mark_t mark = {0};
    const bool marked = segment_mark_peek(ring, 0, &mark);
    const uint64_t until = marked ? mark.position - tail : UINT64_MAX;
    if (filled == UINT64_MAX || (marked && until > size)) {
        return -1;
    }
    if (!slot->in_burst) {
        if (!marked) {
            return filled == 0 ? 0 : -1;
        }
        if (mark.kind != MARK_START || until != 0) {
            return -1;
        }
        mark_t next;
        if (filled == 0 && !(segment_mark_peek(ring, 1, &next) && next.position == tail)) {
            return 0; /* a burst begins with its first sample (or is empty) */
        }
        if (mark.timestamp != SEGMENT_ASAP && mark.timestamp > hub->now) {
            slot->activity = HUB_PENDING;
            *count = hub_smaller(*count, mark.timestamp - hub->now);
            return 0;
        }
        begin_burst(hub, i, mark.timestamp, mark.value == 1);
        return 1;
    }
    if (marked && mark.kind != MARK_END) {
        return -1;
    }
    const uint64_t ready = hub_smaller(filled, until);
    if (slot->dropping) {
        return drop(hub, i, ready, until == ready) ? 1 : 0;
    }
    if (until == 0) {
        segment_mark_pop(ring);
        segment_read(ring, 0, size); /* there is room for marks again */
        slot->in_burst = false;
        return 1;
    }
    if (ready == 0) {
        slot->activity = HUB_STARVED;
        return 0;
    }
    const uint64_t at = tail & (size - 1);
    slot->activity = HUB_ACTIVE;
    slot->from = hub->segment.tx[i] + at;
    *count = hub_smaller(*count, hub_smaller(ready, size - at));
    return 0;
}

void hub_plan(hub_t *hub, uint64_t *count)
{
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        if (!hub->slot[i].attached) {
            continue;
        }
        int again = 1;
        /* Each round takes a mark, of which there are no more at a time. */
        for (int round = 0; again == 1 && round <= SEGMENT_MARKS; round++) {
            hub->slot[i].activity = HUB_SILENT;
            again = plan_once(hub, i, count);
        }
        if (again < 0) {
            hub_ban(hub, i);
        }
    }
}
