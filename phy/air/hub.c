/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/hub_slots.h"

#include "clock.h"
#include "log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double STARVED_S = 1.0; /* free pace: so long an open burst may hold up time */
static const double STALLED_S = 0.2; /* realtime: being later than this moves the clock's zero */
static const uint64_t LOOK_NS = 100000000; /* between two looks for dead radios */

hub_config_t hub_config_default(void)
{
    return (hub_config_t){.name = "semradio",
                          .channel = air_config_default(),
                          .block_samples = 4096,
                          .tail_samples = 16384,
                          .tx_ring = 1u << 18,
                          .rx_ring = 1u << 21};
}

/* The links end before the receiver's front end: each receiver has one. */
static int make_links(hub_t *hub, err_t *err)
{
    const air_config_t config = air_config_without_front_end(&hub->config.channel);
    for (int to = 0; to < SEGMENT_SLOTS; to++) {
        for (int from = 0; from < SEGMENT_SLOTS; from++) {
            if (from != to) {
                hub->slot[to].link[from] = air_create(&config, err);
                if (hub->slot[to].link[from] == NULL) {
                    return -1;
                }
            }
        }
    }
    return 0;
}

static int check(const hub_config_t *config, err_t *err)
{
    if (config->block_samples < 64 || config->block_samples > 65536) {
        return err_set(err, ERR_ARGUMENT, "air.block_samples = %zu is outside 64 to 65536",
                       config->block_samples);
    }
    if (config->rx_ring < 4 * config->block_samples) {
        return err_set(err, ERR_ARGUMENT, "air.rx_ring must hold at least four blocks");
    }
    air_t *air = air_create(&config->channel, err); /* all its checks, with the true SNR */
    air_destroy(air);
    return air != NULL ? 0 : -1;
}

static void free_memory(hub_t *hub)
{
    hub_forget_changes(hub);
    for (int to = 0; to < SEGMENT_SLOTS; to++) {
        for (int from = 0; from < SEGMENT_SLOTS; from++) {
            air_destroy(hub->slot[to].link[from]);
        }
    }
    free(hub->sum);
    free(hub->scratch);
    free(hub);
}

static hub_t *make_memory(const hub_config_t *config, err_t *err)
{
    hub_t *hub = aligned_alloc(64, (sizeof *hub + 63) / 64 * 64);
    if (hub == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the air");
        return NULL;
    }
    memset(hub, 0, sizeof *hub);
    hub->config = *config;
    hub->sum = calloc(config->block_samples, sizeof *hub->sum);
    hub->scratch = calloc(config->block_samples, sizeof *hub->scratch);
    if (hub->sum == NULL || hub->scratch == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the air");
        free_memory(hub);
        return NULL;
    }
    if (make_links(hub, err) < 0) {
        free_memory(hub);
        return NULL;
    }
    return hub;
}

hub_t *hub_create(const hub_config_t *config, err_t *err)
{
    if (check(config, err) < 0) {
        return NULL;
    }
    hub_t *hub = make_memory(config, err);
    if (hub == NULL) {
        return NULL;
    }
    const segment_shape_t shape = {config->tx_ring, config->rx_ring,
                                   config->channel.sample_rate_hz};
    bool replaced = false;
    if (segment_create(&hub->segment, config->name, &shape, &replaced, err) < 0) {
        free_memory(hub);
        return NULL;
    }
    hub_remember(hub, &config->channel);
    strcpy(hub->name, config->name); /* segment_create checked its length */
    hub->config.name = hub->name;
    if (replaced) {
        log_warn("the shared memory of a dead air \"%s\" was there and has been replaced",
                 hub->name);
    }
    atomic_store(&hub->segment.header->snr_bits, segment_bits(config->channel.snr_db));
    atomic_store(&hub->segment.header->cfo_bits, segment_bits(config->channel.cfo_hz));
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        front_end_init(&hub->slot[i].front, &config->channel);
    }
    hub->snr_bits = ~segment_bits(config->channel.snr_db); /* not yet applied */
    hub->cfo_bits = ~segment_bits(config->channel.cfo_hz);
    hub_apply_settings(hub);
    return hub;
}

void hub_destroy(hub_t *hub)
{
    if (hub != NULL) {
        segment_destroy(&hub->segment, hub->name);
        free_memory(hub);
    }
}

void hub_stop(hub_t *hub)
{
    atomic_store(&hub->stop, true);
}

static bool gate_is_open(hub_t *hub)
{
    if (!hub->gate_open) {
        int attached = 0;
        bool receiving = false;
        for (int i = 0; i < SEGMENT_SLOTS; i++) {
            attached += hub->slot[i].attached;
            receiving = receiving || hub->slot[i].receiving;
        }
        hub->gate_open =
            hub->config.wait_radios == 0 || (attached >= hub->config.wait_radios && receiving);
    }
    return hub->gate_open;
}

/* Free pace: cuts *count to what every receiver has room for. */
static void cut_to_room(hub_t *hub, uint64_t *count)
{
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        if (hub->slot[i].attached && hub->slot[i].receiving) {
            segment_ring_t *ring = &hub->segment.header->slot[i].rx;
            const uint64_t room = segment_room(ring, hub->segment.rx_samples);
            *count = room < *count ? room : *count; /* nonsense is noticed at the delivery */
        }
    }
}

/* Free pace: whether time may go on, and how far. */
static uint64_t free_count(hub_t *hub, uint64_t count)
{
    bool busy = false;
    bool starved = false;
    bool hole = true;
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        const hub_slot_t *slot = &hub->slot[i];
        if (slot->attached) {
            busy = busy || slot->activity == HUB_ACTIVE || slot->activity == HUB_PENDING;
            starved = starved || slot->activity == HUB_STARVED;
            hole = hole && (slot->activity != HUB_STARVED || slot->hole);
        }
    }
    if (!starved) {
        hub->starved_since_ns = 0;
    } else if (hub->starved_since_ns == 0) {
        hub->starved_since_ns = clock_now_ns();
    }
    if (starved && !hole &&
        1e-9 * (double)(clock_now_ns() - hub->starved_since_ns) < STARVED_S) {
        return 0;
    }
    if (busy || (starved && !hole)) {
        hub->tail_left = hub->config.tail_samples;
    } else {
        count = hub->tail_left < count ? hub->tail_left : count;
        cut_to_room(hub, &count);
        hub->tail_left -= count;
        return count;
    }
    cut_to_room(hub, &count);
    return count;
}

/* Up to `limit` samples of time.  0: nothing may happen now (free pace). */
static uint64_t step(hub_t *hub, uint64_t limit, bool thorough)
{
    hub_apply_settings(hub);
    hub_look_after(hub, thorough);
    if (!gate_is_open(hub)) {
        return 0;
    }
    uint64_t count = limit;
    hub_plan(hub, &count);
    if (hub->config.free_pace) {
        count = free_count(hub, count);
    }
    if (count > 0) {
        hub_process(hub, count);
    }
    return count;
}

typedef struct {
    uint64_t zero_ns, zero_samples; /* realtime: the clock at a sample */
    uint64_t look_ns, status_ns;    /* of the last ones */
    uint64_t status_now;
    double status_cpu_s;
} pace_t;

static void update_status(hub_t *hub, pace_t *pace, uint64_t now_ns)
{
    const double seconds = 1e-9 * (double)(now_ns - pace->status_ns);
    if (seconds < 1.0) {
        return;
    }
    const double cpu_s = clock_thread_cpu_s();
    segment_header_t *header = hub->segment.header;
    atomic_store(&header->speed_bits,
                 segment_bits((double)(hub->now - pace->status_now) / seconds));
    atomic_store(&header->load_bits, segment_bits((cpu_s - pace->status_cpu_s) / seconds));
    pace->status_ns = now_ns;
    pace->status_now = hub->now;
    pace->status_cpu_s = cpu_s;
}

/* How many samples the clock is ahead of us; after a long stall its zero moves. */
static uint64_t samples_due(hub_t *hub, pace_t *pace, uint64_t now_ns)
{
    const double rate = hub->config.channel.sample_rate_hz;
    const uint64_t done = hub->now - pace->zero_samples;
    const double due = 1e-9 * (double)(now_ns - pace->zero_ns) * rate - (double)done;
    if (due > STALLED_S * rate || done > UINT64_C(1) << 50) {
        if (due > STALLED_S * rate) {
            atomic_fetch_add(&hub->segment.header->stalls, 1);
        }
        pace->zero_ns = now_ns;
        pace->zero_samples = hub->now;
        return 0;
    }
    return due > 0.0 ? (uint64_t)due : 0;
}

static void run_realtime(hub_t *hub, pace_t *pace, uint64_t now_ns, bool thorough)
{
    const uint64_t block = hub->config.block_samples;
    uint64_t due = samples_due(hub, pace, now_ns);
    while (due >= block) {
        uint64_t left = block;
        while (left > 0) {
            const uint64_t count = step(hub, left, thorough);
            thorough = false;
            if (count == 0) { /* the gate is closed: time has not begun */
                pace->zero_ns = clock_now_ns();
                clock_sleep_s(0.005);
                return;
            }
            left -= count;
        }
        due -= block;
    }
    const double wait = (double)(block - due) / hub->config.channel.sample_rate_hz;
    clock_sleep_s(fmin(wait, 0.05));
}

static void run_free(hub_t *hub, bool thorough)
{
    wake_t *wake = &hub->segment.header->air;
    if (step(hub, hub->config.block_samples, thorough) > 0) {
        return;
    }
    const uint32_t ticket = wake_prepare(wake);
    if (step(hub, hub->config.block_samples, false) == 0 && !atomic_load(&hub->stop)) {
        wake_wait(wake, ticket, 0.02);
    }
    wake_done(wake);
}

void hub_run(hub_t *hub, double seconds)
{
    const uint64_t start_ns = clock_now_ns();
    pace_t pace = {.zero_ns = start_ns,
                   .zero_samples = hub->now,
                   .status_ns = start_ns,
                   .status_now = hub->now,
                   .status_cpu_s = clock_thread_cpu_s()};
    uint64_t now_ns = start_ns;
    while (!atomic_load(&hub->stop) && 1e-9 * (double)(now_ns - start_ns) < seconds) {
        const bool thorough = now_ns - pace.look_ns >= LOOK_NS;
        if (thorough) {
            pace.look_ns = now_ns;
        }
        if (hub->config.free_pace) {
            run_free(hub, thorough);
        } else {
            run_realtime(hub, &pace, now_ns, thorough);
        }
        now_ns = clock_now_ns();
        update_status(hub, &pace, now_ns);
    }
}
