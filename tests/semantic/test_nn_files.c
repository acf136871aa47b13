/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weight files: round trips, hostile headers, loading by name, checkpoints that resume exactly. */
#include "check.h"
#include "nn/checkpoint.h"
#include "nn/graph.h"
#include "nn/safetensors.h"
#include "rng.h"

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

/* ---- hostile headers ------------------------------------------------------ */

/* A file from a header text and `data` bytes of zeros, its length field as given (-1: the truth). */
static safetensors_t *parse(const char *header, size_t data, long long length, err_t *err)
{
    size_t size = strlen(header);
    uint8_t *bytes = calloc(1, 8 + size + data);
    uint64_t stated = length < 0 ? size : (uint64_t)length;
    memcpy(bytes, &stated, 8);
    memcpy(bytes + 8, header, size);
    safetensors_t *file = safetensors_parse(bytes, 8 + size + data, "bad.safetensors", err);
    free(bytes);
    return file;
}

#define T(dtype, shape, from, to) \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static void test_hostile(void)
{
    static const struct {
        const char *header;
        size_t data;
        long long length;
        const char *names; /* part of the error */
    } table[] = {
        {"{}", 0, 1LL << 62, "header claims"},
        {"{}", 0, 3, "header claims"},
        {"{}", 0, 0, "not a JSON object"},
        {"[]", 0, -1, "not a JSON object"},
        {" {}", 0, -1, "not a JSON object"},
        {"{\"a\":", 0, -1, "header:"},
        {"{} x", 0, -1, "header:"},
        {"{\"a\":1}", 0, -1, "a: it is not an object"},
        {"{\"a\":" T("F32", "[1]", 0, 4) ",\"a\":" T("F32", "[1]", 4, 8) "}", 8, -1, "header:"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, -1, "a: it is not an object"},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, -1, "a: dtype"},
        {"{\"a\":" T("F8", "[1]", 0, 4) "}", 4, -1, "a: dtype F8"},
        {"{\"a\":" T("F32", "1", 0, 4) "}", 4, -1, "a: shape"},
        {"{\"a\":" T("F32", "[1.0]", 0, 4) "}", 4, -1, "a: a dimension"},
        {"{\"a\":" T("F32", "[-1]", 0, 4) "}", 4, -1, "a: a dimension"},
        {"{\"a\":" T("F32", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4, -1, "a: it has too many"},
        {"{\"a\":" T("F32", "[4294967296,4294967296]", 0, 4) "}", 4, -1, "a: its shape overflows"},
        {"{\"a\":" T("F32", "[4611686018427387905]", 0, 4) "}", 4, -1, "a: its shape and its data"},
        {"{\"a\":" T("F32", "[1]", 0, 8) "}", 8, -1, "a: its shape and its data"},
        {"{\"a\":" T("F64", "[1]", 0, 4) "}", 4, -1, "a: its shape and its data"},
        {"{\"a\":" T("F32", "[1]", 4, 0) "}", 4, -1, "a: its data lies outside"},
        {"{\"a\":" T("F32", "[1]", -4, 0) "}", 4, -1, "a: its data lies outside"},
        {"{\"a\":" T("F32", "[1]", 4, 8) "}", 4, -1, "a: its data lies outside"},
        {"{\"a\":" T("F32", "[1]", 0, 4) ",\"b\":" T("F32", "[1]", 2, 6) "}", 6, -1, "b: its data overlaps"},
        {"{\"a\":" T("F32", "[1]", 0, 4) ",\"b\":" T("F32", "[1]", 8, 12) "}", 12, -1, "b: its data leaves a hole"},
        {"{\"a\":" T("F32", "[1]", 0, 4) "}", 5, -1, "1 bytes at the end"},
        {"{\"\":" T("F32", "[1]", 0, 4) "}", 4, -1, "name is empty"},
        {"{\"a\\nb\":" T("F32", "[1]", 0, 4) "}", 4, -1, "control characters"},
        {"{\"a\\u0000b\":" T("F32", "[1]", 0, 4) "}", 4, -1, "header:"},
        {"{\"__metadata__\":3}", 0, -1, "__metadata__ is not"},
        {"{\"__metadata__\":{\"x\":3}}", 0, -1, "__metadata__ x"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 8, -1, "a: data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,99999999999999999999]}}", 4, -1, "header:"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        err_t err = ERR_INIT;
        safetensors_t *file = parse(table[i].header, table[i].data, table[i].length, &err);
        CU_ASSERT_PTR_NULL(file);
        CHECK_ERROR_NAMES(&err, "bad.safetensors");
        CHECK_ERROR_NAMES(&err, table[i].names);
        safetensors_close(file);
    }
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(safetensors_parse("1234567", 7, "bad.safetensors", &err));
    CHECK_ERROR_NAMES(&err, "too short");
    CU_ASSERT_PTR_NULL(safetensors_open(path_of("absent"), &err));
    CHECK_ERROR_NAMES(&err, "absent");
}

static void test_unusual(void)
{
    err_t err = ERR_INIT;
    safetensors_t *file = parse("{}  ", 0, -1, &err);
    CU_ASSERT_PTR_NOT_NULL(file);
    safetensors_close(file);
    /* listed out of order, a scalar, an empty tensor at another's address */
    file = parse("{\"b\":" T("F32", "[]", 4, 8) ",\"z\":" T("F32", "[0,3]", 0, 0) ",\"a\":"
                 T("F32", "[1]", 0, 4) "}", 8, -1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CHECK_INT(safetensors_count(file), 3);
    CHECK_INT(safetensors_find(file, "b")->count, 1);
    CHECK_INT(safetensors_find(file, "b")->rank, 0);
    CHECK_INT(safetensors_find(file, "z")->count, 0);
    CU_ASSERT(strcmp(safetensors_at(file, 2)->name, "b") == 0);
    CU_ASSERT_PTR_NULL(safetensors_find(file, "c"));
    CU_ASSERT_PTR_NULL(safetensors_note(file, "c"));
    safetensors_close(file);
}

/* ---- number formats ------------------------------------------------------- */

static float first_as_float(const char *dtype, const void *bits, size_t size)
{
    char header[128];
    uint8_t bytes[256];
    float value = NAN;
    err_t err = ERR_INIT;
    uint64_t length = (uint64_t)snprintf(header, sizeof header,
                                         "{\"t\":{\"dtype\":\"%s\",\"shape\":[1],"
                                         "\"data_offsets\":[0,%zu]}}", dtype, size);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memcpy(bytes + 8 + length, bits, size);
    safetensors_t *file = safetensors_parse(bytes, 8 + length + size, "t", &err);
    if (file) {
        safetensors_to_float(safetensors_at(file, 0), &value);
    }
    safetensors_close(file);
    return value;
}

static void test_formats(void)
{
    static const struct {
        uint16_t bits;
        double value;
    } half[] = {{0x3c00, 1.0}, {0xc000, -2.0}, {0x7bff, 65504.0}, {0x0001, 0x1p-24},
                {0x83ff, -1023 * 0x1p-24}, {0x0000, 0.0}, {0x3555, 0.333251953125}};
    for (size_t i = 0; i < sizeof half / sizeof half[0]; i++) {
        CHECK_NEAR(first_as_float("F16", &half[i].bits, 2), half[i].value, 0.0);
    }
    CU_ASSERT(isinf(first_as_float("F16", &(uint16_t){0x7c00}, 2)));
    CU_ASSERT(isnan(first_as_float("F16", &(uint16_t){0x7e00}, 2)));
    CHECK_NEAR(first_as_float("BF16", &(uint16_t){0xbfc0}, 2), -1.5, 0.0);
    CHECK_NEAR(first_as_float("F64", &(double){0.25}, 8), 0.25, 0.0);
    CHECK_NEAR(first_as_float("I64", &(int64_t){-77}, 8), -77.0, 0.0);
    CHECK_NEAR(first_as_float("I32", &(int32_t){-5}, 4), -5.0, 0.0);
    CHECK_NEAR(first_as_float("U8", &(uint8_t){200}, 1), 200.0, 0.0);
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
    {"every kind of malformed header is refused with its reason", test_hostile},
    {"unusual but correct headers are read", test_unusual},
    {"all number formats become fp32", test_formats},
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
