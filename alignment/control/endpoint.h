/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * endpoint: where a control plane is found: tcp://HOST:PORT or ipc://PATH.
 *
 * Local are ipc (the file's mode keeps others out) and tcp on 127.0.0.0/8, [::1] and localhost.
 * There messages may be plain; everywhere else CURVE is demanded.
 */
#ifndef CONTROL_ENDPOINT_H
#define CONTROL_ENDPOINT_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

enum { ENDPOINT_SIZE = 160 };

/* 0, or -1 with ERR_ARGUMENT.  PORT is 1 … 65535 or * (any free one), HOST may be * to listen. */
int endpoint_check(const char *endpoint, err_t *err);

bool endpoint_is_local(const char *endpoint);

/* Where the reports of a daemon that takes commands at `endpoint` are by default: the next port, or
   the same path and ".reports".  ERR_ARGUMENT when there is none (port 65535, a long path). */
int endpoint_reports(const char *endpoint, char reports[ENDPOINT_SIZE], err_t *err);

/*
 * A listener's own words (tcp://0.0.0.0:5601) as seen from a peer that reached it at `reached`
 * (tcp://lab-pc:5600): tcp://lab-pc:5601.  ipc stays as it is.
 */
void endpoint_seen_from(const char *own, const char *reached, char seen[ENDPOINT_SIZE]);

#endif
