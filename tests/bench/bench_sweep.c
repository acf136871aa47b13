/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ours: trial_run over IMAGES pictures of Fashion-MNIST, opening and closing included.  The
 * other side: for one batch of pictures, each stage REPEATS times in a row on data that lie
 * ready: encode, modulate, air, receive, decode, PSNR and SSIM, judge.  What the trial
 * does beyond them (reading pictures, copying, sums, opening) is the difference.
 */
#include "bench_sweep.h"

#include "clock.h"
#include "codec/codec.h"
#include "quality/judge.h"
#include "quality/quality.h"
#include "trial.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, IMAGES = 1024, REPEATS = 4, SIDE = 32, PIXELS = SIDE * SIDE, GAP = 1024 };

typedef struct {
    dataset_t *dataset;
    trial_config_t config;
    codec_t *codec;
    judge_t *judge;
    transmitter_t *transmitter;
    air_t *air;
    receiver_t *receiver;
    int mode;
    size_t symbols, length; /* of one picture; of its gap and frame */
    uint8_t rgb[BATCH * PIXELS * 3], decoded[BATCH * PIXELS * 3];
    int predicted[BATCH];
    float complex *points, *received, *clean, *noisy; /* of the batch */
    float *noise_var;
    frame_header_t headers[BATCH];
    uint64_t timestamp;
    size_t arrived, frames;
    bool failed;
} sweep_bench_t;

static void on_frame(void *context, const received_frame_t *frame)
{
    sweep_bench_t *s = context;
    size_t at = s->arrived++ % BATCH * s->symbols;
    if (frame->status == RECEIVED_OK && frame->symbol_count == s->symbols) {
        memcpy(s->received + at, frame->symbols, s->symbols * sizeof *s->received);
        memcpy(s->noise_var + at, frame->noise_var, s->symbols * sizeof *s->noise_var);
        s->frames++;
    }
}

static int open_stages(sweep_bench_t *s, err_t *err)
{
    link_config_t *link = &s->config.link;
    s->codec = codec_open("image32", err);
    s->mode = s->codec != NULL ? codec_find_rate(s->codec, 1, 6, err) : -1;
    if (s->mode < 0) {
        return -1;
    }
    s->mode = codec_mode(s->codec, s->mode, s->config.scheme.design_snr_db);
    s->symbols = codec_symbols(s->codec, SIDE, SIDE, s->mode);
    link->air.sample_rate_hz = numerology_sample_rate_hz(&link->numerology);
    link->air.symbol_energy = (double)NUMEROLOGY_SYMBOL_ENERGY;
    link->receiver.numerology = link->numerology;
    link->receiver.max_symbols = s->symbols;
    link->receiver.on_frame = on_frame;
    link->receiver.context = s;
    s->transmitter = transmitter_create(&link->numerology, err);
    s->air = air_create(&link->air, err);
    s->receiver = receiver_create(&link->receiver, err);
    s->judge = strcmp(s->config.judge, "none") != 0 ? judge_open("fashion-mnist", err) : NULL;
    return s->transmitter != NULL && s->air != NULL && s->receiver != NULL ? 0 : -1;
}

static int allocate(sweep_bench_t *s, err_t *err)
{
    for (int i = 0; i < BATCH; i++) {
        s->headers[i] = (frame_header_t){.frame = (uint16_t)i,
                                         .images = 1,
                                         .codec = codec_id(s->codec),
                                         .rate = (uint8_t)s->mode,
                                         .width = SIDE,
                                         .height = SIDE,
                                         .symbols = (uint32_t)s->symbols};
    }
    s->length = GAP + transmitter_frame_samples(s->transmitter, &s->headers[0]);
    s->points = calloc(BATCH * s->symbols, sizeof *s->points);
    s->received = calloc(BATCH * s->symbols, sizeof *s->received);
    s->noise_var = calloc(BATCH * s->symbols, sizeof *s->noise_var);
    s->clean = calloc(BATCH * s->length, sizeof *s->clean);
    s->noisy = calloc(BATCH * s->length, sizeof *s->noisy);
    return s->points != NULL && s->received != NULL && s->noise_var != NULL && s->clean != NULL &&
                   s->noisy != NULL
               ? 0
               : err_set(err, ERR_MEMORY, "no memory for a batch of pictures");
}

static int read_pictures(sweep_bench_t *s, err_t *err)
{
    image_t picture = IMAGE_EMPTY;
    int status = 0;
    for (size_t i = 0; status == 0 && i < BATCH; i++) {
        status = dataset_get(s->dataset, i, &picture, NULL, err);
        if (status == 0) {
            memcpy(s->rgb + i * PIXELS * 3, picture.rgb, PIXELS * 3);
        }
    }
    image_free(&picture);
    return status;
}

static void destroy(void *state)
{
    sweep_bench_t *s = state;
    receiver_destroy(s->receiver);
    air_destroy(s->air);
    transmitter_destroy(s->transmitter);
    judge_close(s->judge);
    codec_close(s->codec);
    dataset_close(s->dataset);
    free(s->points);
    free(s->received);
    free(s->noise_var);
    free(s->clean);
    free(s->noisy);
    free(s);
}

static void *create(const char *judge, err_t *err)
{
    sweep_bench_t *s = calloc(1, sizeof *s);
    if (s == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a bench");
        return NULL;
    }
    s->config = (trial_config_t){.scheme = {.codec = "image32",
                                            .rate_numerator = 1,
                                            .rate_denominator = 6,
                                            .design_snr_db = 10},
                                 .judge = judge,
                                 .images = IMAGES,
                                 .frame_images = 1,
                                 .link = link_config_default()};
    s->config.link.air.snr_db = 10;
    s->config.link.gap_most = 2 * GAP;
    s->dataset = dataset_open("fashion-mnist:test", err);
    if (s->dataset == NULL || open_stages(s, err) != 0 || allocate(s, err) != 0 ||
        read_pictures(s, err) != 0) {
        destroy(s);
        return NULL;
    }
    return s;
}

static void *create_plain(err_t *err)
{
    return create("none", err);
}

static void *create_judged(err_t *err)
{
    return create("auto", err);
}

/* The link's own receiver is told whom to report to by the trial. */
static double whole(void *state)
{
    sweep_bench_t *s = state;
    result_t result;
    err_t err = ERR_INIT;
    s->failed |= trial_run(&s->config, s->dataset, &result, &err) != 0 ||
                 result.images_received < 0.99 * IMAGES;
    return IMAGES;
}

static void send(sweep_bench_t *s)
{
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        for (size_t i = 0; i < BATCH; i++) {
            transmitter_modulate(s->transmitter, &s->headers[i], s->points + i * s->symbols,
                                 s->clean + i * s->length + GAP);
        }
    }
}

static void fade(sweep_bench_t *s)
{
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        for (size_t i = 0; i < BATCH; i++) {
            const float complex *in = s->clean + i * s->length;
            float complex *out = s->noisy + i * s->length;
            air_process(s->air, NULL, out, GAP);
            air_begin_block(s->air);
            air_process(s->air, in + GAP, out + GAP, s->length - GAP);
        }
    }
}

static void receive(sweep_bench_t *s)
{
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const float complex *const x[] = {s->noisy};
        s->arrived = 0;
        receiver_push(s->receiver, x, BATCH * s->length, s->timestamp);
        receiver_flush(s->receiver);
        s->timestamp += BATCH * s->length;
    }
}

static void measure(sweep_bench_t *s)
{
    volatile double sum = 0.0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        for (size_t i = 0; i < BATCH; i++) {
            const uint8_t *sent = s->rgb + i * PIXELS * 3, *got = s->decoded + i * PIXELS * 3;
            sum += quality_psnr_db(quality_mse(sent, got, PIXELS * 3));
            sum += quality_ssim(sent, got, SIDE, SIDE);
        }
    }
    (void)sum;
}

static double stages(void *state)
{
    sweep_bench_t *s = state;
    err_t err = ERR_INIT;
    for (int i = 0; i < REPEATS; i++) {
        s->failed |=
            codec_encode_batch(s->codec, BATCH, s->rgb, SIDE, SIDE, s->mode, s->points, &err) != 0;
    }
    send(s);
    fade(s);
    s->frames = 0;
    receive(s);
    s->failed |= s->frames < BATCH * REPEATS * 98 / 100;
    for (int i = 0; i < REPEATS; i++) {
        s->failed |= codec_decode_batch(s->codec, BATCH, s->received, s->noise_var, SIDE, SIDE,
                                        s->mode, s->decoded, &err) != 0;
    }
    measure(s);
    for (int i = 0; s->judge != NULL && i < REPEATS; i++) {
        judge_classify_batch(s->judge, s->decoded, BATCH, s->predicted);
    }
    return BATCH * REPEATS;
}

static double process_clock_s(void *state)
{
    (void)state;
    return clock_cpu_s();
}

static int verify(void *state, err_t *err)
{
    const sweep_bench_t *s = state;
    return s->failed ? err_set(err, ERR_STATE, "a point of the sweep lost its pictures") : 0;
}

static const bench_row_t row_plain = {
    .name = "sweep",
    .what = "in-process sweep, image32 at 1/6, AWGN 10 dB, a frame a picture, PSNR and SSIM",
    .unit = BENCH_IMAGES,
    .peer_name = "its stages alone, summed",
    .asked = 0.7,
    .create = create_plain,
    .destroy = destroy,
    .verify = verify,
    .ours = whole,
    .peer = stages,
    .clock_s = process_clock_s,
};

static const bench_row_t row_judged = {
    .name = "sweep_judge",
    .what = "the same with the judge",
    .unit = BENCH_IMAGES,
    .peer_name = "its stages alone, summed",
    .asked = 0.7,
    .create = create_judged,
    .destroy = destroy,
    .verify = verify,
    .ours = whole,
    .peer = stages,
    .clock_s = process_clock_s,
};

const bench_row_t *const bench_sweep_rows[] = {&row_plain, &row_judged, NULL};
