/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "synthetic.h"

#include "rng.h"
#include "safetensors.h"

#include <math.h>
#include <stdlib.h>

enum { CAUSES = 48 };

static float *draw(uint64_t seed, uint64_t stream, size_t count)
{
    float *v = malloc((count + 1) * sizeof *v);
    rng_t rng;
    rng_seed(&rng, seed, stream);
    if (v) {
        rng_normal(&rng, v, count);
    }
    return v;
}

/* [features][count]; `causes` [CAUSES][count]. */
static float *mix(const float *by, const float *causes, const float *noise, int features, int count)
{
    float *x = calloc((size_t)features * (size_t)count, sizeof *x);
    for (int f = 0; x && f < features; f++) {
        float *row = x + (size_t)f * (size_t)count;
        for (int j = 0; j < CAUSES; j++) {
            const float weight = by[f * CAUSES + j] * (float)pow(0.93, j);
            const float *cause = causes + (size_t)j * (size_t)count;
            for (int s = 0; s < count; s++) {
                row[s] += weight * cause[s];
            }
        }
        for (int s = 0; s < count; s++) {
            row[s] += 0.26f * noise[(size_t)f * (size_t)count + (size_t)s];
        }
    }
    return x;
}

int synthetic_write(const char *path, uint64_t seed, int party, int features, int samples,
                    int tests, err_t *err)
{
    const uint64_t own = 100 + 4 * (uint64_t)party;
    float *by = draw(seed, own, (size_t)features * CAUSES);
    const int counts[] = {samples, tests};
    float *x[2] = {NULL, NULL};
    for (int i = 0; by && i < 2; i++) {
        float *causes = draw(seed, 1 + (uint64_t)i, CAUSES * (size_t)counts[i]);
        float *noise = draw(seed, own + 1 + (uint64_t)i, (size_t)features * (size_t)counts[i]);
        x[i] = causes && noise ? mix(by, causes, noise, features, counts[i]) : NULL;
        free(causes);
        free(noise);
    }
    int code = x[0] && x[1] ? 0 : err_set(err, ERR_MEMORY, "%s: no memory for latents", path);
    if (code == 0) {
        const safetensors_tensor_t tensors[] = {{"X",
                                                 SAFETENSORS_F32,
                                                 2,
                                                 {features, samples},
                                                 (size_t)features * (size_t)samples,
                                                 x[0]},
                                                {"X_test",
                                                 SAFETENSORS_F32,
                                                 2,
                                                 {features, tests},
                                                 (size_t)features * (size_t)tests,
                                                 x[1]}};
        code = safetensors_write(path, tensors, 2, NULL, NULL, 0, err);
    }
    free(by);
    free(x[0]);
    free(x[1]);
    return code;
}
