/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers about sending: [0x50100000 | count << 16 | 6] [stream 2] [time, 2 words]
   [sequence << 16 | code] [sequence].  Code 0 is the flow control: all up to it are consumed. */
#include "usrp/usrp_device.h"

void usrp_async_send(usrp_t *usrp, uint32_t code, uint32_t sequence, uint64_t time)
{
    uint8_t data[24];
    usrp_put_word(data, 0x50100006u | (usrp->tx.answer_count++ & 15) << 16);
    usrp_put_word(data + 4, usrp->settings[SR_TX_CTRL + 2]);
    usrp_put_word(data + 8, (uint32_t)(time >> 32));
    usrp_put_word(data + 12, (uint32_t)time);
    usrp_put_word(data + 16, sequence << 16 | code);
    usrp_put_word(data + 20, sequence);
    usrp_ports_send(usrp, PORT_TX0, data, sizeof data);
}
