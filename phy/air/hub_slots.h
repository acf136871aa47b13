/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hub_slots: the inside of hub.h: hub.c (loop, pacing), hub_slots.c (radios come
 * and go), hub_plan.c (what they send), hub_channel.c (what they hear).
 */
#ifndef AIR_HUB_SLOTS_H
#define AIR_HUB_SLOTS_H

#include "air/front_end.h"
#include "air/hub.h"
#include "radio/segment.h"

#include <stdatomic.h>

typedef enum {
    HUB_SILENT,  /* nothing to send now */
    HUB_PENDING, /* a burst is timed ahead */
    HUB_ACTIVE,  /* `from` holds samples */
    HUB_STARVED  /* an open burst without samples */
} hub_activity_t;

typedef struct {
    bool attached;
    bool banned; /* wrote nonsense: ignored until it leaves */

    /* sending */
    bool in_burst, dropping, fresh, hole;
    uint64_t burst_timestamp, burst_dropped;
    hub_activity_t activity;
    const float complex *from;

    /* receiving */
    bool receiving;
    uint32_t epoch;
    double freq_hz, tx_freq_hz; /* where it listens, where it sends */
    uint64_t lost; /* in the gap that is not yet told */
    front_end_t front;
    air_t *link[SEGMENT_SLOTS]; /* from each other slot */
} hub_slot_t;

typedef struct hub_change hub_change_t;

struct hub {
    hub_config_t config;
    char name[65];
    segment_t segment;
    _Atomic bool stop;
    uint64_t now;
    uint64_t tail_left;
    uint64_t starved_since_ns;
    bool gate_open;
    uint64_t snr_bits, cfo_bits; /* as last applied */
    hub_slot_t slot[SEGMENT_SLOTS];
    float complex *sum, *scratch; /* block_samples each */
    hub_change_t *_Atomic change;  /* to be taken; what was exchanged goes back */
    hub_change_t *_Atomic retired;

    /* the thread's that asks for changes */
    air_config_t asked;
    char asked_path[4096];
};

/* Radios that came, left or started; with `thorough` also those that died. */
void hub_look_after(hub_t *hub, bool thorough);

/* What each sender does for the next up to *count samples; cuts *count so that it does one thing. */
void hub_plan(hub_t *hub, uint64_t *count);

/* `count` samples from all planned senders to all receivers; time and senders move on. */
void hub_process(hub_t *hub, uint64_t count);

/* Takes over what was set from outside. */
void hub_apply_settings(hub_t *hub);

/* hub_change.c: takes another channel over; and frees what was never taken. */
void hub_take_change(hub_t *hub);
void hub_forget_changes(hub_t *hub);
void hub_remember(hub_t *hub, const air_config_t *channel);

/* Different for each pair, the same in each run. */
uint64_t hub_pair_seed(const air_config_t *channel, int from, int to);
void hub_seed_front(front_end_t *front, const air_config_t *channel, int to);

/* The slot in the shared memory. */
segment_slot_t *hub_shared(hub_t *hub, int i);

/* An event (radio_event_kind_t) for the radio in a slot. */
void hub_tell(hub_t *hub, int i, uint64_t kind, uint64_t timestamp, uint64_t count);

/* A radio that writes nonsense into its rings is not served any more. */
void hub_ban(hub_t *hub, int i);

static inline uint64_t hub_smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
