/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures into the encoder's input and latents out of it; the same backwards. */
#include "latent/latent_state.h"

#include <math.h>
#include <string.h>

static int check_size(const latent_t *latent, int width, int height, err_t *err)
{
    if (latent_count(latent, width, height) == 0) {
        return err_set(err, ERR_ARGUMENT, "%s: %d x %d pixels is outside 1 .. %d a side",
                       latent_name(latent), width, height, latent_side_max(latent));
    }
    return 0;
}

static int at_most(int value, int limit)
{
    return value < limit ? value : limit;
}

/* 8-bit pixels to 0 .. 1, the last row and column repeated into the padding. */
static void put_picture(const uint8_t *rgb, int width, int height, graph_shape_t padded, float *out)
{
    for (int y = 0; y < padded.h; y++) {
        const uint8_t *row = rgb + (size_t)at_most(y, height - 1) * (size_t)width * 3;
        for (int x = 0; x < padded.w; x++) {
            const uint8_t *pixel = row + 3 * (size_t)at_most(x, width - 1);
            for (int c = 0; c < 3; c++) {
                *out++ = (float)pixel[c] * (1.0f / 255.0f);
            }
        }
    }
}

static void take_picture(const float *in, graph_shape_t padded, int width, int height, uint8_t *rgb)
{
    size_t stride = (size_t)padded.w * 3, row = (size_t)width * 3;
    for (size_t y = 0; y < (size_t)height; y++) {
        for (size_t x = 0; x < row; x++) {
            float value = in[y * stride + x];
            value = value > 0.0f ? value : 0.0f; /* NaN too */
            value = value < 1.0f ? value : 1.0f;
            rgb[y * row + x] = (uint8_t)(value * 255.0f + 0.5f);
        }
    }
}

int latent_encode(latent_t *latent, const uint8_t *rgb, int width, int height, float *z, err_t *err)
{
    if (check_size(latent, width, height, err) < 0) {
        return -1;
    }
    latent_network_t *network = latent_network(latent, latent_places(latent, height),
                                               latent_places(latent, width), LATENT_ENCODER, err);
    if (network == NULL) {
        return -1;
    }
    graph_t *graph = network->encoder;
    put_picture(rgb, width, height, graph_shape(graph, network->image),
                graph_data(graph, network->image));
    graph_forward(graph);
    memcpy(z, graph_data(graph, network->encoded),
           graph_count(graph, network->encoded) * sizeof(*z));
    return 0;
}

int latent_decode(latent_t *latent, const float *z, int width, int height, uint8_t *rgb, err_t *err)
{
    if (check_size(latent, width, height, err) < 0) {
        return -1;
    }
    latent_network_t *network = latent_network(latent, latent_places(latent, height),
                                               latent_places(latent, width), LATENT_DECODER, err);
    if (network == NULL) {
        return -1;
    }
    graph_t *graph = network->decoder;
    float *in = graph_data(graph, network->latent);
    for (size_t i = 0; i < graph_count(graph, network->latent); i++) {
        in[i] = isfinite(z[i]) ? z[i] : 0.0f;
    }
    graph_forward(graph);
    take_picture(graph_data(graph, network->picture), graph_shape(graph, network->picture), width,
                 height, rgb);
    return 0;
}

int latent_prepare(latent_t *latent, int width, int height, err_t *err)
{
    if (check_size(latent, width, height, err) < 0) {
        return -1;
    }
    int rows = latent_places(latent, height), columns = latent_places(latent, width);
    return latent_network(latent, rows, columns, LATENT_ENCODER, err) == NULL ||
                   latent_network(latent, rows, columns, LATENT_DECODER, err) == NULL
               ? -1
               : 0;
}
