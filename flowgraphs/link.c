/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One buffer of a gap and a frame is made by the transmitter, passed through
 * the air in place, and pushed.  The silences are noise by the time they
 * reach the receiver; fading belongs to the frame (air_begin_block).
 */
#include "link.h"

#include "rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FLUSH_SAMPLES = 8192,   /* the receiver looks about 4,000 samples ahead */
    LEAST_ECHOES = 64,      /* samples after a frame that the genie's receiver sees, or more */
    STREAM_GAPS = 0x676170, /* "gap": apart from the air's own streams under the same seed */
};

struct link {
    link_config_t config;
    transmitter_t *transmitter;
    air_t *air;
    receiver_t *receiver;
    rng_t gaps;
    float complex *samples;
    size_t room;
    uint64_t timestamp; /* samples through the air so far */
    uint64_t frame_samples;
    float complex response[NUMEROLOGY_FFT];
    float complex *channel; /* genie: [channels][NUMEROLOGY_USED], one for each OFDM symbol */
    size_t channels;        /* 1 unless the channel moves within a frame */
};

link_config_t link_config_default(void)
{
    link_config_t config = {.air = air_config_default(),
                            .numerology = numerology_default(),
                            .receiver = receiver_default(),
                            .gap_most = 2048,
                            .max_symbols = 65536};
    return config;
}

/* OFDM symbols of the longest frame; more than there are when it has retraining symbols. */
static size_t most_symbols(const link_config_t *config)
{
    size_t length = (size_t)(NUMEROLOGY_FFT + config->numerology.cp);
    return numerology_frame_samples(&config->numerology, config->max_symbols) / length + 1;
}

static int open_stages(link_t *link, err_t *err)
{
    link_config_t *config = &link->config;
    config->air.sample_rate_hz = numerology_sample_rate_hz(&config->numerology);
    config->air.symbol_energy = (double)NUMEROLOGY_SYMBOL_ENERGY;
    receiver_config_t receiver = config->receiver;
    receiver.numerology = config->numerology;
    receiver.max_symbols = config->max_symbols;
    receiver.on_frame = config->on_frame;
    receiver.context = config->context;
    link->transmitter = transmitter_create(&config->numerology, err);
    link->air = link->transmitter != NULL ? air_create(&config->air, err) : NULL;
    link->receiver = link->air != NULL ? receiver_create(&receiver, err) : NULL;
    if (link->receiver == NULL) {
        return -1;
    }
    link->channels = config->genie && air_is_moving(link->air) ? most_symbols(config) : 1;
    link->channel = calloc(link->channels, NUMEROLOGY_USED * sizeof *link->channel);
    if (link->channel == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the channel of %zu symbols", link->channels);
    }
    return 0;
}

link_t *link_create(const link_config_t *config, err_t *err)
{
    if (numerology_check(&config->numerology, err) != 0) {
        return NULL;
    }
    link_t *link = calloc(1, sizeof *link);
    if (link == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a link");
        return NULL;
    }
    link->config = *config;
    link->room = config->gap_most + FLUSH_SAMPLES +
                 numerology_frame_samples(&config->numerology, config->max_symbols);
    link->samples = calloc(link->room, sizeof *link->samples);
    rng_seed(&link->gaps, config->air.seed, STREAM_GAPS);
    if (link->samples == NULL) {
        err_set(err, ERR_MEMORY, "no memory for frames of %zu symbols", config->max_symbols);
    }
    if (link->samples == NULL || open_stages(link, err) != 0) {
        link_destroy(link);
        return NULL;
    }
    return link;
}

void link_destroy(link_t *link)
{
    if (link == NULL) {
        return;
    }
    receiver_destroy(link->receiver);
    air_destroy(link->air);
    transmitter_destroy(link->transmitter);
    free(link->samples);
    free(link->channel);
    free(link);
}

static void push(link_t *link, size_t count)
{
    const float complex *const x[] = {link->samples};
    receiver_push(link->receiver, x, count, link->timestamp);
    link->timestamp += count;
}

/*
 * The true gains of the used carriers in OFDM symbol t of a frame whose first sample is number
 * `first`: the carrier offset has turned them since sample 0.  `late`: the receiver has taken off
 * so many samples of bulk delay.
 */
static void true_channel(link_t *link, size_t t, uint64_t first, size_t late)
{
    double turns = link->config.air.cfo_hz / link->config.air.sample_rate_hz * (double)first;
    double angle = 2.0 * 3.14159265358979323846 * (turns - floor(turns));
    float complex turn = CMPLXF((float)cos(angle), (float)sin(angle));
    float complex *h = link->channel + t * NUMEROLOGY_USED;
    size_t cp = (size_t)link->config.numerology.cp;
    size_t window = late + NUMEROLOGY_PREAMBLE + t * (NUMEROLOGY_FFT + cp) + cp;
    air_response_at(link->air, (double)window + 0.5 * (NUMEROLOGY_FFT - 1), NUMEROLOGY_FFT,
                    link->response);
    numerology_gather(link->response, h);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        size_t steps = (size_t)numerology_bin(u) * late % NUMEROLOGY_FFT;
        double early = 2.0 * 3.14159265358979323846 * (double)steps / NUMEROLOGY_FFT;
        h[u] *= turn * CMPLXF((float)cos(early), (float)sin(early));
    }
}

/* Hands the frame at samples[start] to the receiver with all that the air knows. */
static void tell(link_t *link, const frame_header_t *header, size_t start, size_t length,
                 size_t count)
{
    size_t late = air_clock_delay_samples(link->air);
    size_t symbols = link->channels > 1 ? (length - NUMEROLOGY_PREAMBLE) /
                                              (size_t)(NUMEROLOGY_FFT + link->config.numerology.cp)
                                        : 1;
    for (size_t t = 0; t < symbols; t++) {
        true_channel(link, t, link->timestamp + start + late, late);
    }
    receiver_genie_t genie = {.start = start + late,
                              .cfo_hz = link->config.air.cfo_hz,
                              .clock_ppm = -link->config.air.sco_ppm,
                              .channel = link->channel,
                              .channel_symbols = symbols,
                              .n0 = air_noise_var(link->air) / (double)NUMEROLOGY_SYMBOL_ENERGY,
                              .header = header};
    received_frame_t frame;
    (void)receiver_demodulate_genie(link->receiver, link->samples, count, &genie, &frame);
    if (link->config.on_frame != NULL) {
        link->config.on_frame(link->config.context, &frame);
    }
}

int link_send(link_t *link, const frame_header_t *header, const float complex *symbols, err_t *err)
{
    if (header_check(header, err) != 0) {
        return -1;
    }
    if (header_payload(header) > link->config.max_symbols) {
        return err_set(err, ERR_ARGUMENT, "a frame of %zu symbols is more than the link's %zu",
                       header_payload(header), link->config.max_symbols);
    }
    size_t gap = rng_below(&link->gaps, (uint32_t)link->config.gap_most + 1);
    size_t length = transmitter_frame_samples(link->transmitter, header);
    float complex *frame = link->samples + gap;
    memset(link->samples, 0, gap * sizeof *link->samples);
    transmitter_modulate(link->transmitter, header, symbols, frame);
    air_process(link->air, NULL, link->samples, gap);
    air_begin_block(link->air);
    air_process(link->air, frame, frame, length);
    link->frame_samples += length;
    if (link->config.genie) {
        /* The last echoes fall behind the frame; the receiver may look at them. */
        size_t echoes = air_delay_samples(link->air) + air_tap_count(link->air);
        echoes = echoes > LEAST_ECHOES ? echoes : LEAST_ECHOES;
        air_process(link->air, NULL, frame + length, echoes);
        tell(link, header, gap, length, gap + length + echoes);
        link->timestamp += gap + length + echoes;
    } else {
        push(link, gap + length);
    }
    return 0;
}

void link_flush(link_t *link)
{
    if (link->config.genie) {
        return;
    }
    air_process(link->air, NULL, link->samples, FLUSH_SAMPLES);
    push(link, FLUSH_SAMPLES);
    receiver_flush(link->receiver);
}

uint64_t link_frame_samples(const link_t *link)
{
    return link->frame_samples;
}
