/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reading and writing a register does.  Numbers are words, not addresses. */
#include "usrp/usrp_device.h"

/* --- time: 10 high word and "now", 11 low word, 13 at once (1) or at the next pulse (0) --- */

static void poke_time(usrp_t *usrp, uint32_t address)
{
    if (address == SR_TIME64) {
        const uint64_t time =
            (uint64_t)usrp->settings[SR_TIME64] << 32 | usrp->settings[SR_TIME64 + 1];
        usrp_clock_set(usrp, time, (usrp->settings[SR_TIME64 + 3] & 1) == 0);
    }
}

/* --- SPI: 20 divider, 21 chips, bits and edges, 22 data, which starts the transfer --- */

static void poke_spi(usrp_t *usrp, uint32_t address, uint32_t data)
{
    if (address == SR_SPI + 2) {
        const uint32_t control = usrp->settings[SR_SPI + 1];
        const unsigned bits = control >> 24 & 0x3f;
        if (bits >= 1 && bits <= 32) {
            usrp_board_spi(usrp, control & 0xffffff, data >> (32 - bits), bits);
        }
    }
}

/* --- receiving: 32 command, 33 and 34 its time (34 latches it), 35 format, 39 samples a packet,
   40 clear; 48 frequency, 49 scale, 50 decimation --- */

static void poke_rx(usrp_t *usrp, uint32_t address, uint32_t data)
{
    const uint32_t *settings = usrp->settings + SR_RX_CTRL0;
    switch (address - SR_RX_CTRL0) {
    case 2:
        usrp_rx_command(usrp, settings[0], (uint64_t)settings[1] << 32 | data);
        break;
    case 3:
        usrp_rx_packet_flush(usrp, false);
        usrp_rx_scale(usrp);
        break;
    case 5:
        usrp->rx.packet_count = 0;
        break;
    case 7:
        usrp_rx_packet_flush(usrp, false);
        usrp->rx.samples_a_packet = data & 0xffff;
        break;
    case 8:
        usrp_rx_clear(usrp);
        break;
    default:
        break;
    }
}

/* Two's complement fraction of the tick rate. */
static double nco_of(uint32_t word)
{
    return (double)(int32_t)word * (USRP_TICK_HZ / 4294967296.0);
}

static void poke_rx_dsp(usrp_t *usrp, uint32_t address)
{
    switch (address - SR_RX_DSP0) {
    case 0:
        /* The receiver's mixer turns against the carrier, the transmitter's with it. */
        usrp->rx_side.nco_hz = -nco_of(usrp->settings[address]);
        usrp_board_tune(usrp);
        break;
    case 1:
        usrp_rx_scale(usrp);
        break;
    case 2:
        usrp_rx_rate(usrp);
        break;
    default:
        break;
    }
}

/* --- sending: 144 clear, 145 format, 147 policy, 148 ticks and 149 packets between updates;
   160 frequency, 161 scale, 162 interpolation --- */

static void poke_tx(usrp_t *usrp, uint32_t address, uint32_t data)
{
    switch (address - SR_TX_CTRL) {
    case 0:
        if (data != 0) {
            usrp_tx_clear(usrp);
        }
        break;
    case 1:
        usrp_tx_scale(usrp);
        break;
    case 4:
        usrp->tx.next_update = 0;
        break;
    default:
        break;
    }
}

static void poke_tx_dsp(usrp_t *usrp, uint32_t address)
{
    switch (address - SR_TX_DSP) {
    case 0:
        usrp->tx_side.nco_hz = nco_of(usrp->settings[address]);
        usrp_board_tune(usrp);
        break;
    case 1:
        usrp_tx_scale(usrp);
        break;
    case 2:
        usrp_tx_rate(usrp);
        break;
    default:
        break;
    }
}

void usrp_poke(usrp_t *usrp, uint32_t address, uint32_t data)
{
    usrp->settings[address & 0xff] = data;
    if (address >= SR_TIME64 && address < SR_TIME64 + 6) {
        poke_time(usrp, address);
    } else if (address >= SR_SPI && address < SR_SPI + 3) {
        poke_spi(usrp, address, data);
    } else if (address >= SR_RX_CTRL0 && address < SR_RX_CTRL0 + 9) {
        poke_rx(usrp, address, data);
    } else if (address >= SR_RX_DSP0 && address < SR_RX_DSP0 + 7) {
        poke_rx_dsp(usrp, address);
    } else if (address >= SR_TX_CTRL && address < SR_TX_CTRL + 6) {
        poke_tx(usrp, address, data);
    } else if (address >= SR_TX_DSP && address < SR_TX_DSP + 5) {
        poke_tx_dsp(usrp, address);
    } else if (address >= SR_GPIO && address < SR_GPIO + 5) {
        usrp_board_gpio(usrp);
    }
}

/* 0 SPI, 9 GPIO (both synthesisers locked), 10 and 11 time, 12 compatibility, 13 locks, 14 and 15
   time at the last pulse. */
uint32_t usrp_peek(usrp_t *usrp, uint32_t address)
{
    switch (address) {
    case 9:
        return 0x00010001;
    case 10:
        return (uint32_t)(usrp_clock_now(usrp) >> 32);
    case 11:
        return (uint32_t)usrp_clock_now(usrp);
    case 12:
        return 11u << 16 | 1u;
    case 13:
        return 3u << 10;
    case 14:
        return (uint32_t)(usrp_clock_pps(usrp) >> 32);
    case 15:
        return (uint32_t)usrp_clock_pps(usrp);
    default:
        return 0;
    }
}
