/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Distilled levels across the rooms: what the trainer writes is an adapter of the store's format,
   and its levels contain each other bit for bit.  The shipped ones, each of the four tasks. */
#include "adapter/adapter.h"
#include "adapter/adapter_level.h"
#include "check.h"
#include "codec/codec.h"

#include <stdlib.h>

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

int main(void)
{
    static const check_test_t tests[] = {
        {"the shipped levels are made for the shipped agent codec", test_base},
        {"a lower level's matrices are parts of a higher one's, bit for bit", test_nested},
        {"differences lead from level to level to the same bytes", test_upgrades},
    };
    return check_run("agent_levels", tests, CHECK_COUNT(tests));
}
