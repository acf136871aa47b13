/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broadcast_loss: what the aligner loses when it is given the channel as measured and not as it is.
 *
 * Two tables, each: F and G designed from the measured channels, and from the true ones; NMSE of
 * the raw latents on the true channels; the ratio in dB.
 *
 *   on the air  one antenna: a frame through the air's Rayleigh channel and the real receiver; a
 * user's n is v / (1 - v) with v the mean of the noise variances that the receiver reports
 * (broadcast_user.c), true is the same of the true gains and noise. matrices    n_r = n_t antennas,
 * CN(0, 1) entries: least squares from `loss.pilots` orthogonal training vectors of the power of
 * one channel use, so H_hat = H + CN(0, sigma2 n_t K / (pilots n_t P))
 */
#include "broadcast.h"
#include "probe.h"

#include "federated/federated_split.h"
#include "log.h"
#include "program.h"
#include "rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 3, FEATURES = 64, SAMPLES = 400, CAUSES = 48, USES = 4, MOST = 4 };

static const option_t loss_options[] = {{.section = "loss",
                                         .name = "snr_db",
                                         .type = OPTION_STRING,
                                         .fallback = "0,10,20,30",
                                         .help = "mean Es/N0 of the rows, separated by commas"},
                                        {.section = "loss",
                                         .name = "draws",
                                         .type = OPTION_INT,
                                         .fallback = "10",
                                         .min = 1,
                                         .max = 1000,
                                         .help = "channels for each row, three users each"},
                                        {.section = "loss",
                                         .name = "frames",
                                         .type = OPTION_INT,
                                         .fallback = "4",
                                         .min = 1,
                                         .max = 100,
                                         .help = "on the air: frames that are measured"},
                                        {.section = "loss",
                                         .name = "pilots",
                                         .type = OPTION_INT,
                                         .fallback = "1",
                                         .min = 1,
                                         .max = 1000,
                                         .help = "matrices: training vectors for each antenna"},
                                        {.section = "loss",
                                         .name = "seed",
                                         .type = OPTION_INT,
                                         .fallback = "1",
                                         .min = 0,
                                         .max = 1e15,
                                         .help = "of latents and channels"},
                                        {0}};

/* ---- latents ----------------------------------------------------------------- */

static double *make_latents(rng_t *rng, const float *causes, int features)
{
    double *x = calloc((size_t)features * SAMPLES, sizeof *x);
    float by[CAUSES], noise[SAMPLES];
    for (int f = 0; x && f < features; f++) {
        rng_normal(rng, by, CAUSES);
        rng_normal(rng, noise, SAMPLES);
        for (int s = 0; s < SAMPLES; s++) {
            double sum = 0.26 * (double)noise[s];
            for (int j = 0; j < CAUSES; j++) {
                sum += (double)(by[j] * causes[j * SAMPLES + s]) * pow(0.93, j);
            }
            x[f * SAMPLES + s] = sum;
        }
    }
    return x;
}

typedef struct {
    federated_tensor_t x, y[USERS];
    rng_t rng;
} world_t;

static int make_world(world_t *w, uint64_t seed)
{
    static const int features[USERS] = {64, 96, 24};
    float *causes = malloc(CAUSES * SAMPLES * sizeof *causes);
    rng_seed(&w->rng, seed, 60);
    if (!causes) {
        return -1;
    }
    rng_normal(&w->rng, causes, CAUSES * SAMPLES);
    w->x = (federated_tensor_t){FEATURES, SAMPLES, false, make_latents(&w->rng, causes, FEATURES)};
    bool good = w->x.v != NULL;
    for (int k = 0; k < USERS; k++) {
        w->y[k] = (federated_tensor_t){features[k], SAMPLES, false,
                                       make_latents(&w->rng, causes, features[k])};
        good = good && w->y[k].v;
    }
    free(causes);
    return good ? 0 : -1;
}

static void forget_world(world_t *w)
{
    free((void *)w->x.v);
    for (int k = 0; k < USERS; k++) {
        free((void *)w->y[k].v);
    }
}

/* ---- one comparison ---------------------------------------------------------- */

typedef struct {
    double v[2 * MOST * MOST];
} channel_t;

/*
 * Mean NMSE of the raw latents on the true channels, with F and G designed from `given`.  G meets
 * what the true channel gives: with C, R = r I of whitened latents, |y - G v|^2 = E - 2 Re tr(G B
 * C^H) + tr(G (r B B^H + sigma2 I) G^H),   B of the true channel
 */
static int design(const world_t *w, const federated_config_t *config, int antennas,
                  const channel_t *given, const channel_t *truth, double *nmse, err_t *err)
{
    federated_tensor_t told[USERS], is[USERS];
    for (int k = 0; k < USERS; k++) {
        told[k] = (federated_tensor_t){antennas, antennas, true, given[k].v};
        is[k] = (federated_tensor_t){antennas, antennas, true, truth[k].v};
    }
    const federated_input_t from = {.users = USERS, .x = w->x, .y = w->y, .h = told};
    federated_t *f = federated_create(&from, config, err);
    int code = f ? federated_run(f, err) : -1;
    *nmse = 0.0;
    for (int k = 0; code == 0 && k < USERS; k++) {
        double one;
        code = federated_mismatch(f, k, &is[k], &one, err);
        *nmse += one / USERS;
    }
    federated_destroy(f);
    return code;
}

typedef struct {
    double measured, truth; /* NMSE, summed over draws */
} loss_t;

static int compare(const world_t *w, const federated_config_t *config, int antennas,
                   const channel_t *measured, const channel_t *truth, loss_t *loss, err_t *err)
{
    double a, b;
    if (design(w, config, antennas, measured, truth, &a, err) < 0 ||
        design(w, config, antennas, truth, truth, &b, err) < 0) {
        return -1;
    }
    loss->measured += a;
    loss->truth += b;
    return 0;
}

static federated_config_t config_for(double snr_db, int antennas)
{
    federated_config_t c = FEDERATED_CONFIG_INIT;
    c.method = FEDERATED_WIENER;
    c.channel_uses = USES;
    c.power = (double)USES;
    c.sigma2 = pow(10.0, -snr_db / 10.0);
    c.widely_linear = c.whiten = true;
    c.domain = FEDERATED_RAW;
    (void)antennas;
    return c;
}

/* ---- tables -------------------------------------------------------------------- */

static int on_the_air(const options_t *o, const world_t *w, double snr_db, double spread_ns,
                      const probe_t *probe, err_t *err)
{
    const int draws = (int)options_int(o, "loss.draws"),
              frames = (int)options_int(o, "loss.frames");
    const federated_config_t config = config_for(snr_db, 1);
    loss_t loss = {0.0, 0.0};
    for (int d = 0; d < draws; d++) {
        channel_t measured[USERS], truth[USERS];
        for (int k = 0; k < USERS; k++) {
            const uint64_t seed =
                (uint64_t)options_int(o, "loss.seed") + 1000 * (uint64_t)d + (uint64_t)k;
            measured[k] = truth[k] = (channel_t){{0.0}};
            if (probe_hear(probe, snr_db, spread_ns, seed, frames, &measured[k].v[0],
                           &truth[k].v[0], err) < 0) {
                return -1;
            }
        }
        if (compare(w, &config, 1, measured, truth, &loss, err) < 0) {
            return -1;
        }
    }
    printf("on the air, %4.0f ns %6.1f %10.4f %10.4f %9.3f\n", spread_ns, snr_db,
           loss.truth / draws, loss.measured / draws, 10.0 * log10(loss.measured / loss.truth));
    return 0;
}

static int matrices(const options_t *o, const world_t *w, double snr_db, int antennas, err_t *err)
{
    const int draws = (int)options_int(o, "loss.draws"),
              pilots = (int)options_int(o, "loss.pilots");
    const federated_config_t config = config_for(snr_db, antennas);
    /* A training vector has the energy P / K of one use; n_t of them, orthogonal, tell each entry
     * once. */
    const double error = sqrt(0.5 * config.sigma2 / (pilots * config.power / USES));
    loss_t loss = {0.0, 0.0};
    rng_t rng; /* the same channels and errors in every row */
    rng_seed(&rng, (uint64_t)options_int(o, "loss.seed"), 62 + (uint64_t)antennas);
    for (int d = 0; d < draws; d++) {
        channel_t measured[USERS], truth[USERS];
        for (int k = 0; k < USERS; k++) {
            float drawn[4 * MOST * MOST];
            rng_normal(&rng, drawn, 4 * MOST * MOST);
            for (int i = 0; i < 2 * antennas * antennas; i++) {
                truth[k].v[i] = sqrt(0.5) * (double)drawn[i];
                measured[k].v[i] = truth[k].v[i] + error * (double)drawn[2 * MOST * MOST + i];
            }
        }
        if (compare(w, &config, antennas, measured, truth, &loss, err) < 0) {
            return -1;
        }
    }
    printf("matrices, %d x %d     %6.1f %10.4f %10.4f %9.3f\n", antennas, antennas, snr_db,
           loss.truth / draws, loss.measured / draws, 10.0 * log10(loss.measured / loss.truth));
    return 0;
}

/* ---- life -------------------------------------------------------------------- */

static int run(const options_t *o, err_t *err)
{
    static const double spreads_ns[] = {0.0, 300.0};
    world_t world = {.rng = {{0}}};
    probe_t probe = {NULL, NULL, 0};
    const char *at = options_string(o, "loss.snr_db");
    int code = make_world(&world, (uint64_t)options_int(o, "loss.seed")) < 0
                   ? err_set(err, ERR_MEMORY, "no memory")
                   : probe_open(&probe, err);
    printf("%-20s %6s %10s %10s %9s\n", "NMSE, H is", "SNR,dB", "true", "measured", "loss, dB");
    while (code == 0 && *at && !program_stopped(0)) {
        char *end;
        const double snr_db = strtod(at, &end);
        if (end == at || !(fabs(snr_db) <= 60.0)) {
            code =
                err_set(err, ERR_ARGUMENT, "loss.snr_db: \"%s\" is not a number within +-60", at);
            break;
        }
        for (int i = 0; code == 0 && i < 2; i++) {
            code = on_the_air(o, &world, snr_db, spreads_ns[i], &probe, err);
        }
        for (int antennas = 1; code == 0 && antennas <= MOST; antennas *= 2) {
            code = matrices(o, &world, snr_db, antennas, err);
        }
        fflush(stdout);
        at = *end == ',' ? end + 1 : end;
    }
    probe_close(&probe);
    forget_world(&world);
    return code;
}

int broadcast_loss_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {loss_options, program_options, NULL};
    options_t *options = NULL;
    err_t err = ERR_INIT;
    int code = program_begin("semradio-broadcast loss", NULL,
                             "what a measured channel costs against the true one", tables, argc,
                             argv, &options);
    if (!options) {
        return code;
    }
    program_catch_signals();
    code = run(options, &err) == 0    ? PROGRAM_OK
           : err.code == ERR_ARGUMENT ? PROGRAM_USAGE
                                      : PROGRAM_FAILED;
    if (err.code != ERR_NONE) {
        log_error("%s", err.text);
    }
    options_destroy(options);
    return code;
}
