/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Axes are an array in the order of writing; each holds its values as owned
 * strings.  A point's number is read as digits in a mixed base, the last axis
 * being the lowest digit; zipped axes share the digit of the first of them.
 */
#include "sweep.h"

#include "sweep_private.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 160 };

static void axis_clear(axis_t *axis)
{
    option_values_free(axis->values, axis->count);
    free(axis->key);
    free(axis->origin);
    memset(axis, 0, sizeof *axis);
}

sweep_t *sweep_create(options_t *options, const char *home, const char *const whole[])
{
    sweep_t *sweep = calloc(1, sizeof *sweep);
    if (sweep != NULL) {
        sweep->options = options;
        sweep->home = home;
        sweep->whole = whole;
    }
    return sweep;
}

void sweep_destroy(sweep_t *sweep)
{
    if (sweep == NULL) {
        return;
    }
    for (size_t i = 0; i < sweep->count; i++) {
        axis_clear(&sweep->axes[i]);
    }
    free(sweep->axes);
    free(sweep);
}

const char *sweep_spell(const options_t *options, const char *key, char text[SWEEP_SPELLING_SIZE])
{
    const option_t *option = options_find(options, key, NULL);
    assert(option != NULL);
    int numerator, denominator;
    switch (option->type) {
    case OPTION_INT:
        snprintf(text, SWEEP_SPELLING_SIZE, "%lld", (long long)options_int(options, key));
        return text;
    case OPTION_REAL:
        snprintf(text, SWEEP_SPELLING_SIZE, "%.12g", options_real(options, key) + 0.0);
        return text;
    case OPTION_BOOL:
        return options_bool(options, key) ? "yes" : "no";
    case OPTION_RATIO:
        options_fraction(options, key, &numerator, &denominator);
        snprintf(text, SWEEP_SPELLING_SIZE, "%d/%d", numerator, denominator);
        return text;
    case OPTION_STRING:
    case OPTION_CHOICE:
        break;
    }
    return options_text(options, key);
}

/* Checks each value against the option and brings it into its one spelling. */
static int axis_respell(options_t *options, axis_t *axis, err_t *err)
{
    for (size_t i = 0; i < axis->count; i++) {
        if (options_set(options, axis->key, axis->values[i], err) != 0) {
            return -1;
        }
        char room[SWEEP_SPELLING_SIZE];
        char *copy = strdup(sweep_spell(options, axis->key, room));
        if (copy == NULL) {
            return err_set(err, ERR_MEMORY, "no memory for %s", axis->key);
        }
        free(axis->values[i]);
        axis->values[i] = copy;
    }
    return 0;
}

static int is_whole(const sweep_t *sweep, const char *key)
{
    for (const char *const *name = sweep->whole; name != NULL && *name != NULL; name++) {
        if (strcmp(*name, key) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The values of an axis: one text as it is, or the list and ranges in it. */
static int axis_expand(const sweep_t *sweep, const option_t *option, axis_t *axis, const char *text,
                       err_t *err)
{
    if (!is_whole(sweep, axis->key)) {
        return option_expand(option, text, &axis->values, &axis->count, err);
    }
    axis->values = calloc(1, sizeof *axis->values);
    if (axis->values == NULL || (axis->values[0] = strdup(text)) == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %s", axis->key);
    }
    axis->count = 1;
    return 0;
}

const option_t *sweep_option(const sweep_t *sweep, const char *key, size_t length, err_t *err)
{
    char full[KEY_SIZE];
    if (length >= sizeof full / 2) {
        err_set(err, ERR_FORMAT, "\"%.40s...\" is no key", key);
        return NULL;
    }
    snprintf(full, sizeof full, "%s.%.*s", sweep->home, (int)length, key);
    const option_t *option = options_find(sweep->options, full, NULL);
    return option != NULL ? option
                          : options_find(sweep->options, full + strlen(sweep->home) + 1, err);
}

static int axis_read(const sweep_t *sweep, axis_t *axis, const char *word, err_t *err)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL || equals == word) {
        return err_set(err, ERR_FORMAT, "\"%s\" is not key=value", word);
    }
    const option_t *option = sweep_option(sweep, word, (size_t)(equals - word), err);
    if (option == NULL) {
        return -1;
    }
    if (asprintf(&axis->key, "%s.%s", option->section, option->name) < 0) {
        axis->key = NULL;
        return err_set(err, ERR_MEMORY, "no memory for \"%s\"", word);
    }
    if (equals[1] == '\0') {
        return err_set(err, ERR_FORMAT, "%s= has no value", axis->key);
    }
    if (axis_expand(sweep, option, axis, equals + 1, err) != 0) {
        return -1;
    }
    return axis_respell(sweep->options, axis, err);
}

/* Stores the finished axis: in place of an earlier layer's, or at the end. */
static int axis_store(sweep_t *sweep, axis_t *axis, err_t *err)
{
    int old = sweep_find(sweep, axis->key);
    if (old >= 0) {
        axis_t *place = &sweep->axes[old];
        if (place->layer == sweep->layer) {
            return err_set(err, ERR_ARGUMENT, "%s is given twice (first: %s)", axis->key,
                           place->origin);
        }
        axis_clear(place);
        axis->leader = (size_t)old;
        *place = *axis;
        return 0;
    }
    axis_t *axes = realloc(sweep->axes, (sweep->count + 1) * sizeof *axes);
    if (axes == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %s", axis->key);
    }
    sweep->axes = axes;
    axis->leader = sweep->count;
    axes[sweep->count++] = *axis;
    return 0;
}

int sweep_add(sweep_t *sweep, const char *word, const char *origin, err_t *err)
{
    axis_t axis = {.layer = sweep->layer, .origin = strdup(origin)};
    if (axis.origin == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for \"%s\"", word);
    }
    if (axis_read(sweep, &axis, word, err) != 0 || axis_store(sweep, &axis, err) != 0) {
        axis_clear(&axis);
        return err_prefix(err, "%s", origin);
    }
    return 0;
}

void sweep_next_layer(sweep_t *sweep)
{
    sweep->layer++;
}

size_t sweep_axes(const sweep_t *sweep)
{
    return sweep->count;
}

sweep_axis_t sweep_axis(const sweep_t *sweep, size_t index)
{
    assert(index < sweep->count);
    const axis_t *axis = &sweep->axes[index];
    return (sweep_axis_t){axis->key, (const char *const *)axis->values, axis->count, axis->origin};
}

int sweep_find(const sweep_t *sweep, const char *key)
{
    for (size_t i = 0; i < sweep->count; i++) {
        if (strcmp(sweep->axes[i].key, key) == 0) {
            return (int)i;
        }
    }
    return -1;
}

size_t sweep_points(const sweep_t *sweep)
{
    size_t points = 1;
    for (size_t i = 0; i < sweep->count; i++) {
        if (sweep->axes[i].leader != i) {
            continue;
        }
        if (sweep->axes[i].count > SWEEP_MOST_POINTS / points) {
            return 0;
        }
        points *= sweep->axes[i].count;
    }
    return points;
}

const char *sweep_value(const sweep_t *sweep, size_t point, size_t axis)
{
    assert(axis < sweep->count);
    const axis_t *a = &sweep->axes[axis];
    for (size_t i = sweep->count; i-- > a->leader + 1;) {
        point /= sweep->axes[i].leader == i ? sweep->axes[i].count : 1;
    }
    return a->values[point % a->count];
}
