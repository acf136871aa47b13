/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder, a list, or a single file as a data set without labels. */
#include "file.h"
#include "images/dataset_kinds.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { LIST_BYTES_MAX = 16 << 20, FILES_MAX = 1 << 20 };

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length > end_length && strcasecmp(text + length - end_length, end) == 0;
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Adds FOLDER/NAME (or NAME when folder is "" or name absolute) to the set. */
static int add_path(dataset_t *set, const char *folder, const char *name, err_t *err)
{
    char path[4096];
    int written = name[0] == '/' || folder[0] == '\0'
                      ? snprintf(path, sizeof(path), "%s", name)
                      : snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (written >= (int)sizeof(path)) {
        return err_set(err, ERR_ARGUMENT, "%s: the path is too long", folder);
    }
    if ((set->count & (set->count + 1)) == 0) { /* room is count + 1 at 0, 1, 3, 7 … */
        char **grown = realloc(set->paths, (2 * set->count + 1) * sizeof(*grown));
        if (grown == NULL) {
            return err_set(err, ERR_MEMORY, "%s: no memory for %zu files", folder, set->count);
        }
        set->paths = grown;
    }
    set->paths[set->count] = strdup(path);
    if (set->paths[set->count] == NULL || set->count == FILES_MAX) {
        free(set->paths[set->count]);
        return err_set(err, ERR_MEMORY, "%s: no room for %zu files", folder, set->count);
    }
    set->count++;
    return 0;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int fill_folder(dataset_t *set, const char *path, err_t *err)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return err_set_errno(err, errno, "%s", path);
    }
    int status = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL && status == 0;
         entry = readdir(folder)) {
        const char *name = entry->d_name;
        if (name[0] != '.' &&
            (ends_with(name, ".png") || ends_with(name, ".jpg") || ends_with(name, ".jpeg"))) {
            status = add_path(set, path, name, err);
        }
    }
    closedir(folder);
    if (status == 0 && set->count == 0) {
        return err_set(err, ERR_ARGUMENT, "%s: no .png, .jpg, or .jpeg in this folder", path);
    }
    if (status == 0) {
        qsort(set->paths, set->count, sizeof(*set->paths), compare_paths);
    }
    return status;
}

static int fill_list(dataset_t *set, const char *path, err_t *err)
{
    uint8_t *text = NULL;
    size_t size = 0;
    if (file_read_all(path, LIST_BYTES_MAX, &text, &size, err) < 0) {
        return -1;
    }
    char folder[4096] = "", *save = NULL;
    size_t folder_length = (size_t)(last_component(path) - path);
    if (folder_length > 0 && folder_length < sizeof(folder)) {
        memcpy(folder, path, folder_length == 1 ? 1 : folder_length - 1);
    }
    int status = 0;
    for (char *line = strtok_r((char *)text, "\r\n", &save); line != NULL && status == 0;
         line = strtok_r(NULL, "\r\n", &save)) {
        line += strspn(line, " \t");
        if (*line != '#' && *line != '\0') {
            status = add_path(set, folder, line, err);
        }
    }
    free(text);
    if (status == 0 && set->count == 0) {
        return err_set(err, ERR_FORMAT, "%s: no file is listed in it", path);
    }
    return status;
}

/* Every file must be there now: a missing one shows at the start, not in the night. */
static int hash_files(dataset_t *set, err_t *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct stat status;
        const char *name = last_component(set->paths[i]);
        if (stat(set->paths[i], &status) < 0) {
            return err_set_errno(err, errno, "%s", set->paths[i]);
        }
        int64_t size = status.st_size;
        set->hash = dataset_hash_more(set->hash, name, strlen(name) + 1);
        set->hash = dataset_hash_more(set->hash, &size, sizeof(size));
    }
    return 0;
}

int dataset_fill_files(dataset_t *set, const char *path, err_t *err)
{
    struct stat info;
    char trimmed[4096];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    snprintf(trimmed, sizeof(trimmed), "%.*s", (int)length, path);
    if (length == 0 || stat(trimmed, &info) < 0) {
        return err_set_errno(err, length == 0 ? ENOENT : errno,
                             "data set \"%s\" (know cifar10:FILE, fashion-mnist, or a path)", path);
    }
    snprintf(set->name, sizeof(set->name), "%.127s", last_component(trimmed));
    int status;
    if (S_ISDIR(info.st_mode)) {
        status = fill_folder(set, trimmed, err);
    } else if (ends_with(trimmed, ".txt")) {
        status = fill_list(set, trimmed, err);
    } else {
        status = add_path(set, "", trimmed, err);
    }
    return status < 0 ? -1 : hash_files(set, err);
}
