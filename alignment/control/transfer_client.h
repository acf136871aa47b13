/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transfer_client: the asking end of transfer.h: whole files, resumed where they stopped. */
#ifndef CONTROL_TRANSFER_CLIENT_H
#define CONTROL_TRANSFER_CLIENT_H

#include "adapter/digest.h"
#include "control/control_client.h"

/*
 * Sends bytes[size] into the store at the other end, as much of it at once as it grants.  `name`
 * ("": none) will mean it there.  Goes on after a restart of the other end; gives up when
 * `deadline_s` passed without a byte's progress.  *resumed: how much was there already.
 */
int transfer_send(control_client_t *client, const char *target, const uint8_t *bytes, size_t size,
                  const char *name, double deadline_s, uint64_t *resumed, err_t *err);

/* Gets an object into PATH, by way of PATH.part, which a later call goes on with.  ERR_FORMAT when
   the bytes do not have the hash (PATH.part is then gone). */
int transfer_receive(control_client_t *client, const char *target, const digest_t *id,
                     const char *path, double deadline_s, uint64_t *resumed, err_t *err);

#endif
