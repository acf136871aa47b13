/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The equaliser at the receiver does what its adapter says, to symbols and to their noise. */
#include "alignment/fits.h"
#include "fit/equaliser.h"

#include <stdint.h>

static adapter_t *as_adapter(const fits_map_t *map, bool bias)
{
    err_t err = ERR_INIT;
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.kind = map->kernel > 1 ? ADAPTER_CONV : ADAPTER_LINEAR;
    int t = 2 * map->channels;
    adapter_array_t arrays[] = {{"equaliser.weight",
                                 map->kernel > 1 ? 4 : 2,
                                 {t, t, map->kernel, map->kernel},
                                 map->weight},
                                {"equaliser.bias", 1, {t}, map->bias}};
    adapter_t *adapter = adapter_build(&info, arrays, bias ? 2 : 1, NULL, 0, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(adapter);
    return adapter;
}

static void test_definition(void)
{
    static const int kernels[] = {1, 3, 5}, sizes[][2] = {{8, 8}, {1, 1}, {5, 17}, {2, 70}};
    rng_t rng;
    rng_seed(&rng, 110, 0);
    for (int k = 0; k < 3; k++) {
        err_t err = ERR_INIT;
        fits_map_t map = fits_map(&rng, 3, kernels[k]);
        adapter_t *adapter = as_adapter(&map, true);
        equaliser_t *equaliser = equaliser_create(adapter, 140, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(equaliser);
        CHECK_INT(equaliser_channels(equaliser), 3);
        for (int s = 0; s < 4; s++) {
            int rows = sizes[s][0], columns = sizes[s][1];
            size_t count = (size_t)(3 * rows * columns);
            float complex x[420], expected[420];
            float var[420];
            rng_complex_normal(&rng, 1.0f, x, count);
            for (size_t i = 0; i < count; i++) {
                var[i] = 1e-4f;
            }
            fits_apply(&map, x, expected, rows, columns);
            CHECK_INT(equaliser_process(equaliser, rows, columns, x, var, x, var),
                      0); /* in place */
            for (size_t i = 0; i < count; i++) {
                CHECK_NEAR(crealf(x[i]), crealf(expected[i]), 1e-5);
                CHECK_NEAR(cimagf(x[i]), cimagf(expected[i]), 1e-5);
            }
        }
        CHECK_INT(equaliser_process(equaliser, 3, 47, NULL, NULL, NULL, NULL), -1);
        CHECK_INT(equaliser_process(equaliser, 0, 4, NULL, NULL, NULL, NULL), -1);
        equaliser_destroy(equaliser);
        adapter_destroy(adapter);
        fits_map_free(&map);
    }
}

/* The variance it states is the one that noise of the stated variances has after the map. */
static void test_noise(void)
{
    enum { COUNT = 2 * 16, RUNS = 4000 };
    rng_t rng;
    err_t err = ERR_INIT;
    rng_seed(&rng, 111, 0);
    fits_map_t map = fits_map(&rng, 2, 3);
    adapter_t *adapter = as_adapter(&map, false);
    equaliser_t *equaliser = equaliser_create(adapter, 16, &err);
    float var[COUNT], out_var[COUNT], scratch[COUNT];
    float complex zero[COUNT] = {0}, x[COUNT], base[COUNT];
    double energy[COUNT] = {0};
    for (int i = 0; i < COUNT; i++) {
        var[i] = 0.01f + 0.3f * rng_uniform(&rng);
    }
    CHECK_INT(equaliser_process(equaliser, 4, 4, zero, var, base, out_var), 0);
    for (int run = 0; run < RUNS; run++) {
        rng_complex_normal(&rng, 1.0f, x, COUNT);
        for (int i = 0; i < COUNT; i++) {
            x[i] *= sqrtf(var[i]);
        }
        equaliser_process(equaliser, 4, 4, x, var, x, scratch);
        for (int i = 0; i < COUNT; i++) {
            energy[i] += (double)(crealf(x[i]) * crealf(x[i]) + cimagf(x[i]) * cimagf(x[i])) / RUNS;
        }
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_NEAR(energy[i] / (double)out_var[i], 1.0, 0.12); /* 5 sigma of 4000 */
    }
    equaliser_destroy(equaliser);
    adapter_destroy(adapter);
    fits_map_free(&map);
}

static void test_lost(void)
{
    rng_t rng;
    err_t err = ERR_INIT;
    rng_seed(&rng, 112, 0);
    fits_map_t map = fits_map(&rng, 2, 1);
    adapter_t *adapter = as_adapter(&map, true);
    equaliser_t *equaliser = equaliser_create(adapter, 4, &err);
    const float complex bad[4] = {CMPLXF(NAN, 0), CMPLXF(0, INFINITY), 1.0f, 1.0f};
    const float bad_var[4] = {0.1f, 0.1f, NAN, 7.0f}, lost_var[4] = {1, 1, 1, 1};
    const float complex lost[4] = {0};
    float complex out[4], expected[4];
    float out_var[4], expected_var[4];
    CHECK_INT(equaliser_process(equaliser, 1, 2, bad, bad_var, out, out_var), 0);
    CHECK_INT(equaliser_process(equaliser, 1, 2, lost, lost_var, expected, expected_var), 0);
    CU_ASSERT(memcmp(out, expected, sizeof out) == 0);
    CU_ASSERT(memcmp(out_var, expected_var, sizeof out_var) == 0);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT(out_var[i] > 0.0f && out_var[i] <= 1.0f);
    }
    equaliser_destroy(equaliser);
    adapter_destroy(adapter);
    fits_map_free(&map);
}

static void test_refusals(void)
{
    static const float w[4] = {1, 2, 3, 4};
    err_t err = ERR_INIT;
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.kind = ADAPTER_PROJECTION;
    adapter_array_t array = {"projection.weight", 2, {2, 2}, w};
    adapter_t *projection = adapter_build(&info, &array, 1, NULL, 0, &err);
    CU_ASSERT_PTR_NULL(equaliser_create(projection, 4, &err));
    CHECK_ERROR_NAMES(&err, "projection");
    info.kind = ADAPTER_LINEAR;
    array.name = "equaliser.weight";
    adapter_t *linear = adapter_build(&info, &array, 1, NULL, 0, &err);
    CU_ASSERT_PTR_NULL(equaliser_create(linear, 0, &err));
    adapter_destroy(projection);
    adapter_destroy(linear);
}

static const check_test_t tests[] = {
    {"every kernel and grid is mapped as defined, in place too", test_definition},
    {"the noise variance is that of mapped noise", test_noise},
    {"values that are not numbers count as lost", test_lost},
    {"other adapters and empty grids are refused", test_refusals},
};

int main(void)
{
    return check_run("equaliser", tests, CHECK_COUNT(tests));
}
