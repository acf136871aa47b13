/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clock: the times the project uses.  Every call is thread-safe and cannot fail.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Monotonic nanoseconds since an arbitrary start (the same for all processes of one boot). */
uint64_t clock_now_ns(void);

/* Nanoseconds since 1970-01-01 UTC.  May jump. */
uint64_t clock_wall_ns(void);

/* CPU seconds used so far: by all threads of the process, by the calling thread. */
double clock_cpu_s(void);
double clock_thread_cpu_s(void);

/* Sleeps until clock_now_ns() >= deadline_ns; returns at once when that is past.
   A signal does not cut it short. */
void clock_sleep_until_ns(uint64_t deadline_ns);

/* Sleeps for a time, but returns early when a signal handler ran. */
void clock_sleep_s(double seconds);

/* "2026-07-24T12:04:31.207Z" for a wall time.  text[25] at least, NUL-terminated; returns text. */
char *clock_wall_text(uint64_t wall_ns, char *text, size_t size);

#endif
