/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adapters: canonical bytes, round trips, hostile input. */
#include "alignment/adapters.h"
#include "safetensors.h"

#include <stdint.h>

static bool same(const adapter_t *a, const adapter_t *b)
{
    size_t size[2];
    const uint8_t *x = adapter_bytes(a, &size[0]), *y = adapter_bytes(b, &size[1]);
    return size[0] == size[1] && memcmp(x, y, size[0]) == 0;
}

static void test_round_trip(void)
{
    rng_t rng;
    rng_seed(&rng, 61, 0);
    for (int turn = 0; turn < 30; turn++) {
        err_t err = ERR_INIT;
        size_t size;
        adapter_t *a = adapters_random(&rng, 1 + (int)rng_below(&rng, 8), 40);
        CU_ASSERT_PTR_NOT_NULL_FATAL(a);
        const uint8_t *bytes = adapter_bytes(a, &size);
        adapter_t *b = adapter_parse(bytes, size, "copy", &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(b);
        digest_t id = adapter_id(b), truth = digest_of(bytes, size);
        CU_ASSERT(same(a, b));
        CU_ASSERT(digest_equal(&id, &truth));
        CU_ASSERT(memcmp(adapter_info(a), adapter_info(b), sizeof(adapter_info_t)) == 0);
        CHECK_INT(adapter_count(a), adapter_count(b));
        for (int i = 1; i < adapter_count(b); i++) {
            CU_ASSERT(strcmp(adapter_array(b, i - 1)->name, adapter_array(b, i)->name) < 0);
            CU_ASSERT_PTR_EQUAL(adapter_find(b, adapter_array(b, i)->name), adapter_array(b, i));
        }
        adapter_destroy(a);
        adapter_destroy(b);
    }
}

static void test_access(void)
{
    rng_t rng;
    err_t err = ERR_INIT;
    const char *value;
    rng_seed(&rng, 62, 0);
    adapter_t *a = adapters_random(&rng, 3, 8);
    const adapter_info_t *info = adapter_info(a);
    CHECK_NEAR(adapter_scale(a), 2.0, 0.0);
    CHECK_NEAR(info->snr_high_db, 15.5, 0.0);
    CHECK_INT(info->rate, 2);
    CHECK_INT(info->level, 5);
    CHECK_INT(info->ranks[4], 10);
    CU_ASSERT_STRING_EQUAL(info->name, "night-city.v2");
    CU_ASSERT_STRING_EQUAL(adapter_note(a, "comment"), "a \"quoted\" r\xc3\xa9sum\xc3\xa9");
    CU_ASSERT_STRING_EQUAL(adapter_note(a, "adapter.kind"), "lora");
    CU_ASSERT_PTR_NULL(adapter_note(a, "nothing"));
    CU_ASSERT_STRING_EQUAL(adapter_note_at(a, 0, &value), "adapter.alpha");
    CU_ASSERT_PTR_NULL(adapter_note_at(a, 1000, &value));
    CHECK_INT(adapter_elements(adapter_find(a, "projection.weight")), 12);
    CHECK_INT(adapter_check_base(a, info->base, &err), 0);
    CHECK_INT(adapter_check_base(a, info->base ^ 1, &err), -1);
    CHECK_INT(err.code, ERR_STATE);
    CHECK_ERROR_NAMES(&err, "night-city.v2");
    adapter_destroy(a);
}

/* A map from another codec's symbols names that codec; nothing else may. */
static void test_from(void)
{
    static const float turn[4] = {0, 1, -1, 0};
    const adapter_array_t map = {"equaliser.weight", 2, {2, 2}, turn};
    const adapter_array_t pair[] = {{"x.lora_A", 2, {1, 4}, turn}, {"x.lora_B", 2, {4, 1}, turn}};
    err_t err = ERR_INIT;
    size_t size;
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.base = 7;
    info.kind = ADAPTER_LINEAR;
    adapter_t *own = adapter_build(&info, &map, 1, NULL, 0, &err);
    CU_ASSERT_PTR_NULL(adapter_note(own, "adapter.from"));
    info.from = 0xabcdef0123456789u;
    adapter_t *other = adapter_build(&info, &map, 1, NULL, 0, &err);
    const uint8_t *bytes = adapter_bytes(other, &size);
    adapter_t *again = adapter_parse(bytes, size, "again", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CU_ASSERT(adapter_info(again)->from == info.from);
    CU_ASSERT_STRING_EQUAL(adapter_note(again, "adapter.from"), "abcdef0123456789");
    info.kind = ADAPTER_LORA;
    info.rank = 1;
    info.alpha = 1;
    CU_ASSERT_PTR_NULL(adapter_build(&info, pair, 2, NULL, 0, &err));
    CHECK_ERROR_NAMES(&err, "adapter.from");
    adapter_destroy(own);
    adapter_destroy(other);
    adapter_destroy(again);
}

/* The same content in another order and number format, with other spaces. */
static void test_import(void)
{
    static const char header[] =
        "{\"lin.lora_B\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
        " \"__metadata__\":{\"adapter.rank\":\"1\",\"adapter.kind\":\"lora\",\"adapter.format\":"
        "\"1\","
        "\"adapter.alpha\":\"0.5\",\"adapter.base\":\"00000000000000ab\"},"
        " \"lin.lora_A\":{\"dtype\":\"F16\",\"shape\":[1,3],\"data_offsets\":[8,14]}}";
    const float b[2] = {1.0f, -2.0f}, a[3] = {1.0f, 0.5f, -1.0f};
    const uint16_t halves[3] = {0x3c00, 0x3800, 0xbc00};
    uint8_t bytes[1024];
    uint64_t length = sizeof header - 1;
    err_t err = ERR_INIT;
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memcpy(bytes + 8 + length, b, 8);
    memcpy(bytes + 16 + length, halves, 6);
    CU_ASSERT_PTR_NULL(adapter_parse(bytes, 22 + length, "blob", &err));
    CHECK_ERROR_NAMES(&err, "not in canonical form");
    adapter_t *imported = adapter_import(bytes, 22 + length, "file", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(imported);
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.base = 0xab;
    info.rank = 1;
    info.alpha = 0.5f;
    adapter_array_t arrays[] = {{"lin.lora_B", 2, {2, 1}, b}, {"lin.lora_A", 2, {1, 3}, a}};
    adapter_t *built = adapter_build(&info, arrays, 2, NULL, 0, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(built);
    CU_ASSERT(same(imported, built));
    char path[] = "/tmp/semradio_adapter_XXXXXX";
    close(mkstemp(path));
    CHECK_INT(adapter_save(built, path, &err), 0);
    adapter_t *loaded = adapter_load(path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loaded);
    CU_ASSERT(same(loaded, built));
    unlink(path);
    CU_ASSERT_PTR_NULL(adapter_load(path, &err));
    CHECK_ERROR_NAMES(&err, path);
    adapter_destroy(imported);
    adapter_destroy(built);
    adapter_destroy(loaded);
}

/* ---- refusals ------------------------------------------------------------- */

static const float ones[64] = {1, 0, 0, 1};
static const float identity[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
static const float nan_inside[4] = {1, 2, NAN, 4};
static const float inf_inside[4] = {1, -INFINITY, 3, 4};

/* Imports what these tensors and "key=value" strings make; NULL-ended lists. */
static adapter_t *import(const safetensors_tensor_t *tensors, const char *const *notes, err_t *err)
{
    static char keys[16][64];
    const char *key[16], *value[16];
    int count = 0, note_count = 0;
    while (tensors[count].name) {
        count++;
    }
    for (; notes[note_count]; note_count++) {
        const char *equals = strchr(notes[note_count], '=');
        snprintf(keys[note_count], 64, "%.*s", (int)(equals - notes[note_count]),
                 notes[note_count]);
        key[note_count] = keys[note_count];
        value[note_count] = equals + 1;
    }
    uint8_t *bytes = NULL;
    size_t size = 0;
    CHECK_INT(safetensors_serialise(tensors, count, key, value, note_count, &bytes, &size, err), 0);
    adapter_t *adapter = adapter_import(bytes, size, "bad.safetensors", err);
    free(bytes);
    return adapter;
}

#define BASE   "adapter.format=1", "adapter.base=0123456789abcdef"
#define LORA   BASE, "adapter.kind=lora", "adapter.rank=2", "adapter.alpha=1"
#define LEVELS LORA, "adapter.level=1", "adapter.ranks=1,2"
#define MATRIX(n, a, b)                                                                            \
    {                                                                                              \
        .name = n, .rank = 2, .shape = {a, b}, .count = (a) * (b), .data = ones                    \
    }
#define PAIR(r) MATRIX("x.lora_A", r, 3), MATRIX("x.lora_B", 4, r)

static void test_refusals(void)
{
    static const struct {
        safetensors_tensor_t tensors[4];
        const char *notes[12];
        const char *names; /* part of the error */
    } table[] = {
        {{PAIR(2)}, {NULL}, "adapter.format is missing"},
        {{PAIR(2)}, {"adapter.format=1", "adapter.kind=lora"}, "adapter.base is missing"},
        {{PAIR(2)}, {BASE}, "adapter.kind is missing"},
        {{PAIR(2)},
         {"adapter.format=2", "adapter.base=0123456789abcdef", "adapter.kind=lora"},
         "format 1"},
        {{PAIR(2)},
         {"adapter.format=1", "adapter.base=0123456789ABCDEF", "adapter.kind=lora"},
         "16 digits"},
        {{PAIR(2)},
         {"adapter.format=1", "adapter.base=0123456789abcdef0", "adapter.kind=lora"},
         "16 digits"},
        {{PAIR(2)}, {"adapter.format=1", "adapter.base=0123", "adapter.kind=lora"}, "16 digits"},
        {{PAIR(2)}, {BASE, "adapter.kind=magic"}, "unknown kind"},
        {{PAIR(2)}, {BASE, "adapter.kind=lora"}, "adapter.rank"},
        {{PAIR(2)}, {BASE, "adapter.kind=lora", "adapter.rank=2"}, "adapter.alpha"},
        {{PAIR(2)},
         {BASE, "adapter.kind=lora", "adapter.rank=x", "adapter.alpha=1"},
         "adapter.rank: not a number"},
        {{PAIR(2)},
         {BASE, "adapter.kind=lora", "adapter.rank=99999", "adapter.alpha=1"},
         "out of range"},
        {{PAIR(2)},
         {BASE, "adapter.kind=lora", "adapter.rank=2", "adapter.alpha=nan"},
         "adapter.alpha"},
        {{PAIR(2)},
         {BASE, "adapter.kind=lora", "adapter.rank=2", "adapter.alpha=1e30"},
         "adapter.alpha"},
        {{PAIR(2)}, {LORA, "adapter.rate=0"}, "adapter.rate"},
        {{PAIR(2)}, {LORA, "adapter.rate=2x"}, "adapter.rate"},
        {{PAIR(2)}, {LORA, "adapter.snr_group=5"}, "adapter.snr_group"},
        {{PAIR(2)}, {LORA, "adapter.snr_group=15:10"}, "LOW:HIGH"},
        {{PAIR(2)}, {LORA, "adapter.name=../../etc/passwd"}, "adapter.name"},
        {{PAIR(2)}, {LORA, "adapter.name=.hidden"}, "adapter.name"},
        {{PAIR(2)},
         {LORA, "adapter.author=0123456789012345678901234567890123456789012345678901234567890123"},
         "too long"},
        {{PAIR(2)}, {LORA, "adapter.author=two\nlines"}, "control"},
        {{PAIR(2)}, {LORA, "bad\nkey=1"}, "control"},
        {{PAIR(2)}, {LORA, "adapter.parent=12"}, "adapter.parent"},
        {{PAIR(2)}, {LORA, "adapter.future=1"}, "no such key"},
        {{PAIR(2)}, {LORA, "adapter.level=1"}, "adapter.level"},
        {{PAIR(2)}, {LORA, "adapter.level=3", "adapter.ranks=1,2"}, "adapter.level"},
        {{PAIR(2)}, {LORA, "adapter.level=1", "adapter.ranks=2,1"}, "higher levels"},
        {{PAIR(2)}, {LORA, "adapter.level=1", "adapter.ranks=1,3"}, "adapter.ranks"},
        {{PAIR(2)}, {LORA, "adapter.level=1", "adapter.ranks=1,,2"}, "adapter.ranks"},
        {{PAIR(2)}, {LEVELS}, "x.lora_A: its rank is not that of its level"},
        {{PAIR(1)}, {LEVELS, "adapter.ranks.x=1,2,2"}, "adapter.ranks.x"},
        {{PAIR(1)}, {LEVELS, "adapter.ranks.y=1,2"}, "y: adapter.ranks has this layer"},
        {{PAIR(1)}, {LORA, "adapter.ranks.x=1,2"}, "without levels"},
        {{MATRIX("x.lora_A", 2, 3)}, {LORA}, "x.lora_A: the other half"},
        {{MATRIX("x.lora_B", 2, 3)}, {LORA}, "x.lora_B: the other half"},
        {{PAIR(3)}, {LORA}, "above adapter.rank"},
        {{MATRIX("x.lora_A", 2, 3), MATRIX("x.lora_B", 4, 1)}, {LORA}, "x.lora_A: A has another"},
        {{{.name = "x.lora_A", .rank = 1, .shape = {2}, .count = 2, .data = ones},
          MATRIX("x.lora_B", 4, 2)},
         {LORA},
         "x.lora_A: not a matrix"},
        {{MATRIX("x.lora_A", 2, 3),
          {.name = "x.lora_B", .rank = 3, .shape = {4, 2, 1}, .count = 8, .data = ones}},
         {LORA},
         "x.lora_A: A has another"},
        {{MATRIX("x.lora_A", 2, 0), MATRIX("x.lora_B", 4, 2)}, {LORA}, "x.lora_A: empty"},
        {{{.name = "x", .rank = 0, .count = 1, .data = ones}}, {LORA}, "x: empty or a scalar"},
        {{{.name = "x.lora_A", .rank = 5, .shape = {1, 1, 1, 1, 1}, .count = 1, .data = ones}},
         {LORA},
         "4 dimensions"},
        {{{.name = "x.lora_A", .rank = 2, .shape = {2, 2}, .count = 4, .data = nan_inside},
          MATRIX("x.lora_B", 4, 2)},
         {LORA},
         "x.lora_A: element 2"},
        {{{.name = "x.lora_B", .rank = 2, .shape = {2, 2}, .count = 4, .data = inf_inside},
          MATRIX("x.lora_A", 2, 2)},
         {LORA},
         "x.lora_B: element 1"},
        {{PAIR(2), MATRIX("equaliser.weight", 2, 2)},
         {LORA},
         "equaliser.weight: an adapter of this kind"},
        {{MATRIX("x.weight", 2, 2), MATRIX("projection.weight", 2, 2)},
         {BASE, "adapter.kind=projection"},
         "x.weight: an adapter of this kind"},
        {{PAIR(2), MATRIX("bad name", 2, 2)}, {LORA}, "plain ASCII"},
        {{PAIR(2)}, {BASE, "adapter.kind=linear"}, "x.lora_A: low-rank pairs belong"},
        {{PAIR(2)}, {BASE, "adapter.kind=linear", "adapter.rank=2"}, "belong to kind lora"},
        {{{0}}, {BASE, "adapter.kind=projection"}, "projection.weight: missing"},
        {{{0}}, {BASE, "adapter.kind=linear"}, "equaliser.weight: missing"},
        {{MATRIX("equaliser.weight", 2, 4)}, {BASE, "adapter.kind=linear"}, "[2C][2C]"},
        {{MATRIX("equaliser.weight", 3, 3)}, {BASE, "adapter.kind=linear"}, "[2C][2C]"},
        {{MATRIX("equaliser.weight", 2, 2)}, {BASE, "adapter.kind=conv"}, "conv: "},
        {{{.name = "equaliser.weight",
           .rank = 4,
           .shape = {2, 2, 2, 2},
           .count = 16,
           .data = ones}},
         {BASE, "adapter.kind=conv"},
         "kernel"},
        {{MATRIX("equaliser.weight", 2, 2), MATRIX("equaliser.bias", 2, 1)},
         {BASE, "adapter.kind=linear"},
         "equaliser.bias: not [2C]"},
        {{MATRIX("equaliser.weight", 4, 4)}, {BASE, "adapter.kind=procrustes"}, "not orthogonal"},
        {{MATRIX("equaliser.weight", 2, 2), MATRIX("projection.weight", 2, 1)},
         {BASE, "adapter.kind=linear"},
         "projection.weight: an adapter"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        err_t err = ERR_INIT;
        adapter_t *adapter = import(table[i].tensors, table[i].notes, &err);
        if (adapter) {
            fprintf(stderr, "row %zu (%s) was accepted\n", i, table[i].names);
        }
        CU_ASSERT_PTR_NULL(adapter);
        CHECK_INT(err.code, ERR_FORMAT);
        CHECK_ERROR_NAMES(&err, table[i].names);
        adapter_destroy(adapter);
    }
}

static void test_kinds(void)
{
    static const struct {
        safetensors_tensor_t tensors[4];
        const char *notes[12];
    } table[] = {
        {{{0}}, {LEVELS, "adapter.ranks.x=0,2"}},
        {{PAIR(1)}, {LEVELS}},
        {{PAIR(1)}, {LEVELS, "adapter.ranks.x=1,1"}},
        {{PAIR(2),
          {.name = "encoder.scale.running_power",
           .rank = 1,
           .shape = {4},
           .count = 4,
           .data = ones}},
         {LORA}},
        {{MATRIX("projection.weight", 2, 3),
          {.name = "projection.bias", .rank = 1, .shape = {2}, .count = 2, .data = ones}},
         {BASE, "adapter.kind=projection"}},
        {{MATRIX("equaliser.weight", 4, 4)}, {BASE, "adapter.kind=linear"}},
        {{{.name = "equaliser.weight", .rank = 2, .shape = {4, 4}, .count = 16, .data = identity}},
         {BASE, "adapter.kind=procrustes"}},
        {{{.name = "equaliser.weight",
           .rank = 4,
           .shape = {2, 2, 3, 3},
           .count = 36,
           .data = ones}},
         {BASE, "adapter.kind=conv"}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        err_t err = ERR_INIT;
        adapter_t *adapter = import(table[i].tensors, table[i].notes, &err);
        if (!adapter) {
            fprintf(stderr, "row %zu: %s\n", i, err.text);
        }
        CU_ASSERT_PTR_NOT_NULL(adapter);
        adapter_destroy(adapter);
    }
}

static void test_build_refusals(void)
{
    err_t err = ERR_INIT;
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.rank = 2;
    info.alpha = 1.0f;
    adapter_array_t pair[] = {{"x.lora_A", 2, {2, 3}, ones},
                              {"x.lora_B", 2, {4, 2}, ones},
                              {"x.lora_B", 2, {4, 2}, ones}};
    CU_ASSERT_PTR_NULL(adapter_build(&info, pair, 3, NULL, 0, &err));
    CHECK_ERROR_NAMES(&err, "share a name");
    adapter_note_t twice[] = {{"a", "1"}, {"a", "2"}}, own = {"adapter.rank", "7"};
    CU_ASSERT_PTR_NULL(adapter_build(&info, pair, 2, twice, 2, &err));
    CHECK_ERROR_NAMES(&err, "two metadata strings a");
    CU_ASSERT_PTR_NULL(adapter_build(&info, pair, 2, &own, 1, &err));
    CHECK_ERROR_NAMES(&err, "adapter.rank");
    pair[0].shape[1] = 1LL << 40;
    CU_ASSERT_PTR_NULL(adapter_build(&info, pair, 2, NULL, 0, &err));
    CHECK_ERROR_NAMES(&err, "x.lora_A");
    info.kind = 17;
    CU_ASSERT_PTR_NULL(adapter_build(&info, pair, 2, NULL, 0, &err));
}

/* Whatever one damaged byte does, it is refused or it is another adapter: never a crash. */
static void test_damage(void)
{
    rng_t rng;
    size_t size;
    rng_seed(&rng, 63, 0);
    adapter_t *a = adapters_random(&rng, 2, 6);
    const uint8_t *bytes = adapter_bytes(a, &size);
    digest_t id = adapter_id(a);
    uint8_t *bad = malloc(size);
    int refused = 0;
    for (size_t at = 0; at < size; at++) {
        err_t err = ERR_INIT;
        memcpy(bad, bytes, size);
        bad[at] ^= (uint8_t)(1u << rng_below(&rng, 8));
        adapter_t *b = adapter_parse(bad, size, "bad", &err);
        if (b) {
            digest_t other = adapter_id(b);
            CU_ASSERT(!digest_equal(&id, &other));
        } else {
            refused++;
            CU_ASSERT(err.code != ERR_NONE);
        }
        adapter_destroy(b);
        CU_ASSERT_PTR_NULL(adapter_parse(bytes, at, "cut", NULL));
    }
    CHECK_AT_LEAST(refused, size / 4);
    free(bad);
    adapter_destroy(a);
}

/* Halves stay halves: the file is half as long, and one value more precise makes that array fp32.
 */
static void test_halves(void)
{
    err_t err = ERR_INIT;
    rng_t rng;
    static float a[400], b[400];
    uint16_t half[400];
    size_t size[3];
    rng_seed(&rng, 64, 0);
    rng_normal(&rng, a, 400);
    rng_normal(&rng, b, 400);
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.rank = 4;
    info.alpha = 1.0f;
    adapter_array_t arrays[] = {{"x.lora_A", 2, {4, 100}, a}, {"x.lora_B", 2, {100, 4}, b}};
    for (int turn = 0; turn < 3; turn++) { /* fp32, halves, all but one value halves */
        if (turn == 1) {
            for (int k = 0; k < 2; k++) {
                safetensors_tensor_t tensor = {
                    .dtype = SAFETENSORS_F16, .count = 400, .data = half};
                safetensors_to_half(k ? b : a, 400, half);
                safetensors_to_float(&tensor, k ? b : a);
            }
            a[7] = 0x1p-24f; /* the least of them */
            b[9] = -0.0f;
        }
        a[0] = turn == 2 ? 0.1f : a[0];
        adapter_t *adapter = adapter_build(&info, arrays, 2, NULL, 0, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(adapter);
        adapter_bytes(adapter, &size[turn]);
        CU_ASSERT(memcmp(adapter_find(adapter, "x.lora_A")->data, a, sizeof a) == 0);
        CU_ASSERT(memcmp(adapter_find(adapter, "x.lora_B")->data, b, sizeof b) == 0);
        adapter_destroy(adapter);
    }
    CHECK_INT(size[0] - size[1], 1600);
    CHECK_INT(size[2] - size[1], 800);
}

static void test_digest(void)
{
    /* FIPS 180-4's examples */
    static const char *const text[] = {"abc",
                                       "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"};
    static const char *const hex[] = {
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"};
    for (int i = 0; i < 2; i++) {
        char out[DIGEST_TEXT];
        digest_t digest = digest_of(text[i], strlen(text[i])), parsed;
        CU_ASSERT_STRING_EQUAL(digest_text(&digest, out), hex[i]);
        CHECK_INT(digest_parse(hex[i], &parsed, NULL), 0);
        CU_ASSERT(digest_equal(&digest, &parsed));
    }
    static const char *const bad[] = {
        "", "ba78", "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0"};
    for (int i = 0; i < 4; i++) {
        digest_t digest;
        err_t err = ERR_INIT;
        CHECK_INT(digest_parse(bad[i], &digest, &err), -1);
        CHECK_ERROR_NAMES(&err, "SHA-256");
    }
}

static const check_test_t tests[] = {
    {"SHA-256 is that of the standard, its text is strict", test_digest},
    {"the same content has the same bytes and comes back", test_round_trip},
    {"metadata and arrays are found, another base codec is refused", test_access},
    {"a map says whose symbols it takes, and only a map may", test_from},
    {"any order and number format becomes the canonical form", test_import},
    {"arrays of halves are stored as halves, bit for bit", test_halves},
    {"every kind with its arrays is read", test_kinds},
    {"every malformed adapter is refused with its reason", test_refusals},
    {"what can't be built says why", test_build_refusals},
    {"no flipped bit and no cut is taken for the same adapter", test_damage},
};

int main(void)
{
    return check_run("adapter", tests, CHECK_COUNT(tests));
}
