/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of the real transmitter and receiver through the air's models and impairments. */
#include "check.h"
#include "link.h"
#include "rng.h"

#include <stdlib.h>

enum { SYMBOLS = 512 };

typedef struct {
    const float complex *sent; /* of every frame */
    int found;
    double snr, error, energy;
} tape_t;

static void on_frame(void *context, const received_frame_t *frame)
{
    tape_t *tape = context;
    if (frame->status != RECEIVED_OK || frame->symbol_count != SYMBOLS) {
        return;
    }
    tape->found++;
    tape->snr += pow(10, frame->snr_db / 10);
    for (int i = 0; i < SYMBOLS; i++) {
        const float complex s = tape->sent[i];
        const float difference = cabsf(frame->symbols[i] - s);
        tape->error += (double)(difference * difference);
        tape->energy += (double)(crealf(s) * crealf(s) + cimagf(s) * cimagf(s));
    }
}

/* QPSK of unit energy. */
static tape_t run(link_config_t config, int frames)
{
    float complex symbols[SYMBOLS];
    rng_t rng;
    rng_seed(&rng, 4, 0);
    for (int i = 0; i < SYMBOLS; i++) {
        const uint32_t bits = rng_below(&rng, 4);
        symbols[i] = CMPLXF(bits & 1 ? 1 : -1, bits & 2 ? 1 : -1) / sqrtf(2.0f);
    }
    tape_t tape = {.sent = symbols};
    config.max_symbols = SYMBOLS;
    config.on_frame = on_frame;
    config.context = &tape;
    err_t err = ERR_INIT;
    link_t *link = link_create(&config, &err);
    if (link == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    for (int i = 0; i < frames; i++) {
        const frame_header_t header = {.source = 1,
                                       .destination = 1,
                                       .frame = (uint16_t)i,
                                       .images = 1,
                                       .codec = 1,
                                       .rate = 2,
                                       .width = 32,
                                       .height = 32,
                                       .symbols = SYMBOLS};
        CHECK_INT(link_send(link, &header, symbols, &err), 0);
        if (i % 16 == 15) {
            link_flush(link);
        }
    }
    link_flush(link);
    link_destroy(link);
    return tape;
}

static link_config_t link_of(air_model_t model, double snr_db)
{
    link_config_t config = link_config_default();
    config.air.model = model;
    config.air.snr_db = snr_db;
    config.air.seed = 21;
    return config;
}

static double error_db(const tape_t *tape)
{
    return 10 * log10(tape->error / tape->energy);
}

/* Mean power is 1 in every model: the receiver's own SNR shows it. */
static void test_models(void)
{
    enum { FRAMES = 200 };
    for (int model = AIR_TDL_A; model <= AIR_TAPS; model++) {
        link_config_t config = link_of((air_model_t)model, 20);
        config.air.doppler_hz = 30;
        config.air.tap_decay_db = 2;
        const tape_t tape = run(config, FRAMES);
        printf("\n    %s: %d of %d frames, mean SNR %.2f dB, error %.1f dB",
               air_model_name((air_model_t)model), tape.found, FRAMES,
               10 * log10(tape.snr / tape.found), error_db(&tape));
        CHECK_AT_LEAST(tape.found, 0.98 * FRAMES);
        /* 200 draws of at worst one exponential value: 4.5 standard deviations, 1.2 dB. */
        CHECK_NEAR(10 * log10(tape.snr / tape.found), 20, 1.3);
        CHECK_AT_MOST(error_db(&tape), -8);
    }
}

/* What the genie is told of a drifting and slowly moving channel is right. */
static void test_genie(void)
{
    enum { FRAMES = 200 };
    link_config_t config = link_of(AIR_TDL_A, 20);
    config.genie = true;
    config.air.cfo_hz = 500;
    const tape_t still = run(config, FRAMES);
    CHECK_INT(still.found, FRAMES);
    config.air.sco_ppm = 5;
    tape_t drifting = run(config, FRAMES);
    CHECK_INT(drifting.found, FRAMES);
    CHECK_NEAR(error_db(&drifting), error_db(&still), 0.3);
    config.air.sco_ppm = -5;
    drifting = run(config, FRAMES);
    CHECK_NEAR(error_db(&drifting), error_db(&still), 0.3);
    link_config_t moving = link_of(AIR_TDL_E, 20); /* hardly fades: frames compare */
    moving.genie = true;
    moving.air.doppler_hz = 5;
    const tape_t slow = run(moving, FRAMES);
    moving.air.doppler_hz = 0;
    const tape_t standing = run(moving, FRAMES);
    CHECK_NEAR(error_db(&slow), error_db(&standing), 0.5);
}

/* An error floor S/N of about -20 dB or less from each; frames arrive nevertheless. */
static void test_impairments(void)
{
    enum { FRAMES = 50 };
    for (int which = 0; which < 8; which++) {
        link_config_t config = link_of(AIR_AWGN, 25);
        air_config_t *air = &config.air;
        static const char *const names[] = {"clock",     "phase noise", "amplifier", "I/Q and DC",
                                            "converter", "gaps",        "tone",      "impulses"};
        switch (which) {
        case 0:
            air->sco_ppm = 20;
            break;
        case 1:
            air->linewidth_hz = 20;
            break;
        case 2:
            air->pa_backoff_db = 8;
            break;
        case 3:
            air->iq_gain_db = 0.5, air->iq_phase_deg = 2, air->dc_dbc = -25;
            break;
        case 4:
            air->adc_bits = 8;
            break;
        case 5:
            air->loss_rate = 1e-4, air->loss_samples = 10;
            break;
        case 6:
            air->tone_sir_db = 15, air->tone_hz = 0.1e6 + 7e3;
            break;
        default:
            air->impulse_rate_hz = 2000, air->impulse_db = 10;
            break;
        }
        const tape_t tape = run(config, FRAMES);
        printf("\n    %s: %d of %d frames, error %.1f dB", names[which], tape.found, FRAMES,
               error_db(&tape));
        CHECK_AT_LEAST(tape.found, which == 5 ? 0.8 * FRAMES : FRAMES);
    }
}

int main(void)
{
    static const check_test_t tests[] = {
        {"frames arrive through every TDL with the SNR asked for", test_models},
        {"the genie knows a drifting and a moving channel", test_genie},
        {"frames arrive through mild impairments", test_impairments},
    };
    return check_run("link_air", tests, CHECK_COUNT(tests));
}
