/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * answers: what was answered lately, so that a request that comes twice is answered twice and
 * carried out once.  Per client session the last ANSWERS_KEPT of the commands that change
 * something; bounded in sessions and bytes, the oldest go first.
 *
 * A session's ids grow.  One that is ANSWERS_KEPT or more behind the newest and not kept any more
 * is a replay: its answer can't be given again, so it must not be carried out either.
 */
#ifndef CONTROL_ANSWERS_H
#define CONTROL_ANSWERS_H

#include "control/envelope.h"

enum { ANSWERS_SESSIONS = 256, ANSWERS_KEPT = 64, ANSWERS_BYTES = 4 * 1024 * 1024 };

typedef enum {
    ANSWERS_NEW,     /* carry it out */
    ANSWERS_KNOWN,   /* answer with *text again */
    ANSWERS_PENDING, /* it is being carried out; the answer comes */
    ANSWERS_REPLAYED /* refuse */
} answers_found_t;

typedef struct answers answers_t;

answers_t *answers_create(err_t *err);
void answers_destroy(answers_t *answers);

/* Looks a request up; a new one is noted as pending.  *text stays the table's. */
answers_found_t answers_find(answers_t *answers, const char *session, uint64_t id,
                             const char **text);

/* The answer of a pending request (copied). */
void answers_keep(answers_t *answers, const char *session, uint64_t id, const char *text);

/* Bytes of all texts kept. */
size_t answers_bytes(const answers_t *answers);

#endif
