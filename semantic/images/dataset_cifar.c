/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CIFAR-10, "binary version" (A. Krizhevsky, 2009): rows of a label byte and
 * three 32x32 planes.  Some copies have rows that are not the original pixels;
 * a list of "FILE ROW" lines leaves them out.
 */
#include "file.h"
#include "images/dataset_kinds.h"
#include "images/unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_BYTES = 1 + 3 * DATASET_PIXELS, SKIP_LIST_BYTES_MAX = 1 << 20, FILES_MAX = 64 };

static const char *const class_names[DATASET_CLASSES] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

typedef struct {
    char *words[FILES_MAX]; /* into text */
    int files;
    const char *skip_path; /* or NULL */
    char *text;
} request_t;

typedef struct {
    uint8_t *rows; /* of all files, one after another, those to skip taken out */
    size_t count;
    char *skip; /* text of the list, or NULL */
} gathered_t;

static int parse_request(request_t *request, const char *files, err_t *err)
{
    char *save = NULL;
    request->text = strdup(files);
    if (request->text == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for \"%s\"", files);
    }
    for (char *word = strtok_r(request->text, ",", &save); word != NULL;
         word = strtok_r(NULL, ",", &save)) {
        if (strncmp(word, "skip=", 5) == 0) {
            request->skip_path = word + 5;
        } else if (request->files == FILES_MAX) {
            return err_set(err, ERR_ARGUMENT, "cifar10: more than %d files", FILES_MAX);
        } else {
            request->words[request->files++] = word;
        }
    }
    if (request->files == 0) {
        return err_set(err, ERR_ARGUMENT,
                       "cifar10: no file named; write "
                       "cifar10:FILE[,FILE...][,skip=LIST]");
    }
    return 0;
}

/* "…/data_batch_1.bin.xz" is called data_batch_1.bin in a skip list. */
static void list_name(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%s", slash != NULL ? slash + 1 : path);
    size_t length = strlen(out);
    if (length > 3 && strcmp(out + length - 3, ".xz") == 0) {
        out[length - 3] = '\0';
    }
}

/* Marks this file's rows of the list in drop[rows]. */
static int mark_skipped(const request_t *request, const char *skip, const char *path, uint8_t *drop,
                        size_t rows, err_t *err)
{
    char name[256], entry[256];
    list_name(path, name, sizeof(name));
    int line = 1;
    for (const char *at = skip; *at != '\0'; line++) {
        size_t length = strcspn(at, "\n");
        unsigned long row = 0;
        int read = *at == '#' ? 0 : sscanf(at, "%255s %lu", entry, &row);
        if (length > 0 && *at != '#' && read != 2) {
            return err_set(err, ERR_FORMAT, "%s:%d: not \"FILE ROW\"", request->skip_path, line);
        }
        if (read == 2 && strcmp(entry, name) == 0) {
            if (row >= rows) {
                return err_set(err, ERR_FORMAT, "%s:%d: row %lu, but %s has %zu rows",
                               request->skip_path, line, row, path, rows);
            }
            drop[row] = 1;
        }
        at += length + (at[length] == '\n');
    }
    return 0;
}

static int append_rows(gathered_t *all, const uint8_t *data, size_t rows, const uint8_t *drop,
                       const char *path, err_t *err)
{
    uint8_t *grown = realloc(all->rows, (all->count + rows) * ROW_BYTES);
    if (grown == NULL) {
        return err_set(err, ERR_MEMORY, "%s: no memory for %zu rows", path, rows);
    }
    all->rows = grown;
    for (size_t i = 0; i < rows; i++) {
        const uint8_t *row = data + i * ROW_BYTES;
        if (row[0] >= DATASET_CLASSES) {
            return err_set(err, ERR_FORMAT, "%s: row %zu has label %d, not 0 .. 9", path, i,
                           row[0]);
        }
        if (!drop[i]) {
            memcpy(all->rows + all->count++ * ROW_BYTES, row, ROW_BYTES);
        }
    }
    return 0;
}

static int gather_file(gathered_t *all, const request_t *request, const char *path, err_t *err)
{
    uint8_t *data = NULL;
    size_t size = 0;
    if (unpack_file(path, DATASET_BYTES_MAX, &data, &size, err) < 0) {
        return -1;
    }
    size_t rows = size / ROW_BYTES;
    uint8_t *drop = calloc(rows + 1, 1);
    int status;
    if (drop == NULL) {
        status = err_set(err, ERR_MEMORY, "%s: no memory", path);
    } else if (rows == 0 || size % ROW_BYTES != 0) {
        status = err_set(err, ERR_FORMAT, "%s: %zu bytes are not rows of %d (CIFAR-10 binary)",
                         path, size, ROW_BYTES);
    } else {
        status = all->skip == NULL ? 0 : mark_skipped(request, all->skip, path, drop, rows, err);
    }
    if (status == 0) {
        status = append_rows(all, data, rows, drop, path, err);
    }
    free(drop);
    free(data);
    return status;
}

static int gather(gathered_t *all, const request_t *request, err_t *err)
{
    size_t size = 0;
    if (request->skip_path != NULL && file_read_all(request->skip_path, SKIP_LIST_BYTES_MAX,
                                                    (uint8_t **)&all->skip, &size, err) < 0) {
        return -1;
    }
    for (int i = 0; i < request->files; i++) {
        if (gather_file(all, request, request->words[i], err) < 0) {
            return -1;
        }
    }
    if (all->count == 0) {
        return err_set(err, ERR_FORMAT, "cifar10: every row is in %s", request->skip_path);
    }
    return 0;
}

static int interleave(dataset_t *set, const gathered_t *all, err_t *err)
{
    if (dataset_allocate(set, all->count, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < set->count; i++) {
        const uint8_t *row = all->rows + i * ROW_BYTES;
        uint8_t *out = set->pixels + i * DATASET_PIXELS * 3;
        set->labels[i] = row[0];
        for (size_t p = 0; p < DATASET_PIXELS; p++) {
            for (size_t c = 0; c < 3; c++) {
                out[3 * p + c] = row[1 + c * DATASET_PIXELS + p];
            }
        }
    }
    set->hash = dataset_hash_more(set->hash, all->rows, all->count * ROW_BYTES);
    return 0;
}

int dataset_fill_cifar10(dataset_t *set, const char *files, err_t *err)
{
    request_t request = {0};
    gathered_t all = {0};
    int status = parse_request(&request, files, err);
    if (status == 0) {
        status = gather(&all, &request, err);
    }
    if (status == 0) {
        status = interleave(set, &all, err);
    }
    snprintf(set->name, sizeof(set->name), "cifar10");
    set->classes = class_names;
    free(all.rows);
    free(all.skip);
    free(request.text);
    return status;
}
