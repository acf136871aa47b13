/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control port.  A request is {version 12, id, sequence, arguments}, 36 bytes; the answer has
 * the same sequence.  Ids: a/A hello, r/R register, i/I read I2C, h/H write I2C, s/S SPI, l/L echo
 * (of the packet size, for which it may be longer).  Register actions: 1 peek 32, 2 peek 16,
 * 3 poke 32, 4 poke 16, 5 firmware peek, 6 firmware poke.
 *
 * Firmware registers 0 and 1 are UHD's lock: when (0: given back) and by whom.  UHD 4.3 looks
 * at them only on a device whose FPGA has compatibility number 10, the USRP2's, so a real N210 is
 * never found locked.  Here strangers are shown that number while the device is in use, and UHD
 * tells them that there is no such device.
 */
#include "usrp/usrp_device.h"

#include <string.h>

enum { REQUEST = 36, VERSION = 12, ARGUMENTS = 12 };
enum { FIRMWARE_LOCK_TIME = 0, FIRMWARE_LOCK_BY = 1, FIRMWARE_GPSDO = 3, FIRMWARE_MINOR = 7 };
enum { READBACK = 0x5c00, SETTINGS = 0x7000, FPGA_COMPATIBILITY = READBACK + 4 * 12 };
static const uint64_t LOCK_TICKS = 200000000; /* UHD renews it every 1.5 s */

static bool is_stranger(const usrp_t *usrp, const struct sockaddr_in *from)
{
    return usrp->config.lock && usrp->owner_seen != 0 &&
           usrp->raw - usrp->owner_seen < LOCK_TICKS &&
           (usrp->owner.s_addr != from->sin_addr.s_addr || usrp->owner_port != from->sin_port);
}

static uint32_t peek(usrp_t *usrp, uint32_t address, const struct sockaddr_in *from)
{
    if (address == FPGA_COMPATIBILITY && is_stranger(usrp, from)) {
        usrp->counts.refused++;
        return 10u << 16;
    }
    if (address >= READBACK && address < READBACK + 4 * 16) {
        return usrp_peek(usrp, (address - READBACK) / 4);
    }
    return 0;
}

static void poke_firmware(usrp_t *usrp, uint32_t number, uint32_t data,
                          const struct sockaddr_in *from)
{
    if (number == FIRMWARE_LOCK_TIME || number == FIRMWARE_LOCK_BY) {
        if (is_stranger(usrp, from)) {
            usrp->counts.refused++;
            return;
        }
        usrp->owner = from->sin_addr;
        usrp->owner_port = from->sin_port;
        const bool given_back = number == FIRMWARE_LOCK_TIME && data == 0;
        usrp->owner_seen = given_back ? 0 : usrp->raw > 0 ? usrp->raw : 1;
    }
    usrp->firmware[number] = data;
}

/* Registers: address, data, action. */
static void serve_register(usrp_t *usrp, uint8_t *arguments, const struct sockaddr_in *from)
{
    const uint32_t address = usrp_word(arguments), data = usrp_word(arguments + 4);
    uint32_t answer = 0;
    switch (arguments[8]) {
    case 1:
        answer = peek(usrp, address, from);
        break;
    case 2:
        answer = peek(usrp, address, from) & 0xffff;
        break;
    case 3:
    case 4:
        if (address >= SETTINGS && address < SETTINGS + 4 * 256 && !is_stranger(usrp, from)) {
            usrp_poke(usrp, (address - SETTINGS) / 4, data);
        }
        break;
    case 5:
        answer = usrp->firmware[address % 8];
        break;
    case 6:
        poke_firmware(usrp, address % 8, data, from);
        break;
    default:
        usrp->counts.malformed++;
        break;
    }
    usrp_put_word(arguments + 4, answer);
}

/* I2C: device address, count, 20 bytes.  Only EEPROMs are there; others read as ones. */
static int eeprom_of(uint8_t address)
{
    return address == 0x50 ? 0 : address == 0x54 ? 1 : address == 0x55 ? 2 : -1;
}

static void serve_i2c(usrp_t *usrp, uint8_t *arguments, bool write)
{
    const int which = eeprom_of(arguments[0]);
    const size_t count = arguments[1] <= 20 ? arguments[1] : 20;
    uint8_t *bytes = arguments + 2;
    if (which < 0) {
        memset(bytes, 0xff, write ? 0 : count);
        return;
    }
    uint8_t *at = &usrp->eeprom_at[which];
    for (size_t i = 0; i < count; i++) {
        if (!write) {
            bytes[i] = usrp->eeprom[which][(*at)++];
        } else if (i == 0) {
            *at = bytes[0];
        } else {
            usrp->eeprom[which][(*at)++] = bytes[i];
        }
    }
}

/* SPI: chips, data, two edges, the number of bits, whether to read. */
static void serve_spi(usrp_t *usrp, uint8_t *arguments)
{
    const uint32_t chip = usrp_word(arguments), data = usrp_word(arguments + 4);
    usrp_put_word(arguments + 4, usrp_board_spi(usrp, chip, data, arguments[10]));
}

/* What to answer in `data`; its length, 0: nothing. */
static size_t answer(usrp_t *usrp, uint8_t *data, size_t size, const struct sockaddr_in *from)
{
    const uint32_t id = usrp_word(data + 4);
    uint8_t *arguments = data + ARGUMENTS;
    size_t length = REQUEST;
    usrp_put_word(data, VERSION);
    switch (id) {
    case 'a':
        break; /* UHD takes the address from the socket */
    case 'r':
        serve_register(usrp, arguments, from);
        break;
    case 'i':
    case 'h':
        serve_i2c(usrp, arguments, id == 'h');
        break;
    case 's':
        serve_spi(usrp, arguments);
        break;
    case 'l':
        length = usrp_word(arguments);
        length = length < REQUEST ? REQUEST : length > USRP_FRAME ? USRP_FRAME : length;
        if (length > size) {
            memset(data + size, 0, length - size);
        }
        usrp_put_word(arguments, (uint32_t)size);
        break;
    default:
        usrp->counts.malformed++;
        return 0;
    }
    usrp_put_word(data + 4, id - 'a' + 'A');
    return length;
}

void usrp_control_serve(usrp_t *usrp)
{
    uint8_t data[USRP_FRAME];
    struct sockaddr_in from;
    size_t size;
    for (int i = 0; i < 64 && (size = usrp_ports_take(usrp, PORT_CONTROL, data, &from)) > 0; i++) {
        if (size < REQUEST) {
            usrp->counts.malformed++;
            continue;
        }
        const size_t length = answer(usrp, data, size, &from);
        if (length > 0) {
            usrp->host[PORT_CONTROL] = from;
            usrp->known[PORT_CONTROL] = true;
            usrp_ports_send(usrp, PORT_CONTROL, data, length);
        }
    }
}
