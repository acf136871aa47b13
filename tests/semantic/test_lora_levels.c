/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nested low-rank levels: how ranks are spread, what a level merges, its gradients, its start. */
#include "check.h"
#include "nn/graph.h"
#include "nn/lora_levels.h"
#include "rng.h"

#include <stdlib.h>

enum { SIDE = 5, IN = 6, WIDTH = 20, LAYERS = 6, BATCH = 2, LEVELS = 4 };

static const double ratio = 0.03;

static void fill(float *values, size_t count, uint64_t seed, float amount)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    rng_normal(&rng, values, count);
    for (size_t i = 0; i < count; i++) {
        values[i] *= amount;
    }
}

typedef struct {
    params_t *params;
    graph_t *graph;
    node_t in, target, out;
    lora_levels_t *levels;
} net_t;

static net_t make_net(const params_t *expert)
{
    err_t err = ERR_INIT;
    net_t n = {.params = params_create(3, &err)};
    n.graph = graph_create(n.params, GRAPH_TRAIN, BATCH, 1, &err);
    node_t x = n.in = graph_input(n.graph, SIDE, SIDE, IN);
    n.target = graph_input(n.graph, SIDE, SIDE, WIDTH);
    for (int i = 0; i < LAYERS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "layer.%d", i);
        x = graph_silu(n.graph, i % 2 == 0 ? graph_conv(n.graph, x, name, WIDTH, 3)
                                           : graph_linear(n.graph, x, name, WIDTH));
    }
    n.out = x;
    graph_add_loss(n.graph, graph_mse(n.graph, n.out, n.target), 1.0f);
    n.levels = lora_levels_create(n.params, LEVELS, ratio, expert, 5, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(n.levels);
    CHECK_INT(graph_finish(n.graph, &err), 0);
    fill(graph_data(n.graph, n.in), graph_count(n.graph, n.in), 1, 1.0f);
    fill(graph_data(n.graph, n.target), graph_count(n.graph, n.target), 2, 1.0f);
    return n;
}

static void close_net(net_t *n)
{
    graph_destroy(n->graph);
    lora_levels_destroy(n->levels);
    params_destroy(n->params);
}

static void fill_pairs(net_t *n)
{
    params_t *pairs = lora_levels_params(n->levels);
    for (int i = 0; i < params_count(pairs); i++) {
        fill(params_at(pairs, i)->value, params_at(pairs, i)->count, 10 + (uint64_t)i, 0.2f);
    }
}

static void test_ranks(void)
{
    net_t n = make_net(NULL);
    double all = (double)lora_levels_weights(n.levels);
    CHECK_INT(lora_levels_pairs(n.levels), LAYERS);
    for (int l = 1; l <= LEVELS; l++) {
        int low = 1000, high = 0;
        for (int i = 0; i < LAYERS; i++) {
            int rank = lora_levels_rank(n.levels, i, l);
            CHECK_AT_LEAST(rank, l > 1 ? lora_levels_rank(n.levels, i, l - 1) : 0);
            low = rank < low ? rank : low;
            high = rank > high ? rank : high;
        }
        CHECK_AT_MOST(high - low, 1);
        CHECK_AT_MOST(lora_levels_size(n.levels, l), l * ratio * all);
        /* a further rank on the largest layer would be too much */
        CHECK_AT_LEAST(lora_levels_size(n.levels, l) + 10 * WIDTH, l * ratio * all);
    }
    close_net(&n);
}

/* W0 + the first columns times the first rows, and nothing of the others. */
static void test_merge(void)
{
    net_t n = make_net(NULL);
    err_t err = ERR_INIT;
    params_t *before = params_clone(n.params, &err);
    fill_pairs(&n);
    for (int l = 0; l <= LEVELS; l++) {
        lora_levels_merge(n.levels, l);
        for (int i = 0; i < LAYERS; i++) {
            char name[64];
            snprintf(name, sizeof(name), "%s.weight", lora_levels_layer(n.levels, i));
            const param_t *w = params_find(n.params, name), *w0 = params_find(before, name);
            snprintf(name, sizeof(name), "%s.lora_A", lora_levels_layer(n.levels, i));
            const param_t *a = params_find(lora_levels_params(n.levels), name);
            snprintf(name, sizeof(name), "%s.lora_B", lora_levels_layer(n.levels, i));
            const param_t *b = params_find(lora_levels_params(n.levels), name);
            int in = a->shape[1], top = a->shape[0];
            double worst = 0.0;
            for (size_t k = 0; k < w->count; k++) {
                double want = (double)w0->value[k];
                for (int r = 0; l > 0 && r < lora_levels_rank(n.levels, i, l); r++) {
                    want +=
                        (double)(b->value[(int)k / in * top + r] * a->value[r * in + (int)k % in]);
                }
                worst = fmax(worst, fabs(want - (double)w->value[k]));
            }
            CHECK_AT_MOST(worst, 1e-5);
        }
    }
    params_destroy(before);
    close_net(&n);
}

static double loss_at(net_t *n, int level)
{
    lora_levels_merge(n->levels, level);
    graph_forward(n->graph);
    return graph_total_loss(n->graph);
}

/* Every number's derivative by central differences; what a level does not have has none. */
static void test_gradients(void)
{
    net_t n = make_net(NULL);
    fill_pairs(&n);
    params_t *pairs = lora_levels_params(n.levels);
    const int level = 2;
    loss_at(&n, level);
    params_zero_gradients(n.params);
    graph_forward(n.graph);
    graph_backward(n.graph);
    lora_levels_gradients(n.levels, level);
    int wrong = 0, still = 0;
    for (int i = 0; i < params_count(pairs); i++) {
        param_t *p = params_at(pairs, i);
        bool is_a = strstr(p->name, "lora_A") != NULL;
        int rank = lora_levels_rank(n.levels, i / 2, level);
        for (size_t k = 0; k < p->count; k += 3) {
            int r = (int)(is_a ? k / (size_t)p->shape[1] : k % (size_t)p->shape[1]);
            float kept = p->value[k], step = 0.02f;
            p->value[k] = kept + step;
            double above = loss_at(&n, level);
            p->value[k] = kept - step;
            double below = loss_at(&n, level);
            p->value[k] = kept;
            double numeric = (above - below) / (2.0 * (double)step);
            wrong += fabs(numeric - (double)p->grad[k]) > 2e-3 + 0.03 * fabs(numeric);
            still += r >= rank && p->grad[k] == 0.0f;
            wrong += r >= rank && p->grad[k] != 0.0f;
        }
    }
    CHECK_INT(wrong, 0);
    CHECK_AT_LEAST(still, 10);
    close_net(&n);
}

/* What an expert learned has rank 2 in every layer: levels that have both start at the expert. */
static void test_start(void)
{
    net_t plain = make_net(NULL);
    err_t err = ERR_INIT;
    params_t *expert = params_clone(plain.params, &err);
    for (int i = 0; i < params_count(expert); i++) {
        param_t *p = params_at(expert, i);
        size_t length = strlen(p->name);
        if (strcmp(p->name + length - 7, ".weight") != 0) {
            continue;
        }
        int out = p->shape[0], in = (int)(p->count / (size_t)out);
        float u[2 * WIDTH], v[2 * 9 * WIDTH];
        fill(u, (size_t)(2 * out), 50 + (uint64_t)i, 0.1f);
        fill(v, (size_t)(2 * in), 90 + (uint64_t)i, 1.0f);
        for (int k = 0; k < out * in; k++) {
            p->value[k] += 4.0f * u[k / in] * v[k % in] + u[out + k / in] * v[in + k % in];
        }
    }
    net_t n = make_net(expert);
    int exact = 0;
    double left[LEVELS + 1] = {0};
    for (int l = 0; l <= LEVELS; l++) {
        lora_levels_merge(n.levels, l);
        for (int i = 0; i < LAYERS; i++) {
            char name[64];
            snprintf(name, sizeof(name), "%s.weight", lora_levels_layer(n.levels, i));
            const param_t *w = params_find(n.params, name), *to = params_find(expert, name);
            double sum = 0.0, whole = 0.0;
            for (size_t k = 0; k < w->count; k++) {
                double e = (double)(w->value[k] - to->value[k]);
                double d = (double)(params_find(plain.params, name)->value[k] - to->value[k]);
                sum += e * e;
                whole += d * d;
            }
            left[l] += sum / whole / LAYERS;
            if (l > 0 && lora_levels_rank(n.levels, i, l) >= 2) {
                CHECK_AT_MOST(sum, 1e-6 * whole);
                exact++;
            }
        }
        CHECK_AT_MOST(left[l], l > 0 ? left[l - 1] + 1e-9 : 1.0 + 1e-6);
    }
    CHECK_AT_LEAST(exact, LAYERS);
    params_destroy(expert);
    close_net(&n);
    close_net(&plain);
}

static void test_refuses(void)
{
    err_t err = ERR_INIT;
    net_t n = make_net(NULL);
    CU_ASSERT_PTR_NULL(lora_levels_create(n.params, 2, 1e-6, NULL, 1, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "less than a pair"));
    CU_ASSERT_PTR_NULL(lora_levels_create(n.params, 0, 0.01, NULL, 1, &err));
    CU_ASSERT_PTR_NULL(lora_levels_create(n.params, 11, 0.1, NULL, 1, &err));
    params_t *other = params_create(1, &err);
    CU_ASSERT_PTR_NULL(lora_levels_create(n.params, 2, 0.05, other, 1, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "layer.0.weight"));
    params_destroy(other);
    close_net(&n);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"ranks are spread evenly, grow with the level, and keep to the ratio", test_ranks},
        {"a level merges its first rows and columns, no others", test_merge},
        {"gradients are those of the level; the rest has none", test_gradients},
        {"from an expert each level starts as the best of its rank", test_start},
        {"levels that make no sense are refused", test_refuses},
    };
    return check_run("lora_levels", tests, CHECK_COUNT(tests));
}
