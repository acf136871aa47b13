/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "link.h"
#include "sync/phase.h"

/* Root mean square phase error over `count` symbols of 12 unit pilots with drift and walk. */
static double follow(double n0, double drift_error, double walk, int count, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    phase_t p;
    double truth = 0.4, drift = 0.02, sum = 0.0;
    double level_var = n0 / (2.0 * 132.0 * 12.0) + 1e-9, drift_var = 1e-8 + drift_error * drift_error;
    phase_start(&p, truth, drift + drift_error, level_var, drift_var, 0.0);
    for (int i = 0; i < count; i++) {
        float complex w;
        float step;
        rng_complex_normal(&rng, (float)(12.0 * n0), &w, 1);
        float complex z = (float complex)(12.0 * cexp(I * truth)) + w;
        double off = carg((double complex)phase_update(&p, z, 12.0, n0) * cexp(I * truth));
        sum += off * off / count;
        rng_normal(&rng, &step, 1);
        truth += drift + walk * (double)step;
    }
    return sqrt(sum);
}

static void weak_pilots_add_little_phase_noise(void)
{
    /* At 0 dB one symbol's 12 pilots alone would give 0.2 rad. */
    CHECK_AT_MOST(follow(1.0, 0.0, 0.0, 2000, 1), 0.06);
    CHECK_AT_MOST(follow(10.0, 0.0, 0.0, 2000, 2), 0.2);
    CHECK_AT_MOST(follow(0.001, 0.0, 0.0, 2000, 3), 0.005);
}

static void a_wrong_drift_is_corrected(void)
{
    CHECK_AT_MOST(follow(0.1, 0.02, 0.0, 300, 4), 0.06);
    CHECK_AT_MOST(follow(0.001, 0.1, 0.0, 300, 5), 0.01);
}

static void a_wandering_oscillator_is_followed(void)
{
    CHECK_AT_MOST(follow(0.01, 0.0, 0.003, 5000, 6), 0.02);
    CHECK_AT_MOST(follow(0.001, 0.0, 0.01, 5000, 7), 0.03);
}

static void no_pilots_no_harm(void)
{
    phase_t p;
    phase_start(&p, 1.0, 0.1, 1e-4, 1e-6, 0.0);
    float complex turn = phase_update(&p, 0.0f, 0.0, 0.0);
    CHECK_NEAR(cargf(turn), -1.0, 1e-6);
    CHECK_NEAR(p.line.value, 1.1, 1e-9);
}

static const check_test_t tests[] = {
    {"weak pilots add little phase noise", weak_pilots_add_little_phase_noise},
    {"a wrong drift is corrected", a_wrong_drift_is_corrected},
    {"a wandering oscillator is followed", a_wandering_oscillator_is_followed},
    {"a symbol without pilots does no harm", no_pilots_no_harm},
};

int main(void)
{
    return check_run("phase", tests, CHECK_COUNT(tests));
}
