/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Low-rank pairs: their product merged equals the product computed on the fly, forward and
 * backward. */
#include "check.h"
#include "nn/graph.h"
#include "nn/lora.h"
#include "nn/optimizer.h"
#include "rng.h"

#include <stdlib.h>

enum { SIDE = 6, IN = 5, OUT = 7, RANK = 3, KERNEL = 3, BATCH = 2 };

static const float alpha = 1.5f;

static void fill(float *values, size_t count, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    rng_normal(&rng, values, count);
}

/* conv -> linear, with a loss against a target. */
typedef struct {
    params_t *params;
    graph_t *graph;
    node_t in, target, out;
} net_t;

static net_t make_net(params_t *params)
{
    err_t err = ERR_INIT;
    net_t net = {.params = params};
    net.graph = graph_create(params, GRAPH_TRAIN, BATCH, 1, &err);
    net.in = graph_input(net.graph, SIDE, SIDE, IN);
    net.target = graph_input(net.graph, SIDE, SIDE, 4);
    node_t x = graph_silu(net.graph, graph_conv(net.graph, net.in, "a", OUT, KERNEL));
    net.out = graph_linear(net.graph, x, "b", 4);
    graph_add_loss(net.graph, graph_mse(net.graph, net.out, net.target), 1.0f);
    return net;
}

static void start_net(net_t *net)
{
    err_t err = ERR_INIT;
    CHECK_INT(graph_finish(net->graph, &err), 0);
    fill(graph_data(net->graph, net->in), graph_count(net->graph, net->in), 1);
    fill(graph_data(net->graph, net->target), graph_count(net->graph, net->target), 2);
}

static lora_t *make_lora(net_t *net, params_t *params)
{
    err_t err = ERR_INIT;
    *net = make_net(params); /* creates the tensors */
    lora_t *lora = lora_create(params, RANK, alpha, 5, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lora);
    start_net(net);
    return lora;
}

static void fill_pairs(lora_t *lora, float amount)
{
    params_t *pairs = lora_params(lora);
    for (int i = 0; i < params_count(pairs); i++) {
        param_t *param = params_at(pairs, i);
        fill(param->value, param->count, 10 + (uint64_t)i);
        for (size_t k = 0; k < param->count; k++) {
            param->value[k] *= amount;
        }
    }
}

static double loss_of(net_t *net, lora_t *lora)
{
    lora_merge(lora);
    graph_forward(net->graph);
    return graph_total_loss(net->graph);
}

static void test_start(void)
{
    err_t err = ERR_INIT;
    net_t plain = make_net(params_create(3, &err)), net;
    start_net(&plain);
    graph_forward(plain.graph);
    params_t *params = params_create(3, &err);
    lora_t *lora = make_lora(&net, params);
    CHECK_NEAR(loss_of(&net, lora), graph_total_loss(plain.graph), 0.0);
    CHECK_INT(params_count(lora_params(lora)), 4);
    CU_ASSERT_PTR_NOT_NULL(params_find(lora_params(lora), "a.lora_A"));
    CU_ASSERT_PTR_NOT_NULL(params_find(lora_params(lora), "b.lora_B"));
    CHECK_INT(params_trainable(lora_params(lora)),
              RANK * (IN * KERNEL * KERNEL + OUT) + RANK * (OUT + 4));
    graph_destroy(net.graph);
    graph_destroy(plain.graph);
    lora_destroy(lora);
    params_destroy(params);
    params_destroy(plain.params);
}

/* W x + s B (A x), as layers, against the merged convolution. */
static void test_on_the_fly(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(4, &err);
    graph_t *g = graph_create(params, GRAPH_INFER, BATCH, 1, &err);
    node_t in = graph_input(g, SIDE, SIDE, IN);
    node_t base = graph_conv(g, in, "w", OUT, KERNEL);
    node_t down = graph_conv_with(
        g, in, "down", &(conv_options_t){.out_channels = RANK, .kernel = KERNEL, .no_bias = true});
    node_t up = graph_conv_with(
        g, down, "up", &(conv_options_t){.out_channels = OUT, .kernel = 1, .no_bias = true});
    float scale[OUT], shift[OUT] = {0};
    for (int c = 0; c < OUT; c++) {
        scale[c] = 0.5f;
    }
    node_t fly = graph_add(g, base, graph_affine(g, up, scale, shift));
    node_t merged = graph_conv(g, in, "merged", OUT, KERNEL);
    graph_keep(g, fly);
    graph_keep(g, merged);
    CHECK_INT(graph_finish(g, &err), 0);
    fill(graph_data(g, in), graph_count(g, in), 1);
    param_t *w = params_find(params, "w.weight"), *to = params_find(params, "merged.weight");
    memcpy(to->value, w->value, w->count * sizeof(float));
    lora_add(to->value, OUT, IN * KERNEL * KERNEL, RANK, 0.5f,
             params_find(params, "down.weight")->value, params_find(params, "up.weight")->value);
    params_changed(params);
    graph_forward(g);
    float worst = 0.0f;
    for (size_t i = 0; i < graph_count(g, fly); i++) {
        worst = fmaxf(worst, fabsf(graph_data(g, fly)[i] - graph_data(g, merged)[i]));
    }
    CHECK_AT_MOST(worst, 2e-5);
    graph_destroy(g);
    params_destroy(params);
}

static void test_gradient(void)
{
    err_t err = ERR_INIT;
    net_t net;
    params_t *params = params_create(6, &err);
    lora_t *lora = make_lora(&net, params);
    fill_pairs(lora, 0.4f);
    loss_of(&net, lora);
    params_zero_gradients(params);
    graph_backward(net.graph);
    lora_gradients(lora);
    params_t *pairs = lora_params(lora);
    int checked = 0;
    for (int i = 0; i < params_count(pairs); i++) {
        param_t *param = params_at(pairs, i);
        for (size_t k = 0; k < param->count; k += 5) {
            const float before = param->value[k], step = 4e-3f;
            param->value[k] = before + step;
            double up = loss_of(&net, lora);
            param->value[k] = before - step;
            double down = loss_of(&net, lora);
            param->value[k] = before;
            double numeric = (up - down) / (2.0 * (double)step);
            CHECK_NEAR(param->grad[k], numeric, 2e-3 * (1.0 + fabs(numeric)));
            checked++;
        }
    }
    CHECK_AT_LEAST(checked, 30);
    graph_destroy(net.graph);
    lora_destroy(lora);
    params_destroy(params);
}

static void test_training(void)
{
    err_t err = ERR_INIT;
    net_t net;
    params_t *params = params_create(7, &err);
    lora_t *lora = make_lora(&net, params);
    params_t *before = params_clone(params, &err);
    optimizer_options_t options = OPTIMIZER_ADAM;
    optimizer_t *optimizer = optimizer_create(lora_params(lora), &options, &err);
    double first = loss_of(&net, lora), last = 0.0;
    for (int step = 0; step < 60; step++) {
        last = loss_of(&net, lora);
        params_zero_gradients(params);
        graph_backward(net.graph);
        lora_gradients(lora);
        optimizer_step(optimizer, 0.02f);
    }
    CHECK_AT_MOST(last, 0.7 * first);
    CHECK_INT(memcmp(params_find(params, "a.bias")->value, params_find(before, "a.bias")->value,
                     OUT * sizeof(float)),
              0);
    CU_ASSERT_PTR_NULL(params_find(params, "a.bias")->grad);
    /* The base is still there: with B = 0 the matrices are what they were. */
    fill_pairs(lora, 0.0f);
    lora_merge(lora);
    CHECK_INT(memcmp(params_find(params, "a.weight")->value, params_find(before, "a.weight")->value,
                     params_find(before, "a.weight")->count * sizeof(float)),
              0);
    optimizer_destroy(optimizer);
    params_destroy(before);
    graph_destroy(net.graph);
    lora_destroy(lora);
    params_destroy(params);
}

static void test_refusals(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(8, &err);
    CU_ASSERT_PTR_NULL(lora_create(params, 0, 1.0f, 1, &err));
    CHECK_ERROR_NAMES(&err, "rank >= 1");
    CU_ASSERT_PTR_NULL(lora_create(params, 2, -1.0f, 1, &err));
    params_destroy(params);
}

static const check_test_t tests[] = {
    {"adapters start as nothing, on every matrix and nothing else", test_start},
    {"the merged product equals the one computed on the fly", test_on_the_fly},
    {"gradients of the pairs agree with differences", test_gradient},
    {"training moves the pairs only and lowers the loss", test_training},
    {"rank 0 and alpha <= 0 are refused", test_refusals},
};

int main(void)
{
    return check_run("lora", tests, CHECK_COUNT(tests));
}
