/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What layers compute, against naive loops; building errors; running twice, in
 * another thread, in place, with a frozen part.
 */
#include "check.h"
#include "nn/graph.h"
#include "nn/optimizer.h"
#include "rng.h"

#include <pthread.h>
#include <stdlib.h>

static void randomise(params_t *params, rng_t *rng)
{
    for (int i = 0; i < params_count(params); i++) {
        rng_normal(rng, params_at(params, i)->value, params_at(params, i)->count);
    }
    params_changed(params);
}

/* ---- convolution against the definition ----------------------------------- */

static double naive_conv(const float *x, graph_shape_t in, const param_t *weight, const param_t *bias,
                         int stride, int padding, int n, int y0, int x0, int o)
{
    int k = weight->shape[2];
    double sum = bias ? (double)bias->value[o] : 0.0;
    for (int c = 0; c < in.c; c++) {
        for (int dy = 0; dy < k; dy++) {
            for (int dx = 0; dx < k; dx++) {
                int yy = y0 * stride + dy - padding, xx = x0 * stride + dx - padding;
                if (yy >= 0 && yy < in.h && xx >= 0 && xx < in.w) {
                    sum += (double)x[((n * in.h + yy) * in.w + xx) * in.c + c] *
                           (double)weight->value[((o * in.c + c) * k + dy) * k + dx];
                }
            }
        }
    }
    return sum;
}

static void check_conv(int h, int w, int in_c, int out_c, int kernel, int stride)
{
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 11, 0);
    params_t *params = params_create(1, &err);
    graph_t *g = graph_create(params, GRAPH_INFER, 2, 1, &err);
    node_t a = graph_input(g, h, w, in_c);
    node_t b = graph_conv_with(g, a, "c", &(conv_options_t){.out_channels = out_c,
                                                            .kernel = kernel, .stride = stride});
    CHECK_INT(graph_finish(g, &err), 0);
    randomise(params, &rng);
    rng_normal(&rng, graph_data(g, a), graph_count(g, a));
    graph_forward(g);
    graph_shape_t s = graph_shape(g, b);
    CHECK_INT(s.h, (h + stride - 1) / stride);
    double worst = 0.0;
    for (int i = 0; i < s.n * s.h * s.w * s.c; i++) {
        double want = naive_conv(graph_data(g, a), graph_shape(g, a), params_find(params, "c.weight"),
                                 params_find(params, "c.bias"), stride, kernel / 2,
                                 i / (s.c * s.w * s.h), i / (s.c * s.w) % s.h, i / s.c % s.w, i % s.c);
        worst = fmax(worst, fabs(want - (double)graph_data(g, b)[i]) / (1.0 + fabs(want)));
    }
    CHECK_AT_MOST(worst, 1e-4);
    graph_destroy(g);
    params_destroy(params);
}

static void test_conv(void)
{
    check_conv(8, 8, 64, 64, 3, 1);
    check_conv(7, 5, 3, 24, 3, 1);
    check_conv(8, 8, 12, 96, 1, 1);
    check_conv(8, 8, 16, 12, 5, 1);
    check_conv(8, 6, 16, 32, 3, 2);
    check_conv(9, 9, 3, 7, 3, 2);
}

/* ---- PyTorch's channel orders --------------------------------------------- */

static void test_orders(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(1, &err);
    graph_t *g = graph_create(params, GRAPH_INFER, 1, 1, &err);
    node_t a = graph_input(g, 4, 6, 3);
    node_t packed = graph_space_to_depth(g, a, 2);
    node_t back = graph_depth_to_space(g, packed, 2);
    node_t flat = graph_flatten(g, a);
    graph_keep(g, packed);
    CHECK_INT(graph_finish(g, &err), 0);
    for (size_t i = 0; i < 72; i++) {
        graph_data(g, a)[i] = (float)i;
    }
    graph_forward(g);
    for (int y = 0; y < 2; y++) {
        for (int x = 0; x < 3; x++) {
            for (int k = 0; k < 12; k++) { /* k = c*4 + dy*2 + dx, as pixel_unshuffle */
                int from = ((2 * y + k / 2 % 2) * 6 + 2 * x + k % 2) * 3 + k / 4;
                CHECK_NEAR(graph_data(g, packed)[(y * 3 + x) * 12 + k], from, 0.0);
            }
        }
    }
    for (int i = 0; i < 72; i++) {
        CHECK_NEAR(graph_data(g, back)[i], i, 0.0);
        CHECK_NEAR(graph_data(g, flat)[i], i % 24 * 3 + i / 24, 0.0);
    }
    graph_destroy(g);
    params_destroy(params);
}

/* ---- batch norm ----------------------------------------------------------- */

static void test_batch_norm(void)
{
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 2, 0);
    params_t *params = params_create(1, &err);
    graph_t *train = graph_create(params, GRAPH_TRAIN, 4, 1, &err);
    node_t a = graph_input(train, 3, 3, 5), b = graph_batch_norm(train, a, "bn");
    CHECK_INT(graph_finish(train, &err), 0);
    size_t rows = 36;
    rng_normal(&rng, graph_data(train, a), rows * 5);
    for (size_t i = 0; i < rows * 5; i++) {
        graph_data(train, a)[i] = 3.0f * graph_data(train, a)[i] + (float)(i % 5);
    }
    graph_forward(train);
    for (size_t c = 0; c < 5; c++) {
        double mean = 0.0, square = 0.0, out = 0.0, out2 = 0.0;
        for (size_t r = 0; r < rows; r++) {
            double x = (double)graph_data(train, a)[r * 5 + c], y = (double)graph_data(train, b)[r * 5 + c];
            mean += x / (double)rows;
            square += x * x / (double)rows;
            out += y / (double)rows;
            out2 += y * y / (double)rows;
        }
        double unbiased = (square - mean * mean) * (double)rows / (double)(rows - 1);
        CHECK_NEAR(out, 0.0, 1e-5);
        CHECK_NEAR(out2, 1.0, 1e-4);
        CHECK_NEAR(params_find(params, "bn.running_mean")->value[c], 0.1 * mean, 1e-5);
        CHECK_NEAR(params_find(params, "bn.running_var")->value[c], 0.9 + 0.1 * unbiased, 1e-4);
    }
    graph_t *infer = graph_create(params, GRAPH_INFER, 1, 1, &err);
    node_t p = graph_input(infer, 1, 1, 5), q = graph_batch_norm(infer, p, "bn");
    CHECK_INT(graph_finish(infer, &err), 0);
    graph_forward(infer);
    for (size_t c = 0; c < 5; c++) {
        double mean = (double)params_find(params, "bn.running_mean")->value[c];
        double variance = (double)params_find(params, "bn.running_var")->value[c];
        CHECK_NEAR(graph_data(infer, q)[c], -mean / sqrt(variance + 1e-5), 1e-5);
    }
    graph_destroy(infer);
    graph_destroy(train);
    params_destroy(params);
}

/* ---- symbols -------------------------------------------------------------- */

static void test_symbols(void)
{
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 2, 0);
    params_t *params = params_create(1, &err);
    graph_t *g = graph_create(params, GRAPH_TRAIN, 3, 1, &err);
    node_t a = graph_input(g, 4, 4, 8), s = graph_power_norm(g, a, "p");
    node_t noise = graph_input(g, 4, 4, 8), n0 = graph_input(g, 1, 1, 1);
    node_t soft = graph_channel(g, s, NODE_NONE, noise, n0), log_soft = graph_noise_log(g, soft);
    CHECK_INT(graph_finish(g, &err), 0);
    rng_normal(&rng, graph_data(g, a), graph_count(g, a));
    for (int n = 0; n < 3; n++) {
        graph_data(g, n0)[n] = 0.1f;
    }
    graph_set_prefix(g, 3);
    graph_forward(g);
    double power = 0.0;
    for (int i = 0; i < 48 * 8; i++) {
        power += pow((double)graph_data(g, s)[i], 2.0) / (48.0 * 3.0);
        CU_ASSERT(i % 8 < 6 || graph_data(g, s)[i] == 0.0f);
    }
    CHECK_NEAR(power, 1.0, 1e-5);
    const float *x = graph_data(g, s), *y = graph_data(g, soft), *z = graph_data(g, log_soft);
    CHECK_NEAR(y[0], x[0] / 1.1f, 1e-6);
    CHECK_NEAR(y[8], 0.1 / 1.1, 1e-6);  /* noise_var of the first symbol */
    CHECK_NEAR(y[11], 1.0, 0.0);        /* of the one not sent */
    CHECK_NEAR(z[8], -log10(0.1 / 1.1), 1e-6);
    CHECK_NEAR(z[11], 0.0, 0.0);
    CHECK_NEAR(y[6], 0.0, 0.0);
    CU_ASSERT(params_find(params, "p.running_power")->value[2] > 0.5f);
    CHECK_NEAR(params_find(params, "p.running_power")->value[3], 0.0, 0.0);
    graph_destroy(g);
    params_destroy(params);
}

/* ---- a small network ------------------------------------------------------ */

static node_t network(graph_t *g, node_t x)
{
    x = graph_conv(g, x, "net.0", 16, 3);
    x = graph_batch_norm(g, x, "net.1");
    x = graph_prelu(g, x, "net.2");
    node_t y = graph_conv(g, x, "net.3", 16, 3);
    y = graph_silu(g, y);
    y = graph_group_norm(g, y, "net.4", 4);
    x = graph_add_scaled(g, x, y, "net.5", 0.3f);
    x = graph_conv(g, x, "net.6", 12, 1);
    x = graph_relu(g, x);
    x = graph_depth_to_space(g, x, 2);
    return graph_sigmoid(g, x);
}

static void test_shared_store(void)
{
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 2, 0);
    params_t *params = params_create(1, &err);
    float out[2][192];
    float image[48];
    rng_normal(&rng, image, 48);
    for (int pass = 0; pass < 2; pass++) {
        /* batch 3 first, batch 1 second: the same sample gives the same result */
        graph_t *g = graph_create(params, GRAPH_INFER, pass ? 1 : 3, 1, &err);
        node_t a = graph_input(g, 4, 4, 3), b = network(g, a);
        CHECK_INT(graph_finish(g, &err), 0);
        memcpy(graph_data(g, a) + (pass ? 0 : 48), image, sizeof image);
        graph_forward(g);
        memcpy(out[pass], graph_data(g, b) + (pass ? 0 : 192), sizeof out[0]);
        graph_destroy(g);
    }
    for (int i = 0; i < 192; i++) {
        CHECK_NEAR(out[0][i], out[1][i], 1e-5);
    }
    params_destroy(params);
}

/* Memory reuse and in-place layers of inference against training's separate buffers. */
static void test_inference_plan(void)
{
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 2, 0);
    params_t *params = params_create(1, &err);
    graph_t *g[2];
    node_t a[2], b[2];
    for (int k = 0; k < 2; k++) {
        g[k] = graph_create(params, k ? GRAPH_TRAIN : GRAPH_INFER, 2, 1, &err);
        a[k] = graph_input(g[k], 4, 4, 3);
        b[k] = network(g[k], a[k]);
        params_freeze(params, "net.1", true); /* the same statistics in both */
        CHECK_INT(graph_finish(g[k], &err), 0);
    }
    randomise(params, &rng);
    for (size_t c = 0; c < 16; c++) {
        params_find(params, "net.1.running_var")->value[c] = 1.0f + (float)c / 8.0f;
    }
    rng_normal(&rng, graph_data(g[0], a[0]), graph_count(g[0], a[0]));
    memcpy(graph_data(g[1], a[1]), graph_data(g[0], a[0]), graph_count(g[0], a[0]) * sizeof(float));
    for (int again = 0; again < 2; again++) {
        graph_forward(g[0]);
        graph_forward(g[1]);
        for (size_t i = 0; i < graph_count(g[0], b[0]); i++) {
            CHECK_NEAR(graph_data(g[0], b[0])[i], graph_data(g[1], b[1])[i], 1e-5);
        }
    }
    graph_destroy(g[0]);
    graph_destroy(g[1]);
    params_destroy(params);
}

/* ---- threads -------------------------------------------------------------- */

typedef struct {
    graph_t *graph;
    node_t in, out;
    float result[192];
} worker_t;

static void *work(void *argument)
{
    worker_t *worker = argument;
    for (int k = 0; k < 20; k++) {
        graph_forward(worker->graph);
    }
    memcpy(worker->result, graph_data(worker->graph, worker->out), sizeof worker->result);
    return NULL;
}

static void test_threads(void)
{
    err_t err = ERR_INIT;
    rng_t rng;
    params_t *params = params_create(1, &err);
    worker_t worker[3];
    pthread_t thread[3];
    for (int k = 0; k < 3; k++) {
        worker[k].graph = graph_create(params, GRAPH_INFER, 1, 1, &err);
        worker[k].in = graph_input(worker[k].graph, 4, 4, 3);
        worker[k].out = network(worker[k].graph, worker[k].in);
        CHECK_INT(graph_finish(worker[k].graph, &err), 0);
        rng_seed(&rng, 4, 0);
        rng_normal(&rng, graph_data(worker[k].graph, worker[k].in), 48);
    }
    for (int k = 0; k < 3; k++) {
        CHECK_INT(pthread_create(&thread[k], NULL, work, &worker[k]), 0);
    }
    for (int k = 0; k < 3; k++) {
        pthread_join(thread[k], NULL);
        CU_ASSERT(memcmp(worker[k].result, worker[0].result, sizeof worker[0].result) == 0);
        graph_destroy(worker[k].graph);
    }
    params_destroy(params);
}

/* ---- training ------------------------------------------------------------- */

static void train(float *weights, size_t count, double *first, double *last, int frozen,
                  int threads)
{
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 9, 0);
    params_t *params = params_create(1, &err);
    graph_t *g = graph_create(params, GRAPH_TRAIN, 4, threads, &err);
    node_t a = graph_input(g, 4, 4, 3), b = network(g, a), want = graph_input(g, 8, 8, 3);
    graph_add_loss(g, graph_mse(g, b, want), 1.0f);
    if (frozen) {
        params_freeze(params, "net.0", true);
    }
    CHECK_INT(graph_finish(g, &err), 0);
    optimizer_options_t options = OPTIMIZER_ADAMW;
    optimizer_t *optimizer = optimizer_create(params, &options, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(optimizer);
    rng_normal(&rng, graph_data(g, a), graph_count(g, a));
    for (size_t i = 0; i < graph_count(g, want); i++) {
        graph_data(g, want)[i] = rng_uniform(&rng);
    }
    for (int step = 0; step < 60; step++) {
        params_zero_gradients(params);
        graph_forward(g);
        *(step ? last : first) = graph_total_loss(g);
        graph_backward(g);
        optimizer_step(optimizer, 0.01f);
    }
    memcpy(weights, params_find(params, "net.0.weight")->value, count * sizeof(float));
    optimizer_destroy(optimizer);
    graph_destroy(g);
    params_destroy(params);
}

static void test_training(void)
{
    float once[432], twice[432], frozen[432];
    double first, last;
    train(once, 432, &first, &last, 0, 1);
    CHECK_AT_MOST(last, 0.7 * first);
    train(twice, 432, &first, &last, 0, 1);
    CU_ASSERT(memcmp(once, twice, sizeof once) == 0);
    train(frozen, 432, &first, &last, 1, 1);
    CHECK_AT_MOST(last, 0.9 * first);
    CU_ASSERT(memcmp(once, frozen, sizeof once) != 0);
    /* frozen weights are the initial ones: the same as those of a network never trained */
    err_t err = ERR_INIT;
    params_t *params = params_create(1, &err);
    graph_t *g = graph_create(params, GRAPH_INFER, 1, 1, &err);
    network(g, graph_input(g, 4, 4, 3));
    CU_ASSERT(memcmp(frozen, params_find(params, "net.0.weight")->value, sizeof frozen) == 0);
    graph_destroy(g);
    params_destroy(params);
}

/* Two threads add up in another order than one, but always in the same. */
static void test_two_threads(void)
{
    float one[432], once[432], twice[432];
    double first, last, last_one;
    train(one, 432, &first, &last_one, 0, 1);
    train(once, 432, &first, &last, 0, 2);
    train(twice, 432, &first, &last, 0, 2);
    CU_ASSERT(memcmp(once, twice, sizeof once) == 0);
    CHECK_NEAR(last, last_one, 0.05 * last_one);
}

/* ---- building errors ------------------------------------------------------ */

typedef node_t (*mistake_t)(graph_t *graph, node_t in);

static node_t odd_depth(graph_t *g, node_t in)
{
    return graph_conv(g, graph_space_to_depth(g, in, 3), "later", 8, 3);
}

static node_t two_shapes(graph_t *g, node_t in)
{
    return graph_conv(g, graph_conv(g, in, "twin", 8, 3), "twin", 8, 3);
}

static node_t unequal_add(graph_t *g, node_t in)
{
    return graph_add(g, in, graph_global_avg_pool(g, in));
}

static node_t odd_symbols(graph_t *g, node_t in)
{
    return graph_quantise(g, in);
}

static node_t no_kernel(graph_t *g, node_t in)
{
    return graph_conv(g, in, "wide", 8, 99);
}

static void test_mistakes(void)
{
    static const struct {
        mistake_t build;
        const char *names;
    } table[] = {{odd_depth, "space_to_depth"}, {two_shapes, "twin.weight"}, {unequal_add, "add"},
                 {odd_symbols, "quantise"},     {no_kernel, "wide"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        err_t err = ERR_INIT;
        params_t *params = params_create(1, &err);
        graph_t *g = graph_create(params, GRAPH_TRAIN, 2, 1, &err);
        CHECK_INT(table[i].build(g, graph_input(g, 4, 4, 3)), NODE_NONE);
        CHECK_INT(graph_finish(g, &err), -1);
        CHECK_ERROR_NAMES(&err, table[i].names);
        graph_destroy(g);
        params_destroy(params);
    }
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(graph_create(NULL, GRAPH_TRAIN, 0, 1, &err));
    CHECK_ERROR_NAMES(&err, "batch");
}

static const check_test_t tests[] = {
    {"convolution computes its definition", test_conv},
    {"packing and flattening use PyTorch's channel order", test_orders},
    {"batch norm normalises by the batch in training and by running statistics later",
     test_batch_norm},
    {"power is 1 over the sent prefix; nothing is received beyond it", test_symbols},
    {"graphs of different batch share one store", test_shared_store},
    {"inference reuses memory without changing results", test_inference_plan},
    {"graphs built in one thread run in others, equal bit for bit", test_threads},
    {"training lowers the loss, repeats bit for bit, and spares frozen tensors", test_training},
    {"two threads train as one does, and repeat bit for bit", test_two_threads},
    {"a wrong layer is named when the graph is finished", test_mistakes},
};

int main(void)
{
    return check_run("nn graph", tests, CHECK_COUNT(tests));
}
