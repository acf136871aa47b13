/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receive chain: the air's samples, at the rate asked for, and the stream commands that say
 * which of them go to the host.
 *
 * A command word: bit 31 at once, 30 chain (another one follows), 29 reload (repeat while none
 * follows), 28 stop, the rest a count.  Idle takes the next command; a time in the past is
 * answered with "late", a chain that ends with "broken chain", a stop while idle with "zero
 * length". An overflow ends the stream, as in the device: the host must ask again.
 */
#include "usrp/usrp_device.h"

#include <math.h>
#include <string.h>

void usrp_rx_clear(usrp_t *usrp)
{
    usrp->rx.state = RX_IDLE;
    usrp->rx.queued = 0;
    usrp->rx.filled = 0;
    usrp->rx.packet_count = 0;
}

bool usrp_rx_busy(const usrp_t *usrp)
{
    return usrp->rx.state != RX_IDLE || usrp->rx.queued > 0;
}

/* The sample rate from register 50: a CIC filter's factor and two half-bands of 2. */
static uint32_t divider_of(uint32_t word)
{
    const uint32_t cic = word & 0xff;
    return (cic > 0 ? cic : 1) << ((word >> 8 & 1) + (word >> 9 & 1));
}

void usrp_rx_rate(usrp_t *usrp)
{
    usrp_rx_t *rx = &usrp->rx;
    const uint32_t divider = divider_of(usrp->settings[SR_RX_DSP0 + 2]);
    if (divider != rx->divider) {
        usrp_rx_packet_flush(usrp, false);
        rx->divider = divider;
        usrp_resample_destroy(rx->resample);
        rx->resample = NULL;
        rx->primed = false;
        if (divider != usrp->air_divider || usrp->config.clock_ppm != 0.0) {
            const double out_ticks = divider / (1.0 + 1e-6 * usrp->config.clock_ppm);
            rx->resample = usrp_resample_create(usrp->air_divider, out_ticks, USRP_CHUNK, NULL);
        }
    }
    usrp_rx_scale(usrp);
}

/*
 * UHD corrects the CIC filter's gain half in the device (register 49) and half in the host.  The
 * host multiplies by 2^17 a / S / 32767, with S the register and a = 2^ceil(4 log2 d) / (1.65 d^4)
 * for a CIC factor d, whatever the format; so that samples arrive as they are, we do the opposite.
 */
void usrp_rx_scale(usrp_t *usrp)
{
    usrp_rx_t *rx = &usrp->rx;
    const double d = fmax(1.0, usrp->settings[SR_RX_DSP0 + 2] & 0xff);
    const double a = exp2(ceil(log2(pow(d, 4)))) / (1.65 * pow(d, 4));
    const double s = usrp->settings[SR_RX_DSP0 + 1] & 0x3ffff;
    const double gain_db =
        usrp->rx_side.gain_db + usrp->rx_side.digital_gain_db - usrp->config.rx_ref_db;
    rx->gain = (float)pow(10.0, gain_db / 20.0);
    rx->eight_bits = usrp->settings[SR_RX_CTRL0 + 3] & 1;
    rx->scale = (float)(32767.0 * s / (131072.0 * a) * pow(10.0, gain_db / 20.0));
}

/* Takes the next command of the queue, if there is one. */
static void next_command(usrp_t *usrp)
{
    usrp_rx_t *rx = &usrp->rx;
    while (rx->state == RX_IDLE && rx->queued > 0) {
        rx->current = rx->queue[0];
        memmove(rx->queue, rx->queue + 1, --rx->queued * sizeof rx->queue[0]);
        rx->left = rx->current.count;
        if (rx->current.stop) {
            usrp_rx_packet_error(usrp, RX_ZERO_LENGTH, usrp_clock_now(usrp));
        } else if (!rx->current.now && rx->current.time < usrp_clock_now(usrp)) {
            usrp_rx_packet_error(usrp, RX_LATE, usrp_clock_now(usrp));
        } else {
            rx->state = rx->current.now ? RX_RUNNING : RX_WAITING;
        }
    }
}

void usrp_rx_command(usrp_t *usrp, uint32_t word, uint64_t time)
{
    usrp_rx_t *rx = &usrp->rx;
    if (rx->queued == USRP_STREAM_COMMANDS) {
        return; /* the device loses it too */
    }
    rx->queue[rx->queued++] = (usrp_stream_command_t){
        .now = word >> 31 & 1,
        .chain = word >> 30 & 1,
        .reload = word >> 29 & 1,
        .stop = word >> 28 & 1,
        .count = (word & 0x0fffffff) > 0 ? word & 0x0fffffff : 1,
        .time = time,
    };
    next_command(usrp);
}

static bool ends_stream(const usrp_rx_t *rx)
{
    return !rx->current.chain || (rx->queued > 0 && rx->queue[0].stop);
}

/* The last sample of a command has gone: what is next? */
static void command_done(usrp_t *usrp, uint64_t time)
{
    usrp_rx_t *rx = &usrp->rx;
    if (!rx->current.chain) {
        rx->state = RX_IDLE;
    } else if (rx->queued > 0) {
        rx->current = rx->queue[0];
        memmove(rx->queue, rx->queue + 1, --rx->queued * sizeof rx->queue[0]);
        rx->left = rx->current.count;
        rx->state = rx->current.stop ? RX_IDLE : RX_RUNNING;
    } else if (rx->current.reload) {
        rx->left = rx->current.count;
    } else {
        usrp_rx_packet_flush(usrp, false);
        usrp_rx_packet_error(usrp, RX_BROKEN_CHAIN, time);
        rx->state = RX_IDLE;
    }
}

/* Where in samples from `time` on a waiting command begins. */
static size_t samples_until(const usrp_t *usrp, uint64_t time, size_t count)
{
    const int64_t ticks = (int64_t)(usrp->rx.current.time - time);
    if (ticks <= 0) {
        return 0;
    }
    const uint64_t samples = ((uint64_t)ticks + usrp->rx.divider / 2) / usrp->rx.divider;
    return samples < count ? (size_t)samples : count;
}

/* Samples at the device's rate, the first at `time`. */
static void stream(usrp_t *usrp, const float complex *x, size_t count, uint64_t time)
{
    usrp_rx_t *rx = &usrp->rx;
    size_t done = 0;
    while (done < count && rx->state != RX_IDLE) {
        const uint64_t here = time + done * rx->divider;
        if (rx->state == RX_WAITING) {
            const size_t skip = samples_until(usrp, here, count - done);
            done += skip;
            rx->state = done < count ? RX_RUNNING : RX_WAITING;
            continue;
        }
        /* A continuous stream is the same one sample again and again: take them all at once. */
        const bool endless = rx->current.chain && rx->current.reload && rx->queued == 0;
        const size_t rest = count - done;
        const size_t n = endless || rx->left > rest ? rest : rx->left;
        rx->left -= endless ? 0 : (uint32_t)n;
        done += n;
        const bool done_now = !endless && rx->left == 0;
        usrp_rx_packet_add(usrp, x + done - n, n, here, done_now && ends_stream(rx));
        if (done_now) {
            command_done(usrp, here + n * rx->divider);
        }
        next_command(usrp);
    }
}

void usrp_rx_overflow(usrp_t *usrp, uint64_t time)
{
    if (usrp->rx.state == RX_RUNNING) {
        usrp_rx_packet_flush(usrp, false);
        usrp_rx_packet_error(usrp, RX_OVERFLOW, time);
        usrp->rx.state = RX_IDLE;
        usrp->counts.overflows++;
        next_command(usrp);
    }
}

/* Every overflow_s seconds of streaming. */
static void force_overflow(usrp_t *usrp)
{
    usrp_rx_t *rx = &usrp->rx;
    const uint64_t period = (uint64_t)(usrp->config.overflow_s * USRP_TICK_HZ);
    if (period == 0 || rx->state != RX_RUNNING) {
        return;
    }
    if (rx->next_overflow == 0 || rx->next_overflow > usrp->raw + period) {
        rx->next_overflow = usrp->raw + period;
    } else if (usrp->raw >= rx->next_overflow) {
        rx->next_overflow = usrp->raw + period;
        usrp_rx_overflow(usrp, usrp_clock_now(usrp));
    }
}

/* Samples of the air, the first at its sample number `sample`; `fresh`: they follow nothing. */
static void take(usrp_t *usrp, const float complex *x, size_t count, uint64_t sample, bool fresh)
{
    usrp_rx_t *rx = &usrp->rx;
    const uint64_t raw = usrp_clock_from_air(usrp, sample);
    if (rx->resample == NULL) {
        stream(usrp, x, count, raw + (uint64_t)usrp->offset);
        return;
    }
    if (fresh || !rx->primed) {
        rx->primed = true;
        rx->grid = raw;
        usrp_resample_reset(rx->resample, 0.0);
    }
    /* In pieces that surely fit. */
    for (size_t done = 0; done < count;) {
        size_t n = count - done;
        while (n > 1 && usrp_resample_room(rx->resample, n) > USRP_CHUNK) {
            n /= 2;
        }
        const size_t made = usrp_resample_process(rx->resample, x + done, n, rx->samples);
        stream(usrp, rx->samples, made, rx->grid + (uint64_t)usrp->offset);
        rx->grid += made * rx->divider;
        done += n;
    }
}

/* The air sends to us from the first stream command on, as long as the host is there. */
static void follow_host(usrp_t *usrp)
{
    usrp_rx_t *rx = &usrp->rx;
    if (!rx->receiving && usrp_rx_busy(usrp)) {
        rx->receiving = radio_backend_air.start(usrp->air, NULL) == 0;
        rx->primed = false;
    } else if (rx->receiving && !usrp_rx_busy(usrp) && usrp->owner_seen == 0) {
        (void)radio_backend_air.stop(usrp->air, NULL);
        rx->receiving = false;
    }
}

void usrp_rx_run(usrp_t *usrp)
{
    usrp_rx_t *rx = &usrp->rx;
    follow_host(usrp);
    force_overflow(usrp);
    /* Bounded: the other ports wait meanwhile. */
    for (int i = 0; rx->receiving && i < 16; i++) {
        radio_pull_t info;
        float complex *x[1] = {rx->air};
        const ssize_t count = radio_backend_air.pull(usrp->air, x, USRP_CHUNK, 0.0, &info, NULL);
        if (count <= 0) {
            return;
        }
        if (info.lost > 0) { /* this thread was too slow */
            usrp_rx_overflow(usrp, usrp_clock_from_air(usrp, info.timestamp - info.lost) +
                                       (uint64_t)usrp->offset);
        }
        if (usrp_rx_busy(usrp)) {
            take(usrp, x[0], (size_t)count, info.timestamp, info.discontinuous);
        } else {
            rx->primed = false;
        }
    }
}
