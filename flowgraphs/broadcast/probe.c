/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe.h"

#include "air/air.h"
#include "broadcast.h"
#include "rng.h"
#include "waveform/receiver.h"

#include <math.h>
#include <stdlib.h>

enum { SYMBOLS = 480 };

int probe_open(probe_t *probe, err_t *err)
{
    const numerology_t numerology = numerology_default();
    const frame_header_t header = {.source = 1,
                                   .destination = 255,
                                   .images = 1,
                                   .codec = BROADCAST_CODEC,
                                   .rate = 1,
                                   .width = 1,
                                   .height = 1,
                                   .symbols = SYMBOLS};
    float complex symbols[SYMBOLS];
    rng_t rng;
    rng_seed(&rng, 1, 61);
    rng_normal(&rng, (float *)(void *)symbols, 2 * SYMBOLS);
    for (int i = 0; i < SYMBOLS; i++) {
        symbols[i] *= (float)sqrt(0.5);
    }
    probe->transmitter = transmitter_create(&numerology, err);
    if (!probe->transmitter) {
        return -1;
    }
    probe->length = transmitter_frame_samples(probe->transmitter, &header);
    probe->samples = malloc(probe->length * sizeof *probe->samples);
    if (!probe->samples) {
        return err_set(err, ERR_MEMORY, "no memory for a frame");
    }
    transmitter_modulate(probe->transmitter, &header, symbols, probe->samples);
    return 0;
}

void probe_close(probe_t *probe)
{
    transmitter_destroy(probe->transmitter);
    free(probe->samples);
}

typedef struct {
    double noise; /* sum of mean v */
    int frames;
} heard_t;

static void on_frame(void *context, const received_frame_t *frame)
{
    heard_t *heard = context;
    double sum = 0.0;
    if (frame->status != RECEIVED_OK) {
        return;
    }
    for (size_t i = 0; i < frame->symbol_count; i++) {
        sum += (double)frame->noise_var[i] / (double)frame->symbol_count;
    }
    heard->noise += sum;
    heard->frames++;
}

/* H of mean noise variance v, as broadcast_user has it. */
static double gain_of(double v, double sigma2)
{
    const double n = fmin(fmax(v, 1e-9), 1.0 - 1e-9);
    return sqrt(sigma2 / (n / (1.0 - n)));
}

/* Mean over the data carriers of N0 / (|h|^2 + N0). */
static double true_noise(const air_t *air)
{
    float complex response[NUMEROLOGY_FFT], used[NUMEROLOGY_USED], data[NUMEROLOGY_DATA];
    const double n0 = air_noise_var(air) / (double)NUMEROLOGY_SYMBOL_ENERGY;
    double sum = 0.0;
    air_response(air, NUMEROLOGY_FFT, response);
    numerology_gather(response, used);
    numerology_pick_data(used, data);
    for (int i = 0; i < NUMEROLOGY_DATA; i++) {
        const double h2 =
            (double)(crealf(data[i]) * crealf(data[i]) + cimagf(data[i]) * cimagf(data[i]));
        sum += n0 / (h2 + n0) / NUMEROLOGY_DATA;
    }
    return sum;
}

int probe_hear(const probe_t *probe, double snr_db, double spread_ns, uint64_t seed, int frames,
               double *measured, double *truth, err_t *err)
{
    const double sigma2 = pow(10.0, -snr_db / 10.0);
    const size_t gap = 3000;
    heard_t heard = {0.0, 0};
    air_config_t config = air_config_default();
    receiver_config_t receiver = receiver_default();
    config.model = AIR_RAYLEIGH;
    config.block = AIR_BLOCK_STATIC;
    config.delay_spread_ns = spread_ns;
    config.snr_db = snr_db;
    config.seed = seed;
    receiver.max_symbols = SYMBOLS;
    receiver.on_frame = on_frame;
    receiver.context = &heard;
    air_t *air = air_create(&config, err);
    receiver_t *rx = air ? receiver_create(&receiver, err) : NULL;
    float complex *out = rx ? malloc((probe->length + gap) * sizeof *out) : NULL;
    uint64_t now = 0;
    for (int i = 0; out && i < frames; i++) {
        const float complex *x[1] = {out};
        air_process(air, NULL, out, gap);
        air_process(air, probe->samples, out + gap, probe->length);
        receiver_push(rx, x, gap + probe->length, now);
        now += gap + probe->length;
    }
    if (out) {
        receiver_flush(rx);
        *truth = gain_of(true_noise(air), sigma2);
        /* A user that hears nothing has no channel to tell: it would be left out. */
        *measured = heard.frames > 0 ? gain_of(heard.noise / heard.frames, sigma2) : 1e-3;
    }
    free(out);
    receiver_destroy(rx);
    air_destroy(air);
    return out ? 0 : -1;
}
