/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which opener a spec asks for, and what all data sets have in common. */
#include "images/dataset.h"

#include "images/dataset_kinds.h"

#include <stdlib.h>
#include <string.h>

uint64_t dataset_hash_more(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ byte[i]) * 0x100000001b3ULL;
    }
    return hash;
}

int dataset_allocate(dataset_t *set, size_t count, err_t *err)
{
    set->pixels = calloc(count, DATASET_PIXELS * 3);
    set->labels = calloc(count, 1);
    if (set->pixels == NULL || set->labels == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu pictures", count);
    }
    set->count = count;
    return 0;
}

/* What follows "NAME" and a colon (or nothing) in spec; NULL if spec names something else. */
static const char *after(const char *spec, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(spec, name, length) != 0 || (spec[length] != ':' && spec[length] != '\0')) {
        return NULL;
    }
    return spec[length] == ':' ? spec + length + 1 : spec + length;
}

static int fill(dataset_t *set, const char *spec, err_t *err)
{
    const char *rest = after(spec, "cifar10");
    if (rest != NULL) {
        return dataset_fill_cifar10(set, rest, err);
    }
    rest = after(spec, "fashion-mnist");
    if (rest != NULL) {
        return dataset_fill_fashion(set, rest, err);
    }
    rest = after(spec, "photos");
    if (rest != NULL) {
        return dataset_fill_photos(set, rest, err);
    }
    return dataset_fill_files(set, spec, err);
}

dataset_t *dataset_open(const char *spec, err_t *err)
{
    dataset_t *set = calloc(1, sizeof(*set));
    if (set == NULL) {
        err_set(err, ERR_MEMORY, "no memory for data set %s", spec);
        return NULL;
    }
    set->hash = DATASET_HASH_START;
    if (fill(set, spec, err) < 0) {
        dataset_close(set);
        return NULL;
    }
    return set;
}

void dataset_close(dataset_t *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; set->paths != NULL && i < set->count; i++) {
        free(set->paths[i]);
    }
    free(set->paths);
    free(set->pixels);
    free(set->labels);
    free(set);
}

size_t dataset_count(const dataset_t *set)
{
    return set->count;
}

const char *dataset_name(const dataset_t *set)
{
    return set->name;
}

uint64_t dataset_hash(const dataset_t *set)
{
    return set->hash;
}

uint8_t dataset_id(const dataset_t *set)
{
    return (uint8_t)(1 + set->hash % 255);
}

const char *dataset_class_name(const dataset_t *set, int label)
{
    if (set->classes == NULL || label < 0 || label >= DATASET_CLASSES) {
        return NULL;
    }
    return set->classes[label];
}

int dataset_get(const dataset_t *set, size_t index, image_t *image, int *label, err_t *err)
{
    if (index >= set->count) {
        return err_set(err, ERR_ARGUMENT, "%s: no picture %zu, only 0 .. %zu", set->name, index,
                       set->count - 1);
    }
    if (label != NULL) {
        *label = set->labels != NULL ? set->labels[index] : DATASET_NO_LABEL;
    }
    if (set->paths != NULL) {
        return image_load(set->paths[index], image, err);
    }
    if (image_resize(image, DATASET_SIDE, DATASET_SIDE, err) < 0) {
        return -1;
    }
    memcpy(image->rgb, set->pixels + index * DATASET_PIXELS * 3, DATASET_PIXELS * 3);
    return 0;
}
