/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Objectives, per latent of Z = 16 numbers a place and i symbols a place:
 *     lmse          |z' - z|^2 / Z
 *     commitment    + eta |x - sg(q(x))|^2 / Z     (mean over symbols times i / 16)
 *     kl            + weight KL(use of the points || uniform)
 *     jsccq         the same, with expected points instead of nearest ones
 *     unquantised   lmse, symbols as they are
 */
#include "train/deka_link.h"

#include "cmplx.h"

#include "nn/constellation.h"
#include "train/fading.h"

#include <math.h>
#include <string.h>

enum { PLACES_MAX = 256, GRID = 32 /* places a side of a 512x512 picture */ };

static void add_points(deka_link_t *link, graph_mode_t mode, const deka_link_options_t *o)
{
    graph_t *g = link->graph;
    if (o->objective == DEKA_OBJECTIVE_UNQUANTISED) {
        link->points = link->bounded;
    } else if (o->objective == DEKA_OBJECTIVE_JSCCQ && mode == GRAPH_TRAIN) {
        link->points = link->soft = graph_quantise_soft(g, link->bounded, o->sharpness);
    } else {
        link->points = graph_quantise(g, link->bounded);
    }
}

static void add_losses(deka_link_t *link, const deka_link_options_t *o)
{
    graph_t *g = link->graph;
    link->error = graph_mse(g, link->out, link->latent);
    graph_add_loss(g, link->error, 1.0f);
    if (o->objective == DEKA_OBJECTIVE_COMMITMENT) {
        link->commitment = graph_commitment(g, link->bounded, link->points);
        graph_add_loss(g, link->commitment, 0.0f); /* weighted by deka_link_set_channels */
    } else if (o->objective == DEKA_OBJECTIVE_KL || o->objective == DEKA_OBJECTIVE_JSCCQ) {
        link->divergence = graph_constellation_kl(g, link->bounded, o->sharpness);
        graph_add_loss(g, link->divergence, (float)o->kl_weight);
    }
}

int deka_link_create(deka_link_t *link, params_t *params, graph_mode_t mode, int batch, int rows,
                     int columns, int channels, int threads, const deka_link_options_t *options,
                     err_t *err)
{
    const deka_shape_t *shape = &options->shape;
    *link = (deka_link_t){.batch = batch,
                          .rows = rows,
                          .columns = columns,
                          .axes = 2 * deka_net_channels(shape, channels),
                          .error = NODE_NONE,
                          .commitment = NODE_NONE,
                          .divergence = NODE_NONE,
                          .soft = NODE_NONE,
                          .eta = options->eta};
    graph_t *g = link->graph = graph_create(params, mode, batch, threads, err);
    if (g == NULL) {
        return -1;
    }
    graph_use_bf16(g, options->bf16 && mode == GRAPH_TRAIN);
    link->latent = graph_input(g, rows * DEKA_STRIDE, columns * DEKA_STRIDE, DEKA_LATENT_CHANNELS);
    link->h = graph_input(g, rows, columns, link->axes);
    link->noise = graph_input(g, rows, columns, link->axes);
    link->n0 = graph_input(g, 1, 1, 1);
    link->bounded = deka_net_encoder(g, link->latent, shape, channels);
    add_points(link, mode, options);
    node_t sent = deka_net_scale(g, link->points, shape, channels);
    node_t soft =
        graph_slice(g, graph_channel(g, sent, link->h, link->noise, link->n0), 0, link->axes);
    link->out = deka_net_decoder(g, soft, shape, channels);
    graph_keep(g, link->out);
    if (mode == GRAPH_TRAIN) {
        add_losses(link, options);
    }
    if (graph_finish(g, err) < 0) {
        deka_link_destroy(link);
        return -1;
    }
    return 0;
}

void deka_link_destroy(deka_link_t *link)
{
    graph_destroy(link->graph);
    link->graph = NULL;
}

void deka_link_set_channels(deka_link_t *link, int channels)
{
    int all = link->axes / 2;
    graph_set_prefix(link->graph, channels < all ? channels : all);
    if (link->commitment != NODE_NONE) {
        graph_set_loss_weight(link->graph, link->commitment, (float)(link->eta * channels / 16.0));
    }
}

/* One row of places of one complex channel. */
static void draw_row(deka_link_t *link, size_t at, int first_symbol, const float complex *h,
                     float n0, rng_t *rng)
{
    float complex noise[PLACES_MAX];
    float *h_out = graph_data(link->graph, link->h) + at;
    float *n_out = graph_data(link->graph, link->noise) + at;
    rng_complex_normal(rng, n0, noise, (size_t)link->columns);
    for (int x = 0; x < link->columns; x++) {
        size_t to = (size_t)x * (size_t)link->axes;
        float complex gain = h != NULL ? h[(first_symbol + x) % FADING_CARRIERS] : 1.0f;
        h_out[to] = crealf(gain);
        h_out[to + 1] = cimagf(gain);
        n_out[to] = crealf(noise[x]);
        n_out[to + 1] = cimagf(noise[x]);
    }
}

void deka_link_draw(deka_link_t *link, int n, double snr_db, double delay_spread_ns, rng_t *rng)
{
    float complex h[FADING_CARRIERS];
    float n0 = (float)pow(10.0, -snr_db / 10.0);
    int rows = link->rows > GRID ? link->rows : GRID;
    int columns = link->columns > GRID ? link->columns : GRID;
    if (delay_spread_ns > 0.0) {
        fading_draw(rng, delay_spread_ns * 1e-9, h);
    }
    for (int c = 0; c < link->axes / 2; c++) {
        for (int y = 0; y < link->rows; y++) {
            size_t at =
                ((size_t)(n * link->rows + y) * (size_t)link->columns) * (size_t)link->axes +
                2 * (size_t)c;
            draw_row(link, at, (c * rows + y) * columns, delay_spread_ns > 0.0 ? h : NULL, n0, rng);
        }
    }
    graph_data(link->graph, link->n0)[n] = n0;
}
