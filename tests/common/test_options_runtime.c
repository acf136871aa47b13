/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of a running program: several at once, all or none. */
#include "options.h"

#include "check.h"

static const option_t table[] = {
    {.section = "a",
     .name = "gain_db",
     .type = OPTION_REAL,
     .min = 0,
     .max = 90,
     .flags = OPTION_RUNTIME,
     .help = "gain"},
    {.section = "a",
     .name = "count",
     .type = OPTION_INT,
     .fallback = "3",
     .min = 1,
     .max = 9,
     .flags = OPTION_RUNTIME,
     .help = "count"},
    {.section = "a", .name = "fixed", .type = OPTION_STRING, .fallback = "x", .help = "fixed"},
    {0}};

static int refuse_seven(void *context, const options_t *options, err_t *err)
{
    ++*(int *)context;
    return options_int(options, "a.count") == 7 ? err_set(err, ERR_ARGUMENT, "not seven") : 0;
}

static options_t *make(void)
{
    static const option_t *const tables[] = {table, NULL};
    return options_create("program", "a test", tables, NULL);
}

static void test_all(void)
{
    options_t *options = make();
    int asked = 0;
    const char *keys[] = {"a.gain_db", "count", "gain_db"}, *values[] = {"3", "4", "5"};
    CHECK_INT(options_set_runtime_all(options, keys, values, 3, refuse_seven, &asked, NULL), 0);
    CHECK_INT(asked, 1);
    CHECK_NEAR(options_real(options, "a.gain_db"), 5, 0);
    CHECK_INT(options_int(options, "a.count"), 4);
    CU_ASSERT(options_given(options, "a.count"));
    options_destroy(options);
}

static void test_none(void)
{
    static const char *const bad[][2] = {
        {"a.count", "10"}, {"a.count", "7"}, {"a.fixed", "y"}, {"a.nothing", "1"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options_t *options = make();
        int asked = 0;
        err_t err = ERR_INIT;
        const char *keys[] = {"a.gain_db", "a.count", "a.gain_db", bad[i][0]};
        const char *values[] = {"3", "5", "4", bad[i][1]};
        CHECK_INT(options_set_runtime_all(options, keys, values, 4, refuse_seven, &asked, &err),
                  -1);
        CU_ASSERT(err.text[0] != 0);
        CHECK_NEAR(options_real(options, "a.gain_db"), 0, 0);
        CHECK_INT(options_int(options, "a.count"), 3);
        CU_ASSERT(!options_given(options, "a.count"));
        options_destroy(options);
    }
}

static const check_test_t tests[] = {
    {"several options change at once, the last value of a key wins", test_all},
    {"one bad or refused value and all options are as before", test_none},
};

int main(void)
{
    return check_run("options_runtime", tests, CHECK_COUNT(tests));
}
