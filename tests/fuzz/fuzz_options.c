/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an INI file: an error or valid values, nothing else. */
#include "options.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const option_t table[] = {
    {.section = "a", .name = "real", .type = OPTION_REAL, .min = -5, .max = 5,
     .flags = OPTION_LIST, .help = ""},
    {.section = "a", .name = "int", .type = OPTION_INT, .min = -5, .max = 5, .help = ""},
    {.section = "b", .name = "word", .type = OPTION_STRING, .help = ""},
    {.section = "b", .name = "choice", .type = OPTION_CHOICE, .choices = "x|y|zebra", .help = ""},
    {.section = "b", .name = "flag", .type = OPTION_BOOL, .help = ""},
    {.section = "b", .name = "ratio", .type = OPTION_RATIO, .fallback = "1/6", .min = 0.01,
     .max = 1, .help = ""},
    {0}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const option_t *const tables[] = {table, NULL};
    options_t *options = options_create("fuzz", "", tables, NULL);
    err_t err = ERR_INIT;
    options_load_text(options, "fuzz.ini", (const char *)data, size, &err);
    for (size_t i = 0; i < options_count(options, "a.real"); i++) {
        double real = options_real_at(options, "a.real", i);
        if (!(real >= -5 && real <= 5)) {
            abort();
        }
    }
    int p, q;
    options_fraction(options, "b.ratio", &p, &q);
    if (llabs(options_int(options, "a.int")) > 5 || options_choice(options, "b.choice") < 0 ||
        p < 0 || q < 1) {
        abort();
    }
    options_destroy(options);
    return 0;
}
