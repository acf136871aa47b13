/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps against the published update rules in double precision; clipping, EMA, schedule. */
#include "check.h"
#include "nn/muon.h"
#include "nn/optimizer.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static params_t *two_tensors(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(1, &err);
    params_add(params, "weight", 1, (int[]){1}, 0, PARAM_INIT_CONSTANT, 1.0f, &err);
    params_add(params, "bias", 1, (int[]){1}, PARAM_NO_DECAY, PARAM_INIT_CONSTANT, 1.0f, &err);
    params_add(params, "running_mean", 1, (int[]){1}, PARAM_BUFFER, PARAM_INIT_CONSTANT, 1.0f, &err);
    return params;
}

static void give(params_t *params, float gradient)
{
    params_at(params, 0)->grad[0] = gradient;
    params_at(params, 1)->grad[0] = gradient;
}

static void test_adam(void)
{
    err_t err = ERR_INIT;
    params_t *params = two_tensors();
    optimizer_options_t o = OPTIMIZER_ADAMW;
    o.decay = 0.1f;
    o.clip_norm = 0.0f;
    optimizer_t *optimizer = optimizer_create(params, &o, &err);
    double w[2] = {1.0, 1.0}, m = 0.0, v = 0.0;
    for (int t = 1; t <= 20; t++) {
        double g = sin((double)t) * 3.0;
        give(params, (float)g);
        CHECK_NEAR(optimizer_step(optimizer, 0.01f), fabs(g) * sqrt(2.0), 1e-5);
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        for (int k = 0; k < 2; k++) {
            w[k] -= k == 0 ? 0.01 * 0.1 * w[k] : 0.0;
            w[k] -= 0.01 * (m / (1.0 - pow(0.9, t))) / (sqrt(v / (1.0 - pow(0.999, t))) + 1e-8);
        }
    }
    CHECK_NEAR(params_at(params, 0)->value[0], w[0], 2e-6);
    CHECK_NEAR(params_at(params, 1)->value[0], w[1], 2e-6);
    CHECK_NEAR(params_at(params, 2)->value[0], 1.0, 0.0);
    CHECK_INT(optimizer_steps(optimizer), 20);
    optimizer_destroy(optimizer);
    params_destroy(params);
}

static void test_sgd(void)
{
    for (int nesterov = 0; nesterov < 2; nesterov++) {
        err_t err = ERR_INIT;
        params_t *params = two_tensors();
        optimizer_options_t o = OPTIMIZER_SGD;
        o.nesterov = nesterov;
        optimizer_t *optimizer = optimizer_create(params, &o, &err);
        double w = 1.0, m = 0.0;
        for (int t = 1; t <= 10; t++) {
            double g = cos((double)t);
            give(params, (float)g);
            optimizer_step(optimizer, 0.1f);
            m = 0.9 * m + g;
            w -= 0.1 * (nesterov ? g + 0.9 * m : m);
        }
        CHECK_NEAR(params_at(params, 1)->value[0], w, 1e-5);
        optimizer_destroy(optimizer);
        params_destroy(params);
    }
}

static void test_clip(void)
{
    err_t err = ERR_INIT;
    params_t *params = two_tensors();
    optimizer_options_t o = OPTIMIZER_SGD;
    o.beta1 = 0.0f;
    o.nesterov = false;
    o.clip_norm = 1.0f;
    optimizer_t *optimizer = optimizer_create(params, &o, &err);
    params_at(params, 0)->grad[0] = 30.0f;
    params_at(params, 1)->grad[0] = 40.0f;
    CHECK_NEAR(optimizer_step(optimizer, 1.0f), 50.0, 1e-4);
    CHECK_NEAR(params_at(params, 1)->value[0], 1.0 - 0.8, 1e-6);
    give(params, NAN);
    CU_ASSERT(!isfinite(optimizer_step(optimizer, 1.0f)));
    CHECK_NEAR(params_at(params, 1)->value[0], 1.0 - 0.8, 1e-6);
    CHECK_INT(optimizer_steps(optimizer), 1);
    CHECK_INT(optimizer_skipped(optimizer), 1);
    optimizer_destroy(optimizer);
    params_destroy(params);
}

static void test_ema(void)
{
    err_t err = ERR_INIT;
    params_t *params = two_tensors();
    optimizer_options_t o = OPTIMIZER_SGD;
    o.ema = 0.75f;
    o.beta1 = 0.0f;
    params_at(params, 2)->value[0] = 0.0f; /* a statistic not yet seen … */
    optimizer_t *optimizer = optimizer_create(params, &o, &err);
    double w = 1.0, ema = 1.0;
    for (int t = 1; t <= 40; t++) {
        give(params, 0.5f);
        params_at(params, 2)->value[0] = t < 40 ? 0.0f : 7.0f; /* … until the last step */
        optimizer_step(optimizer, 0.1f);
        w = (double)params_at(params, 1)->value[0];
        double decay = fmin(0.75, (double)t / (t + 10.0));
        ema = decay * ema + (1.0 - decay) * w;
    }
    optimizer_swap_ema(optimizer);
    CHECK_NEAR(params_at(params, 1)->value[0], ema, 1e-5);
    CHECK_NEAR(params_at(params, 2)->value[0], 7.0, 0.0); /* taken over, not blended with 0 */
    optimizer_swap_ema(optimizer);
    CHECK_NEAR(params_at(params, 1)->value[0], w, 0.0);
    optimizer_destroy(optimizer);
    params_destroy(params);
}

static void test_schedule(void)
{
    CHECK_NEAR(schedule_cosine(0, 10, 110, 1.0f, 0.1f), 0.1, 1e-6);
    CHECK_NEAR(schedule_cosine(9, 10, 110, 1.0f, 0.1f), 1.0, 1e-6);
    CHECK_NEAR(schedule_cosine(10, 10, 110, 1.0f, 0.1f), 1.0, 1e-6);
    CHECK_NEAR(schedule_cosine(60, 10, 110, 1.0f, 0.1f), 0.55, 1e-6);
    CHECK_NEAR(schedule_cosine(110, 10, 110, 1.0f, 0.1f), 0.1, 1e-6);
    CHECK_NEAR(schedule_cosine(1000, 10, 110, 1.0f, 0.1f), 0.1, 1e-6);
    CHECK_NEAR(schedule_cosine(0, 0, 100, 1.0f, 0.0f), 1.0, 1e-6);
}

static void test_frozen(void)
{
    err_t err = ERR_INIT;
    params_t *params = two_tensors();
    optimizer_options_t o = OPTIMIZER_ADAMW;
    CHECK_INT(params_freeze(params, "weight", true), 1);
    optimizer_t *optimizer = optimizer_create(params, &o, &err);
    CU_ASSERT_PTR_NULL(params_at(params, 0)->grad);
    params_at(params, 1)->grad[0] = 1.0f;
    optimizer_step(optimizer, 0.1f);
    CHECK_NEAR(params_at(params, 0)->value[0], 1.0, 0.0);
    CHECK_NEAR(params_at(params, 1)->value[0], 0.9, 1e-5);
    optimizer_destroy(optimizer);
    o.beta1 = 1.0f;
    CU_ASSERT_PTR_NULL(optimizer_create(params, &o, &err));
    CHECK_ERROR_NAMES(&err, "option");
    params_destroy(params);
}

/* out out^T of a wide matrix: the squares of its singular values are the eigenvalues, so near the
   identity; and M out^T is symmetric and positive, as it is for the nearest orthogonal matrix. */
static void test_orthogonal(void)
{
    enum { ROWS = 12, COLUMNS = 40 };
    for (int tall = 0; tall < 2; tall++) {
        size_t rows = tall ? COLUMNS : ROWS, columns = tall ? ROWS : COLUMNS;
        float in[ROWS * COLUMNS], out[ROWS * COLUMNS];
        rng_t rng;
        rng_seed(&rng, 3, 0);
        rng_normal(&rng, in, ROWS * COLUMNS);
        muon_t *muon = muon_create(ROWS, ROWS * COLUMNS, NULL);
        muon_orthogonalise(muon, rows, columns, in, out);
        size_t r = tall ? 1 : columns, c = tall ? columns : 1; /* steps along short and long side */
        for (size_t i = 0; i < ROWS; i++) {
            for (size_t k = 0; k < ROWS; k++) {
                double square = 0.0, mixed = 0.0, other = 0.0;
                for (size_t j = 0; j < COLUMNS; j++) {
                    square += (double)out[i * r + j * c] * (double)out[k * r + j * c];
                    mixed += (double)in[i * r + j * c] * (double)out[k * r + j * c];
                    other += (double)in[k * r + j * c] * (double)out[i * r + j * c];
                }
                CHECK_NEAR(square, i == k ? 0.95 : 0.0, i == k ? 0.5 : 0.45);
                CHECK_NEAR(mixed, other, 1e-3);
                CU_ASSERT(i != k || mixed > 0.0);
            }
        }
        muon_destroy(muon);
    }
}

static void test_muon(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(1, &err);
    param_t *weight = params_add(params, "weight", 4, (int[]){8, 2, 3, 3}, 0, PARAM_INIT_NORMAL, 1.0f, &err);
    param_t *bias = params_add(params, "bias", 1, (int[]){1}, 0, PARAM_INIT_CONSTANT, 1.0f, &err);
    optimizer_options_t o = OPTIMIZER_MUON;
    optimizer_t *optimizer = optimizer_create(params, &o, &err);
    float before[144];
    rng_t rng;
    rng_seed(&rng, 4, 0);
    rng_normal(&rng, weight->grad, weight->count);
    bias->grad[0] = 1e-3f;
    memcpy(before, weight->value, sizeof before);
    optimizer_step(optimizer, 0.01f);
    double square = 0.0, along = 0.0;
    for (size_t i = 0; i < weight->count; i++) {
        double move = (double)(weight->value[i] - before[i]);
        square += move * move / (double)weight->count;
        along += move * (double)weight->grad[i];
    }
    CHECK_NEAR(sqrt(square), 0.2 * 0.01, 0.0005); /* as large as Adam's usual step */
    CU_ASSERT(along < 0.0);
    CHECK_NEAR(bias->value[0], 1.0 - 0.01, 1e-5); /* Adam's first step */
    optimizer_destroy(optimizer);
    params_destroy(params);
}

static const check_test_t tests[] = {
    {"AdamW is Loshchilov and Hutter's, without decay on biases", test_adam},
    {"SGD with and without Nesterov's momentum", test_sgd},
    {"Muon's direction is the nearest orthogonal matrix, nearly", test_orthogonal},
    {"Muon moves convolutions, Adam the rest", test_muon},
    {"gradients are clipped by their global norm; a NaN skips the step", test_clip},
    {"the average follows and swaps in and out", test_ema},
    {"the schedule warms up and ends at its floor", test_schedule},
    {"frozen tensors stay", test_frozen},
};

int main(void)
{
    return check_run("nn optimizer", tests, CHECK_COUNT(tests));
}
