/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sequence.h"

enum { BACKWARDS = 0x8000 }; /* a step this long or longer is a step back */

static void set_baseline(sequence_t *sequence, uint8_t source, uint8_t session, uint16_t counter)
{
    sequence->sources[source].seen = true;
    sequence->sources[source].session = session;
    sequence->sources[source].counter = counter;
}

sequence_step_t sequence_frame(sequence_t *sequence, uint8_t source, uint8_t session,
                               uint16_t counter)
{
    sequence_step_t step = {0};
    uint16_t ahead = (uint16_t)(counter - sequence->sources[source].counter);
    if (!sequence->sources[source].seen) {
        step.first = true;
        sequence->source_count++;
    } else if (sequence->sources[source].session != session || ahead == 0 || ahead >= BACKWARDS) {
        step.restarted = true;
    } else {
        uint32_t gap = (uint32_t)ahead - 1;
        uint32_t known = gap < sequence->headers_lost ? gap : sequence->headers_lost;
        step.lost = gap - known;
        sequence->headers_lost -= known;
    }
    /* With one transmitter, headers that no gap accounts for were false alarms or before the
       baseline; with several they may still belong to another one. */
    if (sequence->source_count == 1) {
        sequence->headers_lost = 0;
    }
    set_baseline(sequence, source, session, counter);
    return step;
}

void sequence_lost_header(sequence_t *sequence)
{
    if (sequence->source_count > 0) {
        sequence->headers_lost++;
    }
}
