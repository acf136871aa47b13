/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every group carries the same random bytes: the code is linear and scrambled, so the bytes do not
 * matter, and a frame needs no bookkeeping.  One link serves all modes: a receiver is
 * dear to make.
 */
#include "digital_loss.h"

#include "modem/modem.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 10,                /* frames between two looks at the balance */
    STREAM_BYTES = 0x62797465, /* "byte" */
};

/* "calib": the campaign's own frames have other random numbers. */
static const uint64_t seed_apart = 0x63616c6962;

struct digital_loss {
    digital_loss_config_t config;
    link_t *link;
    size_t symbols;        /* of a group */
    float complex *points; /* [groups][symbols] */
    modem_t *modem;        /* of the mode under way */
    size_t bytes;
    uint8_t *payload, *decoded;
    double whole; /* groups received */
    uint16_t frame;
};

static void on_frame(void *context, const received_frame_t *frame)
{
    digital_loss_t *l = context;
    size_t groups = (size_t)l->config.groups;
    if (frame->status != RECEIVED_OK || frame->symbol_count != groups * l->symbols) {
        return;
    }
    for (size_t g = 0; g < groups; g++) {
        size_t at = g * l->symbols;
        int failed =
            modem_decode(l->modem, frame->symbols + at, frame->noise_var + at, l->decoded, NULL);
        l->whole += failed == 0 && memcmp(l->decoded, l->payload, l->bytes) == 0 ? 1 : 0;
    }
}

digital_loss_t *digital_loss_create(const digital_loss_config_t *config, err_t *err)
{
    digital_loss_t *l = calloc(1, sizeof *l);
    size_t symbols = header_payload(&config->header);
    if (l == NULL || (l->points = malloc(symbols * sizeof *l->points)) == NULL) {
        err_set(err, ERR_MEMORY, "no memory for frames of %zu symbols", symbols);
        digital_loss_destroy(l);
        return NULL;
    }
    l->config = *config;
    l->symbols = symbols / (size_t)config->groups;
    link_config_t link = *config->link;
    link.air.seed ^= seed_apart;
    link.max_symbols = symbols;
    link.on_frame = on_frame;
    link.context = l;
    l->link = link_create(&link, err);
    if (l->link == NULL) {
        digital_loss_destroy(l);
        return NULL;
    }
    return l;
}

static void end_mode(digital_loss_t *l)
{
    modem_destroy(l->modem);
    free(l->payload);
    free(l->decoded);
    l->modem = NULL;
    l->payload = l->decoded = NULL;
}

void digital_loss_destroy(digital_loss_t *loss)
{
    if (loss != NULL) {
        end_mode(loss);
        link_destroy(loss->link);
        free(loss->points);
        free(loss);
    }
}

static int start_mode(digital_loss_t *l, const digital_mode_t *mode, err_t *err)
{
    l->bytes = modem_payload_bytes(mode->modulation, l->symbols, digital_code_rate(mode));
    modem_config_t modem = {
        .modulation = mode->modulation, .payload_bytes = l->bytes, .symbols = l->symbols};
    l->modem = modem_create(&modem, err);
    if (l->modem == NULL) {
        return -1;
    }
    l->payload = malloc(l->bytes);
    l->decoded = malloc(l->bytes);
    if (l->payload == NULL || l->decoded == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu bytes", l->bytes);
    }
    rng_t rng;
    rng_seed(&rng, l->config.link->air.seed, STREAM_BYTES);
    for (size_t i = 0; i < l->bytes; i++) {
        l->payload[i] = (uint8_t)rng_bits(&rng);
    }
    for (size_t g = 0; g < (size_t)l->config.groups; g++) {
        modem_encode(l->modem, l->payload, l->points + g * l->symbols);
    }
    return 0;
}

static int send(digital_loss_t *l, digital_count_t *count, err_t *err)
{
    const digital_loss_config_t *config = &l->config;
    frame_header_t header = config->header;
    l->whole = 0.0;
    for (int sent = 0; sent < config->frames;) {
        for (int i = 0; i < BATCH && sent < config->frames; i++, sent++) {
            header.frame = l->frame++;
            if (link_send(l->link, &header, l->points, err) != 0) {
                return -1;
            }
        }
        link_flush(l->link);
        count->sent = (double)sent * config->groups;
        count->lost = count->sent - l->whole;
        if (l->whole == 0.0) {
            break; /* not one of the first */
        }
    }
    return 0;
}

int digital_loss_measure(digital_loss_t *loss, const digital_mode_t *mode, digital_count_t *count,
                         err_t *err)
{
    int status = start_mode(loss, mode, err) == 0 ? send(loss, count, err) : -1;
    end_mode(loss);
    return status;
}
