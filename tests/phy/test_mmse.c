/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "eq/mmse.h"
#include "link.h"

enum { COUNT = 120 };

static void error_is_what_noise_var_says(void)
{
    rng_t rng;
    rng_seed(&rng, 4, 0);
    for (double n0 = 0.01; n0 <= 10.1; n0 *= 10.0) {
        double error = 0.0, said = 0.0;
        for (int trial = 0; trial < 400; trial++) {
            float complex h[COUNT], s[COUNT], y[COUNT], weight[COUNT], out[COUNT];
            float noise_var[COUNT];
            rng_complex_normal(&rng, 1.0f, h, COUNT);
            rng_complex_normal(&rng, (float)n0, y, COUNT);
            link_qam(&rng, s, COUNT);
            for (int i = 0; i < COUNT; i++) {
                y[i] += h[i] * s[i];
            }
            mmse_weights(h, n0, COUNT, weight, noise_var);
            mmse_apply(weight, 1.0f, y, COUNT, out);
            for (int i = 0; i < COUNT; i++) {
                error += creal((out[i] - s[i]) * conjf(out[i] - s[i]));
                said += (double)noise_var[i];
                CU_ASSERT(noise_var[i] > 0.0f && noise_var[i] <= 1.0f);
            }
        }
        CHECK_NEAR(error / said, 1.0, 0.03);
    }
}

static void edges_are_finite(void)
{
    float complex h[3] = {0.0f, 1e15f, 1e-15f}, weight[3];
    float noise_var[3];
    mmse_weights(h, 0.0, 3, weight, noise_var);
    CHECK_NEAR(noise_var[0], 1.0, 1e-6);
    CHECK_NEAR(cabsf(weight[0]), 0.0, 0.0);
    CHECK_NEAR(cabsf(weight[1]) * 1e15, 1.0, 1e-5);
    CHECK_NEAR(cabsf(weight[2]) * 1e-15, 1.0, 1e-5);
    mmse_weights(h, 1.0, 1, weight, noise_var);
    CHECK_NEAR(noise_var[0], 1.0, 1e-6);
}

static void the_turn_is_applied(void)
{
    float complex weight[1] = {2.0f}, y[1] = {CMPLXF(1.0f, 0.0f)}, out[1];
    mmse_apply(weight, CMPLXF(0.0f, 1.0f), y, 1, out);
    CHECK_NEAR(crealf(out[0]), 0.0, 0.0);
    CHECK_NEAR(cimagf(out[0]), 2.0, 0.0);
}

static const check_test_t tests[] = {
    {"the error is what noise_var says", error_is_what_noise_var_says},
    {"no channel or no noise gives finite numbers", edges_are_finite},
    {"the phase turn is applied", the_turn_is_applied},
};

int main(void)
{
    return check_run("mmse", tests, CHECK_COUNT(tests));
}
