/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * y[o] = bias[o] + sum over taps and inputs of w[tap][o][i] x[i] at the tap's place,
 * zeros beyond the edge.  Symbols arrive channel by channel and are turned place by
 * place first, so that the innermost loop runs over outputs side by side in memory.
 */
#include "codec/codec_map.h"

#include "cmplx.h"

#include "codec/codec_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REALS_MAX = 64 };

int codec_map_init(codec_map_t *map, int kernel, int reals, const float *weight, const float *bias,
                   err_t *err)
{
    size_t n = (size_t)reals, taps = (size_t)kernel * (size_t)kernel;
    map->weight = malloc(taps * n * n * sizeof(*map->weight));
    map->bias = calloc(n, sizeof(*map->bias));
    if (map->weight == NULL || map->bias == NULL || reals > REALS_MAX) {
        codec_map_free(map);
        return err_set(err, ERR_MEMORY, "no memory for a map of %d symbol axes", reals);
    }
    map->kernel = kernel;
    map->reals = reals;
    for (size_t tap = 0; tap < taps; tap++) {
        for (size_t i = 0; i < n; i++) {
            for (size_t o = 0; o < n; o++) {
                map->weight[(tap * n + i) * n + o] = weight[(o * n + i) * taps + tap];
            }
        }
    }
    if (bias != NULL) {
        memcpy(map->bias, bias, n * sizeof(*bias));
    }
    return 0;
}

void codec_map_free(codec_map_t *map)
{
    free(map->weight);
    free(map->bias);
    memset(map, 0, sizeof(*map));
}

/* Place by place: axes [2 channels], then variances of the axes [2 channels]. */
static void turn(int places, int channels, const float complex *symbols, const float *noise_var,
                 float *out)
{
    for (int i = 0; i < places; i++) {
        float *axis = out + (size_t)i * 4 * (size_t)channels, *variance = axis + 2 * channels;
        for (int c = 0; c < channels; c++) {
            size_t k = (size_t)c * (size_t)places + (size_t)i;
            bool sane = noise_var[k] >= 0.0f && noise_var[k] <= 1.0f &&
                        isfinite(crealf(symbols[k])) && isfinite(cimagf(symbols[k]));
            axis[2 * c] = sane ? crealf(symbols[k]) : 0.0f;
            axis[2 * c + 1] = sane ? cimagf(symbols[k]) : 0.0f;
            variance[2 * c] = variance[2 * c + 1] = 0.5f * (sane ? noise_var[k] : 1.0f);
        }
    }
}

/* Adds one tap's share of one place: `used` axes out of `all`. */
static void add_tap(const codec_map_t *map, int tap, int used, int all, const float *in,
                    float *restrict axis, float *restrict variance)
{
    for (int i = 0; i < used; i++) {
        const float *restrict w =
            map->weight + ((size_t)tap * (size_t)map->reals + (size_t)i) * (size_t)map->reals;
        float x = in[i], v = in[all + i];
#pragma omp simd
        for (int o = 0; o < used; o++) {
            axis[o] += w[o] * x;
            variance[o] += w[o] * w[o] * v;
        }
    }
}

static void map_picture(const codec_map_t *map, int rows, int columns, int channels,
                        const float *in, float complex *out, float *out_var)
{
    int all = 2 * channels, half = map->kernel / 2, places = rows * columns;
    int used = all < map->reals ? all : map->reals; /* axes beyond pass as they are */
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) {
            float axis[REALS_MAX], variance[REALS_MAX] = {0};
            const float *here = in + (size_t)(y * columns + x) * 2 * (size_t)all;
            memcpy(axis, map->bias, (size_t)used * sizeof(*axis));
            memcpy(axis + used, here + used, (size_t)(all - used) * sizeof(*axis));
            memcpy(variance + used, here + all + used, (size_t)(all - used) * sizeof(*variance));
            for (int tap = 0; tap < map->kernel * map->kernel; tap++) {
                int ty = y + tap / map->kernel - half, tx = x + tap % map->kernel - half;
                if (ty >= 0 && ty < rows && tx >= 0 && tx < columns) {
                    add_tap(map, tap, used, all, in + (size_t)(ty * columns + tx) * 2 * (size_t)all,
                            axis, variance);
                }
            }
            for (int c = 0; c < channels; c++) {
                size_t k = (size_t)c * (size_t)places + (size_t)(y * columns + x);
                out[k] = CMPLXF(axis[2 * c], axis[2 * c + 1]);
                out_var[k] = fminf(variance[2 * c] + variance[2 * c + 1], 1.0f);
            }
        }
    }
}

static const codec_map_t *map_of(const codec_t *codec)
{
    return codec->variant != NULL ? codec_variant_map(codec->variant) : NULL;
}

bool codec_map_wanted(const codec_t *codec)
{
    return map_of(codec) != NULL;
}

int codec_map_prepare(codec_t *codec, size_t symbols, err_t *err)
{
    if (map_of(codec) == NULL || symbols <= codec->mapped_count) {
        return 0;
    }
    free(codec->mapped);
    free(codec->mapped_var);
    free(codec->mapped_in);
    codec->mapped_count = 0;
    codec->mapped = malloc(symbols * sizeof(*codec->mapped));
    codec->mapped_var = malloc(symbols * sizeof(*codec->mapped_var));
    codec->mapped_in = malloc(symbols * 4 * sizeof(*codec->mapped_in));
    if (codec->mapped == NULL || codec->mapped_var == NULL || codec->mapped_in == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to map %zu symbols", symbols);
    }
    codec->mapped_count = symbols;
    return 0;
}

int codec_map_run(codec_t *codec, int images, int rows, int columns, int channels,
                  const float complex *symbols, const float *noise_var, err_t *err)
{
    const codec_map_t *map = map_of(codec);
    size_t each = (size_t)rows * (size_t)columns * (size_t)channels;
    if (codec_map_prepare(codec, each * (size_t)images, err) < 0) {
        return -1;
    }
    for (int n = 0; n < images; n++) {
        size_t first = (size_t)n * each;
        turn(rows * columns, channels, symbols + first, noise_var + first, codec->mapped_in);
        map_picture(map, rows, columns, channels, codec->mapped_in, codec->mapped + first,
                    codec->mapped_var + first);
    }
    return 0;
}
