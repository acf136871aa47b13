/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/parts.h"

int parts_receive(void *socket, zmq_msg_t part[2])
{
    zmq_msg_t extra;
    int count = 0, more = 1;
    zmq_msg_init(&part[0]);
    zmq_msg_init(&part[1]);
    zmq_msg_init(&extra);
    while (more != 0) {
        zmq_msg_t *to = count < 2 ? &part[count] : &extra;
        if (zmq_msg_recv(to, socket, ZMQ_DONTWAIT) < 0) {
            break;
        }
        more = zmq_msg_more(to);
        count++;
    }
    zmq_msg_close(&extra);
    return count;
}

void parts_close(zmq_msg_t part[2])
{
    zmq_msg_close(&part[0]);
    zmq_msg_close(&part[1]);
}
