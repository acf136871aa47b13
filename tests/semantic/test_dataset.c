/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data sets made here, and the Fashion-MNIST that Debian ships. */
#include "check.h"
#include "images/dataset.h"

#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROW = 3073, ROWS = 6 };

static char folder[] = "/tmp/semradio-dataset-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
    return path[turn];
}

static const char *write_file(const char *name, const void *data, size_t size)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fwrite(data, 1, size, file);
    fclose(file);
    return path;
}

/* Row r: label r, R = r, G = 10 + r, B = column. */
static void fill_rows(uint8_t *rows)
{
    for (int r = 0; r < ROWS; r++) {
        uint8_t *row = rows + r * ROW;
        row[0] = (uint8_t)r;
        for (int i = 0; i < 1024; i++) {
            row[1 + i] = (uint8_t)r;
            row[1025 + i] = (uint8_t)(10 + r);
            row[2049 + i] = (uint8_t)(i % 32);
        }
    }
}

static void check_row(const dataset_t *set, size_t index, int row)
{
    image_t image = IMAGE_EMPTY;
    int label = -2;
    CHECK_INT(dataset_get(set, index, &image, &label, NULL), 0);
    CHECK_INT(label, row);
    CHECK_INT(image.width, 32);
    const uint8_t *pixel = image.rgb + (5 * 32 + 7) * 3;
    CHECK_INT(pixel[0], row);
    CHECK_INT(pixel[1], 10 + row);
    CHECK_INT(pixel[2], 7);
    image_free(&image);
}

static void test_cifar(void)
{
    static uint8_t rows[ROWS * ROW], packed[ROWS * ROW + 1024];
    size_t packed_size = 0;
    char spec[1024];
    err_t err = ERR_INIT;
    fill_rows(rows);
    CHECK_INT(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, rows, sizeof(rows), packed,
                                      &packed_size, sizeof(packed)),
              LZMA_OK);
    snprintf(spec, sizeof(spec), "cifar10:%s,%s", write_file("a.bin", rows, sizeof(rows)),
             write_file("b.bin.xz", packed, packed_size));
    dataset_t *set = dataset_open(spec, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(dataset_count(set), 2 * ROWS);
    check_row(set, 3, 3);
    check_row(set, ROWS + 2, 2);
    CU_ASSERT_STRING_EQUAL(dataset_name(set), "cifar10");
    CU_ASSERT_STRING_EQUAL(dataset_class_name(set, 9), "truck");
    CU_ASSERT_PTR_NULL(dataset_class_name(set, 10));
    uint64_t hash = dataset_hash(set);
    dataset_close(set);
    set = dataset_open(spec, &err);
    CU_ASSERT(dataset_hash(set) == hash);
    CU_ASSERT(dataset_id(set) >= 1);
    CHECK_INT(dataset_get(set, 2 * ROWS, &(image_t)IMAGE_EMPTY, NULL, &err), -1);
    dataset_close(set);
}

static void test_skip(void)
{
    static uint8_t rows[ROWS * ROW];
    char spec[1024];
    err_t err = ERR_INIT;
    fill_rows(rows);
    const char *list = "# file row\na.bin 1\na.bin 4\nother.bin 0\n";
    snprintf(spec, sizeof(spec), "cifar10:%s,skip=%s", write_file("a.bin", rows, sizeof(rows)),
             write_file("skip.txt", list, strlen(list)));
    dataset_t *set = dataset_open(spec, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(dataset_count(set), ROWS - 2);
    check_row(set, 0, 0);
    check_row(set, 1, 2);
    check_row(set, 3, 5);
    dataset_close(set);
    write_file("skip.txt", "a.bin 99\n", 9);
    CU_ASSERT_PTR_NULL(dataset_open(spec, &err));
    CHECK_ERROR_NAMES(&err, "skip.txt:1");
    write_file("skip.txt", "a.bin 1\nnonsense\n", 17);
    CU_ASSERT_PTR_NULL(dataset_open(spec, &err));
    CHECK_ERROR_NAMES(&err, "skip.txt:2");
}

static void refuse(const char *spec, const char *part)
{
    err_t err = ERR_INIT;
    dataset_t *set = dataset_open(spec, &err);
    CU_ASSERT_PTR_NULL(set);
    CHECK_ERROR_NAMES(&err, part);
    dataset_close(set);
}

static void test_hostile(void)
{
    static uint8_t rows[ROWS * ROW], packed[ROWS * ROW + 1024];
    size_t packed_size = 0;
    char spec[1024];
    fill_rows(rows);
    refuse("cifar10", "no file named");
    refuse("cifar10:/nonexistent.bin", "/nonexistent.bin");
    refuse("/nonexistent-folder", "/nonexistent-folder");
    refuse("fashion-mnist:validation", "train or test");
    refuse("fashion-mnist:test,/nonexistent", "/nonexistent");
    snprintf(spec, sizeof(spec), "cifar10:%s", write_file("short.bin", rows, ROW + 100));
    refuse(spec, "short.bin");
    rows[2 * ROW] = 10;
    snprintf(spec, sizeof(spec), "cifar10:%s", write_file("label.bin", rows, sizeof(rows)));
    refuse(spec, "row 2 has label 10");
    CHECK_INT(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, rows, sizeof(rows), packed,
                                      &packed_size, sizeof(packed)),
              LZMA_OK);
    snprintf(spec, sizeof(spec), "cifar10:%s", write_file("cut.bin.xz", packed, packed_size / 2));
    refuse(spec, "cut.bin.xz: damaged or truncated xz");
    write_file("t10k-images-idx3-ubyte.gz", "\x1f\x8b\x08\x00garbage", 11);
    snprintf(spec, sizeof(spec), "fashion-mnist:test,%s", folder);
    refuse(spec, "t10k-images-idx3-ubyte.gz");
    write_file("t10k-images-idx3-ubyte.gz", "\0\0\x08\x03\0\0\0\x05\0\0\0\x1c\0\0\0\x1c", 16);
    refuse(spec, "its head says");
}

static void test_fashion(void)
{
    err_t err = ERR_INIT;
    dataset_t *set = dataset_open("fashion-mnist", &err);
    if (set == NULL) {
        printf("(skipped: %s) ", err.text);
        return;
    }
    CHECK_INT(dataset_count(set), 10000);
    image_t image = IMAGE_EMPTY;
    int label, border = 0, grey = 0, inside = 0;
    CHECK_INT(dataset_get(set, 0, &image, &label, &err), 0);
    CHECK_INT(label, 9); /* the first test picture is an ankle boot */
    CU_ASSERT_STRING_EQUAL(dataset_class_name(set, label), "ankle boot");
    for (int y = 0; y < 32; y++) {
        for (int x = 0; x < 32; x++) {
            const uint8_t *pixel = image.rgb + (y * 32 + x) * 3;
            bool edge = x < 2 || y < 2 || x >= 30 || y >= 30;
            border += edge && pixel[0] != 0;
            inside += !edge && pixel[0] != 0;
            grey += pixel[0] == pixel[1] && pixel[1] == pixel[2];
        }
    }
    CHECK_INT(border, 0);
    CHECK_INT(grey, 1024);
    CHECK_AT_LEAST(inside, 100);
    image_free(&image);
    dataset_close(set);
}

static void test_files(void)
{
    image_t image = IMAGE_EMPTY;
    char spec[256];
    err_t err = ERR_INIT;
    mkdir(in_folder("photos"), 0700);
    CHECK_INT(image_resize(&image, 3, 2, NULL), 0);
    memset(image.rgb, 0, image_bytes(&image));
    const char *names[] = {"photos/b.png", "photos/a.PNG", "photos/c.png"};
    for (int i = 0; i < 3; i++) {
        image.rgb[0] = (uint8_t)i;
        CHECK_INT(image_save_png(in_folder(names[i]), &image, NULL), 0);
    }
    write_file("photos/notes.md", "x", 1);
    snprintf(spec, sizeof(spec), "%s/photos/", folder);
    dataset_t *set = dataset_open(spec, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(dataset_count(set), 3);
    CU_ASSERT_STRING_EQUAL(dataset_name(set), "photos");
    int label;
    CHECK_INT(dataset_get(set, 0, &image, &label, NULL), 0);
    CHECK_INT(image.rgb[0], 1); /* a.PNG comes first */
    CHECK_INT(label, DATASET_NO_LABEL);
    dataset_close(set);
    const char *list = "# two of them\nphotos/c.png\n\nphotos/a.PNG\n";
    set = dataset_open(write_file("list.txt", list, strlen(list)), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(dataset_count(set), 2);
    CHECK_INT(dataset_get(set, 0, &image, NULL, NULL), 0);
    CHECK_INT(image.rgb[0], 2);
    dataset_close(set);
    set = dataset_open(in_folder("photos/b.png"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(dataset_count(set), 1);
    dataset_close(set);
    refuse(write_file("gone.txt", "photos/missing.png\n", 19), "missing.png");
    mkdir(in_folder("empty"), 0700);
    refuse(in_folder("empty"), "no .png");
    image_free(&image);
}

static const check_test_t tests[] = {
    {"CIFAR-10 rows come back as pictures, plain and packed", test_cifar},
    {"listed rows are left out and the others move up", test_skip},
    {"malformed sets are refused by name", test_hostile},
    {"Fashion-MNIST is 32x32 grey RGB with a black border", test_fashion},
    {"folders, lists, and single files", test_files},
};

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    int failed = check_run("dataset", tests, CHECK_COUNT(tests));
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 || failed;
}
