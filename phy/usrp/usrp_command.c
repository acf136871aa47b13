/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The FIFO control port: register accesses in order, each at once or at its time.
 *
 *     host    [sequence] [VRT header] [time, 2 words, when header bit 20] [sequence << 16 |
 *             poke << 8 | address] [data]
 *     device  [VRT header] [sequence << 16 …] [data]
 *
 * What waits for its time holds up what comes after it.  A time in the past means at once.
 */
#include "usrp/usrp_device.h"

#include <string.h>

static bool read_command(const uint8_t *data, size_t size, usrp_command_t *command)
{
    if (size < 16) {
        return false;
    }
    const uint32_t header = usrp_word(data + 4);
    const bool timed = header >> 20 & 1;
    const size_t at = timed ? 16 : 8;
    if (size < at + 8) {
        return false;
    }
    const uint32_t word = usrp_word(data + at);
    *command = (usrp_command_t){
        .timed = timed,
        .poke = word >> 8 & 1,
        .address = (uint8_t)word,
        .sequence = (uint16_t)(word >> 16),
        .data = usrp_word(data + at + 4),
        .time = timed ? (uint64_t)usrp_word(data + 8) << 32 | usrp_word(data + 12) : 0,
    };
    return true;
}

static void execute(usrp_t *usrp, const usrp_command_t *command)
{
    uint8_t packet[12];
    uint32_t data = 0;
    usrp->executing = command->waited; /* as if at its very tick */
    usrp->execution_time = command->time;
    if (command->poke) {
        usrp_poke(usrp, command->address, command->data);
    } else {
        data = usrp_peek(usrp, command->address);
    }
    usrp->executing = false;
    usrp_put_word(packet, 0x40000003u | (uint32_t)(command->sequence & 15) << 16);
    usrp_put_word(packet + 4, (uint32_t)command->sequence << 16);
    usrp_put_word(packet + 8, data);
    usrp_ports_send(usrp, PORT_FIFO, packet, sizeof packet);
}

void usrp_command_run(usrp_t *usrp)
{
    while (usrp->command_count > 0) {
        usrp_command_t *oldest = &usrp->command[usrp->command_first];
        if (oldest->timed && oldest->time > usrp_clock_now(usrp)) {
            oldest->waited = true;
            return;
        }
        const usrp_command_t command = *oldest;
        usrp->command_first = (usrp->command_first + 1) % USRP_COMMANDS;
        usrp->command_count--;
        execute(usrp, &command);
    }
}

void usrp_command_serve(usrp_t *usrp)
{
    uint8_t data[USRP_FRAME];
    struct sockaddr_in from;
    size_t size;
    for (int i = 0; i < USRP_COMMANDS && (size = usrp_ports_take(usrp, PORT_FIFO, data, &from)) > 0;
         i++) {
        usrp_command_t command;
        if (size >= 8 && usrp_word(data + 4) == 0) { /* here I am */
            usrp->host[PORT_FIFO] = from;
            usrp->known[PORT_FIFO] = true;
            usrp->command_count = 0; /* of a host before */
        } else if (usrp->command_count < USRP_COMMANDS && read_command(data, size, &command)) {
            const size_t last = (usrp->command_first + usrp->command_count++) % USRP_COMMANDS;
            usrp->command[last] = command;
            usrp_command_run(usrp);
        } else { /* or more than the 63 that a host may have on the way */
            usrp->counts.malformed++;
        }
    }
}
