/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nested levels: cuts, differences, upgrades, hostile differences. */
#include "adapter/adapter_level.h"
#include "alignment/adapters.h"

static bool same_id(const adapter_t *a, const adapter_t *b)
{
    digest_t x = adapter_id(a), y = adapter_id(b);
    return digest_equal(&x, &y);
}

static void test_cut(void)
{
    rng_t rng;
    err_t err = ERR_INIT;
    rng_seed(&rng, 64, 0);
    adapter_t *high = adapters_random(&rng, 6, 20);
    for (int l = 1; l <= 5; l++) {
        adapter_t *low = adapter_level(high, l, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(low);
        CHECK_INT(adapter_info(low)->level, l);
        CHECK_INT(adapter_contains(high, low, &err), 0);
        CHECK_NEAR(adapter_scale(low), adapter_scale(high), 0.0);
        const adapter_array_t *a = adapter_find(low, "block0.conv.lora_A");
        const adapter_array_t *b = adapter_find(low, "block0.conv.lora_B");
        const adapter_array_t *whole = adapter_find(high, "block0.conv.lora_B");
        CHECK_INT(a->shape[0], 2 * l);
        CHECK_INT(b->shape[1], 2 * l);
        for (int64_t i = 0; i < b->shape[0]; i++) {
            for (int64_t k = 0; k < b->shape[1]; k++) {
                CU_ASSERT(b->data[i * b->shape[1] + k] == whole->data[i * whole->shape[1] + k]);
            }
        }
        CU_ASSERT((l == 5) == same_id(low, high));
        CHECK_INT(adapter_contains(low, high, &err), l == 5 ? 0 : -1);
        /* a cut of a cut is the cut */
        for (int m = 1; m <= l; m++) {
            adapter_t *once = adapter_level(high, m, &err), *twice = adapter_level(low, m, &err);
            CU_ASSERT(same_id(once, twice));
            adapter_destroy(once);
            adapter_destroy(twice);
        }
        CU_ASSERT_PTR_NULL(adapter_level(low, l + 1, &err));
        CHECK_ERROR_NAMES(&err, "level");
        adapter_destroy(low);
    }
    CU_ASSERT_PTR_NULL(adapter_level(high, 0, &err));
    adapter_destroy(high);
}

static void test_upgrade(void)
{
    rng_t rng;
    rng_seed(&rng, 65, 0);
    for (int turn = 0; turn < 20; turn++) {
        adapter_t *high = adapters_random(&rng, 1 + (int)rng_below(&rng, 10), 60);
        int from = 1 + (int)rng_below(&rng, 5),
            to = from + (int)rng_below(&rng, (uint32_t)(6 - from));
        err_t err = ERR_INIT;
        adapter_t *low = adapter_level(high, from, &err), *mid = adapter_level(high, to, &err);
        uint8_t *bytes = NULL;
        size_t size = 0;
        digest_t ends[2], ids[2] = {adapter_id(low), adapter_id(mid)};
        CHECK_INT(adapter_difference(mid, low, &bytes, &size, &err), 0);
        CHECK_INT(adapter_difference_ends(bytes, size, &ends[0], &ends[1], &err), 0);
        CU_ASSERT(memcmp(ends, ids, sizeof ends) == 0);
        adapter_t *up = adapter_upgrade(low, bytes, size, &err);
        if (!up) {
            fprintf(stderr, "%s\n", err.text);
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(up);
        CU_ASSERT(same_id(up, mid));
        if (from != to) {
            CU_ASSERT_PTR_NULL(adapter_upgrade(mid, bytes, size, &err));
            CHECK_INT(err.code, ERR_STATE);
            uint8_t *none = NULL;
            CHECK_INT(adapter_difference(low, mid, &none, &size, &err), -1);
            CU_ASSERT_PTR_NULL(none);
        }
        free(bytes);
        adapter_destroy(low);
        adapter_destroy(mid);
        adapter_destroy(up);
        adapter_destroy(high);
    }
}

/* The promise, on sets like a small codec's and on steps. */
static void test_bytes(void)
{
    rng_t rng;
    err_t err = ERR_INIT;
    rng_seed(&rng, 66, 0);
    for (int turn = 0; turn < 5; turn++) {
        adapter_t *high = adapters_random(&rng, 20, 600);
        adapter_t *low = adapter_level(high, 1, &err);
        uint8_t *bytes = NULL;
        size_t size = 0, missing = adapter_missing_bytes(high, low);
        CHECK_INT(adapter_difference(high, low, &bytes, &size, &err), 0);
        CHECK_AT_MOST((double)size / (double)missing, 1.05);
        CHECK_AT_LEAST(size, missing);
        free(bytes);
        adapter_t *at = low;
        for (int l = 2; l <= 5; l++) {
            adapter_t *next = adapter_level(high, l, &err);
            CHECK_INT(adapter_difference(next, at, &bytes, &size, &err), 0);
            adapter_t *up = adapter_upgrade(at, bytes, size, &err);
            CU_ASSERT(up && same_id(up, next));
            free(bytes);
            adapter_destroy(up);
            adapter_destroy(at);
            at = next;
        }
        CU_ASSERT(same_id(at, high));
        adapter_destroy(at);
        adapter_destroy(high);
    }
}

static void test_not_nested(void)
{
    rng_t rng;
    err_t err = ERR_INIT;
    uint8_t *bytes = NULL;
    size_t size = 0;
    rng_seed(&rng, 67, 0);
    adapter_t *a = adapters_random(&rng, 3, 8);
    rng_seed(&rng, 67, 1);
    adapter_t *b = adapters_random(&rng, 3, 8);
    CHECK_INT(adapter_contains(a, b, &err), -1);
    CHECK_ERROR_NAMES(&err, "base");
    CHECK_INT(adapter_difference(a, b, &bytes, &size, &err), -1);
    CU_ASSERT_PTR_NULL(bytes);
    /* one value of a lower level differs */
    adapter_t *low = adapter_level(a, 2, &err);
    adapter_array_t arrays[16];
    adapter_note_t notes[16];
    const char *value;
    int note_count = 0;
    float changed[512];
    for (int i = 0; i < adapter_count(low); i++) {
        arrays[i] = *adapter_array(low, i);
    }
    for (int i = 0; adapter_note_at(low, i, &value); i++) {
        const char *key = adapter_note_at(low, i, &value);
        if (strncmp(key, "adapter.", 8) != 0 || strncmp(key, "adapter.ranks.", 14) == 0) {
            notes[note_count++] = (adapter_note_t){key, value};
        }
    }
    memcpy(changed, arrays[0].data, adapter_elements(&arrays[0]) * sizeof(float));
    changed[adapter_elements(&arrays[0]) - 1] += 1e-6f;
    arrays[0].data = changed;
    adapter_t *other =
        adapter_build(adapter_info(low), arrays, adapter_count(low), notes, note_count, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    CHECK_INT(adapter_contains(a, other, &err), -1);
    CHECK_ERROR_NAMES(&err, arrays[0].name);
    adapter_destroy(a);
    adapter_destroy(b);
    adapter_destroy(low);
    adapter_destroy(other);
}

/* An adapter gains a layer, an array and a note, changes an array, and loses a note. */
static void test_general(void)
{
    static const float w[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
                       power[2][2] = {{0.3f, 0.7f}, {0.4f, 0.7f}};
    err_t err = ERR_INIT;
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.rank = 3;
    info.alpha = 3.0f;
    adapter_array_t arrays[] = {{"b.lora_A", 2, {2, 3}, w},
                                {"b.lora_B", 2, {1, 2}, w},
                                {"encoder.running_power", 1, {2}, power[0]},
                                {"a.lora_A", 2, {1, 4}, w},
                                {"a.lora_B", 2, {5, 1}, w},
                                {"projection.weight", 2, {3, 4}, w}};
    adapter_note_t notes[] = {{"kept", "1"}, {"lost", "2"}, {"won", "3"}};
    adapter_t *low = adapter_build(&info, arrays, 3, notes, 2, &err);
    notes[1] = notes[2];
    arrays[2].data = power[1];
    adapter_t *high = adapter_build(&info, arrays, 6, notes, 2, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(low);
    CU_ASSERT_PTR_NOT_NULL_FATAL(high);
    uint8_t *bytes = NULL;
    size_t size = 0;
    CHECK_INT(adapter_missing_bytes(high, low),
              (4 + 5 + 12) * 2 + 2 * 4); /* small numbers are halves */
    CHECK_INT(adapter_difference(high, low, &bytes, &size, &err), 0);
    adapter_t *up = adapter_upgrade(low, bytes, size, &err);
    CU_ASSERT(up && same_id(up, high));
    free(bytes);
    adapter_destroy(up);
    adapter_destroy(low);
    adapter_destroy(high);
}

static void test_hostile(void)
{
    static const struct {
        const char *json;
        size_t data; /* bytes */
        const char *names;
    } table[] = {
        {"", 0, "header"},
        {"[]", 0, "pairs"},
        {"{\"pairs\":{},\"arrays\":{},\"notes\":{}}", 0, "header"},
        {"{\"pairs\":[],\"arrays\":{},\"notes\":{},\"drop\":[]}", 0, "pairs"},
        {"{\"pairs\":{},\"arrays\":{},\"notes\":{\"a\":1},\"drop\":[]}", 0, "notes"},
        {"{\"pairs\":{},\"arrays\":{},\"notes\":{},\"drop\":[7]}", 4, "more than"},
        {"{\"pairs\":{\"x\":[9]},\"arrays\":{},\"notes\":{},\"drop\":[]}", 64, "x: grows"},
        {"{\"pairs\":{\"block0.conv\":[1]},\"arrays\":{},\"notes\":{},\"drop\":[]}", 64,
         "block0.conv: grows"},
        {"{\"pairs\":{\"block0.conv\":[-1]},\"arrays\":{},\"notes\":{},\"drop\":[]}", 64,
         "block0.conv: a dimension"},
        {"{\"pairs\":{\"block0.conv\":[9000000000]},\"arrays\":{},\"notes\":{},\"drop\":[]}", 64,
         "block0.conv: a dimension"},
        {"{\"pairs\":{\"block0.conv\":[60000,\"F16\"]},\"arrays\":{},\"notes\":{},\"drop\":[]}", 64,
         "block0.conv: its data"},
        {"{\"pairs\":{\"x\":[1,2]},\"arrays\":{},\"notes\":{},\"drop\":[]}", 64, "x: neither [r]"},
        {"{\"pairs\":{\"x\":\"1\"},\"arrays\":{},\"notes\":{},\"drop\":[]}", 64, "x: not 1 .. 4"},
        {"{\"pairs\":{\"x\":[1,2,-3]},\"arrays\":{},\"notes\":{},\"drop\":[]}", 64,
         "x: a dimension"},
        {"{\"pairs\":{\"block0.conv\":[1,1,1]},\"arrays\":{},\"notes\":{},\"drop\":[]}", 8,
         "block0.conv: adds a pair that is there"},
        {"{\"pairs\":{\"x\":[\"F16\"]},\"arrays\":{},\"notes\":{},\"drop\":[]}", 64,
         "x: not 1 .. 4"},
        {"{\"pairs\":{\"x\":[1,\"F16\",1]},\"arrays\":{},\"notes\":{},\"drop\":[]}", 64,
         "x: a dimension"},
        {"{\"pairs\":{},\"arrays\":{\"projection.x\":[]},\"notes\":{},\"drop\":[]}", 64,
         "projection.x: not 1"},
        {"{\"pairs\":{},\"arrays\":{\"projection.x\":[65536,65536]},\"notes\":{},\"drop\":[]}", 64,
         "projection.x"},
        {"{\"pairs\":{},\"arrays\":{\"projection.x\":[17]},\"notes\":{},\"drop\":[]}", 64,
         "projection.x: its data"},
        {"{\"pairs\":{},\"arrays\":{\"projection.x\":[16]},\"notes\":{},\"drop\":[]}", 64,
         "not the one that was promised"},
        {"{\"pairs\":{},\"arrays\":{},\"notes\":{\"adapter.kind\":\"conv\"},\"drop\":[]}", 0,
         "adapter"},
        {"{\"pairs\":{},\"arrays\":{},\"notes\":{},\"drop\":[\"adapter.kind\"]}", 0,
         "adapter.kind is missing"},
    };
    rng_t rng;
    rng_seed(&rng, 68, 0);
    adapter_t *low = adapters_random(&rng, 1, 8);
    digest_t id = adapter_id(low);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        err_t err = ERR_INIT;
        uint8_t bytes[1024] = "semdiff1";
        uint32_t length = (uint32_t)strlen(table[i].json);
        memcpy(bytes + 8, id.byte, 32);
        memcpy(bytes + 72, &length, 4);
        memcpy(bytes + 76, table[i].json, length);
        adapter_t *up = adapter_upgrade(low, bytes, 76 + length + table[i].data, &err);
        CU_ASSERT_PTR_NULL(up);
        CHECK_ERROR_NAMES(&err, table[i].names);
        adapter_destroy(up);
    }
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(adapter_upgrade(low, "short", 5, &err));
    CHECK_ERROR_NAMES(&err, "not a difference");
    adapter_destroy(low);
}

/* Every byte of a real difference damaged, and every cut: refused, always with a reason. */
static void test_damage(void)
{
    rng_t rng;
    err_t err = ERR_INIT;
    uint8_t *bytes = NULL;
    size_t size = 0;
    rng_seed(&rng, 69, 0);
    adapter_t *high = adapters_random(&rng, 3, 6), *low = adapter_level(high, 2, &err);
    CHECK_INT(adapter_difference(high, low, &bytes, &size, &err), 0);
    for (size_t at = 0; at < size; at++) {
        err_t reason = ERR_INIT;
        uint8_t was = bytes[at];
        bytes[at] ^= (uint8_t)(1u << rng_below(&rng, 8));
        CU_ASSERT_PTR_NULL(adapter_upgrade(low, bytes, size, &reason));
        CU_ASSERT(reason.code != ERR_NONE);
        bytes[at] = was;
        CU_ASSERT_PTR_NULL(adapter_upgrade(low, bytes, at, &reason));
    }
    free(bytes);
    adapter_destroy(high);
    adapter_destroy(low);
}

static const check_test_t tests[] = {
    {"a lower level is the start of every matrix, bit for bit", test_cut},
    {"low plus difference is high, by hash, between any two levels", test_upgrade},
    {"level 1 to 5 moves at most 105 % of the missing bytes, steps end at the same hash",
     test_bytes},
    {"adapters that are not nested have no difference", test_not_nested},
    {"new layers, arrays and notes travel, lost notes go", test_general},
    {"every malformed difference is refused with its reason", test_hostile},
    {"no flipped bit and no cut passes", test_damage},
};

int main(void)
{
    return check_run("adapter levels", tests, CHECK_COUNT(tests));
}
