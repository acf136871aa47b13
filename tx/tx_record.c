/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.file: the bursts as they went to the radio, a note for each frame.  Bursts with a time of
 * their own keep it; those sent back to back follow each other without a hole.
 */
#include "log.h"
#include "tx.h"

#include <string.h>

int tx_record_open(tx_t *tx, const options_t *options, err_t *err)
{
    err_t why = ERR_INIT;
    tx->recorder = recorder_from_options(options, radio_rate_hz(tx->radio),
                                         radio_freq_hz(tx->radio), "samples sent", &why);
    return why.code == ERR_NONE ? 0 : err_set(err, why.code, "%s", why.text);
}

void tx_record_burst(tx_t *tx, const tx_burst_t *burst, uint64_t when)
{
    const frame_header_t *h = &burst->header;
    if (tx->recorder == NULL) {
        return;
    }
    if (when == RADIO_ASAP) {
        when = tx->recorded;
    }
    tx->recorded = when + burst->count;
    recorder_push(tx->recorder, burst->samples, burst->count, when);
    recorder_note_t note;
    recorder_note_init(&note);
    strcpy(note.label, "frame");
    note.timestamp = when;
    note.count = burst->count;
    note.frame = h->frame;
    note.image_id = h->image_id;
    note.images = h->images;
    note.source = h->source;
    note.destination = h->destination;
    note.codec = h->codec;
    note.dataset = h->dataset;
    note.rate = h->rate;
    note.adapter_tag = h->adapter_tag;
    note.width = h->width;
    note.height = h->height;
    note.symbols = h->symbols;
    recorder_note(tx->recorder, &note);
}

int tx_record_close(tx_t *tx, err_t *err)
{
    if (tx->recorder == NULL) {
        return 0;
    }
    recorder_drained(tx->recorder, 10.0);
    const recorder_counts_t counts = recorder_counts(tx->recorder);
    log_info("recorded %llu samples (%llu dropped, %llu values clipped)",
             (unsigned long long)counts.samples, (unsigned long long)counts.dropped_samples,
             (unsigned long long)counts.clipped);
    const int code = recorder_close(tx->recorder, err);
    tx->recorder = NULL;
    return code;
}
