/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The device's UDP ports, all on its own address. */
#include "usrp/usrp_device.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const uint16_t numbers[PORT_COUNT] = {49152, 49156, 49157, 49158, 49159};

static int open_port(const char *address, uint16_t number, err_t *err)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot open a socket");
    }
    /* What the device's own buffers hold; the system may give less. */
    const int bytes = 4 << 20;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(number)};
    inet_pton(AF_INET, address, &at.sin_addr);
    if (bind(fd, (const struct sockaddr *)&at, sizeof at) < 0) {
        const int failure = errno;
        close(fd);
        if (failure == EADDRINUSE) {
            return err_set(err, ERR_STATE, "usrp:%s: another device has UDP port %u of it", address,
                           number);
        }
        return err_set_errno(err, failure, "usrp:%s: cannot bind UDP port %u", address, number);
    }
    return fd;
}

int usrp_ports_open(usrp_t *usrp, err_t *err)
{
    for (int port = 0; port < PORT_COUNT; port++) {
        usrp->socket[port] = open_port(usrp->config.address, numbers[port], err);
        if (usrp->socket[port] < 0) {
            return -1;
        }
    }
    return 0;
}

void usrp_ports_close(usrp_t *usrp)
{
    for (int port = 0; port < PORT_COUNT; port++) {
        if (usrp->socket[port] >= 0) {
            close(usrp->socket[port]);
        }
    }
}

void usrp_ports_wait(usrp_t *usrp, double timeout_s)
{
    struct pollfd fds[PORT_COUNT];
    for (int port = 0; port < PORT_COUNT; port++) {
        fds[port] = (struct pollfd){.fd = usrp->socket[port], .events = POLLIN};
    }
    const struct timespec timeout = {.tv_nsec = (long)(fmin(timeout_s, 0.5) * 1e9)};
    (void)ppoll(fds, PORT_COUNT, &timeout, NULL); /* a signal or an error: look anyway */
}

size_t usrp_ports_take(usrp_t *usrp, usrp_port_t port, uint8_t *data, struct sockaddr_in *from)
{
    socklen_t length = sizeof *from;
    for (;;) {
        const ssize_t size =
            recvfrom(usrp->socket[port], data, USRP_FRAME, 0, (struct sockaddr *)from, &length);
        if (size > 0) {
            return (size_t)size;
        }
        /* Empty datagrams, and refusals that answer what was sent to a host that has gone. */
        if (size < 0 && errno != ECONNREFUSED && errno != EINTR) {
            return 0;
        }
    }
}

void usrp_ports_send(usrp_t *usrp, usrp_port_t port, const uint8_t *data, size_t size)
{
    if (usrp->known[port]) {
        /* What the system refuses is lost, as on any network. */
        (void)sendto(usrp->socket[port], data, size, MSG_DONTWAIT,
                     (const struct sockaddr *)&usrp->host[port], sizeof usrp->host[port]);
    }
}
