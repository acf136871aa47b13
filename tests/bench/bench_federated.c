/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_federated: X of 192 (or 384) features, users of 384, 512 and 100, 2,000 samples (random, sharing
 * causes), complexified and whitened, four antennas at each end, K = 2, 4, 8, 20.  Both sides start from the
 * statistics; ours also fits the receivers at the end.  numpy runs in a process of its own and tells
 * its processor time; both must reach the same objective.
 */
#include "bench_federated.h"

#include "clock.h"
#include "federated/federated.h"
#include "rng.h"
#include "safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USERS = 3, SAMPLES = 2000, HIDDEN = 64, ANTENNAS = 4, ROUNDS = 30 };

static const int features[USERS] = {384, 512, 100};

typedef struct {
    federated_t *federated;
    FILE *to, *from; /* numpy */
    pid_t child;
    double spent_s, objective; /* of numpy */
    double *data[2 * USERS + 2];
    char path[64];
    bool failed;
} side_t;

static double *draw(rng_t *rng, size_t count, double scale)
{
    float *from = malloc(count * sizeof *from);
    double *to = malloc(count * sizeof *to);
    if (!from || !to) {
        abort();
    }
    rng_normal(rng, from, count);
    for (size_t i = 0; i < count; i++) {
        to[i] = scale * (double)from[i];
    }
    free(from);
    return to;
}

static double *latents(rng_t *rng, const double *hidden, int rows)
{
    double *mix = draw(rng, (size_t)rows * HIDDEN, 1.0), *out = draw(rng, (size_t)rows * SAMPLES, 0.3);
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < HIDDEN; j++) {
            double weight = mix[i * HIDDEN + j] * pow(0.95, j);
            for (int s = 0; s < SAMPLES; s++) {
                out[(size_t)i * SAMPLES + (size_t)s] += weight * hidden[(size_t)j * SAMPLES + (size_t)s];
            }
        }
    }
    free(mix);
    return out;
}

static int start_numpy(side_t *side, err_t *err)
{
    int to[2], from[2];
    if (pipe(to) != 0 || pipe(from) != 0) {
        return err_set(err, ERR_IO, "no pipe for numpy");
    }
    side->child = fork();
    if (side->child == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[1]);
        close(from[0]);
        setenv("OPENBLAS_NUM_THREADS", "1", 1);
        execl("/usr/bin/python3", "python3", SEMRADIO_SOURCE_DIR "/tests/bench/bench_federated_peer.py",
              side->path, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    side->to = fdopen(to[1], "w");
    side->from = fdopen(from[0], "r");
    return side->child < 0 || !side->to || !side->from ? err_set(err, ERR_IO, "no process for numpy") : 0;
}

/* The problem as a file for numpy, and ours. */
static int make(side_t *side, int uses, int wide, err_t *err)
{
    static const char *const y_name[] = {"Y0", "Y1", "Y2"}, *const h_name[] = {"H0", "H1", "H2"};
    double scalar[3] = {uses, 0.01, uses};
    federated_tensor_t y[USERS], h[USERS];
    safetensors_tensor_t t[2 * USERS + 5];
    int m = ANTENNAS * uses, d = wide / 2, at = 0;
    rng_t rng;
    rng_seed(&rng, 11, (uint64_t)uses);
    double *hidden = draw(&rng, HIDDEN * SAMPLES, 1.0);
    side->data[0] = latents(&rng, hidden, wide);
    side->data[1] = draw(&rng, (size_t)(2 * m * d), 1.0);
    federated_input_t input = {USERS, {wide, SAMPLES, false, side->data[0]}, y, h, {m, d, true, side->data[1]}};
    t[at++] = (safetensors_tensor_t){"X", SAFETENSORS_F64, 2, {wide, SAMPLES}, (size_t)wide * SAMPLES, side->data[0]};
    t[at++] = (safetensors_tensor_t){"F0", SAFETENSORS_F64, 3, {m, d, 2}, (size_t)(2 * m * d), side->data[1]};
    for (int k = 0; k < USERS; k++) {
        double *yv = side->data[2 + k] = latents(&rng, hidden, features[k]);
        double *hv = side->data[2 + USERS + k] = draw(&rng, 2 * ANTENNAS * ANTENNAS, sqrt(0.5));
        y[k] = (federated_tensor_t){features[k], SAMPLES, false, yv};
        h[k] = (federated_tensor_t){ANTENNAS, ANTENNAS, true, hv};
        t[at++] = (safetensors_tensor_t){y_name[k], SAFETENSORS_F64, 2, {features[k], SAMPLES},
                                         (size_t)features[k] * SAMPLES, yv};
        t[at++] = (safetensors_tensor_t){h_name[k], SAFETENSORS_F64, 3, {ANTENNAS, ANTENNAS, 2},
                                         2 * ANTENNAS * ANTENNAS, hv};
    }
    static const char *const scalar_name[] = {"K", "sigma2", "P"};
    for (int i = 0; i < 3; i++) {
        t[at++] = (safetensors_tensor_t){scalar_name[i], SAFETENSORS_F64, 1, {1}, 1, &scalar[i]};
    }
    free(hidden);
    federated_config_t config = FEDERATED_CONFIG_INIT;
    config.channel_uses = uses;
    config.sigma2 = 0.01;
    config.power = uses;
    config.rounds = ROUNDS;
    config.complexify = config.whiten = true;
    side->federated = federated_create(&input, &config, err);
    return !side->federated || safetensors_write(side->path, t, at, NULL, NULL, 0, err) < 0 ? -1 : 0;
}

static double ours(void *state)
{
    side_t *side = state;
    side->failed |= federated_run(side->federated, NULL) < 0;
    return 1.0;
}

static double peer(void *state)
{
    side_t *side = state;
    char line[256];
    double spent = 0.0;
    fputs("1\n", side->to);
    fflush(side->to);
    if (!fgets(line, sizeof line, side->from) || sscanf(line, "%lf %lf", &spent, &side->objective) != 2) {
        side->failed = true;
        spent = 1.0;
    }
    side->spent_s += spent;
    return 1.0;
}

/* This thread's time, and what numpy says of its own. */
static double clock_both(void *state)
{
    return clock_thread_cpu_s() + ((side_t *)state)->spent_s;
}

static int verify(void *state, err_t *err)
{
    side_t *side = state;
    const federated_result_t *r = federated_result(side->federated);
    double obj = r->obj_dep[r->rounds - 1];
    return !side->failed && fabs(obj - side->objective) <= 1e-6 * r->energy
               ? 0
               : err_set(err, ERR_STATE, "objective %.9g, numpy's %.9g (has /usr/bin/python3 numpy?)", obj,
                         side->objective);
}

static void destroy(void *state)
{
    side_t *side = state;
    if (side->to) {
        fclose(side->to);
    }
    if (side->from) {
        fclose(side->from);
    }
    if (side->child > 0) {
        waitpid(side->child, NULL, 0);
    }
    unlink(side->path);
    federated_destroy(side->federated);
    for (int i = 0; i < 2 * USERS + 2; i++) {
        free(side->data[i]);
    }
    free(side);
}

static void *create(int uses, int wide, err_t *err)
{
    side_t *side = calloc(1, sizeof *side);
    if (!side) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    snprintf(side->path, sizeof side->path, "/tmp/semradio-bench-federated-%d", (int)getpid());
    if (make(side, uses, wide, err) < 0 || start_numpy(side, err) < 0) {
        destroy(side);
        return NULL;
    }
    peer(side); /* so that numpy has read the file */
    return side;
}

#define ROW(uses, rows, wide)                                                                           \
    static void *create_##rows##_##wide(err_t *err)                                                         \
    {                                                                                              \
        return create(uses, wide, err);                                                                  \
    }                                                                                              \
    static const bench_row_t row_##rows##_##wide = {.name = "rounds_" #rows "_" #wide,                                \
                                           .what = "30 Wiener rounds, three users, N_t K = " #rows ", " #wide " features", \
                                           .unit = BENCH_US,                                       \
                                           .peer_name = "numpy",                                   \
                                           .asked = 1.0,                                           \
                                           .create = create_##rows##_##wide,                                \
                                           .destroy = destroy,                                     \
                                           .verify = verify,                                       \
                                           .ours = ours,                                           \
                                           .peer = peer,                                           \
                                           .clock_s = clock_both};

ROW(2, 8, 192)
ROW(4, 16, 192)
ROW(8, 32, 192)
ROW(20, 80, 192)
ROW(2, 8, 384)
ROW(20, 80, 384)

const bench_row_t *const bench_federated_rows[] = {&row_8_192,  &row_16_192, &row_32_192, &row_80_192,
                                                   &row_8_384, &row_80_384, NULL};
