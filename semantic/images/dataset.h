/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dataset: a numbered list of pictures, some with class labels.
 *
 *     dataset_t *set = dataset_open("fashion-mnist:test", &err);
 *     image_t picture = IMAGE_EMPTY;
 *     int label;
 *     for (size_t i = 0; i < dataset_count(set); i++)
 *         if (dataset_get(set, i, &picture, &label, &err) < 0) …
 *
 * What can be named:
 *
 *     cifar10:FILE[,FILE…][,skip=LIST]
 *         The official binary files (rows of one label byte and 3072 bytes R, G,
 *         B planes of 32x32), plain or .xz (told from the content).  LIST is a
 *         text file of "FILE ROW" lines (FILE as in the list without folder and
 *         .xz, ROW from 0, # comments): those rows are left out, and the
 *         others move up.
 *     fashion-mnist[:train|test][,FOLDER]
 *         Debian's dataset-fashion-mnist (IDX, gzip), default test, default
 *         folder /usr/share/datasets/fashion-mnist.  28x28 grey pictures become
 *         32x32 RGB by definition: two black pixels on each side, R = G = B.
 *     FOLDER      every PNG and JPEG in it (.png .jpg .jpeg), sorted by name
 *     FILE.txt    a list of picture files, one a line, # comments, relative to
 *                 the list's own folder
 *     FILE        one picture
 *     photos:PATH[,PATH…]
 *         several of the last three kinds as one set
 *
 * Pictures of folders and lists are read when asked for; the others are in
 * memory.  A data set is immutable after opening; dataset_get may be called
 * from any number of threads.
 */
#ifndef SEMANTIC_IMAGES_DATASET_H
#define SEMANTIC_IMAGES_DATASET_H

#include "err.h"
#include "images/image.h"

#include <stddef.h>
#include <stdint.h>

enum { DATASET_CLASSES = 10, DATASET_NO_LABEL = -1 };

typedef struct dataset dataset_t;

/* NULL on failure (no such file, malformed, empty); errors name the file. */
dataset_t *dataset_open(const char *spec, err_t *err);
void dataset_close(dataset_t *set); /* NULL is fine */

size_t dataset_count(const dataset_t *set); /* >= 1 */

/* "cifar10", "fashion-mnist", or the folder's or file's last path component. */
const char *dataset_name(const dataset_t *set);

/*
 * Two ends that opened the same pictures agree on these; the hash is made of
 * the content (CIFAR-10, Fashion-MNIST) or of the names and sizes (files).
 * dataset_id is the hash folded to 1 .. 255, for the frame header.
 */
uint64_t dataset_hash(const dataset_t *set);
uint8_t dataset_id(const dataset_t *set);

/* The name of class 0 .. 9 ("airplane", "T-shirt/top"), or NULL: no labels. */
const char *dataset_class_name(const dataset_t *set, int label);

/*
 * Copies picture `index` (< count, else ERR_ARGUMENT) into `image` (empty or of
 * any earlier size; no allocation when the size is the same and the set is in
 * memory) and its class, or DATASET_NO_LABEL, into `label` (may be NULL).
 */
int dataset_get(const dataset_t *set, size_t index, image_t *image, int *label, err_t *err);

#endif
