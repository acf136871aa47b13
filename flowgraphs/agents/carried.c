/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "carried.h"

#include "link.h"

#include <string.h>

typedef struct {
    const frame_header_t *sent;
    float complex *soft;
    float *noise_var;
    carried_t *carried;
    bool came, other;
} arrival_t;

static void on_frame(void *context, const received_frame_t *frame)
{
    arrival_t *arrival = context;
    if (frame->status != RECEIVED_OK || frame->symbol_count != arrival->sent->symbols) {
        return;
    }
    arrival->other = frame->header.adapter_tag != arrival->sent->adapter_tag ||
                     frame->header.codec != arrival->sent->codec ||
                     frame->header.rate != arrival->sent->rate;
    arrival->came = true;
    memcpy(arrival->soft, frame->symbols, frame->symbol_count * sizeof *arrival->soft);
    memcpy(arrival->noise_var, frame->noise_var, frame->symbol_count * sizeof *arrival->noise_var);
    arrival->carried->snr_db = frame->snr_db;
    arrival->carried->evm_db = frame->evm_db;
}

int carry(const frame_header_t *header, const float complex *symbols, double snr_db, uint64_t seed,
          float complex *soft, float *noise_var, carried_t *carried, err_t *err)
{
    arrival_t arrival = {.sent = header, .soft = soft, .noise_var = noise_var, .carried = carried};
    link_config_t config = link_config_default();
    if (header_check(header, err) != 0) {
        return -1;
    }
    config.air.snr_db = snr_db;
    config.air.seed = seed;
    config.max_symbols = header->symbols;
    config.on_frame = on_frame;
    config.context = &arrival;
    link_t *link = link_create(&config, err);
    if (link == NULL) {
        return -1;
    }
    const int code = link_send(link, header, symbols, err);
    if (code == 0) {
        link_flush(link);
    }
    link_destroy(link);
    if (code != 0) {
        return -1;
    }
    if (!arrival.came) {
        return err_set(err, ERR_CLOSED, "the frame was lost or damaged at %g dB", snr_db);
    }
    return arrival.other ? err_set(err, ERR_FORMAT, "the frame names another adapter than was sent")
                         : 0;
}
