/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "place.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *folder, *source;
} places[] = {{"models", "semantic/models"},
              {"recipes", "semantic/recipes"},
              {"campaigns", "flowgraphs/campaigns"},
              {"live", "rx/live/page"}};

static const char *in_sources(const char *folder)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strcmp(folder, places[i].folder) == 0) {
            return places[i].source;
        }
    }
    assert(!"a folder that place.h does not have");
    return folder;
}

/* PREFIX/share/semradio of PREFIX/bin/PROGRAM; false: there is no such folder. */
static int beside_program(char *path, size_t size)
{
    char program[PATH_MAX - 64];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) {
        return 0;
    }
    program[length] = 0;
    for (int up = 0; up < 2; up++) { /* the program's name, then bin */
        char *slash = strrchr(program, '/');
        if (slash == NULL) {
            return 0;
        }
        *slash = 0;
    }
    snprintf(path, size, "%s/share/semradio", program);
    return access(path, X_OK) == 0;
}

const char *place_path(char *path, size_t size, const char *folder, const char *name)
{
    const char *source = in_sources(folder), *named = getenv("SEMRADIO_DATA");
    const char *slash = *name != 0 ? "/" : "";
    char data[PATH_MAX];
    if (named != NULL && *named != 0) {
        snprintf(path, size, "%s/%s%s%s", named, folder, slash, name);
    } else if (beside_program(data, sizeof data)) {
        snprintf(path, size, "%s/%s%s%s", data, folder, slash, name);
    } else {
        snprintf(path, size, SEMRADIO_ROOT "/%s%s%s", source, slash, name);
    }
    return path;
}
