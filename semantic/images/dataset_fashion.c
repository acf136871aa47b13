/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf, 2017) as Debian's
 * dataset-fashion-mnist ships it: IDX files under gzip.  An IDX file is a
 * big-endian magic (0x0800 | type << 8 | rank), the dimensions, and the bytes.
 */
#include "images/dataset_kinds.h"
#include "images/unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FASHION_FOLDER "/usr/share/datasets/fashion-mnist"

enum { SIDE = 28, BORDER = (DATASET_SIDE - SIDE) / 2 };
enum { MAGIC_IMAGES = 0x803, MAGIC_LABELS = 0x801, HEAD_IMAGES = 16, HEAD_LABELS = 8 };

static const char *const class_names[DATASET_CLASSES] = {
    "T-shirt/top", "trouser", "pullover", "dress", "coat",
    "sandal",      "shirt",   "sneaker",  "bag",   "ankle boot"};

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int check_head(const uint8_t *data, size_t size, uint32_t magic, size_t head,
                      size_t item_bytes, const char *path, err_t *err)
{
    if (size < head || big_endian(data) != magic ||
        (magic == MAGIC_IMAGES &&
         (big_endian(data + 8) != SIDE || big_endian(data + 12) != SIDE))) {
        return err_set(err, ERR_FORMAT, "%s: not the IDX file of Fashion-MNIST %s", path,
                       magic == MAGIC_IMAGES ? "pictures (28x28)" : "labels");
    }
    uint64_t expected = (uint64_t)big_endian(data + 4) * item_bytes + head;
    if (expected != size || expected == head) {
        return err_set(err, ERR_FORMAT, "%s: %zu bytes, but its head says %llu", path, size,
                       (unsigned long long)expected);
    }
    return 0;
}

static int read_idx(const char *path, uint32_t magic, uint8_t **data, size_t *size, err_t *err)
{
    if (unpack_file(path, DATASET_BYTES_MAX, data, size, err) < 0) {
        return err_prefix(err, "Fashion-MNIST (package dataset-fashion-mnist)");
    }
    if (magic == MAGIC_IMAGES) {
        return check_head(*data, *size, magic, HEAD_IMAGES, SIDE * SIDE, path, err);
    }
    return check_head(*data, *size, magic, HEAD_LABELS, 1, path, err);
}

static void widen(uint8_t *out, const uint8_t *grey)
{
    for (size_t y = 0; y < SIDE; y++) {
        for (size_t x = 0; x < SIDE; x++) {
            memset(out + ((y + BORDER) * DATASET_SIDE + x + BORDER) * 3, grey[y * SIDE + x], 3);
        }
    }
}

static int convert(dataset_t *set, const uint8_t *pictures, size_t pictures_size,
                   const uint8_t *labels, size_t labels_size, const char *path, err_t *err)
{
    size_t count = (pictures_size - HEAD_IMAGES) / (SIDE * SIDE);
    if (labels_size - HEAD_LABELS != count) {
        return err_set(err, ERR_FORMAT, "%s: %zu labels for %zu pictures", path,
                       labels_size - HEAD_LABELS, count);
    }
    if (dataset_allocate(set, count, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (labels[HEAD_LABELS + i] >= DATASET_CLASSES) {
            return err_set(err, ERR_FORMAT, "%s: label %d, not 0 .. 9", path,
                           labels[HEAD_LABELS + i]);
        }
        set->labels[i] = labels[HEAD_LABELS + i];
        widen(set->pixels + i * DATASET_PIXELS * 3, pictures + HEAD_IMAGES + i * SIDE * SIDE);
    }
    set->hash = dataset_hash_more(set->hash, pictures, pictures_size);
    return 0;
}

int dataset_fill_fashion(dataset_t *set, const char *which, err_t *err)
{
    char word[16] = "test", folder[1024] = FASHION_FOLDER, path[2][1100];
    size_t length = strcspn(which, ",");
    if (length > 0 && length < sizeof(word)) {
        memcpy(word, which, length);
        word[length] = '\0';
    }
    if (length >= sizeof(word) || (strcmp(word, "train") != 0 && strcmp(word, "test") != 0)) {
        return err_set(err, ERR_ARGUMENT, "fashion-mnist:%s: say train or test", which);
    }
    if (which[length] == ',') {
        snprintf(folder, sizeof(folder), "%s", which + length + 1);
    }
    const char *split = strcmp(word, "test") == 0 ? "t10k" : "train";
    snprintf(path[0], sizeof(path[0]), "%s/%s-images-idx3-ubyte.gz", folder, split);
    snprintf(path[1], sizeof(path[1]), "%s/%s-labels-idx1-ubyte.gz", folder, split);
    uint8_t *pictures = NULL, *labels = NULL;
    size_t pictures_size = 0, labels_size = 0;
    int status = read_idx(path[0], MAGIC_IMAGES, &pictures, &pictures_size, err);
    if (status == 0) {
        status = read_idx(path[1], MAGIC_LABELS, &labels, &labels_size, err);
    }
    if (status == 0) {
        status = convert(set, pictures, pictures_size, labels, labels_size, path[1], err);
    }
    snprintf(set->name, sizeof(set->name), "fashion-mnist");
    set->classes = class_names;
    free(pictures);
    free(labels);
    return status;
}
