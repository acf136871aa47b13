/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vector quantisation: nearest vectors, straight-through gradients, a codebook that follows. */
#include "check.h"
#include "nn/codebook.h"
#include "rng.h"

#include <stdlib.h>

enum { BATCH = 2, SIDE = 20, CHANNELS = 5, CODES = 32, ROWS = BATCH * SIDE * SIDE };

typedef struct {
    params_t *params;
    graph_t *graph;
    node_t in, out;
} bench_t;

static bench_t open_bench(graph_mode_t mode, int codes)
{
    err_t err = ERR_INIT;
    bench_t b = {.params = params_create(1, &err)};
    b.graph = graph_create(b.params, mode, BATCH, 1, &err);
    b.in = graph_input_with_gradient(b.graph, SIDE, SIDE, CHANNELS);
    b.out = graph_codebook(b.graph, b.in, "q", codes);
    graph_keep(b.graph, b.out);
    CHECK_INT(graph_finish(b.graph, &err), 0);
    return b;
}

static void close_bench(bench_t *b)
{
    graph_destroy(b->graph);
    params_destroy(b->params);
}

static void fill(bench_t *b, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    rng_normal(&rng, graph_data(b->graph, b->in), graph_count(b->graph, b->in));
}

static double distance(const float *a, const float *b)
{
    double sum = 0.0;
    for (int c = 0; c < CHANNELS; c++) {
        sum += (double)(a[c] - b[c]) * (double)(a[c] - b[c]);
    }
    return sum;
}

static void test_nearest(void)
{
    bench_t b = open_bench(GRAPH_INFER, CODES);
    param_t *codebook = params_find(b.params, "q.codebook");
    rng_t rng;
    rng_seed(&rng, 4, 0);
    rng_normal(&rng, codebook->value, codebook->count);
    fill(&b, 2);
    graph_forward(b.graph);
    const int *code = graph_codes(b.graph, b.out);
    const float *x = graph_data(b.graph, b.in), *y = graph_data(b.graph, b.out);
    int wrong = 0;
    for (int r = 0; r < ROWS; r++) {
        const float *chosen = codebook->value + code[r] * CHANNELS;
        for (int k = 0; k < CODES; k++) {
            wrong += distance(x + r * CHANNELS, codebook->value + k * CHANNELS) <
                     distance(x + r * CHANNELS, chosen) - 1e-5;
        }
        wrong += memcmp(chosen, y + r * CHANNELS, CHANNELS * sizeof(float)) != 0;
    }
    CHECK_INT(wrong, 0);
    CHECK_NEAR(params_find(b.params, "q.batches")->value[0], 0.0, 0.0);
    close_bench(&b);
}

static void test_straight(void)
{
    bench_t b = open_bench(GRAPH_TRAIN, CODES);
    float *seed = malloc(graph_count(b.graph, b.out) * sizeof(*seed));
    rng_t rng;
    rng_seed(&rng, 5, 0);
    rng_normal(&rng, seed, graph_count(b.graph, b.out));
    fill(&b, 2);
    graph_forward(b.graph);
    graph_backward_from(b.graph, b.out, seed);
    CHECK_INT(memcmp(graph_grad(b.graph, b.in), seed, graph_count(b.graph, b.out) * sizeof(*seed)),
              0);
    free(seed);
    close_bench(&b);
}

static double error_of(bench_t *b)
{
    graph_forward(b->graph);
    const float *x = graph_data(b->graph, b->in), *y = graph_data(b->graph, b->out);
    double sum = 0.0;
    for (int r = 0; r < ROWS; r++) {
        sum += distance(x + r * CHANNELS, y + r * CHANNELS);
    }
    return sum / ROWS;
}

/* Vectors in a quarter as many clusters as codes: the running k-means finds them. */
static void test_follows(void)
{
    bench_t b = open_bench(GRAPH_TRAIN, CODES);
    float centre[CODES / 4 * CHANNELS];
    rng_t rng;
    rng_seed(&rng, 6, 0);
    rng_normal(&rng, centre, CODES / 4 * CHANNELS);
    double last = 0.0;
    for (int step = 0; step < 400; step++) {
        float *x = graph_data(b.graph, b.in);
        rng_normal(&rng, x, ROWS * CHANNELS);
        for (int r = 0; r < ROWS; r++) {
            const float *at = centre + rng_below(&rng, CODES / 4) * CHANNELS;
            for (int c = 0; c < CHANNELS; c++) {
                x[r * CHANNELS + c] = 5.0f * at[c] + 0.1f * x[r * CHANNELS + c];
            }
        }
        last = error_of(&b);
    }
    CHECK_AT_MOST(last, CHANNELS * 0.01); /* the clusters' own spread */
    close_bench(&b);
}

/* A code that nobody chooses is moved to where vectors are. */
static void test_revives(void)
{
    bench_t b = open_bench(GRAPH_TRAIN, CODES);
    fill(&b, 2);
    graph_forward(b.graph);
    float *code = params_find(b.params, "q.codebook")->value + 7 * CHANNELS;
    for (int c = 0; c < CHANNELS; c++) {
        code[c] = 1000.0f;
    }
    for (int step = 0; step < 300; step++) {
        fill(&b, (uint64_t)step);
        graph_forward(b.graph);
    }
    for (int c = 0; c < CHANNELS; c++) {
        CHECK_AT_MOST(fabsf(code[c]), 10.0);
    }
    close_bench(&b);
}

static void test_frozen(void)
{
    bench_t b = open_bench(GRAPH_TRAIN, CODES);
    float before[CODES * CHANNELS];
    fill(&b, 2);
    graph_forward(b.graph);
    const param_t *codebook = params_find(b.params, "q.codebook");
    memcpy(before, codebook->value, sizeof(before));
    params_freeze(b.params, "q", true);
    fill(&b, 3);
    graph_forward(b.graph);
    CHECK_INT(memcmp(before, codebook->value, sizeof(before)), 0);
    params_freeze(b.params, "q", false);
    graph_forward(b.graph);
    CU_ASSERT_NOT_EQUAL(memcmp(before, codebook->value, sizeof(before)), 0);
    close_bench(&b);
}

static void test_repeats(void)
{
    bench_t a = open_bench(GRAPH_TRAIN, CODES), b = open_bench(GRAPH_TRAIN, CODES);
    for (int step = 0; step < 5; step++) {
        fill(&a, (uint64_t)step);
        fill(&b, (uint64_t)step);
        graph_forward(a.graph);
        graph_forward(b.graph);
    }
    CHECK_INT(memcmp(params_find(a.params, "q.codebook")->value,
                     params_find(b.params, "q.codebook")->value, CODES * CHANNELS * sizeof(float)),
              0);
    close_bench(&a);
    close_bench(&b);
}

static void test_refuses(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(1, &err);
    graph_t *graph = graph_create(params, GRAPH_INFER, 1, 1, &err);
    graph_codebook(graph, graph_input(graph, 2, 2, 3), "few", 1);
    CHECK_INT(graph_finish(graph, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "few: 1 codes"));
    graph_destroy(graph);
    params_destroy(params);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"every place gets the nearest code", test_nearest},
        {"the gradient passes straight through", test_straight},
        {"the codebook finds the clusters of what it sees", test_follows},
        {"a code that nobody chooses is moved to where vectors are", test_revives},
        {"a frozen codebook stays as it is", test_frozen},
        {"the same batches give the same codebook", test_repeats},
        {"a codebook of one is refused by its name", test_refuses},
    };
    return check_run("codebook", tests, CHECK_COUNT(tests));
}
