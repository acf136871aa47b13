/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every frame carries the same random bytes: the code is linear and scrambled, so the bytes do not
 * matter, and a frame needs no bookkeeping but its counter.  All modes see the same air.
 */
#include "digital_loss.h"

#include "modem/modem.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 10,                  /* frames between two looks at the balance */
    STREAM_BYTES = 0x62797465,   /* "byte" */
};

/* "calib": the campaign's own frames have other random numbers. */
static const uint64_t seed_apart = 0x63616c6962;

typedef struct {
    const digital_loss_config_t *config;
    link_t *link;
    modem_t *modem;
    size_t symbols; /* of a group */
    size_t bytes;
    uint8_t *payload, *decoded;
    float complex *points; /* [groups][symbols] */
    double whole;          /* groups received */
} run_t;

static void on_frame(void *context, const received_frame_t *frame)
{
    run_t *run = context;
    size_t groups = (size_t)run->config->groups;
    if (frame->status != RECEIVED_OK || frame->symbol_count != groups * run->symbols) {
        return;
    }
    for (size_t g = 0; g < groups; g++) {
        size_t at = g * run->symbols;
        int failed = modem_decode(run->modem, frame->symbols + at, frame->noise_var + at,
                                  run->decoded, NULL);
        run->whole += failed == 0 && memcmp(run->decoded, run->payload, run->bytes) == 0 ? 1 : 0;
    }
}

static int open_modem(run_t *run, const digital_mode_t *mode, err_t *err)
{
    const digital_loss_config_t *config = run->config;
    run->symbols = header_payload(&config->header) / (size_t)config->groups;
    run->bytes = modem_payload_bytes(mode->modulation, run->symbols, digital_code_rate(mode));
    modem_config_t modem = {.modulation = mode->modulation,
                            .payload_bytes = run->bytes,
                            .symbols = run->symbols};
    run->modem = modem_create(&modem, err);
    return run->modem != NULL ? 0 : -1;
}

static int open_link(run_t *run, err_t *err)
{
    link_config_t link = *run->config->link;
    link.air.seed ^= seed_apart;
    link.max_symbols = header_payload(&run->config->header);
    link.on_frame = on_frame;
    link.context = run;
    run->link = link_create(&link, err);
    return run->link != NULL ? 0 : -1;
}

static int fill(run_t *run, err_t *err)
{
    size_t groups = (size_t)run->config->groups;
    run->payload = malloc(run->bytes);
    run->decoded = malloc(run->bytes);
    run->points = malloc(groups * run->symbols * sizeof *run->points);
    if (run->payload == NULL || run->decoded == NULL || run->points == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for frames of %zu symbols",
                       groups * run->symbols);
    }
    rng_t rng;
    rng_seed(&rng, run->config->link->air.seed, STREAM_BYTES);
    for (size_t i = 0; i < run->bytes; i++) {
        run->payload[i] = (uint8_t)rng_bits(&rng);
    }
    for (size_t g = 0; g < groups; g++) {
        modem_encode(run->modem, run->payload, run->points + g * run->symbols);
    }
    return 0;
}

static int send(run_t *run, digital_loss_t *loss, err_t *err)
{
    const digital_loss_config_t *config = run->config;
    frame_header_t header = config->header;
    *loss = (digital_loss_t){0};
    for (int sent = 0; sent < config->frames;) {
        for (int i = 0; i < BATCH && sent < config->frames; i++, sent++) {
            header.frame = (uint16_t)sent;
            if (link_send(run->link, &header, run->points, err) != 0) {
                return -1;
            }
        }
        link_flush(run->link);
        loss->sent = (double)sent * config->groups;
        loss->lost = loss->sent - run->whole;
        if (run->whole == 0.0) {
            break; /* not one of the first */
        }
    }
    return 0;
}

int digital_loss_measure(const digital_loss_config_t *config, const digital_mode_t *mode,
                         digital_loss_t *loss, err_t *err)
{
    run_t run = {.config = config};
    int status = -1;
    if (open_modem(&run, mode, err) == 0 && open_link(&run, err) == 0 && fill(&run, err) == 0) {
        status = send(&run, loss, err);
    }
    link_destroy(run.link);
    modem_destroy(run.modem);
    free(run.payload);
    free(run.decoded);
    free(run.points);
    return status;
}
