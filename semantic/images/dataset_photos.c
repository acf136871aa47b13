/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several folders, lists, or files as one data set, in the order named. */
#include "images/dataset_kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the paths of `part` over, and its hash into the set's. */
static int append(dataset_t *set, dataset_t *part, err_t *err)
{
    size_t count = set->count + part->count;
    char **grown = realloc(set->paths, count * sizeof(*grown));
    if (grown == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu photos", count);
    }
    set->paths = grown;
    memcpy(set->paths + set->count, part->paths, part->count * sizeof(*grown));
    set->count = count;
    part->count = 0; /* its strings are the set's now */
    set->hash = dataset_hash_more(set->hash, &part->hash, sizeof(part->hash));
    return 0;
}

static int add_part(dataset_t *set, const char *path, err_t *err)
{
    dataset_t *part = calloc(1, sizeof(*part));
    if (part == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for photos of %s", path);
    }
    part->hash = DATASET_HASH_START;
    int status = dataset_fill_files(part, path, err);
    status = status == 0 ? append(set, part, err) : status;
    dataset_close(part);
    return status;
}

int dataset_fill_photos(dataset_t *set, const char *paths, err_t *err)
{
    char *list = strdup(paths), *save = NULL;
    if (list == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for photos of %s", paths);
    }
    int status = 0;
    for (char *path = strtok_r(list, ",", &save); path != NULL && status == 0;
         path = strtok_r(NULL, ",", &save)) {
        status = add_part(set, path, err);
    }
    free(list);
    if (status == 0 && set->count == 0) {
        return err_set(err, ERR_ARGUMENT, "photos: names no folder (say photos:FOLDER,FOLDER…)");
    }
    snprintf(set->name, sizeof(set->name), "photos");
    return status;
}
