/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Distilled levels across the rooms: what the trainer writes is an adapter of the store's format,
   and its levels contain each other bit for bit.  The shipped ones, each of the four tasks. */
#include "adapter/adapter.h"
#include "adapter/adapter_level.h"
#include "check.h"
#include "codec/agent.h"
#include "codec/codec_variant.h"
#include "rng.h"

#include <stdlib.h>
#include <unistd.h>

enum { TASKS = 4, LEVELS = 5 };

static const char *const task[TASKS] = {"denoise", "colour", "superres", "anomaly"};

static adapter_t *load(int i)
{
    char path[512];
    err_t err = ERR_INIT;
    snprintf(path, sizeof(path), SEMRADIO_SOURCE_DIR "/semantic/models/agent-%s.safetensors",
             task[i]);
    adapter_t *adapter = adapter_load(path, &err);
    if (adapter == NULL) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(adapter);
    return adapter;
}

static void test_base(void)
{
    err_t err = ERR_INIT;
    codec_t *codec = codec_open("agent", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    for (int i = 0; i < TASKS; i++) {
        adapter_t *adapter = load(i);
        CHECK_INT(adapter_check_base(adapter, codec_hash(codec), &err), 0);
        CHECK_INT(adapter_info(adapter)->levels, LEVELS);
        CHECK_INT(adapter_info(adapter)->level, LEVELS);
        adapter_destroy(adapter);
    }
    codec_close(codec);
}

/* The first rows of A, the first columns of B. */
static int differing_bits(const adapter_array_t *high, const adapter_array_t *low)
{
    int wrong = 0;
    for (int64_t r = 0; r < low->shape[0]; r++) {
        wrong += memcmp(low->data + r * low->shape[1], high->data + r * high->shape[1],
                        (size_t)low->shape[1] * sizeof(float)) != 0;
    }
    return wrong;
}

static void test_nested(void)
{
    for (int i = 0; i < TASKS; i++) {
        err_t err = ERR_INIT;
        adapter_t *top = load(i);
        size_t before = 0;
        for (int l = 1; l <= LEVELS; l++) {
            adapter_t *low = adapter_level(top, l, &err);
            CU_ASSERT_PTR_NOT_NULL_FATAL(low);
            CHECK_INT(adapter_contains(top, low, &err), 0);
            size_t numbers = 0;
            for (int k = 0; k < adapter_count(low); k++) {
                const adapter_array_t *array = adapter_array(low, k);
                CHECK_INT(differing_bits(adapter_find(top, array->name), array), 0);
                numbers += adapter_elements(array);
            }
            CHECK_AT_LEAST(numbers, before + 1);
            before = numbers;
            adapter_destroy(low);
        }
        adapter_destroy(top);
    }
}

/* Level by level over differences ends at the same bytes as the whole. */
static void test_upgrades(void)
{
    for (int i = 0; i < TASKS; i++) {
        err_t err = ERR_INIT;
        adapter_t *top = load(i), *have = adapter_level(top, 1, &err);
        for (int l = 2; l <= LEVELS; l++) {
            adapter_t *want = adapter_level(top, l, &err);
            uint8_t *bytes = NULL;
            size_t size = 0;
            CHECK_INT(adapter_difference(want, have, &bytes, &size, &err), 0);
            CHECK_AT_MOST(size, 1.05 * (double)adapter_missing_bytes(want, have) + 4096.0);
            adapter_t *next = adapter_upgrade(have, bytes, size, &err);
            CU_ASSERT_PTR_NOT_NULL_FATAL(next);
            digest_t a = adapter_id(next), b = adapter_id(want);
            CHECK_INT(memcmp(&a, &b, sizeof(a)), 0);
            free(bytes);
            adapter_destroy(have);
            adapter_destroy(want);
            have = next;
        }
        adapter_destroy(have);
        adapter_destroy(top);
    }
}

/* ---- a task done by an agent that never learned it ---------------------------------- */

enum { SIDE = 96, BYTES = SIDE * SIDE * 3 };

static void draw(uint8_t *clean, uint8_t *noisy)
{
    rng_t rng;
    rng_seed(&rng, 1, 0);
    for (int i = 0; i < BYTES; i++) {
        double x = i / 3 % SIDE, y = i / 3 / SIDE;
        double value = 128.0 + 50.0 * sin(0.11 * x + i % 3) + 40.0 * cos(0.002 * y * y);
        float noise;
        rng_normal(&rng, &noise, 1);
        double shown = fmin(fmax(value + 25.5 * (double)noise, 0.0), 255.0);
        clean[i] = (uint8_t)lrint(value);
        noisy[i] = (uint8_t)lrint(shown);
    }
}

/* Squared error of what comes through the codes, with an adapter at both ends or with none. */
static double error_with(codec_t *codec, const char *adapter, const uint8_t *noisy,
                         const uint8_t *clean)
{
    static uint8_t got[BYTES];
    static uint16_t code[SIDE * SIDE / 16];
    err_t err = ERR_INIT;
    codec_variant_t *variant =
        adapter == NULL ? NULL : codec_variant_open(codec, &adapter, 1, &err);
    if (adapter != NULL && variant == NULL) {
        CU_FAIL(err.text);
        return 0.0;
    }
    codec_use(codec, variant);
    CHECK_INT(agent_encode(codec, noisy, SIDE, SIDE, code, &err), 0);
    CHECK_INT(agent_decode(codec, code, SIDE, SIDE, got, &err), 0);
    codec_use(codec, NULL);
    codec_variant_release(variant);
    double sum = 0.0;
    for (int i = 0; i < BYTES; i++) {
        sum += pow((double)got[i] - (double)clean[i], 2);
    }
    return sum / BYTES;
}

static void test_task(void)
{
    static uint8_t clean[BYTES], noisy[BYTES];
    char path[2][64] = {"/tmp/semradio-level-XXXXXX", "/tmp/semradio-level-XXXXXX"};
    err_t err = ERR_INIT;
    codec_t *codec = codec_open("agent", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    draw(clean, noisy);
    adapter_t *top = load(0);
    double base = error_with(codec, NULL, noisy, clean), level[2];
    for (int i = 0; i < 2; i++) {
        int file = mkstemp(path[i]);
        adapter_t *low = adapter_level(top, i == 0 ? 1 : LEVELS, &err);
        CU_ASSERT_FATAL(file >= 0 && low != NULL);
        close(file);
        CHECK_INT(adapter_save(low, path[i], &err), 0);
        level[i] = error_with(codec, path[i], noisy, clean);
        adapter_destroy(low);
        unlink(path[i]);
    }
    CHECK_AT_MOST(level[0], 0.97 * base);
    CHECK_AT_MOST(level[1], 0.9 * base);
    CHECK_NEAR(error_with(codec, NULL, noisy, clean), base, 0.0);
    adapter_destroy(top);
    codec_close(codec);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"the shipped levels are made for the shipped agent codec", test_base},
        {"a lower level's matrices are parts of a higher one's, bit for bit", test_nested},
        {"differences lead from level to level to the same bytes", test_upgrades},
        {"with a level at both ends noise is removed, without it the base is back", test_task},
    };
    return check_run("agent_levels", tests, CHECK_COUNT(tests));
}
