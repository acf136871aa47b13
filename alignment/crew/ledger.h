/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ledger: how many bytes an agent got from each other agent, and how many it gave away, over all
 * lives of its process: a file that is mapped, so that what was counted before a SIGKILL stays.
 *
 * Bytes are those of increments, as they crossed the control plane: without envelopes, with every
 * chunk that had to be sent again.  One process at a time (a lock); one thread.
 */
#ifndef CREW_LEDGER_H
#define CREW_LEDGER_H

#include "err.h"

#include <stdint.h>

enum { LEDGER_NAME = 64, LEDGER_ENTRIES = 512 };

typedef struct {
    char name[LEDGER_NAME]; /* of the other agent */
    uint64_t planned, used; /* bytes received: to keep, to use once */
} ledger_entry_t;

typedef struct ledger ledger_t;

/* ERR_STATE: another process has it; ERR_FORMAT: no ledger; ERR_IO. */
ledger_t *ledger_open(const char *path, err_t *err);
void ledger_close(ledger_t *ledger); /* NULL is fine */

/* Names beyond LEDGER_ENTRIES are counted together under "(others)". */
void ledger_received(ledger_t *ledger, const char *from, int keep, uint64_t bytes);
void ledger_sent(ledger_t *ledger, uint64_t bytes);
void ledger_started(ledger_t *ledger);

uint64_t ledger_sent_bytes(const ledger_t *ledger);
uint64_t ledger_starts(const ledger_t *ledger); /* how often the agent was started */
/* Entries in order, NULL past the last. */
const ledger_entry_t *ledger_at(const ledger_t *ledger, int index);

#endif
