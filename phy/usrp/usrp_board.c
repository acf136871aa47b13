/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The SBX daughterboard and the converter, as far as the signal feels them.
 *
 * Attenuators: bits 8 to 13 of each half's pins hold the complement of a count of 0.5 dB;
 * gain = 31.5 dB - attenuation.  The "full duplex" word of the automatic transmit/receive control
 * (187) holds it for both halves: receive in the low 16 bits, transmit in the high ones.
 *
 * Synthesisers (Analog Devices ADF4350, data sheet): with the reference of 100 MHz,
 *     f_pfd = f_ref (1 + D) / (R (1 + T))         registers 2: D bit 25, T bit 24, R bits 14-23
 *     N = INT + FRAC / MOD                        register 0: INT 15-30, FRAC 3-14; 1: MOD 3-14
 *     f_out = f_pfd N, over the output divider 2^k (register 4, bits 20-22) when the feedback
 *     is taken before it (bit 23)
 *
 * Receive converter (ADS62P44): digital gain in steps of 0.5 dB in its register 0x17, of 0.05 dB
 * in 0x1A.
 */
#include "usrp/usrp_device.h"

enum { CHIP_RX_SYNTHESISER = 16, CHIP_TX_SYNTHESISER = 128, CHIP_CONVERTER = 256 };
static const double REFERENCE_HZ = 100e6;

static double synthesised_hz(const uint32_t *r)
{
    const uint32_t integer = r[0] >> 15 & 0xffff, fraction = r[0] >> 3 & 0xfff;
    const uint32_t modulus = r[1] >> 3 & 0xfff, reference = r[2] >> 14 & 0x3ff;
    if (integer == 0 || reference == 0) {
        return 0.0;
    }
    const double pfd_hz =
        REFERENCE_HZ * (1 + (r[2] >> 25 & 1)) / (reference * (1 + (r[2] >> 24 & 1)));
    const double n = integer + (modulus > 0 ? (double)fraction / modulus : 0.0);
    const bool before_divider = r[4] >> 23 & 1;
    return pfd_hz * n / (before_divider ? 1u << (r[4] >> 20 & 7) : 1u);
}

void usrp_board_tune(usrp_t *usrp)
{
    /* A clock offset moves the carriers with it. */
    const double stretch = 1.0 + 1e-6 * usrp->config.clock_ppm;
    segment_slot_t *slot = &usrp->air->segment.header->slot[usrp->air->slot];
    atomic_store(&slot->freq_bits,
                 segment_bits(stretch * (usrp->rx_side.lo_hz + usrp->rx_side.nco_hz)));
    atomic_store(&slot->tx_freq_bits,
                 segment_bits(stretch * (usrp->tx_side.lo_hz + usrp->tx_side.nco_hz)));
}

static void write_synthesiser(usrp_t *usrp, usrp_side_t *side, uint32_t data)
{
    if ((data & 7) < 6) {
        side->synthesiser[data & 7] = data;
        side->lo_hz = synthesised_hz(side->synthesiser);
        usrp_board_tune(usrp);
    }
}

/* 16 bits: register, value.  The fine part comes on top. */
static void write_converter(usrp_t *usrp, uint32_t data)
{
    const uint32_t value = data & 0xff;
    if (data >> 8 == 0x17) {
        usrp->rx_side.converter[0] = value & 0xf;
    } else if (data >> 8 == 0x1a) {
        usrp->rx_side.converter[1] = value & 0xf;
    } else {
        return;
    }
    usrp->rx_side.digital_gain_db =
        0.5 * usrp->rx_side.converter[0] + 0.05 * usrp->rx_side.converter[1];
    usrp_rx_scale(usrp);
}

uint32_t usrp_board_spi(usrp_t *usrp, uint32_t chip, uint32_t data, unsigned bits)
{
    if (chip == CHIP_RX_SYNTHESISER && bits == 32) {
        write_synthesiser(usrp, &usrp->rx_side, data);
    } else if (chip == CHIP_TX_SYNTHESISER && bits == 32) {
        write_synthesiser(usrp, &usrp->tx_side, data);
    } else if (chip == CHIP_CONVERTER) {
        write_converter(usrp, data);
    }
    return 0;
}

static double attenuator_gain_db(uint32_t pins)
{
    return 31.5 - 0.5 * (~(pins >> 8) & 0x3f);
}

void usrp_board_gpio(usrp_t *usrp)
{
    const uint32_t pins = usrp->settings[SR_GPIO + 3];
    usrp->rx_side.gain_db = attenuator_gain_db(pins & 0xffff);
    usrp->tx_side.gain_db = attenuator_gain_db(pins >> 16);
    usrp_rx_scale(usrp);
    usrp_tx_scale(usrp);
}
