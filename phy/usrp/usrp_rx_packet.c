/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets to the host (VITA 49):
 *
 *     data   [0x14100000 | count << 16 | words] [stream 3] [time, 2 words] [samples] [trailer]
 *     error  [0x50100000 | count << 16 | 5] [stream 3] [time, 2 words] [code]
 *
 * The count has 4 bits.  A sample is 16 + 16 bits, I first, or 8 + 8.  Trailer: bits 20 and 8 mark
 * the last packet of a command, bits 22 and 10 that half a word is empty.
 */
#include "usrp/usrp_device.h"

#include <math.h>

enum { STREAM = 3, HEADER_BYTES = 16 };

static int32_t quantise(float value, float scale, int32_t most)
{
    const float scaled = rintf(value * scale);
    return scaled >= (float)most ? most : scaled > (float)-most ? (int32_t)scaled : -most - 1;
}

static size_t put_sixteen(uint8_t *at, const float complex *x, size_t count, float scale)
{
    for (size_t i = 0; i < count; i++) {
        const int32_t re = quantise(crealf(x[i]), scale, 32767);
        const int32_t im = quantise(cimagf(x[i]), scale, 32767);
        usrp_put_word(at + 4 * i, (uint32_t)re << 16 | ((uint32_t)im & 0xffff));
    }
    return 4 * count;
}

static size_t put_eight(uint8_t *at, const float complex *x, size_t count, float scale)
{
    for (size_t i = 0; i < count; i++) {
        at[2 * i] = (uint8_t)quantise(crealf(x[i]), scale, 127);
        at[2 * i + 1] = (uint8_t)quantise(cimagf(x[i]), scale, 127);
    }
    if (count % 2 == 1) {
        at[2 * count] = at[2 * count + 1] = 0;
        count++;
    }
    return 2 * count;
}

static void put_header(uint8_t *data, uint32_t kind, uint32_t count, size_t words, uint64_t time)
{
    usrp_put_word(data, kind | (count & 15) << 16 | (uint32_t)words);
    usrp_put_word(data + 4, STREAM);
    usrp_put_word(data + 8, (uint32_t)(time >> 32));
    usrp_put_word(data + 12, (uint32_t)time);
}

void usrp_rx_packet_flush(usrp_t *usrp, bool last)
{
    usrp_rx_t *rx = &usrp->rx;
    uint8_t data[USRP_FRAME];
    if (rx->filled == 0) {
        return;
    }
    usrp_mixer_apply(&usrp->config.rx_mixer, 1.0f / rx->gain, rx->packet, rx->filled);
    const size_t bytes = rx->eight_bits
                             ? put_eight(data + HEADER_BYTES, rx->packet, rx->filled, rx->scale)
                             : put_sixteen(data + HEADER_BYTES, rx->packet, rx->filled, rx->scale);
    const uint32_t half = rx->eight_bits && rx->filled % 2 == 1;
    put_header(data, 0x14100000, rx->packet_count, bytes / 4 + 5, rx->packet_time);
    usrp_put_word(data + HEADER_BYTES + bytes,
                  1u << 20 | (uint32_t)last << 8 | half << 22 | half << 10);
    rx->packet_count++;
    rx->filled = 0;
    if (usrp_lose(usrp, &rx->lose)) {
        usrp->counts.rx_lost++;
        return;
    }
    usrp->counts.rx_packets++;
    usrp_ports_send(usrp, PORT_RX0, data, HEADER_BYTES + bytes + 4);
}

/* What fits in a datagram, whatever was asked for. */
static uint32_t samples_a_packet(const usrp_rx_t *rx)
{
    const uint32_t most = (USRP_FRAME - HEADER_BYTES - 8u) / (rx->eight_bits ? 2u : 4u);
    return rx->samples_a_packet == 0 || rx->samples_a_packet > most ? most : rx->samples_a_packet;
}

void usrp_rx_packet_add(usrp_t *usrp, const float complex *x, size_t count, uint64_t time,
                        bool last)
{
    usrp_rx_t *rx = &usrp->rx;
    const uint32_t most = samples_a_packet(rx);
    for (size_t i = 0; i < count; i++) {
        if (rx->filled == 0) {
            rx->packet_time = time + i * rx->divider;
        }
        rx->packet[rx->filled++] = x[i];
        if (rx->filled >= most || (last && i + 1 == count)) {
            usrp_rx_packet_flush(usrp, last && i + 1 == count);
        }
    }
}

void usrp_rx_packet_error(usrp_t *usrp, uint32_t code, uint64_t time)
{
    uint8_t data[20];
    put_header(data, 0x50100000, usrp->rx.packet_count, 5, time);
    usrp_put_word(data + 16, code);
    usrp_ports_send(usrp, PORT_RX0, data, sizeof data);
}

void usrp_rx_serve(usrp_t *usrp)
{
    static const usrp_port_t ports[] = {PORT_RX0, PORT_RX1};
    uint8_t data[USRP_FRAME];
    struct sockaddr_in from;
    for (int i = 0; i < 2; i++) {
        size_t size;
        for (int n = 0; n < 64 && (size = usrp_ports_take(usrp, ports[i], data, &from)) > 0; n++) {
            if (size >= 8 && usrp_word(data + 4) == 0) { /* here I am */
                usrp->host[ports[i]] = from;
                usrp->known[ports[i]] = true;
            } else {
                usrp->counts.malformed++;
            }
        }
    }
}
