/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time in ticks of 10 ns.  "Raw" is the device's oscillator since the air began: the air's sample
 * count times its ticks a sample, stretched by the clock offset.  The device's time is raw plus
 * what the host has set.  The pulse per second is the air's, the same for all its devices: at
 * every 100,000,000th tick of the air.
 */
#include "usrp/usrp_device.h"

#include <stdatomic.h>

static const uint64_t SECOND = 100000000;

/* value * (1 + ppm * 1e-6), to the nearest 1e-3 ppm. */
static uint64_t stretch(uint64_t value, double ppm)
{
    const __int128 parts = 1000000000 + (__int128)(ppm * 1000.0 + (ppm < 0 ? -0.5 : 0.5));
    return (uint64_t)((__int128)value * parts / 1000000000);
}

static uint64_t shrink(uint64_t value, double ppm)
{
    const __int128 parts = 1000000000 + (__int128)(ppm * 1000.0 + (ppm < 0 ? -0.5 : 0.5));
    return (uint64_t)(((__int128)value * 1000000000 + parts - 1) / parts);
}

uint64_t usrp_clock_from_air(const usrp_t *usrp, uint64_t sample)
{
    return stretch(sample * usrp->air_divider, usrp->config.clock_ppm);
}

uint64_t usrp_clock_air_ticks(const usrp_t *usrp, uint64_t raw)
{
    return shrink(raw, usrp->config.clock_ppm);
}

uint64_t usrp_clock_to_air(const usrp_t *usrp, uint64_t raw)
{
    return shrink(raw, usrp->config.clock_ppm) / usrp->air_divider;
}

uint64_t usrp_clock_now(const usrp_t *usrp)
{
    return usrp->executing ? usrp->execution_time : usrp->raw + (uint64_t)usrp->offset;
}

static uint64_t edge_before(const usrp_t *usrp, uint64_t raw)
{
    return stretch(shrink(raw, usrp->config.clock_ppm) / SECOND * SECOND, usrp->config.clock_ppm);
}

uint64_t usrp_clock_pps(const usrp_t *usrp)
{
    if (!usrp->config.pps) {
        return 0;
    }
    return edge_before(usrp, usrp_clock_now(usrp) - (uint64_t)usrp->offset) +
           (uint64_t)usrp->offset;
}

/* Stream commands and packets of the old time mean nothing in the new one. */
static void take_time(usrp_t *usrp, uint64_t raw, uint64_t time)
{
    usrp->offset = (int64_t)(time - raw);
    usrp->tx.next_update = 0;
}

void usrp_clock_set(usrp_t *usrp, uint64_t time, bool at_pps)
{
    usrp->pps_pending = at_pps && usrp->config.pps;
    if (usrp->pps_pending) {
        usrp->pps_time = time;
        usrp->pps_edge = stretch((shrink(usrp->raw, usrp->config.clock_ppm) / SECOND + 1) * SECOND,
                                 usrp->config.clock_ppm);
    } else if (!at_pps) {
        take_time(usrp, usrp->raw, time);
    }
}

void usrp_clock_look(usrp_t *usrp)
{
    usrp->raw = usrp_clock_from_air(usrp, atomic_load(&usrp->air->segment.header->now));
    if (usrp->pps_pending && usrp->raw >= usrp->pps_edge) {
        usrp->pps_pending = false;
        take_time(usrp, usrp->pps_edge, usrp->pps_time);
    }
}
