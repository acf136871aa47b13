/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A virtual USRP's transmit packets and its description on the command line. */
#include "usrp/usrp_device.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    usrp_tx_packet_t packet;
    for (int eight_bits = 0; eight_bits < 2; eight_bits++) {
        if (usrp_tx_read(data, size, eight_bits, &packet)) {
            /* Every byte that it promises must be there. */
            const size_t bytes = packet.samples * (eight_bits ? 2 : 4);
            uint8_t sum = 0;
            for (size_t i = 0; i < bytes; i++) {
                sum = (uint8_t)(sum + packet.payload[i]);
            }
            if (packet.payload + bytes > data + size || (sum == 1 && bytes == 0)) {
                abort();
            }
        }
    }
    char *text = malloc(size + 1);
    if (text != NULL) {
        usrp_config_t config;
        memcpy(text, data, size);
        text[size] = '\0';
        (void)usrp_config_parse(text, &config, NULL);
        free(text);
    }
    return 0;
}
