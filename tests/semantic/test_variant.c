/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adapters on a codec that runs: image32 with low-rank sets made here, and maps of equaliser. */
#include "check.h"
#include "codec/codec.h"
#include "codec/codec_variant.h"
#include "nn/params.h"
#include "safetensors.h"
#include "rng.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIDE = 32, BYTES = SIDE * SIDE * 3, P = 2, SYMBOLS = 512, RANK = 4, TENSORS_MAX = 64 };
enum { AXES = 32 };

typedef struct {
    codec_tensor_t tensors[TENSORS_MAX];
    char names[TENSORS_MAX][PARAM_NAME_MAX];
    int count;
} set_t;

typedef struct {
    float complex symbols[SYMBOLS];
    uint8_t rgb[BYTES];
} result_t;

static codec_t *codec;
static params_t *weights; /* the same file, for names and shapes */
static uint8_t picture[BYTES];
static float noise_var[SYMBOLS];

static float *random_values(size_t count, float amount, uint64_t seed)
{
    float *values = malloc(count * sizeof(*values));
    rng_t rng;
    rng_seed(&rng, seed, 7);
    rng_normal(&rng, values, count);
    for (size_t i = 0; i < count; i++) {
        values[i] *= amount;
    }
    return values;
}

static void set_add(set_t *set, const char *name, int rank, const int *shape, const float *data)
{
    codec_tensor_t *to = &set->tensors[set->count];
    snprintf(set->names[set->count], PARAM_NAME_MAX, "%s", name);
    *to = (codec_tensor_t){.name = set->names[set->count++], .rank = rank, .data = data};
    for (int i = 0; i < rank; i++) {
        to->shape[i] = shape[i];
    }
}

static void set_free(set_t *set)
{
    for (int i = 0; i < set->count; i++) {
        free((void *)(uintptr_t)set->tensors[i].data);
    }
    set->count = 0;
}

/* Pairs for the layers whose name starts with `prefix`; `amount` 0: B of zeros. */
static void set_fill(set_t *set, const char *prefix, float amount, uint64_t seed)
{
    set->count = 0;
    for (int i = 0; i < params_count(weights); i++) {
        const param_t *param = params_at(weights, i);
        int out = param->shape[0], in = (int)(param->count / (size_t)out);
        int layer = (int)strlen(param->name) - 7;
        char name[PARAM_NAME_MAX];
        if (param->rank < 2 || strncmp(param->name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        snprintf(name, sizeof(name), "%.*s.lora_A", layer, param->name);
        set_add(set, name, 2, (int[]){RANK, in}, random_values((size_t)(RANK * in), 0.05f, seed + 1));
        snprintf(name, sizeof(name), "%.*s.lora_B", layer, param->name);
        set_add(set, name, 2, (int[]){out, RANK}, random_values((size_t)(RANK * out), amount, seed));
    }
}

static codec_adapter_t adapter_of(const set_t *set, const char *kind)
{
    return (codec_adapter_t){.base = codec_hash(codec), .kind = kind, .rank = RANK, .alpha = RANK,
                             .tensors = set->tensors, .count = set->count};
}

static codec_variant_t *make_variant(const char *prefix, float amount, uint64_t seed)
{
    set_t set = {.count = 0};
    err_t err = ERR_INIT;
    set_fill(&set, prefix, amount, seed);
    codec_adapter_t adapter = adapter_of(&set, "lora");
    codec_variant_t *variant = codec_variant_create(codec, &adapter, 1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(variant);
    set_free(&set);
    return variant;
}

/* Encodes the picture and decodes what was sent, through the codec as it is now. */
static void run_with(codec_t *with, result_t *result)
{
    CHECK_INT(codec_encode(with, picture, SIDE, SIDE, P, result->symbols, NULL), 0);
    CHECK_INT(codec_decode(with, result->symbols, noise_var, SIDE, SIDE, P, result->rgb, NULL), 0);
}

static bool same(const result_t *a, const result_t *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void test_back_again(void)
{
    static result_t base, adapted, again, adapted_again;
    codec_variant_t *variant = make_variant("", 0.05f, 3);
    run_with(codec, &base);
    codec_use(codec, variant);
    CU_ASSERT_PTR_EQUAL(codec_in_use(codec), variant);
    run_with(codec, &adapted);
    codec_use(codec, NULL);
    run_with(codec, &again);
    codec_use(codec, variant);
    run_with(codec, &adapted_again);
    codec_use(codec, NULL);
    codec_variant_release(variant);
    CU_ASSERT_FALSE(same(&base, &adapted));
    CU_ASSERT_TRUE(same(&base, &again));
    CU_ASSERT_TRUE(same(&adapted, &adapted_again));
}

static void test_halves(void)
{
    static result_t base, encoder, decoder, nothing;
    static uint8_t rgb[BYTES];
    codec_variant_t *variant[3] = {make_variant("encoder", 0.05f, 4),
                                   make_variant("decoder", 0.05f, 5), make_variant("", 0.0f, 6)};
    run_with(codec, &base);
    codec_use(codec, variant[0]);
    run_with(codec, &encoder);
    CHECK_INT(codec_decode(codec, base.symbols, noise_var, SIDE, SIDE, P, rgb, NULL), 0);
    codec_use(codec, variant[1]);
    run_with(codec, &decoder);
    codec_use(codec, variant[2]);
    run_with(codec, &nothing);
    codec_use(codec, NULL);
    CU_ASSERT(memcmp(base.symbols, encoder.symbols, sizeof(base.symbols)) != 0);
    CU_ASSERT(memcmp(base.rgb, rgb, BYTES) == 0);
    CU_ASSERT(memcmp(base.symbols, decoder.symbols, sizeof(base.symbols)) == 0);
    CU_ASSERT(memcmp(base.rgb, decoder.rgb, BYTES) != 0);
    CU_ASSERT_TRUE(same(&base, &nothing));
    for (int i = 0; i < 3; i++) {
        codec_variant_release(variant[i]);
    }
}

/* A network made while the variant is in use gives the bits of one that was moved to it. */
static void test_new_network(void)
{
    static result_t moved, made;
    err_t err = ERR_INIT;
    codec_variant_t *variant = make_variant("", 0.05f, 8);
    codec_t *fresh = codec_clone(codec, &err);
    codec_use(fresh, variant);
    run_with(fresh, &made);
    codec_use(codec, variant);
    run_with(codec, &moved);
    codec_use(codec, NULL);
    CU_ASSERT_TRUE(same(&moved, &made));
    codec_variant_release(variant);
    codec_t *heir = codec_clone(fresh, &err); /* a clone starts with the variant of its origin */
    codec_close(fresh);
    run_with(heir, &made);
    CU_ASSERT_TRUE(same(&moved, &made));
    codec_close(heir);
}

static void test_power(void)
{
    static result_t base, louder;
    err_t err = ERR_INIT;
    const param_t *power = params_find(weights, "encoder.scale.running_power");
    float *values = malloc(power->count * sizeof(*values));
    for (size_t i = 0; i < power->count; i++) {
        values[i] = power->value[i] / 4.0f;
    }
    set_t set = {.count = 0};
    set_add(&set, "projection.encoder.scale.running_power", 1, power->shape, values);
    codec_adapter_t adapter = adapter_of(&set, "lora");
    codec_variant_t *variant = codec_variant_create(codec, &adapter, 1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(variant);
    float before = codec_scale(codec, P);
    run_with(codec, &base);
    codec_use(codec, variant);
    CHECK_NEAR(codec_scale(codec, P), 2.0f * before, 1e-6);
    run_with(codec, &louder);
    CHECK_NEAR(crealf(louder.symbols[5]), 2.0f * crealf(base.symbols[5]), 1e-5);
    codec_use(codec, NULL);
    CHECK_NEAR(codec_scale(codec, P), before, 0.0);
    codec_variant_release(variant);
    set_free(&set);
}

/* A bias reaches networks that were made before, and made later, and leaves again. */
static void test_bias(void)
{
    static result_t base, moved, made, again;
    err_t err = ERR_INIT;
    const param_t *bias = params_find(weights, "encoder.stem.bias");
    set_t set = {.count = 0};
    set_add(&set, "projection.encoder.stem.bias", 1, bias->shape,
            random_values(bias->count, 0.5f, 12));
    codec_adapter_t adapter = adapter_of(&set, "lora");
    codec_variant_t *variant = codec_variant_create(codec, &adapter, 1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(variant);
    set_free(&set);
    run_with(codec, &base);
    codec_t *fresh = codec_clone(codec, &err);
    codec_use(codec, variant);
    codec_use(fresh, variant);
    codec_variant_release(variant);
    run_with(codec, &moved);
    run_with(fresh, &made);
    codec_use(codec, NULL);
    codec_use(fresh, NULL); /* the variant is gone now */
    run_with(fresh, &again);
    CU_ASSERT_FALSE(same(&base, &moved));
    CU_ASSERT_TRUE(same(&moved, &made));
    CU_ASSERT_TRUE(same(&base, &again));
    codec_close(fresh);
}

/* ---- maps ---------------------------------------------------------------------- */

/* A quarter turn of every symbol (or nothing) of the first `axes`, kernel 1 or 5. */
static codec_variant_t *make_map(int axes, int kernel, bool turned)
{
    size_t taps = (size_t)(kernel * kernel), n = (size_t)axes;
    float *weight = calloc(n * n * taps, sizeof(*weight));
    for (size_t o = 0; o < n; o++) {
        size_t i = turned ? o ^ 1u : o;
        float sign = turned && o % 2 == 1 ? -1.0f : 1.0f; /* (re, im) -> (im, -re): times -i */
        weight[(o * n + i) * taps + taps / 2] = sign;
    }
    set_t set = {.count = 0};
    err_t err = ERR_INIT;
    set_add(&set, "equaliser.weight", kernel == 1 ? 2 : 4, (int[]){axes, axes, kernel, kernel},
            weight);
    codec_adapter_t adapter = adapter_of(&set, kernel == 1 ? "linear" : "conv");
    codec_variant_t *variant = codec_variant_create(codec, &adapter, 1, &err);
    if (variant == NULL) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(variant);
    set_free(&set);
    return variant;
}

static void test_maps(void)
{
    static result_t base;
    static uint8_t rgb[BYTES];
    static float complex turned[SYMBOLS];
    run_with(codec, &base);
    for (int k = 0; k < SYMBOLS; k++) {
        turned[k] = base.symbols[k] * I;
    }
    for (int kernel = 1; kernel <= 5; kernel += 4) {
        codec_variant_t *identity = make_map(AXES, kernel, false), *turn = make_map(AXES, kernel, true);
        codec_use(codec, identity);
        CHECK_INT(codec_decode(codec, base.symbols, noise_var, SIDE, SIDE, P, rgb, NULL), 0);
        CU_ASSERT(memcmp(rgb, base.rgb, BYTES) == 0);
        codec_use(codec, turn);
        CHECK_INT(codec_decode(codec, turned, noise_var, SIDE, SIDE, P, rgb, NULL), 0);
        CU_ASSERT(memcmp(rgb, base.rgb, BYTES) == 0);
        codec_use(codec, NULL);
        CHECK_INT(codec_decode(codec, turned, noise_var, SIDE, SIDE, P, rgb, NULL), 0);
        CU_ASSERT(memcmp(rgb, base.rgb, BYTES) != 0);
        codec_variant_release(identity);
        codec_variant_release(turn);
        codec_variant_t *some = make_map(6, kernel, true); /* channels beyond the third pass */
        memcpy(turned + 3 * 64, base.symbols + 3 * 64, sizeof(turned) - 3 * 64 * sizeof(*turned));
        codec_use(codec, some);
        CHECK_INT(codec_decode(codec, turned, noise_var, SIDE, SIDE, P, rgb, NULL), 0);
        CU_ASSERT(memcmp(rgb, base.rgb, BYTES) == 0);
        codec_use(codec, NULL);
        codec_variant_release(some);
        for (int k = 0; k < SYMBOLS; k++) {
            turned[k] = base.symbols[k] * I;
        }
    }
}

/* ---- errors ---------------------------------------------------------------------- */

typedef struct {
    const char *kind, *name_a, *name_b, *names;
    int rank, shape_a[4], shape_b[4], dims;
    uint64_t base_off;
    float value;
} bad_t;

static void test_errors(void)
{
    static const bad_t bad[] = {
        {"lora", "encoder.stem.lora_A", "encoder.stem.lora_B", "made for the base", 4, {4, 432},
         {96, 4}, 2, 1, 0.1f},
        {"magic", "encoder.stem.lora_A", "encoder.stem.lora_B", "magic", 4, {4, 432}, {96, 4}, 2, 0,
         0.1f},
        {"lora", "encoder.stem.lora_A", "encoder.stem.lora_B", "pair of rank 3 or less", 3, {4, 432},
         {96, 4}, 2, 0, 0.1f},
        {"lora", "encoder.stem.lora_A", "encoder.stem.lora_B", "rank 0", 0, {4, 432}, {96, 4}, 2, 0,
         0.1f},
        {"lora", "encoder.stem.lora_A", "encoder.stem.lora_B", "do not fit encoder.stem.weight", 4,
         {4, 431}, {96, 4}, 2, 0, 0.1f},
        {"lora", "encoder.stem.lora_A", "encoder.stem.lora_B", "do not fit encoder.stem.weight", 4,
         {4, 432}, {95, 4}, 2, 0, 0.1f},
        {"lora", "encoder.trunk.lora_A", "encoder.trunk.lora_B", "no layer encoder.trunk", 4,
         {4, 432}, {96, 4}, 2, 0, 0.1f},
        {"lora", "encoder.stem.lora_A", "encoder.head.lora_B", "has no encoder.stem.lora_B", 4,
         {4, 432}, {96, 4}, 2, 0, 0.1f},
        {"lora", "encoder.stem.lora_A", "encoder.stem.lora_B", "not a finite number", 4, {4, 432},
         {96, 4}, 2, 0, NAN},
        {"lora", "encoder.stem.lora_A", "encoder.stem.lora_B", "impossible shape", 4, {4, 0},
         {96, 4}, 2, 0, 0.1f},
        {"lora", "encoder.stem.lora_A", "encoder.stem.lora_B", "5 dimensions", 4, {4, 432}, {96, 4},
         5, 0, 0.1f},
        {"lora", "projection.nothing.bias", "encoder.stem.bias", "tensor projection.nothing.bias", 4,
         {4, 432}, {96, 4}, 2, 0, 0.1f},
        {"lora", "projection.encoder.stem.bias", "encoder.stem.bias", "another shape", 4, {4, 432}, {96, 4}, 2,
         0, 0.1f},
        {"linear", "equaliser.weight", "equaliser.more", "equaliser.weight and perhaps", 0, {32, 32},
         {32}, 2, 0, 0.1f},
        {"procrustes", "equaliser.weight", "equaliser.bias", "equaliser.weight", 0, {32, 31}, {32}, 2, 0,
         0.1f},
        {"conv", "equaliser.weight", "equaliser.bias", "equaliser.weight", 0, {32, 32}, {32}, 2, 0, 0.1f},
        {"linear", "equaliser.weight", "equaliser.bias", "equaliser.bias", 0, {32, 32}, {32, 1}, 2, 0,
         0.1f},
    };
    static float values[65536];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const bad_t *b = &bad[i];
        for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
            values[k] = b->value;
        }
        codec_tensor_t tensors[2] = {{.name = b->name_a, .rank = b->dims, .data = values},
                                     {.name = b->name_b, .rank = 2, .data = values}};
        memcpy(tensors[0].shape, b->shape_a, sizeof(b->shape_a));
        memcpy(tensors[1].shape, b->shape_b, sizeof(b->shape_b));
        tensors[1].rank = b->shape_b[1] > 0 ? 2 : 1;
        codec_adapter_t adapter = {.base = codec_hash(codec) + b->base_off, .kind = b->kind,
                                   .rank = b->rank, .alpha = 4, .tensors = tensors, .count = 2};
        err_t err = ERR_INIT;
        codec_variant_t *variant = codec_variant_create(codec, &adapter, 1, &err);
        CU_ASSERT_PTR_NULL(variant);
        CHECK_ERROR_NAMES(&err, b->names);
        codec_variant_release(variant);
    }
}

static void test_files(void)
{
    static result_t one, two;
    char path[64], base[32];
    err_t err = ERR_INIT;
    set_t set = {.count = 0};
    snprintf(path, sizeof(path), "/tmp/test_variant.%d.safetensors", (int)getpid());
    snprintf(base, sizeof(base), "%016llx", (unsigned long long)codec_hash(codec));
    set_fill(&set, "", 0.05f, 9);
    safetensors_tensor_t tensors[TENSORS_MAX];
    for (int i = 0; i < set.count; i++) {
        const codec_tensor_t *from = &set.tensors[i];
        tensors[i] = (safetensors_tensor_t){
            .name = from->name, .rank = 2, .shape = {from->shape[0], from->shape[1]},
            .count = (size_t)(from->shape[0] * from->shape[1]), .data = from->data};
    }
    const char *keys[] = {"adapter.format", "adapter.base", "adapter.kind", "adapter.rank",
                          "adapter.alpha"};
    const char *values[] = {"1", base, "lora", "4", "4"};
    const char *paths[] = {path};
    CHECK_INT(safetensors_write(path, tensors, set.count, keys, values, 5, &err), 0);
    codec_variant_t *file = codec_variant_open(codec, paths, 1, &err);
    codec_variant_t *memory = make_variant("", 0.05f, 9);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    codec_use(codec, file);
    run_with(codec, &one);
    codec_use(codec, memory);
    run_with(codec, &two);
    codec_use(codec, NULL);
    CU_ASSERT_TRUE(same(&one, &two));
    codec_variant_release(file);
    codec_variant_release(memory);
    for (int skip = 0; skip < 5; skip++) { /* each note is needed */
        const char *k[4], *v[4];
        for (int i = 0, n = 0; i < 5; i++) {
            if (i != skip) {
                k[n] = keys[i];
                v[n++] = values[i];
            }
        }
        CHECK_INT(safetensors_write(path, tensors, set.count, k, v, 4, &err), 0);
        CU_ASSERT_PTR_NULL(codec_variant_open(codec, paths, 1, &err));
        CHECK_ERROR_NAMES(&err, keys[skip]);
        CHECK_ERROR_NAMES(&err, path);
    }
    unlink(path);
    set_free(&set);
}

/* ---- threads ---------------------------------------------------------------------- */

typedef struct {
    codec_t *codec;
    codec_variant_t *variant[2];
    result_t want[2];
    int wrong;
} job_t;

static void *switch_often(void *argument)
{
    job_t *job = argument;
    static _Thread_local result_t got;
    for (int i = 0; i < 20; i++) {
        codec_use(job->codec, job->variant[i % 2]);
        run_with(job->codec, &got);
        job->wrong += !same(&got, &job->want[i % 2]);
    }
    codec_use(job->codec, NULL);
    return NULL;
}

static void test_threads(void)
{
    static job_t job[2];
    pthread_t thread[2];
    err_t err = ERR_INIT;
    codec_variant_t *variant[2] = {make_variant("", 0.05f, 10), make_variant("", 0.05f, 11)};
    for (int k = 0; k < 2; k++) {
        codec_use(codec, variant[k]);
        run_with(codec, &job[0].want[k]);
        job[1].want[1 - k] = job[0].want[k];
        job[0].variant[k] = job[1].variant[1 - k] = variant[k];
    }
    codec_use(codec, NULL);
    for (int i = 0; i < 2; i++) {
        job[i].codec = codec_clone(codec, &err);
        CHECK_INT(codec_prepare(job[i].codec, SIDE, SIDE, 1, &err), 0);
        CHECK_INT(pthread_create(&thread[i], NULL, switch_often, &job[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], NULL);
        CHECK_INT(job[i].wrong, 0);
        codec_close(job[i].codec);
    }
    codec_variant_release(variant[0]); /* only now: both threads took references as they went */
    codec_variant_release(variant[1]);
}

static const check_test_t tests[] = {
    {"a variant changes the results, and the base comes back bit for bit", test_back_again},
    {"an encoder's adapter leaves the decoder alone and the other way round", test_halves},
    {"a network made for a variant equals one that was moved to it", test_new_network},
    {"a replaced running power changes the scale of the symbols", test_power},
    {"a replaced bias reaches every network, and leaves with the variant", test_bias},
    {"an identity map changes nothing, a turn undoes a turn", test_maps},
    {"what does not fit the codec is refused by name", test_errors},
    {"an adapter file gives what its arrays give, and needs every note", test_files},
    {"two threads switch between the same variants independently", test_threads},
};

int main(void)
{
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 1, 2);
    codec = codec_open("image32", &err);
    weights = params_open(SEMRADIO_MODELS_DIR "/image32.safetensors", &err);
    if (codec == NULL || weights == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (int i = 0; i < BYTES; i++) {
        picture[i] = (uint8_t)(128.0 + 60.0 * sin(0.01 * i) + 20.0 * (double)rng_uniform(&rng));
    }
    for (int k = 0; k < SYMBOLS; k++) {
        noise_var[k] = 0.01f;
    }
    int status = check_run("variant", tests, CHECK_COUNT(tests));
    params_destroy(weights);
    codec_close(codec);
    return status;
}
