/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record.file: the samples as the receiver gets them, with a note for each frame found there. */
#include "log.h"
#include "rx.h"

#include <string.h>

int rx_record_open(rx_t *rx, const options_t *options, err_t *err)
{
    err_t why = ERR_INIT;
    rx->recorder = recorder_from_options(options, rx->sample_rate_hz, radio_freq_hz(rx->radio),
                                         "samples received", &why);
    return why.code == ERR_NONE ? 0 : err_set(err, why.code, "%s", why.text);
}

void rx_record_samples(rx_t *rx, const rx_block_t *block)
{
    if (rx->recorder == NULL) {
        return;
    }
    if (rx->settings.wait_on_overload) {
        size_t done = 0;
        while (done < block->count && !recorder_failed(rx->recorder, NULL)) {
            done += recorder_push_wait(rx->recorder, block->samples + done, block->count - done,
                                       block->timestamp + done, 0.1);
        }
    } else {
        recorder_push(rx->recorder, block->samples, block->count, block->timestamp);
    }
}

static void describe(recorder_note_t *note, const frame_header_t *h)
{
    note->frame = h->frame;
    note->image_id = h->image_id;
    note->images = h->images;
    note->source = h->source;
    note->destination = h->destination;
    note->codec = h->codec;
    note->dataset = h->dataset;
    note->rate = h->rate;
    note->adapter_tag = h->adapter_tag;
    note->width = h->width;
    note->height = h->height;
    note->symbols = h->symbols;
}

void rx_record_frame(rx_t *rx, const received_frame_t *frame)
{
    static const char *const words[] = {"ok", "lost_header", "damaged"};
    if (rx->recorder == NULL) {
        return;
    }
    recorder_note_t note;
    recorder_note_init(&note);
    note.timestamp = frame->start_timestamp;
    note.count = frame->end_timestamp - frame->start_timestamp;
    note.snr_db = frame->snr_db;
    note.cfo_hz = frame->cfo_hz;
    strcpy(note.label, "frame");
    strcpy(note.status, words[frame->status]);
    if (frame->header_valid) {
        describe(&note, &frame->header);
    }
    recorder_note(rx->recorder, &note);
}

int rx_record_close(rx_t *rx, err_t *err)
{
    if (rx->recorder == NULL) {
        return 0;
    }
    recorder_drained(rx->recorder, 10.0);
    const recorder_counts_t counts = recorder_counts(rx->recorder);
    log_info("recorded %llu samples (%llu dropped, %llu values clipped)",
             (unsigned long long)counts.samples, (unsigned long long)counts.dropped_samples,
             (unsigned long long)counts.clipped);
    const int code = recorder_close(rx->recorder, err);
    rx->recorder = NULL;
    return code;
}
