/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/wake.h"

#include <linux/futex.h>
#include <math.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint32_t wake_prepare(wake_t *wake)
{
    const uint32_t ticket = atomic_load(&wake->sequence);
    atomic_store(&wake->sleeping, 1);
    return ticket;
}

void wake_wait(wake_t *wake, uint32_t ticket, double timeout_s)
{
    if (!(timeout_s > 0.0)) {
        return;
    }
    const double whole = floor(fmin(timeout_s, 3600.0));
    const struct timespec timeout = {
        .tv_sec = (time_t)whole, .tv_nsec = (long)((fmin(timeout_s, 3600.0) - whole) * 1e9)};
    /* Returns early for a changed word, a signal or a wake-up: the caller looks again anyway. */
    syscall(SYS_futex, &wake->sequence, FUTEX_WAIT, ticket, &timeout, NULL, 0);
}

void wake_done(wake_t *wake)
{
    atomic_store(&wake->sleeping, 0);
}

void wake_signal(wake_t *wake)
{
    if (atomic_load(&wake->sleeping) != 0) {
        atomic_fetch_add(&wake->sequence, 1);
        syscall(SYS_futex, &wake->sequence, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}
