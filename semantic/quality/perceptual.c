/* SPDX-License-Identifier: GPL-3.0-or-later */
/* perceptual: two towers of the judge's first stages on one store, frozen: batch norm then uses
   its running statistics, and the gradient reaches the first picture only. */
#include "quality/perceptual.h"

#include "quality/judge_net.h"

#include <stdlib.h>
#include <string.h>

enum { STAGES = 2 };

struct perceptual {
    params_t *params;
    graph_t *graph;
    node_t a, b, distance[STAGES];
    double macs;
};

/* Stage s has its first convolution at 1/2^s of the size, its second at half of that. */
static double count_macs(const judge_shape_t *shape, int side)
{
    double pixels = (double)side * side, macs = pixels * 27.0 * shape->width[0];
    for (int s = 0; s < STAGES; s++, pixels /= 4.0) {
        double in = shape->width[s], out = shape->width[s + 1];
        macs += pixels * 9.0 * in * out + pixels / 4.0 * 9.0 * out * out;
    }
    return macs;
}

static int build(perceptual_t *p, const judge_shape_t *shape, int side, int batch, bool bf16,
                 err_t *err)
{
    p->graph = graph_create(p->params, GRAPH_TRAIN, batch, 1, err);
    if (p->graph == NULL) {
        return -1;
    }
    graph_use_bf16(p->graph, bf16);
    p->a = graph_input_with_gradient(p->graph, side, side, 3);
    p->b = graph_input(p->graph, side, side, 3);
    node_t left[JUDGE_STAGES] = {0}, right[JUDGE_STAGES] = {0};
    judge_net_stages(p->graph, p->a, shape, STAGES, left);
    judge_net_stages(p->graph, p->b, shape, STAGES, right);
    for (int s = 0; s < STAGES; s++) {
        p->distance[s] = graph_mse(p->graph, left[s], right[s]);
        graph_add_loss(p->graph, p->distance[s], 1.0f / STAGES);
    }
    return graph_finish(p->graph, err);
}

perceptual_t *perceptual_create(const char *judge, int side, int batch, bool bf16, err_t *err)
{
    judge_shape_t shape;
    perceptual_t *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        err_set(err, ERR_MEMORY, "no memory for features");
        return NULL;
    }
    params_t *read = judge_net_open(judge, &shape, err);
    p->params = read == NULL ? NULL : params_clone(read, err);
    params_destroy(read);
    if (p->params != NULL) {
        params_freeze(p->params, "", true);
        p->macs = count_macs(&shape, side);
    }
    if (p->params == NULL || build(p, &shape, side, batch, bf16, err) < 0) {
        perceptual_destroy(p);
        return NULL;
    }
    return p;
}

void perceptual_destroy(perceptual_t *p)
{
    if (p != NULL) {
        graph_destroy(p->graph);
        params_destroy(p->params);
        free(p);
    }
}

double perceptual_distance(perceptual_t *p, const float *a, const float *b, float *each,
                           float *slope)
{
    size_t count = graph_count(p->graph, p->a), batch = graph_count(p->graph, p->distance[0]);
    memcpy(graph_data(p->graph, p->a), a, count * sizeof(*a));
    memcpy(graph_data(p->graph, p->b), b, count * sizeof(*b));
    graph_forward(p->graph);
    for (size_t n = 0; each != NULL && n < batch; n++) {
        each[n] = 0.0f;
        for (int s = 0; s < STAGES; s++) {
            each[n] += graph_data(p->graph, p->distance[s])[n] / STAGES;
        }
    }
    if (slope != NULL) {
        graph_backward(p->graph);
        memcpy(slope, graph_grad(p->graph, p->a), count * sizeof(*slope));
    }
    return graph_total_loss(p->graph);
}

double perceptual_macs(const perceptual_t *p)
{
    return p->macs;
}
