/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts: messages of up to two parts off a ZeroMQ socket. */
#ifndef CONTROL_PARTS_H
#define CONTROL_PARTS_H

#include <zmq.h>

/* Takes the next message, if there is one: the number of its parts, 0: none.  More than two: the rest
   is dropped.  part[0], part[1] are to be closed by parts_close in any case. */
int parts_receive(void *socket, zmq_msg_t part[2]);
void parts_close(zmq_msg_t part[2]);

#endif
