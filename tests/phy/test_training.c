/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "chest/training.h"
#include "link.h"

enum { COUNT = 12 };

typedef struct {
    double n0, power, drift_error, drift_var, phase_error, phase_var;
} statistics_t;

/* COUNT symbols of a flat channel with a phase line, `trials` times. */
static statistics_t measure(double n0, int trials)
{
    static float complex ls[COUNT][NUMEROLOGY_USED];
    statistics_t st = {0};
    rng_t rng;
    rng_seed(&rng, 21, (uint64_t)(n0 * 1000));
    for (int i = 0; i < trials; i++) {
        double time[COUNT], level = 0.3, drift = 0.04 * ((double)rng_uniform(&rng) - 0.5);
        for (int s = 0; s < COUNT; s++) {
            time[s] = s;
            rng_complex_normal(&rng, (float)n0, ls[s], NUMEROLOGY_USED);
            for (int u = 0; u < NUMEROLOGY_USED; u++) {
                ls[s][u] += (float complex)cexp(I * (level + drift * s));
            }
        }
        training_t t;
        double phase, phase_var, drift_var, cov;
        training_start(&t, (const float complex(*)[NUMEROLOGY_USED])ls, time, COUNT);
        training_predict(&t, COUNT, &phase, &phase_var, &drift_var, &cov);
        /* h carries the level; what phase says is relative to it. */
        double complex h = 0.0;
        for (int u = 0; u < NUMEROLOGY_USED; u++) {
            h += t.h_ls[u];
        }
        double off = remainder(carg(h) + phase - level - drift * COUNT, 2.0 * M_PI);
        st.n0 += t.n0 / trials;
        st.power += t.power / trials;
        st.drift_error += (t.drift - drift) * (t.drift - drift) / trials;
        st.drift_var += drift_var / trials;
        st.phase_error += off * off / trials;
        st.phase_var += phase_var / trials;
    }
    return st;
}

static void noise_and_power_without_bias(void)
{
    for (double n0 = 0.001; n0 <= 1.001; n0 *= 10.0) {
        statistics_t st = measure(n0, 300);
        CHECK_NEAR(10.0 * log10(st.n0 / n0), 0.0, 0.03);
        CHECK_NEAR(10.0 * log10(st.power), 0.0, 0.05);
    }
}

static void line_is_as_good_as_it_says(void)
{
    for (double n0 = 0.01; n0 <= 1.001; n0 *= 10.0) {
        statistics_t st = measure(n0, 300);
        CHECK_NEAR(10.0 * log10(st.drift_error / st.drift_var), 0.0, 1.2);
        CHECK_NEAR(10.0 * log10(st.phase_error / st.phase_var), 0.0, 1.2);
    }
}

/* 22 symbols, `rate` samples of delay and `turn` radians of the channel's second half a symbol. */
static training_t learn(double n0, double rate, double turn, uint64_t seed)
{
    enum { LONG = 22 };
    static float complex ls[LONG][NUMEROLOGY_USED];
    double time[LONG];
    float complex h[NUMEROLOGY_USED];
    rng_t rng;
    rng_seed(&rng, 23, seed);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        h[u] = 1.0f;
    }
    for (int s = 0; s < LONG; s++) {
        time[s] = s;
        rng_complex_normal(&rng, (float)n0, ls[s], NUMEROLOGY_USED);
        for (int u = 0; u < NUMEROLOGY_USED; u++) {
            double angle = -numerology_radians(u) * rate * (s - 0.5 * (LONG - 1));
            /* One path stands, another turns: what fading within the head looks like. */
            double complex gain = 0.7 + 0.7 * cexp(I * (turn * (s - 0.5 * (LONG - 1)) -
                                                        8.0 * numerology_radians(u)));
            ls[s][u] += (float complex)((turn != 0.0 ? gain : 1.0) * cexp(I * angle));
        }
    }
    training_t t;
    training_start(&t, (const float complex(*)[NUMEROLOGY_USED])ls, time, 6);
    training_refine(&t, (const float complex(*)[NUMEROLOGY_USED])ls, time, LONG,
                    turn != 0.0 ? t.h_ls : h, true);
    return t;
}

static void the_sample_clock_shows(void)
{
    double error = 0.0, said = 0.0;
    for (uint64_t i = 0; i < 200; i++) {
        double delay, delay_var, rate_var, cov;
        training_t t = learn(0.1, 0.0055, 0.0, i); /* 20 ppm */
        training_predict_delay(&t, 22.0, &delay, &delay_var, &rate_var, &cov);
        error += (t.rate - 0.0055) * (t.rate - 0.0055) / 200.0;
        said += rate_var / 200.0;
        CHECK_NEAR(t.moved, 0.0, 0.0);
    }
    CHECK_NEAR(10.0 * log10(error / said), 0.0, 1.0);
}

static void a_moving_channel_is_told_from_noise(void)
{
    int false_alarms = 0, noticed = 0;
    double n0 = 0.0;
    for (uint64_t i = 0; i < 200; i++) {
        false_alarms += learn(0.01, 0.0, 0.0, i).moved > 0.0;
        training_t t = learn(0.01, 0.0, 0.067, i); /* 300 Hz */
        noticed += t.moved > 0.0;
        n0 += t.n0 / 200.0;
    }
    CHECK_AT_MOST(false_alarms, 1);
    CHECK_INT(noticed, 200);
    CHECK_NEAR(10.0 * log10(n0 / 0.01), 0.0, 0.3); /* the noise is not blamed for the motion */
}

static void silence_is_no_division_by_zero(void)
{
    static const float complex ls[COUNT][NUMEROLOGY_USED];
    double time[COUNT];
    for (int s = 0; s < COUNT; s++) {
        time[s] = s;
    }
    training_t t;
    training_start(&t, ls, time, COUNT);
    CHECK_NEAR(t.n0, 0.0, 0.0);
    CHECK_NEAR(t.drift, 0.0, 0.0);
}

static const check_test_t tests[] = {
    {"noise within 0.03 dB and power within 0.05 dB on average", noise_and_power_without_bias},
    {"the phase line is as good as its variances say", line_is_as_good_as_it_says},
    {"the sample clock's rate is as good as its variance says", the_sample_clock_shows},
    {"a channel that moves is told from noise, and the noise stays what it is",
     a_moving_channel_is_told_from_noise},
    {"silence divides by nothing", silence_is_no_division_by_zero},
};

int main(void)
{
    return check_run("training", tests, CHECK_COUNT(tests));
}
