/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * intake: the radio thread of a receiving program.  It pulls blocks of samples and hands them on by a
 * ring; it neither waits for who takes them, nor locks, allocates, or logs.  What finds no room is
 * counted.
 */
#ifndef BROADCAST_INTAKE_H
#define BROADCAST_INTAKE_H

#include "radio/radio.h"

enum { INTAKE_BLOCK = 8192 }; /* samples */

typedef struct {
    uint64_t timestamp; /* of the first sample */
    size_t count;
    float complex samples[INTAKE_BLOCK];
} intake_block_t;

typedef struct intake intake_t;

/* The radio is the caller's, started; this thread alone pulls from it until intake_stop. */
intake_t *intake_start(radio_t *radio, err_t *err);
void intake_stop(intake_t *intake); /* NULL is fine */

/* The oldest block, valid until intake_release; NULL: none came in time.  One thread. */
const intake_block_t *intake_next(intake_t *intake, double timeout_s);
void intake_release(intake_t *intake);

/* Samples that the radio lost, and that found no room here. */
uint64_t intake_lost(const intake_t *intake);

#endif
