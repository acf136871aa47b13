/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/hub_slots.h"

#include "log.h"
#include "radio/radio.h"

#include <math.h>
#include <string.h>

enum { NOISE_STREAM = 1000 };

static segment_slot_t *shared(hub_t *hub, int i)
{
    return &hub->segment.header->slot[i];
}

static void tell(hub_t *hub, int i, radio_event_kind_t kind, uint64_t timestamp, uint64_t count)
{
    segment_event_push(shared(hub, i), &(segment_event_t){kind, timestamp, count});
}

static void tell_others(hub_t *hub, int about, radio_event_kind_t kind)
{
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        if (i != about && hub->slot[i].attached) {
            tell(hub, i, kind, hub->now, (uint64_t)about);
        }
    }
}

/* Different for each pair, the same in each run. */
static uint64_t pair_seed(const hub_t *hub, int from, int to)
{
    return hub->config.channel.seed +
           UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(1 + from * SEGMENT_SLOTS + to);
}

static void start_links(hub_t *hub, int to)
{
    hub_slot_t *slot = &hub->slot[to];
    for (int from = 0; from < SEGMENT_SLOTS; from++) {
        if (slot->link[from] != NULL) {
            air_reset(slot->link[from], pair_seed(hub, from, to));
        }
    }
    noise_seed(&slot->noise, hub->config.channel.seed, NOISE_STREAM + (uint64_t)to);
}

static void attach(hub_t *hub, int i)
{
    hub_slot_t *slot = &hub->slot[i];
    slot->attached = true;
    slot->in_burst = false;
    slot->epoch = 0;
    slot->receiving = false;
    slot->lost = 0;
    slot->freq_hz = segment_value(atomic_load(&shared(hub, i)->freq_bits));
    for (int other = 0; other < SEGMENT_SLOTS; other++) {
        if (other != i && hub->slot[other].attached) {
            tell(hub, i, RADIO_EVENT_PEER_JOINED, hub->now, (uint64_t)other);
        }
    }
    tell_others(hub, i, RADIO_EVENT_PEER_JOINED);
    log_info("radio %d joined (process %u, %.6g MHz)", i, atomic_load(&shared(hub, i)->pid),
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
    atomic_store(&shared(hub, i)->state, SLOT_FREE);
}

/* A radio that writes nonsense into its rings is not served any more. */
static void ban(hub_t *hub, int i)
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
    segment_ring_t *ring = &shared(hub, i)->rx;
    const uint32_t epoch = atomic_load(&shared(hub, i)->epoch);
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
        const uint32_t state = atomic_load(&shared(hub, i)->state);
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
            radios++;
        }
    }
    atomic_store(&hub->segment.header->radios, radios);
}

/* ---- sending ---- */

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Throws away what has come of a late burst.  True when that was all of it. */
static bool drop(hub_t *hub, int i, uint64_t ready, bool ended)
{
    hub_slot_t *slot = &hub->slot[i];
    slot->burst_dropped += ready;
    if (ended) {
        atomic_fetch_add(&hub->segment.header->late, 1);
        tell(hub, i, RADIO_EVENT_LATE, slot->burst_timestamp, slot->burst_dropped);
        slot->in_burst = false;
        segment_mark_pop(&shared(hub, i)->tx);
    }
    segment_read(&shared(hub, i)->tx, ready, hub->segment.tx_samples);
    return ended;
}

static void begin_burst(hub_t *hub, int i, uint64_t timestamp)
{
    hub_slot_t *slot = &hub->slot[i];
    slot->in_burst = true;
    slot->dropping = timestamp < hub->now; /* ASAP is never */
    slot->fresh = !slot->dropping;
    slot->hole = false;
    slot->burst_timestamp = timestamp;
    slot->burst_dropped = 0;
    if (slot->fresh) {
        atomic_fetch_add(&hub->segment.header->bursts, 1);
    }
    segment_mark_pop(&shared(hub, i)->tx);
}

/* One look at the ring.  1: look again, 0: `activity` is known, -1: nonsense. */
static int plan_once(hub_t *hub, int i, uint64_t *count)
{
    hub_slot_t *slot = &hub->slot[i];
    segment_ring_t *ring = &shared(hub, i)->tx;
    const uint64_t size = hub->segment.tx_samples;
    const uint64_t filled = segment_filled(ring, size); /* before the marks: they come first */
    const uint64_t tail = atomic_load(&ring->tail);
    mark_t mark = {0};
    const bool marked = segment_mark_peek(ring, &mark);
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
        if (mark.timestamp != SEGMENT_ASAP && mark.timestamp > hub->now) {
            slot->activity = HUB_PENDING;
            *count = smaller(*count, mark.timestamp - hub->now);
            return 0;
        }
        begin_burst(hub, i, mark.timestamp);
        return 1;
    }
    if (marked && mark.kind != MARK_END) {
        return -1;
    }
    const uint64_t ready = smaller(filled, until);
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
    *count = smaller(*count, smaller(ready, size - at));
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
            ban(hub, i);
        }
    }
}

/* ---- the channel ---- */

void hub_apply_settings(hub_t *hub)
{
    segment_header_t *header = hub->segment.header;
    const uint64_t snr_bits = atomic_load_explicit(&header->snr_bits, memory_order_relaxed);
    const uint64_t cfo_bits = atomic_load_explicit(&header->cfo_bits, memory_order_relaxed);
    air_config_t *channel = &hub->config.channel;
    if (snr_bits != hub->snr_bits) {
        hub->snr_bits = snr_bits;
        const double snr_db = segment_value(snr_bits);
        if (snr_db >= -100.0 && snr_db <= 100.0) {
            channel->snr_db = snr_db;
        }
        hub->noise_var = channel->model == AIR_NONE
                             ? 0.0f
                             : (float)(channel->symbol_energy * pow(10.0, -0.1 * channel->snr_db));
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
        hub->config.channel.cfo_hz + sender->freq_hz - hub->slot[to].freq_hz;
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
    segment_ring_t *ring = &shared(hub, to)->rx;
    const uint64_t size = hub->segment.rx_samples;
    const uint64_t room = segment_room(ring, size);
    if (room == UINT64_MAX) {
        ban(hub, to);
        return;
    }
    /* After a loss a quarter of the ring must be free: few long gaps, not many short ones. */
    const uint64_t needed = slot->lost > 0 ? smaller(size, size / 4 + count) : count;
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
    const uint64_t first = smaller(count, size - at);
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
    if (hub->noise_var > 0.0f) {
        noise_add(&hub->slot[to].noise, hub->noise_var, hub->sum, count);
    }
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
            segment_read(&shared(hub, i)->tx, count, hub->segment.tx_samples);
        } else if (slot->attached && slot->activity == HUB_STARVED && !slot->hole) {
            slot->hole = true;
            atomic_fetch_add(&hub->segment.header->underflows, 1);
            tell(hub, i, RADIO_EVENT_UNDERFLOW, hub->now - count, 0);
        }
    }
}
