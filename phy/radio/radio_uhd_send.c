/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * send(2) as libuhd should see it.
 *
 * UHD 4.3 sends its datagrams in the destructor of a smart pointer and throws when send fails
 * (host/lib/transport/udp_zero_copy.cpp), which ends the whole program: unplugging a network USRP
 * (no route, no answer to ARP) or ending a virtual one (connection refused) would take us along.
 * A datagram that can't be delivered is a lost datagram, and for those UHD has time-outs.
 *
 * The program exports this `send`, so that libuhd, which is loaded later, finds it before the C
 * library's.  Everything but the failure of a datagram is as it was.
 */
#include "radio/radio_uhd_api.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

bool radio_uhd_send_is_exported(void)
{
    return dlsym(RTLD_DEFAULT, "send") == (void *)send;
}

static bool is_datagram(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
}

static bool is_undeliverable(int failure)
{
    return failure == ECONNREFUSED || failure == EHOSTUNREACH || failure == ENETUNREACH ||
           failure == EHOSTDOWN || failure == ENETDOWN;
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    long sent = syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
    if (sent < 0 && is_undeliverable(errno) && is_datagram(fd)) {
        /* The failure is that of an earlier one, and is told once. */
        sent = syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
        if (sent < 0 && is_undeliverable(errno)) {
            return (ssize_t)size;
        }
    }
    return (ssize_t)sent;
}
