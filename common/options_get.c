/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the values of the joined table. */
#include "options_private.h"

#include <assert.h>
#include <limits.h>
#include <math.h>

static const option_entry_t *known(const options_t *options, const char *key)
{
    const option_entry_t *entry = options_entry(options, key, NULL);
    assert(entry != NULL && "an option that no joined table declares");
    return entry;
}

static const char *element(const options_t *options, const char *key, size_t index)
{
    const option_entry_t *entry = known(options, key);
    assert(index < entry->value_count || index == 0);
    return index < entry->value_count ? entry->values[index] : "";
}

const char *options_string(const options_t *options, const char *key)
{
    option_type_t type = known(options, key)->option->type;
    assert(type == OPTION_STRING || type == OPTION_CHOICE);
    (void)type;
    return element(options, key, 0);
}

int64_t options_int(const options_t *options, const char *key)
{
    assert(known(options, key)->option->type == OPTION_INT);
    int64_t value = 0;
    option_read_int(element(options, key, 0), &value);
    return value;
}

double options_real_at(const options_t *options, const char *key, size_t index)
{
    option_type_t type = known(options, key)->option->type;
    assert(type == OPTION_INT || type == OPTION_REAL || type == OPTION_RATIO);
    const char *text = element(options, key, index);
    double value = 0, denominator = 1;
    int64_t integer = 0;
    if (type == OPTION_INT) {
        option_read_int(text, &integer);
        return (double)integer;
    }
    option_read_fraction(text, &value, &denominator);
    return value / denominator;
}

double options_real(const options_t *options, const char *key)
{
    return options_real_at(options, key, 0);
}

double options_ratio(const options_t *options, const char *key)
{
    return options_real_at(options, key, 0);
}

bool options_bool(const options_t *options, const char *key)
{
    assert(known(options, key)->option->type == OPTION_BOOL);
    return option_read_bool(element(options, key, 0)) == 1;
}

int options_choice(const options_t *options, const char *key)
{
    const option_entry_t *entry = known(options, key);
    assert(entry->option->type == OPTION_CHOICE);
    return option_choice_index(entry->option->choices, element(options, key, 0));
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

void options_fraction(const options_t *options, const char *key, int *numerator, int *denominator)
{
    double p = 0, q = 1;
    option_read_fraction(element(options, key, 0), &p, &q);
    p = fmax(fmin(p, INT_MAX), -INT_MAX);
    q = fmin(q, INT_MAX);
    for (int64_t d = 1; d <= 10000 && (q != 1 || p != floor(p)); d++) {
        double n = round(p / q * (double)d);
        if (fabs(n / (double)d - p / q) < 1e-9 || d == 10000) {
            p = n;
            q = (double)d;
            break;
        }
    }
    int64_t divisor = common_divisor((int64_t)p, (int64_t)q);
    *numerator = (int)((int64_t)p / divisor);
    *denominator = (int)((int64_t)q / divisor);
}

const char *options_text(const options_t *options, const char *key)
{
    return known(options, key)->text;
}

size_t options_count(const options_t *options, const char *key)
{
    return known(options, key)->value_count;
}

const char *options_text_at(const options_t *options, const char *key, size_t index)
{
    return element(options, key, index);
}

const char *options_positional(const options_t *options, size_t index)
{
    return index < options->word_count ? options->words[index] : NULL;
}
