/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Long frames through channels and clocks that move: 64-QAM symbol errors of
 * the whole receiver over those of one that is told timing, offsets, the
 * channel of every symbol and the noise.  Without arguments: a few frames
 * against loose bounds.  With arguments: one line of docs/WAVEFORM.md's table,
 *
 *     system_test_tracking FRAMES SYMBOLS KEY=VALUE ...
 *
 * SYMBOLS: OFDM symbols of payload a frame.  KEY: an option of section
 * channel (model, snr_db, delay_spread_ns, doppler_hz, sco_ppm, linewidth_hz,
 * tap_count, tap_decay_db, seed …), waveform.cp or waveform.retrain_every.
 */
#include "check.h"
#include "link.h"
#include "options.h"
#include "rng.h"
#include "waveform/waveform_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int frames, found, damaged;
    size_t symbols; /* 64-QAM points a frame */
    float complex *sent; /* [frames][symbols] */
    long compared, errors;
    double error, said, doppler_hz, clock_ppm, snr_db;
} tally_tracking_t;

static float nearest(float part)
{
    float level = 2.0f * floorf(0.5f * part * sqrtf(42.0f)) + 1.0f;
    return fmaxf(-7.0f, fminf(7.0f, level)) / sqrtf(42.0f);
}

static bool is_error(float complex soft, float noise_var, float complex sent)
{
    float complex s = soft / fmaxf(1.0f - noise_var, 1e-6f); /* the MMSE output is biased */
    return fabsf(nearest(crealf(s)) - crealf(sent)) > 0.1f ||
           fabsf(nearest(cimagf(s)) - cimagf(sent)) > 0.1f;
}

static void on_frame(void *context, const received_frame_t *f)
{
    tally_tracking_t *t = context;
    t->damaged += f->status == RECEIVED_DAMAGED;
    if (f->status != RECEIVED_OK || f->header.frame >= t->frames) {
        return;
    }
    const float complex *sent = t->sent + f->header.frame * t->symbols;
    t->found++;
    t->doppler_hz += f->doppler_hz;
    t->clock_ppm += f->clock_ppm;
    t->snr_db += f->snr_db;
    for (size_t i = 0; i < f->symbol_count; i++) {
        float off = cabsf(f->symbols[i] - sent[i]);
        t->errors += is_error(f->symbols[i], f->noise_var[i], sent[i]);
        t->error += (double)(off * off);
        t->said += (double)f->noise_var[i];
    }
    t->compared += (long)f->symbol_count;
}

static void draw_points(tally_tracking_t *t)
{
    rng_t rng;
    rng_seed(&rng, 3, 0);
    for (size_t i = 0; i < (size_t)t->frames * t->symbols; i++) {
        float re = (float)(2 * (int)rng_below(&rng, 8) - 7);
        float im = (float)(2 * (int)rng_below(&rng, 8) - 7);
        t->sent[i] = CMPLXF(re, im) / sqrtf(42.0f);
    }
}

/* Sends the same frames through the same air. */
static tally_tracking_t send(link_config_t config, bool genie, int frames, int ofdm_symbols)
{
    err_t err = ERR_INIT;
    tally_tracking_t t = {.frames = frames, .symbols = (size_t)ofdm_symbols * NUMEROLOGY_DATA};
    t.sent = malloc((size_t)frames * t.symbols * sizeof *t.sent);
    draw_points(&t);
    config.genie = genie;
    config.max_symbols = t.symbols;
    config.gap_most = 4096; /* silence, in which the air takes up a drifting clock */
    config.on_frame = on_frame;
    config.context = &t;
    link_t *link = link_create(&config, &err);
    if (link == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    for (int i = 0; i < frames; i++) {
        frame_header_t h = {.source = 1, .frame = (uint16_t)i, .images = 1, .codec = 1, .rate = 2,
                            .width = 32, .height = 32, .symbols = (uint32_t)t.symbols};
        if (link_send(link, &h, t.sent + (size_t)i * t.symbols, &err) != 0) {
            fprintf(stderr, "%s\n", err.text);
            exit(2);
        }
    }
    link_flush(link);
    link_destroy(link);
    free(t.sent);
    return t;
}

static double rate(const tally_tracking_t *t)
{
    return t->compared > 0 ? (double)t->errors / (double)t->compared : NAN;
}

static double over_genie(link_config_t config, int frames, int symbols)
{
    tally_tracking_t real = send(config, false, frames, symbols);
    tally_tracking_t genie = send(config, true, frames, symbols);
    CHECK_INT(real.found, frames);
    CHECK_INT(genie.found, frames);
    printf("\n    symbol errors %.5f, genie %.5f, ratio %.2f; error over said %.2f dB", rate(&real),
           rate(&genie), rate(&real) / rate(&genie), 10.0 * log10(real.error / real.said));
    CHECK_NEAR(10.0 * log10(real.error / real.said), 0.0, 1.0);
    return rate(&real) / rate(&genie);
}

static link_config_t base(air_model_t model, double snr_db, double spread_ns)
{
    link_config_t config = link_config_default();
    config.air.model = model;
    config.air.snr_db = snr_db;
    config.air.delay_spread_ns = spread_ns;
    config.air.seed = 11;
    return config;
}

static void clocks_are_followed(void)
{
    link_config_t config = base(AIR_TDL_C, 20.0, 300.0);
    for (double ppm = -20.0; ppm <= 20.0; ppm += 40.0) {
        config.air.sco_ppm = ppm;
        CHECK_AT_MOST(over_genie(config, 2, 700), 1.1);
    }
}

static void fading_within_a_frame_is_followed(void)
{
    link_config_t config = base(AIR_TDL_C, 20.0, 300.0);
    config.air.doppler_hz = 300.0;
    CHECK_AT_MOST(over_genie(config, 3, 300), 1.5);
    config.air.sco_ppm = 20.0;
    CHECK_AT_MOST(over_genie(config, 2, 700), 1.5);
}

static void slow_fading_is_followed(void)
{
    link_config_t config = base(AIR_TDL_A, 20.0, 100.0);
    config.air.doppler_hz = 20.0;
    CHECK_AT_MOST(over_genie(config, 3, 300), 1.5);
}

static void phase_noise_is_followed(void)
{
    link_config_t config = base(AIR_TDL_A, 25.0, 100.0);
    config.air.linewidth_hz = 10.0;
    tally_tracking_t noisy = send(config, false, 3, 300);
    config.air.linewidth_hz = 0.0;
    tally_tracking_t quiet = send(config, false, 3, 300);
    CHECK_INT(noisy.found, 3);
    CHECK_AT_MOST(rate(&noisy), 1.5 * rate(&quiet));
}

static void retraining_bridges_what_pilots_cannot(void)
{
    link_config_t config = base(AIR_TDL_C, 25.0, 900.0);
    config.air.doppler_hz = 50.0;
    config.numerology.cp = NUMEROLOGY_CP_EXTENDED;
    tally_tracking_t without = send(config, false, 3, 200);
    config.numerology.retrain_every = 10;
    tally_tracking_t with = send(config, false, 3, 200);
    CHECK_INT(with.found, 3);
    CHECK_AT_MOST(with.error / (double)with.compared, 0.5 * without.error / (double)without.compared);
}

static int print_line(int argc, char **argv)
{
    static const option_t *const tables[] = {air_options, waveform_options, NULL};
    err_t err = ERR_INIT;
    options_t *options = options_create("system_test_tracking", "", tables, &err);
    int frames = atoi(argv[1]), symbols = atoi(argv[2]);
    for (int i = 3; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals != NULL) {
            *equals = '\0';
        }
        char key[80];
        snprintf(key, sizeof key, strchr(argv[i], '.') ? "%s" : "channel.%s", argv[i]);
        if (equals == NULL || options_set(options, key, equals + 1, &err) < 0) {
            fprintf(stderr, "%s: %s\n", argv[i], err.text);
            return 2;
        }
    }
    link_config_t config = link_config_default();
    air_config_from_options(&config.air, options);
    if (numerology_from_options(options, 7.68e6, &config.numerology, &err) != 0) {
        return 2;
    }
    tally_tracking_t real = send(config, false, frames, symbols);
    tally_tracking_t genie = send(config, true, frames, symbols);
    printf("%d of %d frames, %ld symbols: errors %.5f, genie %.5f, ratio %.3f; mean square error "
           "%.5f (said %.5f, genie %.5f); Doppler %.0f Hz, clock %.2f ppm, Es/N0 %.2f dB\n",
           real.found, frames, real.compared, rate(&real), rate(&genie), rate(&real) / rate(&genie),
           real.error / (double)real.compared, real.said / (double)real.compared,
           genie.error / (double)genie.compared, real.doppler_hz / real.found,
           real.clock_ppm / real.found, real.snr_db / real.found);
    options_destroy(options);
    return 0;
}

static const check_test_t tests[] = {
    {"+-20 ppm over 700 symbols: errors within 1.1 of a receiver that knows", clocks_are_followed},
    {"TDL-C, 300 Hz, with and without 20 ppm: within 1.5", fading_within_a_frame_is_followed},
    {"slow fading is noticed and followed", slow_fading_is_followed},
    {"phase noise of an ordinary oscillator costs little", phase_noise_is_followed},
    {"long prefix: interpolation between retraining symbols", retraining_bridges_what_pilots_cannot},
};

int main(int argc, char **argv)
{
    return argc < 4 ? check_run("tracking", tests, CHECK_COUNT(tests)) : print_line(argc, argv);
}
