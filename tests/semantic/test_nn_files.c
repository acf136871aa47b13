/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weight files: round trips, loading by name, checkpoints that resume exactly. */
#include "check.h"
#include "nn/checkpoint.h"
#include "nn/graph.h"
#include "rng.h"
#include "safetensors.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[2][128];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

/* ---- the store ------------------------------------------------------------ */

static params_t *store(uint64_t seed, int width)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(seed, &err);
    params_add(params, "enc.0.weight", 4, (int[]){width, 3, 3, 3}, 0, PARAM_INIT_NORMAL, 1.0f, &err);
    params_add(params, "enc.0.bias", 1, &width, PARAM_NO_DECAY, PARAM_INIT_UNIFORM, 1.0f, &err);
    params_add(params, "dec.1.weight", 2, (int[]){2, 5}, 0, PARAM_INIT_NORMAL, 1.0f, &err);
    return params;
}

static int same_values(const params_t *a, const params_t *b)
{
    int same = params_count(a) == params_count(b);
    for (int i = 0; same && i < params_count(a); i++) {
        const param_t *p = params_at(a, i), *q = params_find(b, p->name);
        same = q && q->count == p->count && q->rank == p->rank &&
               memcmp(p->value, q->value, p->count * sizeof(float)) == 0;
    }
    return same;
}

static void test_round_trip(void)
{
    err_t err = ERR_INIT;
    params_t *a = store(1, 4), *b = store(2, 4), *wide = store(1, 5);
    const char *keys[] = {"codec", "note"}, *values[] = {"image32", "a \"quoted\" note"};
    const char *path = path_of("weights.safetensors");
    CU_ASSERT(!same_values(a, b));
    CHECK_INT(params_save(a, path, "", keys, values, 2, &err), 0);
    CHECK_INT(params_load(b, path, "", PARAMS_EXACT, &err), 3);
    CU_ASSERT(same_values(a, b));
    params_t *opened = params_open(path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(opened);
    CU_ASSERT(same_values(a, opened));
    CU_ASSERT_PTR_NULL(params_add(opened, "more", 1, (int[]){1}, 0, PARAM_INIT_CONSTANT, 0, &err));
    CHECK_ERROR_NAMES(&err, "more");
    params_t *clone = params_clone(opened, &err);
    CU_ASSERT(same_values(clone, opened));
    safetensors_t *file = safetensors_open(path, &err);
    CU_ASSERT(strcmp(safetensors_note(file, "note"), "a \"quoted\" note") == 0);
    safetensors_close(file);
    /* another shape: refused by name, nothing changed */
    float before = params_at(wide, 2)->value[0];
    params_at(wide, 2)->value[0] = 42.0f;
    CHECK_INT(params_load(wide, path, "", PARAMS_EXACT, &err), -1);
    CHECK_ERROR_NAMES(&err, "enc.0.weight");
    CHECK_NEAR(params_at(wide, 2)->value[0], 42.0, 0.0);
    /* only the decoder fits */
    CHECK_INT(params_load(wide, path, "dec.", PARAMS_EXACT, &err), 1);
    CHECK_NEAR(params_at(wide, 2)->value[0], before, 0.0);
    params_destroy(a);
    params_destroy(b);
    params_destroy(wide);
    params_destroy(opened);
    params_destroy(clone);
}

static void test_matching(void)
{
    err_t err = ERR_INIT;
    params_t *a = store(1, 4), *b = store(2, 4);
    const char *path = path_of("more.safetensors");
    params_add(a, "extra", 1, (int[]){3}, 0, PARAM_INIT_NORMAL, 1.0f, &err);
    CHECK_INT(params_save(a, path, "", NULL, NULL, 0, &err), 0);
    CHECK_INT(params_load(b, path, "", PARAMS_EXACT, &err), -1);
    CHECK_ERROR_NAMES(&err, "extra");
    CHECK_INT(params_load(b, path, "", PARAMS_SUBSET, &err), 3);
    CHECK_INT(params_save(b, path, "enc.", NULL, NULL, 0, &err), 0);
    CHECK_INT(params_load(a, path, "", PARAMS_SUBSET, &err), -1);
    CHECK_ERROR_NAMES(&err, "missing");
    CHECK_INT(params_load(a, path, "", PARAMS_PARTIAL, &err), 2);
    CHECK_INT(params_save(a, "/nonexistent/x", "", NULL, NULL, 0, &err), -1);
    CHECK_ERROR_NAMES(&err, "/nonexistent/x");
    params_destroy(a);
    params_destroy(b);
}

static void test_names_decide(void)
{
    err_t err = ERR_INIT;
    params_t *a = params_create(3, &err), *b = params_create(3, &err);
    const int n = 64;
    params_add(a, "x", 1, &n, 0, PARAM_INIT_NORMAL, 1.0f, &err);
    params_add(a, "y", 1, &n, 0, PARAM_INIT_NORMAL, 1.0f, &err);
    params_add(b, "y", 1, &n, 0, PARAM_INIT_NORMAL, 1.0f, &err);
    params_add(b, "x", 1, &n, 0, PARAM_INIT_NORMAL, 1.0f, &err);
    CU_ASSERT(same_values(a, b));
    CU_ASSERT(memcmp(params_at(a, 0)->value, params_at(a, 1)->value, sizeof(float) * 64) != 0);
    params_destroy(a);
    params_destroy(b);
}

/* ---- checkpoints ---------------------------------------------------------- */

typedef struct {
    params_t *params;
    graph_t *graph;
    node_t in, want;
    optimizer_t *optimizer;
    rng_t rng;
    rng_t *rngs[1];
    int64_t counters[2];
    checkpoint_t state;
} run_t;

static void run_open(run_t *run, uint64_t seed, optimizer_kind_t kind)
{
    err_t err = ERR_INIT;
    run->params = params_create(seed, &err);
    run->graph = graph_create(run->params, GRAPH_TRAIN, 4, 1, &err);
    graph_t *g = run->graph;
    run->in = graph_input(g, 4, 4, 3);
    node_t x = graph_conv(g, run->in, "a", 8, 3);
    x = graph_prelu(g, graph_batch_norm(g, x, "b"), "c");
    x = graph_power_norm(g, graph_conv(g, x, "d", 4, 3), "e");
    run->want = graph_input(g, 4, 4, 4);
    graph_add_loss(g, graph_mse(g, x, run->want), 1.0f);
    CHECK_INT(graph_finish(g, &err), 0);
    optimizer_options_t adam = OPTIMIZER_ADAMW, sgd = OPTIMIZER_SGD;
    adam.ema = 0.9f;
    run->optimizer = optimizer_create(run->params, kind == OPTIMIZER_SGD_KIND ? &sgd : &adam, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(run->optimizer);
    rng_seed(&run->rng, seed, 0);
    run->rngs[0] = &run->rng;
    run->counters[0] = run->counters[1] = 0;
    run->state = (checkpoint_t){run->params, run->optimizer, run->rngs, 1, run->counters, 2, "recipe 1"};
}

static void run_steps(run_t *run, int steps)
{
    graph_t *g = run->graph;
    for (int k = 0; k < steps; k++) {
        rng_normal(&run->rng, graph_data(g, run->in), graph_count(g, run->in));
        rng_normal(&run->rng, graph_data(g, run->want), graph_count(g, run->want));
        params_zero_gradients(run->params);
        graph_forward(g);
        graph_backward(g);
        optimizer_step(run->optimizer, 0.01f);
        run->counters[0]++;
        run->counters[1] = -run->counters[0];
    }
}

static void run_close(run_t *run)
{
    optimizer_destroy(run->optimizer);
    graph_destroy(run->graph);
    params_destroy(run->params);
}

static void resume(optimizer_kind_t kind)
{
    err_t err = ERR_INIT;
    run_t straight, stopped, resumed;
    run_open(&straight, 5, kind);
    run_open(&stopped, 5, kind);
    run_open(&resumed, 6, kind);
    run_steps(&straight, 12);
    run_steps(&stopped, 7);
    CHECK_INT(checkpoint_save(path_of("run.ckpt"), &stopped.state, &err), 0);
    run_steps(&resumed, 3); /* whatever it did before is forgotten */
    if (checkpoint_load(path_of("run.ckpt"), &resumed.state, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL("checkpoint_load");
    }
    CHECK_INT(resumed.counters[0], 7);
    CHECK_INT(resumed.counters[1], -7);
    run_steps(&resumed, 5);
    CU_ASSERT(same_values(straight.params, resumed.params));
    CHECK_INT(optimizer_steps(resumed.optimizer), 12);
    optimizer_swap_ema(straight.optimizer);
    optimizer_swap_ema(resumed.optimizer);
    CU_ASSERT(same_values(straight.params, resumed.params));
    run_close(&straight);
    run_close(&stopped);
    run_close(&resumed);
}

static void test_resume(void)
{
    resume(OPTIMIZER_ADAM_KIND);
    resume(OPTIMIZER_SGD_KIND);
}

static void test_checkpoint_refusals(void)
{
    err_t err = ERR_INIT;
    run_t run, sgd;
    run_open(&run, 5, OPTIMIZER_ADAM_KIND);
    run_open(&sgd, 5, OPTIMIZER_SGD_KIND);
    const char *path = path_of("refuse.ckpt");
    CHECK_INT(checkpoint_save(path, &run.state, &err), 0);
    params_t *before = params_clone(sgd.params, &err);
    run_steps(&run, 1);
    CHECK_INT(checkpoint_load(path, &sgd.state, &err), -1); /* moments SGD does not have */
    CU_ASSERT(same_values(before, sgd.params));
    run.state.recipe = "recipe 2";
    CHECK_INT(checkpoint_load(path, &run.state, &err), -1);
    CHECK_ERROR_NAMES(&err, "recipe");
    run.state.recipe = NULL;
    run.state.counter_count = 1;
    CHECK_INT(checkpoint_load(path, &run.state, &err), -1);
    CHECK_ERROR_NAMES(&err, "another kind");
    CHECK_INT(params_save(run.params, path, "", NULL, NULL, 0, &err), 0);
    CHECK_INT(checkpoint_load(path, &run.state, &err), -1);
    CHECK_ERROR_NAMES(&err, "not a checkpoint");
    params_destroy(before);
    run_close(&run);
    run_close(&sgd);
}

static const check_test_t tests[] = {
    {"a store comes back from its file bit for bit", test_round_trip},
    {"missing and unknown tensors are named", test_matching},
    {"initial values depend on seed and name, not on order", test_names_decide},
    {"a resumed run equals the uninterrupted one bit for bit", test_resume},
    {"a checkpoint of another run is refused and changes nothing", test_checkpoint_refusals},
};

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/semradio_nn_XXXXXX");
    if (!mkdtemp(folder)) {
        return 1;
    }
    int failed = check_run("nn files", tests, CHECK_COUNT(tests));
    static const char *const files[] = {"weights.safetensors", "more.safetensors", "run.ckpt", "refuse.ckpt"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        unlink(path_of(files[i]));
    }
    return failed | (rmdir(folder) != 0);
}
