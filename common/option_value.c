/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One option's value: reading, checking, and spreading a sweep into its values. */
#include "options_private.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 100000, VALUE_LENGTH = 4096 };

int option_read_int(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    bool hexadecimal = strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0;
    long long number = strtoll(text, &end, hexadecimal ? 16 : 10);
    if (end == text || *end != 0 || errno != 0 || isspace((unsigned char)*text)) {
        return -1;
    }
    *value = number;
    return 0;
}

int option_read_real(const char *text, double *value)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || isspace((unsigned char)*text)) {
        return -1;
    }
    static const char suffixes[] = "kMG";
    const char *suffix = *end != 0 ? strchr(suffixes, *end) : NULL;
    if (suffix != NULL) {
        number *= pow(1000.0, (double)(suffix - suffixes + 1));
        end++;
    }
    if (*end != 0 || !isfinite(number)) {
        return -1;
    }
    *value = number;
    return 0;
}

int option_read_fraction(const char *text, double *numerator, double *denominator)
{
    const char *slash = strchr(text, '/');
    *denominator = 1.0;
    if (slash == NULL) {
        return option_read_real(text, numerator);
    }
    char top[32];
    size_t length = (size_t)(slash - text);
    if (length >= sizeof top) {
        return -1;
    }
    memcpy(top, text, length);
    top[length] = 0;
    int64_t p, q;
    if (option_read_int(top, &p) != 0 || option_read_int(slash + 1, &q) != 0 || q <= 0) {
        return -1;
    }
    *numerator = (double)p;
    *denominator = (double)q;
    return 0;
}

int option_choice_index(const char *choices, const char *word)
{
    size_t length = strlen(word);
    int index = 0;
    for (const char *at = choices; at != NULL; index++) {
        const char *bar = strchr(at, '|');
        size_t here = bar != NULL ? (size_t)(bar - at) : strlen(at);
        if (here == length && length > 0 && memcmp(at, word, length) == 0) {
            return index;
        }
        at = bar != NULL ? bar + 1 : NULL;
    }
    return -1;
}

int option_read_bool(const char *text)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (int i = 0; i < 8; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return i % 2;
        }
    }
    return -1;
}

static bool has_limits(const option_t *option)
{
    return option->min < option->max || (option->min == option->max && option->min != 0);
}

void option_describe(const option_t *option, char *text, size_t size)
{
    static const char *const types[] = {"text",     "integer", "number",
                                        "true or false", "one of", "ratio like 1/6"};
    int used = snprintf(text, size, "%s", types[option->type]);
    if (option->type == OPTION_CHOICE) {
        snprintf(text + used, size - (size_t)used, " %s", option->choices);
        return;
    }
    if (option->unit != NULL) {
        used += snprintf(text + used, size - (size_t)used, " in %s", option->unit);
    }
    bool number = option->type == OPTION_INT || option->type == OPTION_REAL ||
                  option->type == OPTION_RATIO;
    if (number && has_limits(option)) {
        snprintf(text + used, size - (size_t)used, " from %.10g to %.10g", option->min, option->max);
    }
}

const char *option_fallback(const option_t *option)
{
    static const char *const nothing[] = {"", "0", "0", "false", "", "0"};
    return option->fallback != NULL ? option->fallback : nothing[option->type];
}

static bool is_valid(const option_t *option, const char *text)
{
    int64_t integer;
    double real = 0, denominator = 1;
    switch (option->type) {
    case OPTION_STRING:
        return strpbrk(text, "\n\r") == NULL;
    case OPTION_BOOL:
        return option_read_bool(text) >= 0;
    case OPTION_CHOICE:
        return option_choice_index(option->choices, text) >= 0;
    case OPTION_INT:
        if (option_read_int(text, &integer) != 0) {
            return false;
        }
        real = (double)integer;
        break;
    case OPTION_REAL:
        if (option_read_real(text, &real) != 0) {
            return false;
        }
        break;
    case OPTION_RATIO:
        if (option_read_fraction(text, &real, &denominator) != 0) {
            return false;
        }
        real /= denominator;
        break;
    }
    return !has_limits(option) || (real >= option->min && real <= option->max);
}

int option_check(const option_t *option, const char *text, err_t *err)
{
    if (strlen(text) < VALUE_LENGTH && is_valid(option, text)) {
        return 0;
    }
    char wanted[256];
    option_describe(option, wanted, sizeof wanted);
    return err_set(err, ERR_ARGUMENT, "%s.%s takes %s, not \"%.80s\"", option->section,
                   option->name, wanted, text);
}

/* ---- sweeps ---- */

typedef struct {
    const option_t *option;
    char **values;
    size_t count, room;
} bag_t;

static int bag_add(bag_t *bag, const char *text, err_t *err)
{
    if (option_check(bag->option, text, err) != 0) {
        return -1;
    }
    if (bag->count == MOST_VALUES) {
        return err_set(err, ERR_ARGUMENT, "%s.%s: more than %d values", bag->option->section,
                       bag->option->name, MOST_VALUES);
    }
    if (bag->count == bag->room) {
        size_t room = bag->room == 0 ? 8 : 2 * bag->room;
        char **more = realloc(bag->values, room * sizeof *more);
        if (more == NULL) {
            return err_set(err, ERR_MEMORY, "no memory for a list of values");
        }
        bag->values = more;
        bag->room = room;
    }
    bag->values[bag->count] = strdup(text);
    if (bag->values[bag->count] == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a list of values");
    }
    bag->count++;
    return 0;
}

/* "0:5:25" as first, step, last.  False when it is not that. */
static bool read_range(const char *text, double *first, double *step, double *last)
{
    char copy[128], *parts[4];
    if (strlen(text) >= sizeof copy) {
        return false;
    }
    strcpy(copy, text);
    int count = 0;
    for (char *at = copy; at != NULL && count < 4;) {
        parts[count++] = strsep(&at, ":");
    }
    return count == 3 && option_read_real(parts[0], first) == 0 &&
           option_read_real(parts[1], step) == 0 && option_read_real(parts[2], last) == 0;
}

static int bag_add_range(bag_t *bag, const char *text, err_t *err)
{
    double first, step, last;
    if (!read_range(text, &first, &step, &last)) {
        return bag_add(bag, text, err); /* for its message */
    }
    double steps = step == 0 ? -1.0 : floor((last - first) / step + 1e-9);
    if (!(steps >= 0 && steps < MOST_VALUES)) {
        return err_set(err, ERR_ARGUMENT,
                       "%s.%s: \"%s\" (first:step:last) has no end or too many values",
                       bag->option->section, bag->option->name, text);
    }
    for (double i = 0; i <= steps; i++) {
        char value[40];
        double x = first + i * step;
        /* 0.1 + 0.2 is 0.3 here; and no "-0". */
        snprintf(value, sizeof value, "%.12g", fabs(x) < 1e-12 * fabs(step) ? 0.0 : x);
        if (bag_add(bag, value, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int option_expand(const option_t *option, const char *text, char ***values, size_t *count,
                  err_t *err)
{
    bag_t bag = {.option = option};
    bool number = option->type == OPTION_INT || option->type == OPTION_REAL ||
                  option->type == OPTION_RATIO;
    char *copy = strdup(text);
    int code = copy != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for a list of values");
    char *at = copy != NULL && *copy != 0 ? copy : NULL;
    while (code == 0 && at != NULL) {
        char *element = strsep(&at, ",");
        code = number && strchr(element, ':') != NULL ? bag_add_range(&bag, element, err)
                                                      : bag_add(&bag, element, err);
    }
    free(copy);
    if (code != 0) {
        option_values_free(bag.values, bag.count);
        return -1;
    }
    *values = bag.values;
    *count = bag.count;
    return 0;
}

void option_values_free(char **values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(values[i]);
    }
    free(values);
}
