/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keys: CURVE keys of the control plane (Curve25519, written in ZeroMQ's Z85: 40 letters).
 *
 * A key pair is two files: NAME, mode 0600, holds both halves; NAME.pub holds the public one as one
 * line, "KEY NAME", which is also a line of an allow-list:
 *
 *     semradio-align keys lab-pc          makes lab-pc and lab-pc.pub
 *     cat lab-pc.pub >> allowed           lets its owner in where control.allow = allowed
 */
#ifndef CONTROL_KEYS_H
#define CONTROL_KEYS_H

#include "err.h"

#include <stdbool.h>

enum { KEY_SIZE = 41 }; /* Z85 and the NUL */

typedef struct {
    char open[KEY_SIZE]; /* the public half */
    char secret[KEY_SIZE];
} key_pair_t;

/* Makes PATH and PATH.pub, atomically.  ERR_STATE when one is there already; ERR_IO. */
int keys_make(const char *path, key_pair_t *pair, err_t *err);

/* Reads PATH.  ERR_STATE when others may read it (chmod 600), ERR_FORMAT, ERR_IO. */
int keys_load(const char *path, key_pair_t *pair, err_t *err);

/* A public key: 40 letters themselves, or the path of a .pub file (its first key). */
int keys_public(const char *text, char open[KEY_SIZE], err_t *err);

/* Forgets a secret in memory. */
void keys_wipe(key_pair_t *pair);

/*
 * Whether the list of public keys at `path` (one a line, a name after it; lines that start with
 * "# " are comments) holds this one.  The list is read anew each time, so a change acts on the next
 * connection.  *broken: it could not be read, nobody is on it.
 */
bool keys_allowed(const char *path, const char open[KEY_SIZE], bool *broken);

/* 0 when the list can be read and holds at least one key and no line that is not one. */
int keys_check_list(const char *path, err_t *err);

#endif
