/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "err.h"
#include "rng.h"

#include "check.h"

#include <errno.h>

static void test_repeatable(void)
{
    rng_t a, b, c;
    rng_seed(&a, 7, 1);
    rng_seed(&b, 7, 1);
    rng_seed(&c, 7, 2);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = rng_bits(&a);
        CU_ASSERT_EQUAL(x, rng_bits(&b));
        same += x == rng_bits(&c);
    }
    CHECK_INT(same, 0);
}

static void test_normal_moments(void)
{
    enum { COUNT = 200001 };
    static float x[COUNT];
    rng_t rng;
    rng_seed(&rng, 3, 0);
    rng_normal(&rng, x, COUNT);
    double mean = 0, square = 0, fourth = 0;
    for (int i = 0; i < COUNT; i++) {
        double v = (double)x[i];
        mean += v / COUNT;
        square += v * v / COUNT;
        fourth += v * v * v * v / COUNT;
    }
    CHECK_NEAR(mean, 0, 0.01);
    CHECK_NEAR(square, 1, 0.015);
    CHECK_NEAR(fourth, 3, 0.12);
}

static void test_complex_variance(void)
{
    enum { COUNT = 100000 };
    static float complex x[COUNT];
    rng_t rng;
    rng_seed(&rng, 4, 0);
    rng_complex_normal(&rng, 2.5f, x, COUNT);
    double power = 0, real = 0, cross = 0;
    for (int i = 0; i < COUNT; i++) {
        double re = (double)crealf(x[i]), im = (double)cimagf(x[i]);
        power += (re * re + im * im) / COUNT;
        real += re * re / COUNT;
        cross += re * im / COUNT;
    }
    CHECK_NEAR(power, 2.5, 0.03);
    CHECK_NEAR(real, 1.25, 0.03);
    CHECK_NEAR(cross, 0, 0.02);
}

static void test_below(void)
{
    rng_t rng;
    rng_seed(&rng, 5, 0);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint32_t x = rng_below(&rng, 7);
        CU_ASSERT_FATAL(x < 7);
        counts[x]++;
    }
    for (int i = 0; i < 7; i++) {
        CHECK_NEAR(counts[i], 10000, 400);
    }
    CHECK_INT(rng_below(&rng, 1), 0);
    for (int i = 0; i < 10000; i++) {
        float u = rng_uniform(&rng);
        CU_ASSERT(u >= 0 && u < 1);
    }
}

static void test_errors(void)
{
    err_t err = ERR_INIT;
    CHECK_INT(err_set_errno(&err, ENOENT, "cannot read %s", "x"), -1);
    CU_ASSERT_STRING_EQUAL(err.text, "cannot read x: No such file or directory");
    CHECK_INT(err_prefix(&err, "lab.ini:%d", 3), -1);
    CU_ASSERT_STRING_EQUAL(err.text, "lab.ini:3: cannot read x: No such file or directory");
    CHECK_INT(err_set(NULL, ERR_IO, "dropped"), -1);
    for (int i = 0; i < 100; i++) { /* grows to the limit, never past it */
        err_prefix(&err, "a rather long context number %d", i);
    }
    CHECK_INT(strlen(err.text), sizeof err.text - 1);
    CU_ASSERT_STRING_EQUAL(err_code_name(ERR_TIMEOUT), "timeout");
}

static const check_test_t tests[] = {
    {"the same seed and stream give the same numbers", test_repeatable},
    {"normal values have mean 0, variance 1 and kurtosis 3", test_normal_moments},
    {"complex values have the asked variance, half on each axis", test_complex_variance},
    {"integers below a bound are even", test_below},
    {"errors are sentences with their context in front", test_errors},
};

int main(void)
{
    return check_run("rng", tests, CHECK_COUNT(tests));
}
