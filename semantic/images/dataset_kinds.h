/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dataset_kinds: what the openers of dataset.c share; nobody else includes this. */
#ifndef SEMANTIC_IMAGES_DATASET_KINDS_H
#define SEMANTIC_IMAGES_DATASET_KINDS_H

#include "images/dataset.h"

enum { DATASET_SIDE = 32, DATASET_PIXELS = DATASET_SIDE * DATASET_SIDE };
enum { DATASET_BYTES_MAX = 512 << 20 };

struct dataset {
    char name[128];
    const char *const *classes; /* DATASET_CLASSES names, or NULL */
    uint64_t hash;
    size_t count;
    /* Either in memory: */
    uint8_t *pixels; /* [count][32][32][3] */
    uint8_t *labels; /* [count] */
    /* or on disk: */
    char **paths; /* [count] */
};

/* FNV-1a, 64 bits: hash of what came before -> with `size` more bytes. */
#define DATASET_HASH_START 0xcbf29ce484222325ULL
uint64_t dataset_hash_more(uint64_t hash, const void *bytes, size_t size);

/* Room for `count` pictures in memory; pixels and labels are zero. */
int dataset_allocate(dataset_t *set, size_t count, err_t *err);

/* Each fills an empty set from what follows the "cifar10:", "fashion-mnist", "photos:" of a spec. */
int dataset_fill_cifar10(dataset_t *set, const char *files, err_t *err);
int dataset_fill_fashion(dataset_t *set, const char *which, err_t *err);
int dataset_fill_photos(dataset_t *set, const char *paths, err_t *err);
int dataset_fill_files(dataset_t *set, const char *path, err_t *err);

#endif
