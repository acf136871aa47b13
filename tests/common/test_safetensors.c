/* SPDX-License-Identifier: GPL-3.0-or-later */
/* safetensors: hostile headers, number formats, files and memory agree. */
#include "check.h"
#include "file.h"
#include "safetensors.h"

#include <stdlib.h>
#include <unistd.h>

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
    CU_ASSERT_PTR_NULL(safetensors_open("/nonexistent/absent", &err));
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

/* ---- files and memory ----------------------------------------------------- */

static void test_memory_and_file(void)
{
    err_t err = ERR_INIT;
    char path[] = "/tmp/semradio_safetensors_XXXXXX";
    int fd = mkstemp(path);
    const float w[6] = {1, 2, 3, 4, 5, -6}, b[2] = {0.5f, 0.25f};
    safetensors_tensor_t tensors[] = {
        {.name = "w", .dtype = SAFETENSORS_F32, .rank = 2, .shape = {2, 3}, .count = 6, .data = w},
        {.name = "b", .dtype = SAFETENSORS_F32, .rank = 1, .shape = {2}, .count = 2, .data = b}};
    const char *keys[] = {"one", "two"}, *values[] = {"1", "zwei \xc3\xbc"};
    uint8_t *bytes = NULL, *read = NULL;
    size_t size = 0, read_size = 0;
    CHECK_INT(safetensors_serialise(tensors, 2, keys, values, 2, &bytes, &size, &err), 0);
    CHECK_INT(safetensors_write(path, tensors, 2, keys, values, 2, &err), 0);
    CHECK_INT(file_read_all(path, 1 << 20, &read, &read_size, &err), 0);
    CHECK_INT(read_size, size);
    CU_ASSERT(read_size == size && memcmp(bytes, read, size) == 0);
    safetensors_t *file = safetensors_parse(bytes, size, "memory", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT(memcmp(safetensors_find(file, "w")->data, w, sizeof w) == 0);
    const char *value = NULL;
    CHECK_INT(safetensors_notes(file), 2);
    CU_ASSERT_STRING_EQUAL(safetensors_note_at(file, 1, &value), "two");
    CU_ASSERT_STRING_EQUAL(value, values[1]);
    CU_ASSERT_PTR_NULL(safetensors_note_at(file, 2, &value));
    safetensors_close(file);
    tensors[1].name = "w";
    CHECK_INT(safetensors_serialise(tensors, 2, keys, values, 2, &bytes, &size, &err), -1);
    CHECK_ERROR_NAMES(&err, "share a name");
    free(bytes);
    free(read);
    close(fd);
    unlink(path);
}

static const check_test_t tests[] = {
    {"every kind of malformed header is refused with its reason", test_hostile},
    {"unusual but correct headers are read", test_unusual},
    {"all number formats become fp32", test_formats},
    {"bytes in memory are those of the file, metadata is listed in order", test_memory_and_file},
};

int main(void)
{
    return check_run("safetensors", tests, CHECK_COUNT(tests));
}
