/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sequence: finds frames that never came by the gaps in the frame counters.
 *
 *     sequence_t sequence = {0};
 *     on a readable header:    sequence_step_t step =
 *                                  sequence_frame(&sequence, source, session, counter);
 *     on an unreadable header: sequence_lost_header(&sequence);
 *
 * The counter has 16 bits and wraps; each transmitter (source id) has its own.
 * The first frame of a transmitter sets the baseline: what it sent before is
 * not lost.  A transmitter that started anew (another session number, or a
 * counter that stands still or runs backwards) sets a new baseline.  A frame
 * whose header was unreadable is already known as lost_header, so it is taken
 * off the next gap and no frame is counted twice.  A silence of more than
 * 32,767 frames cannot be told from a new start, nor can one of 65,536.
 */
#ifndef COMMON_SEQUENCE_H
#define COMMON_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    struct {
        bool seen;
        uint8_t session;
        uint16_t counter;
    } sources[256];
    int source_count;
    uint32_t headers_lost; /* unreadable headers not yet taken off a gap */
} sequence_t;

typedef struct {
    uint32_t lost;  /* frames missing between this one and the one before */
    bool first;     /* the first frame of this source */
    bool restarted; /* the transmitter started anew */
} sequence_step_t;

sequence_step_t sequence_frame(sequence_t *sequence, uint8_t source, uint8_t session,
                               uint16_t counter);
void sequence_lost_header(sequence_t *sequence);

#endif
