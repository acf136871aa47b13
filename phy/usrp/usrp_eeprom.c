/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Motherboard (I2C 0x50): hardware 0x0A11 (N210r4), little-endian at 0; MAC at 2; subnet at 8; IP
 * at 0x0C; serial at 0x18 (9 characters); name at 0x21; gateway at 0x38.  Daughterboard (0x54
 * transmit, 0x55 receive): 0xDB, id little-endian, serial at 9, byte 31 makes the sum of 32 bytes
 * zero.
 */
#include "usrp/usrp_device.h"

#include <arpa/inet.h>
#include <string.h>

static void fill_daughterboard(uint8_t *eeprom, uint16_t id, const char *serial)
{
    memset(eeprom, 0xff, 256);
    memset(eeprom, 0, 32);
    eeprom[0] = 0xdb;
    eeprom[1] = (uint8_t)id;
    eeprom[2] = (uint8_t)(id >> 8);
    memcpy(eeprom + 9, serial, strlen(serial));
    uint8_t sum = 0;
    for (int i = 0; i < 31; i++) {
        sum = (uint8_t)(sum + eeprom[i]);
    }
    eeprom[31] = (uint8_t)-sum;
}

static void fill_motherboard(uint8_t *eeprom, const usrp_config_t *config)
{
    struct in_addr address;
    inet_pton(AF_INET, config->address, &address);
    const uint8_t *ip = (const uint8_t *)&address.s_addr;
    memset(eeprom, 0xff, 256);
    eeprom[0] = 0x11;
    eeprom[1] = 0x0a;
    const uint8_t mac[6] = {0x02, 0x00, ip[0], ip[1], ip[2], ip[3]}; /* locally administered */
    memcpy(eeprom + 2, mac, sizeof mac);
    const uint8_t subnet[4] = {255, 0, 0, 0}, gateway[4] = {127, 0, 0, 1};
    memcpy(eeprom + 0x08, subnet, sizeof subnet);
    memcpy(eeprom + 0x0c, ip, 4);
    memcpy(eeprom + 0x18, config->serial, strlen(config->serial) + 1);
    memcpy(eeprom + 0x21, config->name, strlen(config->name) + 1);
    memcpy(eeprom + 0x38, gateway, sizeof gateway);
}

void usrp_eeprom_fill(usrp_t *usrp)
{
    fill_motherboard(usrp->eeprom[0], &usrp->config);
    fill_daughterboard(usrp->eeprom[1], 0x0055, usrp->config.serial);
    fill_daughterboard(usrp->eeprom[2], 0x0054, usrp->config.serial);
}
