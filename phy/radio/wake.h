/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wake: sleep until another process has something, over shared memory (futex).
 *
 * One sleeper, any number of wakers.  A waker publishes first, with a
 * sequentially consistent store, and pays for a system call only when somebody
 * sleeps.  A sleeper
 *
 *     const uint32_t ticket = wake_prepare(wake);
 *     if (!nothing_to_do()) wake_wait(wake, ticket, 0.05);
 *     wake_done(wake);
 *
 * Every wait is bounded: the waker may have died.
 */
#ifndef RADIO_WAKE_H
#define RADIO_WAKE_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct {
    _Atomic uint32_t sequence;
    _Atomic uint32_t sleeping;
} wake_t;

uint32_t wake_prepare(wake_t *wake);
void wake_wait(wake_t *wake, uint32_t ticket, double timeout_s);
void wake_done(wake_t *wake);

/* Wakes the sleeper, if there is one. */
void wake_signal(wake_t *wake);

#endif
