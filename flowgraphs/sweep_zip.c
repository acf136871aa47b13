/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which axes go together; and that no point comes twice. */
#include "sweep.h"
#include "sweep_private.h"

#include <stdlib.h>
#include <string.h>

/* The axis that a key of a group means, or -1. */
static int member_find(const sweep_t *sweep, const char *key, err_t *err)
{
    char full[160];
    const option_t *option = sweep_option(sweep, key, strlen(key), err);
    if (option == NULL) {
        return -1;
    }
    snprintf(full, sizeof full, "%s.%s", option->section, option->name);
    int axis = sweep_find(sweep, full);
    if (axis < 0) {
        err_set(err, ERR_ARGUMENT, "%s has no values to go together with others", full);
    }
    return axis;
}

/* Puts an axis under a leader: the one that was written first leads. */
static int join(sweep_t *sweep, size_t leader, size_t axis, err_t *err)
{
    axis_t *a = &sweep->axes[leader], *b = &sweep->axes[axis];
    if (a->count != b->count) {
        return err_set(err, ERR_ARGUMENT, "%s has %zu values, %s has %zu", a->key, a->count, b->key,
                       b->count);
    }
    size_t first = leader < axis ? leader : axis;
    for (size_t i = 0; i < sweep->count; i++) {
        if (sweep->axes[i].leader == leader || i == axis) {
            sweep->axes[i].leader = first;
        }
    }
    return 0;
}

static int group_read(sweep_t *sweep, char *text, bool used[], err_t *err)
{
    char *save = NULL;
    int first = -1;
    for (char *key = strtok_r(text, "+", &save); key != NULL; key = strtok_r(NULL, "+", &save)) {
        int axis = member_find(sweep, key, err);
        if (axis < 0) {
            return -1;
        }
        if (used[axis]) {
            return err_set(err, ERR_ARGUMENT, "%s is named twice", sweep->axes[axis].key);
        }
        used[axis] = true;
        if (first >= 0 && join(sweep, sweep->axes[first].leader, (size_t)axis, err) != 0) {
            return -1;
        }
        first = axis;
    }
    return 0;
}

static int groups_read(sweep_t *sweep, const char *zip, err_t *err)
{
    char *text = strdup(zip), *save = NULL;
    bool *used = calloc(sweep->count + 1, sizeof *used);
    int status = 0;
    if (text == NULL || used == NULL) {
        status = err_set(err, ERR_MEMORY, "no memory for zipped keys");
    }
    for (char *group = status == 0 ? strtok_r(text, ",", &save) : NULL;
         status == 0 && group != NULL; group = strtok_r(NULL, ",", &save)) {
        status = group_read(sweep, group, used, err);
    }
    free(text);
    free(used);
    return status != 0 ? err_prefix(err, "zip=%s", zip) : 0;
}

/* Whether values i and j of a group are the same in all its axes. */
static bool same(const sweep_t *sweep, size_t leader, size_t i, size_t j)
{
    for (size_t a = leader; a < sweep->count; a++) {
        const axis_t *axis = &sweep->axes[a];
        if (axis->leader == leader && strcmp(axis->values[i], axis->values[j]) != 0) {
            return false;
        }
    }
    return true;
}

static int check_twice(const sweep_t *sweep, err_t *err)
{
    for (size_t a = 0; a < sweep->count; a++) {
        const axis_t *axis = &sweep->axes[a];
        for (size_t i = 0; axis->leader == a && i < axis->count; i++) {
            for (size_t j = 0; j < i; j++) {
                if (same(sweep, a, i, j)) {
                    err_set(err, ERR_ARGUMENT, "%s lists %s twice", axis->key, axis->values[i]);
                    return err_prefix(err, "%s", axis->origin);
                }
            }
        }
    }
    return 0;
}

int sweep_settle(sweep_t *sweep, const char *zip, err_t *err)
{
    for (size_t i = 0; i < sweep->count; i++) {
        sweep->axes[i].leader = i;
    }
    return groups_read(sweep, zip, err) != 0 ? -1 : check_twice(sweep, err);
}
