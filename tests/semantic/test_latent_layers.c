/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layers of latent codecs against their definitions, written out plainly. */
#include "check.h"
#include "nn/graph.h"
#include "rng.h"

#include <stdlib.h>

/* More positions than one chunk of queries holds. */
enum { SIDE = 40, LENGTH = SIDE * SIDE, CHANNELS = 3, COUNT = LENGTH * CHANNELS };

typedef struct {
    params_t *params;
    graph_t *graph;
    node_t q, k, v, out;
} attention_t;

static void attention_open(attention_t *a)
{
    err_t err = ERR_INIT;
    a->params = params_create(1, &err);
    a->graph = graph_create(a->params, GRAPH_TRAIN, 1, 1, &err);
    a->q = graph_input_with_gradient(a->graph, SIDE, SIDE, CHANNELS);
    a->k = graph_input_with_gradient(a->graph, SIDE, SIDE, CHANNELS);
    a->v = graph_input_with_gradient(a->graph, SIDE, SIDE, CHANNELS);
    a->out = graph_attention(a->graph, a->q, a->k, a->v);
    CU_ASSERT_EQUAL_FATAL(graph_finish(a->graph, &err), 0);
    rng_t rng;
    rng_seed(&rng, 1, 0);
    rng_normal(&rng, graph_data(a->graph, a->q), COUNT);
    rng_normal(&rng, graph_data(a->graph, a->k), COUNT);
    rng_normal(&rng, graph_data(a->graph, a->v), COUNT);
}

static double dot(const float *a, const float *b)
{
    double sum = 0.0;
    for (int c = 0; c < CHANNELS; c++) {
        sum += (double)a[c] * (double)b[c];
    }
    return sum;
}

/* weights[j] of query i. */
static void softmax(const float *q, const float *k, int i, double *weights)
{
    double sum = 0.0;
    for (int j = 0; j < LENGTH; j++) {
        weights[j] = exp(dot(q + i * CHANNELS, k + j * CHANNELS) / sqrt(CHANNELS));
        sum += weights[j];
    }
    for (int j = 0; j < LENGTH; j++) {
        weights[j] /= sum;
    }
}

static double largest_difference(const float *a, const double *b)
{
    double largest = 0.0;
    for (int i = 0; i < COUNT; i++) {
        largest = fmax(largest, fabs((double)a[i] - b[i]));
    }
    return largest;
}

/* The sums of layer_attention.c, a query at a time. */
static void test_attention(void)
{
    static double weights[LENGTH], y[COUNT], dq[COUNT], dk[COUNT], dv[COUNT];
    static float dy[COUNT];
    attention_t a;
    rng_t rng;
    attention_open(&a);
    const float *q = graph_data(a.graph, a.q), *k = graph_data(a.graph, a.k);
    const float *v = graph_data(a.graph, a.v);
    rng_seed(&rng, 2, 0);
    rng_normal(&rng, dy, COUNT);
    graph_forward(a.graph);
    graph_backward_from(a.graph, a.out, dy);
    for (int i = 0; i < LENGTH; i++) {
        const float *dyi = dy + i * CHANNELS;
        double mean = 0.0;
        softmax(q, k, i, weights);
        for (int j = 0; j < LENGTH; j++) {
            mean += weights[j] * dot(dyi, v + j * CHANNELS);
        }
        for (int j = 0; j < LENGTH; j++) {
            double ds = weights[j] * (dot(dyi, v + j * CHANNELS) - mean) / sqrt(CHANNELS);
            for (int c = 0; c < CHANNELS; c++) {
                y[i * CHANNELS + c] += weights[j] * (double)v[j * CHANNELS + c];
                dv[j * CHANNELS + c] += weights[j] * (double)dyi[c];
                dq[i * CHANNELS + c] += ds * (double)k[j * CHANNELS + c];
                dk[j * CHANNELS + c] += ds * (double)q[i * CHANNELS + c];
            }
        }
    }
    CHECK_AT_MOST(largest_difference(graph_data(a.graph, a.out), y), 1e-5);
    CHECK_AT_MOST(largest_difference(graph_grad(a.graph, a.q), dq), 1e-5);
    CHECK_AT_MOST(largest_difference(graph_grad(a.graph, a.k), dk), 1e-4);
    CHECK_AT_MOST(largest_difference(graph_grad(a.graph, a.v), dv), 1e-4);
    graph_destroy(a.graph);
    params_destroy(a.params);
}

static void test_resize(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(1, &err);
    graph_t *g = graph_create(params, GRAPH_INFER, 2, 1, &err);
    node_t in = graph_input(g, 2, 3, 2);
    node_t padded = graph_pad(g, in, 1, 2, 3, 0), repeated = graph_repeat(g, in, 2);
    CU_ASSERT_EQUAL_FATAL(graph_finish(g, &err), 0);
    float *x = graph_data(g, in);
    for (int i = 0; i < 24; i++) {
        x[i] = (float)(i + 1);
    }
    for (int run = 0; run < 2; run++) { /* the second finds what the first left */
        graph_forward(g);
        for (int i = 0; i < 2 * 5 * 6 * 2; i++) {
            int n = i / 60, y = i / 12 % 5 - 1, column = i / 2 % 6 - 3, c = i % 2;
            bool inside = y >= 0 && y < 2 && column >= 0;
            float want = inside ? x[((n * 2 + y) * 3 + column) * 2 + c] : 0.0f;
            CHECK_NEAR(graph_data(g, padded)[i], want, 0.0);
        }
        for (int i = 0; i < 2 * 4 * 6 * 2; i++) {
            int n = i / 48, y = i / 12 % 4 / 2, column = i / 2 % 6 / 2, c = i % 2;
            CHECK_NEAR(graph_data(g, repeated)[i], x[((n * 2 + y) * 3 + column) * 2 + c], 0.0);
        }
    }
    graph_destroy(g);
    params_destroy(params);
}

/* Mean 0 and variance 1 over the batch; what inference then does is the running average. */
static void test_standardise(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(1, &err);
    graph_t *train = graph_create(params, GRAPH_TRAIN, 4, 1, &err);
    node_t in = graph_input_with_gradient(train, 8, 8, 2), out = graph_standardise(train, in, "s");
    CU_ASSERT_EQUAL_FATAL(graph_finish(train, &err), 0);
    rng_t rng;
    rng_seed(&rng, 1, 0);
    float *x = graph_data(train, in);
    double sum[2] = {0.0}, sum2[2] = {0.0};
    rng_normal(&rng, x, 512);
    for (int i = 0; i < 512; i++) {
        x[i] = x[i] * (i % 2 ? 30.0f : 0.2f) + 7.0f;
    }
    graph_forward(train);
    const float *y = graph_data(train, out);
    for (int i = 0; i < 512; i++) {
        sum[i % 2] += (double)y[i] / 256.0;
        sum2[i % 2] += (double)(y[i] * y[i]) / 256.0;
    }
    for (int c = 0; c < 2; c++) {
        CHECK_NEAR(sum[c], 0.0, 1e-5);
        CHECK_NEAR(sum2[c], 1.0, 1e-3);
    }
    graph_t *use = graph_create(params, GRAPH_INFER, 4, 1, &err);
    node_t in2 = graph_input(use, 8, 8, 2), out2 = graph_standardise(use, in2, "s");
    CU_ASSERT_EQUAL_FATAL(graph_finish(use, &err), 0);
    memcpy(graph_data(use, in2), x, 512 * sizeof(float));
    graph_forward(use);
    for (int i = 0; i < 512; i++) { /* the first batch set the average */
        CHECK_NEAR(graph_data(use, out2)[i], y[i], 1e-4);
    }
    graph_destroy(use);
    graph_destroy(train);
    params_destroy(params);
}

static void test_refusals(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(1, &err);
    graph_t *g = graph_create(params, GRAPH_INFER, 1, 1, &err);
    node_t a = graph_input(g, 2, 3, 2), b = graph_input(g, 3, 2, 2);
    CHECK_INT(graph_attention(g, a, b, b), NODE_NONE);
    CHECK_INT(graph_finish(g, &err), -1);
    CHECK_ERROR_NAMES(&err, "attention of queries 2x3x2, keys 3x2x2");
    graph_destroy(g);
    params_destroy(params);
}

static const check_test_t tests[] = {
    {"attention and its gradients are the plain sums, in several chunks too", test_attention},
    {"padding puts zeros on each side, repetition repeats", test_resize},
    {"standardising gives mean 0 and variance 1, in use the average of training", test_standardise},
    {"attention of differing shapes is refused", test_refusals},
};

int main(void)
{
    return check_run("latent layers", tests, CHECK_COUNT(tests));
}
