/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every layer's backward against central differences of its forward, for its
 * inputs and its tensors.
 */
#include "check.h"
#include "nn/graph.h"
#include "rng.h"

#include <stdlib.h>

/* Builds one layer on two inputs of the same shape (most use only the first). */
typedef node_t (*layer_t)(graph_t *graph, node_t a, node_t b);

typedef struct {
    params_t *params;
    graph_t *graph;
    node_t a, b, out;
    float *seed;
} bench_t;

static float dot(const float *a, const float *b, size_t count, double *sum)
{
    *sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        *sum += (double)a[i] * (double)b[i];
    }
    return (float)*sum;
}

static double value(bench_t *bench)
{
    double sum = 0.0;
    params_changed(bench->params);
    graph_forward(bench->graph);
    dot(graph_data(bench->graph, bench->out), bench->seed, graph_count(bench->graph, bench->out),
        &sum);
    return sum;
}

/* Random values that stay away from 0, where some layers have a kink. */
static void fill(rng_t *rng, float *x, size_t count)
{
    rng_normal(rng, x, count);
    for (size_t i = 0; i < count; i++) {
        x[i] += x[i] > 0.0f ? 0.05f : -0.05f;
    }
}

static void compare(bench_t *bench, const char *what, float *x, const float *analytic, size_t count,
                    double tolerance)
{
    const float step = 0.01f;
    float *want = malloc(count * sizeof *want);
    double largest = 1e-3;
    memcpy(want, analytic, count * sizeof *want);
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)want[i]));
    }
    int bad = 0;
    for (size_t i = 0; i < count; i++) {
        float kept = x[i];
        x[i] = kept + step;
        double above = value(bench);
        x[i] = kept - step;
        double below = value(bench);
        x[i] = kept;
        double numeric = (above - below) / (2.0 * (double)step);
        if (!(fabs(numeric - (double)want[i]) <= tolerance * largest)) {
            if (bad++ < 4) {
                fprintf(stderr, "%s[%zu]: backward %g, difference %g (largest %g)\n", what, i,
                        (double)want[i], numeric, largest);
            }
        }
    }
    CHECK_INT(bad, 0);
    free(want);
}

static int bench_open(bench_t *bench, layer_t layer, int n, int h, int w, int c)
{
    err_t err = ERR_INIT;
    bench->params = params_create(7, &err);
    bench->graph = graph_create(bench->params, GRAPH_TRAIN, n, 1, &err);
    bench->a = graph_input_with_gradient(bench->graph, h, w, c);
    bench->b = graph_input_with_gradient(bench->graph, h, w, c);
    bench->out = layer(bench->graph, bench->a, bench->b);
    bench->seed = NULL;
    if (graph_finish(bench->graph, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL("graph_finish");
        return -1;
    }
    bench->seed = malloc(graph_count(bench->graph, bench->out) * sizeof(float));
    return 0;
}

static void bench_close(bench_t *bench)
{
    free(bench->seed);
    graph_destroy(bench->graph);
    params_destroy(bench->params);
}

static void check(layer_t layer, int n, int h, int w, int c, double tolerance)
{
    bench_t bench;
    rng_t rng;
    rng_seed(&rng, 3, 1);
    if (bench_open(&bench, layer, n, h, w, c) < 0) {
        bench_close(&bench);
        return;
    }
    graph_t *g = bench.graph;
    fill(&rng, graph_data(g, bench.a), graph_count(g, bench.a));
    fill(&rng, graph_data(g, bench.b), graph_count(g, bench.b));
    for (int i = 0; i < params_count(bench.params); i++) {
        param_t *param = params_at(bench.params, i);
        if (!(param->flags & PARAM_BUFFER)) {
            rng_normal(&rng, param->value, param->count);
        }
    }
    rng_normal(&rng, bench.seed, graph_count(g, bench.out));
    value(&bench);
    params_zero_gradients(bench.params);
    graph_backward_from(g, bench.out, bench.seed);
    compare(&bench, "input a", graph_data(g, bench.a), graph_grad(g, bench.a),
            graph_count(g, bench.a), tolerance);
    compare(&bench, "input b", graph_data(g, bench.b), graph_grad(g, bench.b),
            graph_count(g, bench.b), tolerance);
    for (int i = 0; i < params_count(bench.params); i++) {
        param_t *param = params_at(bench.params, i);
        if (param->grad) {
            compare(&bench, param->name, param->value, param->grad, param->count, tolerance);
        }
    }
    bench_close(&bench);
}

/* ---- the layers ----------------------------------------------------------- */

#define LAYER(name, expression)                                    \
    static node_t name(graph_t *g, node_t a, node_t b)             \
    {                                                              \
        (void)a;                                                   \
        (void)b;                                                   \
        return expression;                                         \
    }

LAYER(conv3, graph_conv(g, a, "l", 6, 3))
LAYER(conv1, graph_conv(g, a, "l", 5, 1))
LAYER(conv5, graph_conv(g, a, "l", 16, 5))
LAYER(conv_stride2, graph_conv_with(g, a, "l", &(conv_options_t){.out_channels = 4, .kernel = 3,
                                                                 .stride = 2, .no_bias = true}))
LAYER(conv_stride2_even, graph_conv_with(g, a, "l", &(conv_options_t){.out_channels = 4, .kernel = 4,
                                                                      .stride = 2, .padding = 1}))
LAYER(conv_valid, graph_conv_with(g, a, "l", &(conv_options_t){.out_channels = 4, .kernel = 3,
                                                               .padding = PADDING_NONE}))
LAYER(linear, graph_linear(g, a, "l", 7))
LAYER(relu, graph_relu(g, a))
LAYER(silu, graph_silu(g, a))
LAYER(sigmoid, graph_sigmoid(g, a))
LAYER(bounded, graph_tanh(g, a, 1.5f))
LAYER(prelu, graph_prelu(g, a, "l"))
LAYER(add, graph_add(g, a, b))
LAYER(add_self, graph_add(g, a, a))
LAYER(residual, graph_add(g, graph_add(g, graph_conv(g, a, "l", 8, 3), a), graph_silu(g, a)))
LAYER(add_scaled, graph_add_scaled(g, a, b, "l", 0.5f))
LAYER(concat, graph_concat(g, (node_t[]){a, b, a}, 3))
LAYER(slice, graph_slice(g, a, 1, 3))
LAYER(to_depth2, graph_space_to_depth(g, a, 2))
LAYER(to_space2, graph_depth_to_space(g, a, 2))
LAYER(to_depth4, graph_space_to_depth(g, a, 4))
LAYER(to_space3, graph_depth_to_space(g, a, 3))
LAYER(flatten, graph_flatten(g, a))
LAYER(affine, graph_affine(g, a, (float[]){1, 2, 3, 4, 5, 6, 7, 8}, (float[8]){0}))
LAYER(film, graph_film(g, a, graph_linear(g, graph_global_avg_pool(g, b), "l", 16)))
LAYER(pad, graph_pad(g, a, 1, 0, 2, 3))
LAYER(repeat3, graph_repeat(g, a, 3))
LAYER(attention, graph_attention(g, a, b, graph_silu(g, a)))
LAYER(attention_self, graph_attention(g, a, a, b))
LAYER(standardise, graph_standardise(g, a, "l"))
LAYER(group_norm_wide_eps, graph_group_norm_with(g, a, "l", 2, 0.5f))
LAYER(layer_norm, graph_layer_norm(g, a, "l", 1e-5f))
LAYER(layer_norm_plain, graph_layer_norm(g, a, NULL, 0.1f))
LAYER(mixture, graph_mixture(g, (node_t[]){a, b, graph_silu(g, a)}, 3, "l", 0.7f))
LAYER(max_pool, graph_max_pool(g, a))
LAYER(avg_pool, graph_avg_pool(g, a, 2))
LAYER(global_avg, graph_global_avg_pool(g, a))
LAYER(global_max, graph_global_max_pool(g, a))
LAYER(batch_norm, graph_batch_norm(g, a, "l"))
LAYER(group_norm, graph_group_norm(g, a, "l", 4))
LAYER(power_norm, graph_power_norm(g, a, "l"))
LAYER(mse, graph_mse(g, a, b))
LAYER(mse_weighted, graph_mse_weighted(g, a, graph_silu(g, b), graph_input(g, 1, 1, 1)))
LAYER(entropy, graph_cross_entropy(g, graph_flatten(g, a), graph_input(g, 1, 1, 1), 0.1f))
LAYER(noise_log, graph_slice(g, graph_noise_log(g, a), 0, 4))

static void test_conv(void)
{
    check(conv3, 2, 5, 4, 3, 2e-3);
    check(conv1, 2, 3, 4, 8, 2e-3);
    check(conv5, 1, 5, 5, 16, 2e-3);
    check(conv_stride2, 2, 6, 6, 3, 2e-3);
    check(conv_stride2_even, 2, 6, 6, 3, 2e-3);
    check(conv_valid, 2, 5, 4, 3, 2e-3);
}

/* One convolution, forward and backward, in fp32 and bfloat16, the same numbers in. */
static bool conv_both(bool bf16, float *out, float *d_in, float *d_weight)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(5, &err);
    graph_t *g = graph_create(params, GRAPH_TRAIN, 2, 1, &err);
    graph_use_bf16(g, bf16);
    node_t in = graph_input_with_gradient(g, 6, 6, 32);
    node_t conv = graph_conv(g, in, "l", 32, 3);
    bool made = graph_finish(g, &err) == 0;
    if (made) {
        rng_t rng;
        float seed[2 * 6 * 6 * 32];
        rng_seed(&rng, 6, 0);
        rng_normal(&rng, graph_data(g, in), graph_count(g, in));
        rng_normal(&rng, seed, graph_count(g, conv));
        params_zero_gradients(params);
        graph_forward(g);
        graph_backward_from(g, conv, seed);
        memcpy(out, graph_data(g, conv), graph_count(g, conv) * sizeof *out);
        memcpy(d_in, graph_grad(g, in), graph_count(g, in) * sizeof *d_in);
        memcpy(d_weight, params_find(params, "l.weight")->grad, 32 * 32 * 9 * sizeof *d_weight);
    }
    graph_destroy(g);
    params_destroy(params);
    return made;
}

static double relative(const float *a, const float *b, size_t count)
{
    double error = 0.0, size = 0.0;
    for (size_t i = 0; i < count; i++) {
        error += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
        size += (double)a[i] * (double)a[i];
    }
    return sqrt(error / size);
}

static void test_bf16(void)
{
    enum { ACTIVATIONS = 2 * 6 * 6 * 32, WEIGHTS = 32 * 32 * 9 };
    static float out[2][ACTIVATIONS], d_in[2][ACTIVATIONS], d_weight[2][WEIGHTS];
    CU_ASSERT_TRUE(conv_both(false, out[0], d_in[0], d_weight[0]));
    if (!conv_both(true, out[1], d_in[1], d_weight[1])) {
        fprintf(stderr, "this processor has no bfloat16 convolutions: not tested\n");
        return;
    }
    /* 8 bits of mantissa: each factor is wrong by 2^-9 at most, 1.7e-3 on average. */
    const double errors[3] = {relative(out[0], out[1], ACTIVATIONS),
                              relative(d_in[0], d_in[1], ACTIVATIONS),
                              relative(d_weight[0], d_weight[1], WEIGHTS)};
    for (int i = 0; i < 3; i++) {
        CHECK_AT_LEAST(4e-3, errors[i]);
        CHECK_AT_LEAST(errors[i], 5e-4); /* it did round */
    }
}

static void test_linear(void)
{
    check(linear, 3, 1, 1, 9, 2e-3);
    check(linear, 2, 2, 3, 9, 2e-3);
}

static void test_activations(void)
{
    check(relu, 2, 3, 3, 5, 2e-3);
    check(silu, 2, 3, 3, 5, 2e-3);
    check(sigmoid, 2, 3, 3, 5, 2e-3);
    check(bounded, 2, 3, 3, 5, 2e-3);
    check(prelu, 2, 3, 3, 5, 2e-3);
}

static void test_mix(void)
{
    check(add, 2, 3, 3, 5, 2e-3);
    check(add_self, 2, 3, 3, 5, 2e-3);
    check(residual, 2, 3, 3, 8, 2e-3);
    check(add_scaled, 2, 3, 3, 5, 2e-3);
    check(concat, 2, 3, 3, 5, 2e-3);
    check(slice, 2, 3, 3, 5, 2e-3);
    check(affine, 2, 3, 3, 8, 2e-3);
    check(film, 2, 3, 3, 8, 2e-3);
}

static void test_moves(void)
{
    check(to_depth2, 2, 4, 6, 3, 2e-3);
    check(to_space2, 2, 2, 3, 8, 2e-3);
    check(to_depth4, 1, 4, 8, 3, 2e-3);
    check(to_space3, 1, 2, 3, 9, 2e-3);
    check(flatten, 2, 3, 2, 5, 2e-3);
    check(pad, 2, 3, 2, 5, 2e-3);
    check(repeat3, 2, 3, 2, 5, 2e-3);
}

static void test_attention(void)
{
    check(attention, 2, 3, 2, 5, 5e-3);
    check(attention_self, 2, 2, 3, 4, 5e-3);
}

static void test_mixture(void)
{
    check(mixture, 2, 3, 2, 5, 5e-3);
}

static void test_pools(void)
{
    check(max_pool, 1, 4, 6, 3, 2e-3); /* small: no two values of a window within the step */
    check(avg_pool, 2, 4, 6, 5, 2e-3);
    check(global_avg, 2, 4, 6, 5, 2e-3);
    check(global_max, 1, 4, 3, 5, 2e-3);
}

static void test_norms(void)
{
    check(batch_norm, 4, 3, 3, 5, 5e-3);
    check(group_norm, 2, 3, 3, 8, 5e-3);
    check(group_norm_wide_eps, 2, 3, 3, 8, 5e-3);
    check(standardise, 4, 3, 3, 5, 5e-3);
    check(layer_norm, 2, 2, 2, 7, 5e-3);
    check(layer_norm_plain, 2, 2, 2, 7, 5e-3);
    check(power_norm, 3, 2, 2, 6, 2e-3);
}

static node_t channel_awgn(graph_t *g, node_t a, node_t b)
{
    (void)b;
    return graph_channel(g, a, NODE_NONE, graph_input(g, 2, 2, 6), graph_input(g, 1, 1, 1));
}

/* The inputs made inside a layer above come right after a and b: nodes 2, 3 … */
static void check_with(layer_t layer, int n, int h, int w, int c, int prefix,
                       float (*give)(int input, size_t i))
{
    bench_t bench;
    rng_t rng;
    rng_seed(&rng, 5, 1);
    if (bench_open(&bench, layer, n, h, w, c) == 0) {
        graph_t *g = bench.graph;
        graph_set_prefix(g, prefix);
        for (int k = 0; k < 4 && 2 + k < bench.out; k++) {
            for (size_t i = 0; i < graph_count(g, 2 + k); i++) {
                graph_data(g, 2 + k)[i] = give(k, i);
            }
        }
        fill(&rng, graph_data(g, bench.a), graph_count(g, bench.a));
        fill(&rng, graph_data(g, bench.b), graph_count(g, bench.b));
        rng_normal(&rng, bench.seed, graph_count(g, bench.out));
        value(&bench);
        graph_backward_from(g, bench.out, bench.seed);
        compare(&bench, "input a", graph_data(g, bench.a), graph_grad(g, bench.a),
                graph_count(g, bench.a), 2e-3);
        compare(&bench, "input b", graph_data(g, bench.b), graph_grad(g, bench.b),
                graph_count(g, bench.b), 2e-3);
    }
    bench_close(&bench);
}

static float give_small(int input, size_t i)
{
    return 0.2f + 0.1f * (float)input + 0.03f * (float)(i % 7);
}

static float give_class(int input, size_t i)
{
    (void)input;
    return (float)(i == 2 ? 99 : i); /* sample 2 has no class */
}

static node_t channel_fading(graph_t *g, node_t a, node_t b)
{
    (void)b;
    node_t h = graph_input(g, 2, 2, 6), n = graph_input(g, 2, 2, 6), n0 = graph_input(g, 1, 1, 1);
    return graph_channel(g, a, h, n, n0);
}

static void test_symbols(void)
{
    check_with(channel_awgn, 2, 2, 2, 6, 0, give_small);
    check_with(channel_fading, 2, 2, 2, 6, 0, give_small);
    check_with(channel_fading, 2, 2, 2, 6, 2, give_small);
    check_with(power_norm, 3, 2, 2, 6, 2, give_small);
    check(noise_log, 2, 2, 2, 6, 2e-3);
}

static void test_losses(void)
{
    check(mse, 3, 2, 2, 3, 2e-3);
    check_with(entropy, 3, 1, 2, 3, 0, give_class);
}

static float give_weight(int input, size_t i)
{
    return input == 1 ? 0.5f + (float)i : 0.3f;
}

static node_t commit(graph_t *g, node_t a, node_t b)
{
    (void)b;
    return graph_commitment(g, a, graph_input(g, 2, 2, 4));
}

static void test_constant_sides(void)
{
    check_with(mse_weighted, 3, 2, 2, 3, 0, give_weight);
    check_with(commit, 3, 2, 2, 4, 1, give_small);
}

/* Straight through: the gradient is the seed where symbols are sent, 0 elsewhere. */
LAYER(quantise, graph_quantise(g, a))

static void test_straight_through(void)
{
    bench_t bench;
    rng_t rng;
    rng_seed(&rng, 3, 1);
    CU_ASSERT_FATAL(bench_open(&bench, quantise, 2, 2, 2, 6) == 0);
    graph_t *g = bench.graph;
    size_t count = graph_count(g, bench.out);
    rng_normal(&rng, graph_data(g, bench.a), count);
    rng_normal(&rng, bench.seed, count);
    graph_set_prefix(g, 2);
    graph_forward(g);
    graph_backward_from(g, bench.out, bench.seed);
    for (size_t i = 0; i < count; i++) {
        bool sent = i % 6 < 4;
        double level = ((double)graph_data(g, bench.out)[i] * sqrt(42.0) + 7.0) / 2.0;
        double x = (double)graph_data(g, bench.a)[i];
        CHECK_NEAR(graph_grad(g, bench.a)[i], sent ? bench.seed[i] : 0.0f, 0.0);
        if (sent) {
            CHECK_NEAR(level, fmin(fmax(floor((x * sqrt(42.0) + 7.0) / 2.0 + 0.5), 0.0), 7.0), 1e-5);
        } else {
            CHECK_NEAR(graph_data(g, bench.out)[i], 0.0, 0.0);
        }
    }
    bench_close(&bench);
}

static const check_test_t tests[] = {
    {"convolution: input, weight and bias gradients are the differences", test_conv},
    {"bfloat16 convolutions round, no more", test_bf16},
    {"linear: gradients are the differences", test_linear},
    {"activations: gradients are the differences", test_activations},
    {"joining and modulating layers: gradients are the differences", test_mix},
    {"layers that move numbers move gradients back", test_moves},
    {"attention: query, key and value gradients are the differences", test_attention},
    {"mixture: its parts' and its weights' gradients are the differences", test_mixture},
    {"pools: gradients are the differences", test_pools},
    {"norms: gradients are the differences", test_norms},
    {"channel, prefix and power: gradients are the differences", test_symbols},
    {"losses: gradients are the differences", test_losses},
    {"weights, labels and constants get no gradient and scale the rest", test_constant_sides},
    {"the quantiser rounds to the 64 points and passes gradients straight", test_straight_through},
};

int main(void)
{
    return check_run("nn gradient", tests, CHECK_COUNT(tests));
}
