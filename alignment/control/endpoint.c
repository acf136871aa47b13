/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IPC_PATH = 100 }; /* sockaddr_un holds 107 */

/* The port's text, or NULL. */
static const char *port_of(const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');
    return colon != NULL && colon > endpoint + 6 ? colon + 1 : NULL;
}

static bool good_port(const char *port)
{
    const size_t length = strlen(port);
    if (strcmp(port, "*") == 0) {
        return true;
    }
    const bool digits = length >= 1 && length <= 5 && strspn(port, "0123456789") == length;
    return digits && atol(port) >= 1 && atol(port) <= 65535;
}

int endpoint_check(const char *endpoint, err_t *err)
{
    const size_t length = strlen(endpoint);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)endpoint[i] <= 32 || (unsigned char)endpoint[i] == 127) {
            return err_set(err, ERR_ARGUMENT, "an endpoint holds no spaces");
        }
    }
    if (strncmp(endpoint, "ipc://", 6) == 0) {
        return length > 6 && length - 6 <= IPC_PATH
                   ? 0
                   : err_set(err, ERR_ARGUMENT, "\"%.140s\": the path has 1 to %d letters",
                             endpoint, IPC_PATH);
    }
    if (strncmp(endpoint, "tcp://", 6) != 0) {
        return err_set(err, ERR_ARGUMENT, "\"%.140s\" is neither tcp://HOST:PORT nor ipc://PATH",
                       endpoint);
    }
    const char *port = port_of(endpoint);
    if (length >= ENDPOINT_SIZE - 8 || port == NULL || !good_port(port)) {
        return err_set(err, ERR_ARGUMENT, "\"%.140s\": tcp://HOST:PORT, PORT from 1 to 65535",
                       endpoint);
    }
    return 0;
}

bool endpoint_is_local(const char *endpoint)
{
    static const char *const local[] = {"ipc://", "tcp://127.", "tcp://[::1]:", "tcp://localhost:"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        if (strncmp(endpoint, local[i], strlen(local[i])) == 0) {
            /* tcp://127.example.com:1 is a name, not an address. */
            const char *host = endpoint + 6;
            return i != 1 || strspn(host, "0123456789.") == strcspn(host, ":");
        }
    }
    return false;
}

int endpoint_reports(const char *endpoint, char reports[ENDPOINT_SIZE], err_t *err)
{
    if (endpoint_check(endpoint, err) != 0) {
        return -1;
    }
    if (strncmp(endpoint, "ipc://", 6) == 0) {
        snprintf(reports, ENDPOINT_SIZE, "%s.reports", endpoint);
        return endpoint_check(reports, err);
    }
    const char *port = port_of(endpoint);
    if (strcmp(port, "*") == 0) {
        snprintf(reports, ENDPOINT_SIZE, "%s", endpoint);
        return 0;
    }
    snprintf(reports, ENDPOINT_SIZE, "%.*s%ld", (int)(port - endpoint), endpoint, atol(port) + 1);
    return endpoint_check(reports, err);
}

void endpoint_seen_from(const char *own, const char *reached, char seen[ENDPOINT_SIZE])
{
    const char *own_port = port_of(own), *reached_port = port_of(reached);
    if (strncmp(own, "tcp://", 6) != 0 || strncmp(reached, "tcp://", 6) != 0 || own_port == NULL ||
        reached_port == NULL) {
        snprintf(seen, ENDPOINT_SIZE, "%s", own);
        return;
    }
    snprintf(seen, ENDPOINT_SIZE, "%.*s%s", (int)(reached_port - reached), reached, own_port);
}
