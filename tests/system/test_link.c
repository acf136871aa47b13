/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transmitter, air and receiver in one process: what a campaign's numbers stand on. */
#include "check.h"
#include "link.h"
#include "rng.h"

#include <stdlib.h>

enum { SYMBOLS = 512, FRAMES_MOST = 1000 };

typedef struct {
    float complex *sent; /* [frames][SYMBOLS] */
    int frames, found, wrong;
    double signal, noise, error, energy, cfo_hz;
} tape_t;

static void on_frame(void *context, const received_frame_t *frame)
{
    tape_t *tape = context;
    if (frame->status != RECEIVED_OK) {
        return;
    }
    int index = frame->header.frame;
    if (index >= tape->frames || frame->symbol_count != SYMBOLS) {
        tape->wrong++;
        return;
    }
    tape->found++;
    tape->signal += pow(10, frame->snr_db / 10) * frame->n0;
    tape->noise += frame->n0;
    tape->cfo_hz += frame->cfo_hz;
    for (int i = 0; i < SYMBOLS; i++) {
        float complex s = tape->sent[index * SYMBOLS + i];
        float difference = cabsf(frame->symbols[i] - s);
        tape->error += (double)(difference * difference);
        tape->energy += (double)(crealf(s) * crealf(s) + cimagf(s) * cimagf(s));
    }
}

/* 64-QAM points of unit mean energy. */
static void draw_symbols(float complex *symbols, int count)
{
    rng_t rng;
    rng_seed(&rng, 3, 0);
    for (int i = 0; i < count; i++) {
        float re = (float)(2 * (int)rng_below(&rng, 8) - 7);
        float im = (float)(2 * (int)rng_below(&rng, 8) - 7);
        symbols[i] = CMPLXF(re, im) / sqrtf(42.0f);
    }
}

static tape_t run(link_config_t config, int frames)
{
    tape_t tape = {.frames = frames};
    tape.sent = malloc(sizeof *tape.sent * SYMBOLS * (size_t)frames);
    draw_symbols(tape.sent, SYMBOLS * frames);
    config.max_symbols = SYMBOLS;
    config.on_frame = on_frame;
    config.context = &tape;
    err_t err = ERR_INIT;
    link_t *link = link_create(&config, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(link);
    for (int i = 0; i < frames; i++) {
        frame_header_t header = {.source = 1,
                                 .destination = 1,
                                 .frame = (uint16_t)i,
                                 .dataset = 1,
                                 .image_id = (uint32_t)i,
                                 .images = 1,
                                 .codec = 1,
                                 .rate = 2,
                                 .width = 32,
                                 .height = 32,
                                 .symbols = SYMBOLS};
        CHECK_INT(link_send(link, &header, tape.sent + i * SYMBOLS, &err), 0);
        if (i % 16 == 15) {
            link_flush(link);
        }
    }
    link_flush(link);
    link_destroy(link);
    free(tape.sent);
    tape.sent = NULL;
    return tape;
}

static link_config_t link_of(air_model_t model, double snr_db, uint64_t seed)
{
    link_config_t config = link_config_default();
    config.air.model = model;
    config.air.snr_db = snr_db;
    config.air.seed = seed;
    return config;
}

static double measured_db(const tape_t *tape)
{
    return 10 * log10(tape->signal / tape->noise);
}

static void test_snr_awgn(void)
{
    for (int snr_db = -5; snr_db <= 25; snr_db += 5) {
        tape_t tape = run(link_of(AIR_AWGN, snr_db, 1), 200);
        CHECK_AT_LEAST(tape.found, snr_db < 0 ? 0.97 * 200 : 200);
        CHECK_INT(tape.wrong, 0);
        CHECK_NEAR(measured_db(&tape), snr_db, 0.2);
    }
}

static void test_snr_rayleigh(void)
{
    for (int snr_db = 5; snr_db <= 25; snr_db += 10) {
        tape_t tape = run(link_of(AIR_RAYLEIGH, snr_db, 2), FRAMES_MOST);
        CHECK_INT(tape.wrong, 0);
        /* The mean of 1000 draws of |h|^2 with about two independent values across the band
           is itself good to 0.1 dB. */
        CHECK_NEAR(measured_db(&tape), snr_db, 0.35);
        CHECK_AT_LEAST(tape.found, 0.98 * FRAMES_MOST);
    }
}

static void test_offset(void)
{
    link_config_t config = link_of(AIR_AWGN, 10, 3);
    config.air.cfo_hz = 12345;
    tape_t tape = run(config, 100);
    CHECK_INT(tape.found, 100);
    CHECK_NEAR(tape.cfo_hz / tape.found, 12345, 60);
    CHECK_NEAR(measured_db(&tape), 10, 0.25);
}

/* E|s_hat - s|^2 of the MMSE output in noise of 1 / snr is 1 / (1 + snr). */
static void test_error_awgn(void)
{
    link_config_t config = link_of(AIR_AWGN, 10, 4);
    tape_t real = run(config, 200);
    config.genie = true;
    tape_t genie = run(config, 200);
    CHECK_INT(genie.found, 200);
    CHECK_NEAR(10 * log10(genie.error / genie.energy), -10 * log10(11), 0.15);
    CHECK_AT_LEAST(real.error / real.energy, 0.98 * genie.error / genie.energy);
    CHECK_AT_MOST(10 * log10(real.error / genie.error), 0.8);
}

static void test_genie_offset(void)
{
    link_config_t config = link_of(AIR_RAYLEIGH, 20, 5);
    config.genie = true;
    tape_t still = run(config, 300);
    config.air.cfo_hz = 7777;
    tape_t offset = run(config, 300);
    CHECK_INT(offset.found, 300);
    CHECK_NEAR(10 * log10(offset.error / still.error), 0, 0.5);
}

static void test_repeats(void)
{
    link_config_t config = link_of(AIR_RAYLEIGH, 10, 6);
    tape_t a = run(config, 60), b = run(config, 60);
    CU_ASSERT_EQUAL(a.error, b.error);
    CU_ASSERT_EQUAL(a.noise, b.noise);
    config.air.seed = 7;
    tape_t c = run(config, 60);
    CU_ASSERT_NOT_EQUAL(a.error, c.error);
}

static void test_refusals(void)
{
    link_config_t config = link_config_default();
    config.max_symbols = SYMBOLS;
    err_t err = ERR_INIT;
    link_t *link = link_create(&config, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(link);
    float complex symbols[SYMBOLS + 1] = {0};
    frame_header_t header = {
        .images = 1, .symbols = SYMBOLS + 1, .width = 32, .height = 32, .codec = 1, .rate = 1};
    CHECK_INT(link_send(link, &header, symbols, &err), -1);
    CHECK_ERROR_NAMES(&err, "513");
    header.images = 0;
    CHECK_INT(link_send(link, &header, symbols, &err), -1);
    link_destroy(link);
    config.numerology.cp = 17;
    CU_ASSERT_PTR_NULL(link_create(&config, &err));
    config = link_config_default();
    config.air.snr_db = 1000;
    CU_ASSERT_PTR_NULL(link_create(&config, &err));
}

static const check_test_t tests[] = {
    {"in noise every frame is found from 0 dB on, and the SNR measured is that set to 0.2 dB",
     test_snr_awgn},
    {"in fading the mean measured SNR is the one set, and frames are found", test_snr_rayleigh},
    {"a carrier offset is measured and taken back", test_offset},
    {"the symbol error is the MMSE bound for the genie, and near it for the real receiver",
     test_error_awgn},
    {"the genie is told the truth under a carrier offset too", test_genie_offset},
    {"the same seed gives the same frames", test_repeats},
    {"what does not fit is refused", test_refusals},
};

int main(void)
{
    return check_run("link", tests, CHECK_COUNT(tests));
}
