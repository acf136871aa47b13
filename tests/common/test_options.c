/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "options.h"
#include "rng.h"

#include "check.h"

#include <stdlib.h>
#include <unistd.h>

static const option_t radio_table[] = {
    {.section = "radio", .name = "freq", .type = OPTION_REAL, .unit = "Hz", .fallback = "3.5G",
     .min = 1e6, .max = 6e9, .help = "centre frequency", .alias = "freq"},
    {.section = "radio", .name = "tx_gain_db", .type = OPTION_REAL, .unit = "dB",
     .fallback = "0", .min = 0, .max = 90, .flags = OPTION_RUNTIME, .help = "gain",
     .alias = "gain"},
    {.section = "radio", .name = "args", .type = OPTION_STRING, .help = "device", .alias = "args"},
    {.section = "radio", .name = "rate", .type = OPTION_REAL, .fallback = "7.68M", .min = 1,
     .max = 1e9, .help = "sample rate", .alias = "rate"},
    {0}};

static const option_t channel_table[] = {
    {.section = "channel", .name = "model", .type = OPTION_CHOICE, .fallback = "awgn",
     .choices = "none|awgn|rayleigh", .help = "fading | model"},
    {.section = "channel", .name = "snr_db", .type = OPTION_REAL, .unit = "dB", .fallback = "20",
     .min = -30, .max = 60, .flags = OPTION_RUNTIME | OPTION_LIST, .help = "Es/N0"},
    {.section = "channel", .name = "seed", .type = OPTION_INT, .fallback = "1", .min = 0,
     .max = 1e18, .flags = OPTION_LIST, .help = "seed"},
    {.section = "channel", .name = "loop", .type = OPTION_BOOL, .help = "again"},
    {.section = "channel", .name = "rate", .type = OPTION_RATIO, .fallback = "1/6", .min = 0.001,
     .max = 1, .help = "k/n"},
    {0}};

static const option_t *const tables[] = {radio_table, channel_table, NULL};

static options_t *make(void)
{
    err_t err = ERR_INIT;
    options_t *options = options_create("test", "a test", tables, &err);
    if (options == NULL) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return options;
}

static void test_defaults(void)
{
    options_t *o = make();
    CHECK_NEAR(options_real(o, "radio.freq"), 3.5e9, 0);
    CU_ASSERT_STRING_EQUAL(options_string(o, "radio.args"), "");
    CU_ASSERT_STRING_EQUAL(options_string(o, "channel.model"), "awgn");
    CHECK_INT(options_choice(o, "channel.model"), 1);
    CHECK_INT(options_int(o, "channel.seed"), 1);
    CU_ASSERT_FALSE(options_bool(o, "channel.loop"));
    CHECK_NEAR(options_ratio(o, "channel.rate"), 1.0 / 6, 1e-15);
    CU_ASSERT_FALSE(options_given(o, "channel.seed"));
    int p, q;
    options_fraction(o, "channel.rate", &p, &q);
    CHECK_INT(p, 1);
    CHECK_INT(q, 6);
    options_set(o, "channel.rate", "0.25", NULL);
    options_fraction(o, "channel.rate", &p, &q);
    CHECK_INT(p, 1);
    CHECK_INT(q, 4);
    options_destroy(o);
}

static void test_ini(void)
{
    options_t *o = make();
    static const char text[] = "\xef\xbb\xbf# a lab\r\n[radio]\r\nfreq = 2.4G ; ISM\r\n"
                               "args = \"addr=192.168.10.2 # not a comment\"\n\n"
                               "[channel]\nmodel=rayleigh\nsnr_db = 0:5:25\nloop = yes\n"
                               "radio.tx_gain_db = 12.5";
    err_t err = ERR_INIT;
    CHECK_INT(options_load_text(o, "lab.ini", text, sizeof text - 1, &err), 0);
    CHECK_NEAR(options_real(o, "radio.freq"), 2.4e9, 0);
    CU_ASSERT_STRING_EQUAL(options_string(o, "radio.args"), "addr=192.168.10.2 # not a comment");
    CHECK_INT(options_choice(o, "channel.model"), 2);
    CHECK_INT(options_count(o, "channel.snr_db"), 6);
    CHECK_NEAR(options_real_at(o, "channel.snr_db", 5), 25, 0);
    CHECK_NEAR(options_real(o, "channel.snr_db"), 0, 0);
    CU_ASSERT(options_bool(o, "channel.loop"));
    CHECK_NEAR(options_real(o, "tx_gain_db"), 12.5, 0);
    options_destroy(o);
}

static void test_ini_errors(void)
{
    static const struct {
        const char *text, *names;
    } cases[] = {
        {"[radio]\nfrek = 1\n", "lab.ini:2: unknown option \"radio.frek\"; did you mean \"radio.freq\""},
        {"[channel]\n\nsnr_db = 99\n", "lab.ini:3: channel.snr_db takes number in dB from -30 to 60"},
        {"[channel]\nsnr_db\n", "lab.ini:2"},
        {"[channel\nsnr_db = 1\n", "lab.ini:1"},
        {"[channel]\n = 1\n", "lab.ini:2"},
        {"[channel]\nmodel = \"awgn\n", "lab.ini:2: the quote"},
        {"[channel]\nmodel = fog\n", "none|awgn|rayleigh"},
        {"rate = 1\n", "radio.rate or channel.rate"},
        {"[nowhere]\nx = 1\n", "lab.ini:2: unknown option"},
        {"[channel]\nseed = 1.5\n", "channel.seed takes integer"},
        {"[channel]\nseed = 1,two\n", "not \"two\""},
        {"[channel]\nsnr_db = nan\n", "lab.ini:2"},
        {"[channel]\nrate = 1/0\n", "ratio"},
        {"[channel]\nsnr_db = 0:0:5\n", "no end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        options_t *o = make();
        err_t err = ERR_INIT;
        CHECK_INT(options_load_text(o, "lab.ini", cases[i].text, strlen(cases[i].text), &err), -1);
        CHECK_ERROR_NAMES(&err, cases[i].names);
        options_destroy(o);
    }
    options_t *o = make();
    err_t err = ERR_INIT;
    CHECK_INT(options_load_text(o, "lab.ini", "[radio]\nfreq = 2G\0\n", 19, &err), -1);
    CHECK_ERROR_NAMES(&err, "lab.ini:2: the line holds a zero byte");
    CHECK_INT(options_load_file(o, "/nonexistent.ini", &err), -1);
    CHECK_ERROR_NAMES(&err, "/nonexistent.ini");
    options_destroy(o);
}

static int parse(options_t *o, const char *line, err_t *err)
{
    static char copy[512];
    char *argv[32] = {(char *)(uintptr_t) "test"}, *save = NULL;
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
        argv[argc++] = w;
    }
    return options_parse(o, argc, argv, err);
}

static void test_command_line(void)
{
    options_t *o = make();
    err_t err = ERR_INIT;
    options_set_positional(o, "[KEY=VALUES ...]");
    CHECK_INT(parse(o,
                    "--freq 2.4G --channel.snr_db=-3 --gain 30 seed=1,2 --loop "
                    "--channel.model rayleigh --rate=1M --tx_gain_db 4 -- --word",
                    &err),
              0);
    CHECK_NEAR(options_real(o, "radio.freq"), 2.4e9, 0);
    CHECK_NEAR(options_real(o, "channel.snr_db"), -3, 0);
    CHECK_NEAR(options_real(o, "radio.tx_gain_db"), 4, 0);
    CHECK_NEAR(options_real(o, "radio.rate"), 1e6, 0);
    CU_ASSERT(options_bool(o, "channel.loop"));
    CU_ASSERT_STRING_EQUAL(options_positional(o, 0), "seed=1,2");
    CU_ASSERT_STRING_EQUAL(options_positional(o, 1), "--word");
    CU_ASSERT_PTR_NULL(options_positional(o, 2));
    CHECK_INT(parse(o, "--channel.snr_db -7", &err), 0);
    CHECK_NEAR(options_real(o, "channel.snr_db"), -7, 0);
    options_destroy(o);
}

static void test_command_line_errors(void)
{
    static const struct {
        const char *line, *names;
    } cases[] = {
        {"--fre 1", "did you mean \"radio.freq\""},
        {"--snrdb=3", "did you mean \"channel.snr_db\""},
        {"--freq", "--freq needs a value"},
        {"--freq --gain 3", "--freq needs a value"},
        {"--loop=perhaps", "true or false"},
        {"stray", "what is \"stray\""},
        {"--", NULL},
        {"---", "unknown option"},
        {"--config /nonexistent.ini", "/nonexistent.ini"},
        {"--config", "--config needs a value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        options_t *o = make();
        err_t err = ERR_INIT;
        CHECK_INT(parse(o, cases[i].line, &err), cases[i].names == NULL ? 0 : -1);
        if (cases[i].names != NULL) {
            CHECK_ERROR_NAMES(&err, cases[i].names);
        }
        options_destroy(o);
    }
}

static void test_precedence(void)
{
    char path[] = "/tmp/semradio-options-XXXXXX";
    int fd = mkstemp(path);
    CHECK_INT(write(fd, "[channel]\nsnr_db = 7\nseed = 9\n", 29), 29);
    close(fd);
    options_t *o = make();
    char line[128];
    err_t err = ERR_INIT;
    snprintf(line, sizeof line, "--channel.snr_db=8 --config %s", path);
    CHECK_INT(parse(o, line, &err), 0);
    CHECK_NEAR(options_real(o, "channel.snr_db"), 8, 0);
    CHECK_INT(options_int(o, "channel.seed"), 9);
    CU_ASSERT(options_given(o, "channel.seed"));
    CU_ASSERT_FALSE(options_given(o, "radio.freq"));
    options_destroy(o);
    unlink(path);
}

static void test_runtime(void)
{
    options_t *o = make();
    err_t err = ERR_INIT;
    CHECK_INT(options_set_runtime(o, "radio.tx_gain_db", "3", &err), 0);
    CHECK_INT(options_set_runtime(o, "radio.freq", "2G", &err), -1);
    CHECK_INT(err.code, ERR_STATE);
    CHECK_INT(options_set_runtime(o, "radio.tx_gain_db", "300", &err), -1);
    CHECK_NEAR(options_real(o, "radio.tx_gain_db"), 3, 0);
    options_destroy(o);
}

static void test_expand(void)
{
    options_t *o = make();
    const option_t *snr = options_find(o, "snr_db", NULL);
    char **values;
    size_t count;
    CHECK_INT(option_expand(snr, "0:0.1:0.3,10,25:-5:15", &values, &count, NULL), 0);
    static const char *const expected[] = {"0", "0.1", "0.2", "0.3", "10", "25", "20", "15"};
    CHECK_INT(count, 8);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_STRING_EQUAL(values[i], expected[i]);
    }
    option_values_free(values, count);
    err_t err = ERR_INIT;
    static const char *const bad[] = {"0:5", "0:5:100", "1,,2", "0:-1:5", "0:1e-9:50", ","};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(option_expand(snr, bad[i], &values, &count, &err), -1);
        CHECK_ERROR_NAMES(&err, "channel.snr_db");
    }
    options_destroy(o);
}

static void test_clashes(void)
{
    const option_t *const twice[] = {radio_table, radio_table, NULL};
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(options_create("test", "", twice, &err));
    CHECK_ERROR_NAMES(&err, "radio.freq");
    static const option_t wrong[] = {
        {.section = "a", .name = "b", .type = OPTION_INT, .fallback = "9", .max = 3, .help = ""}, {0}};
    const option_t *const bad[] = {wrong, NULL};
    CU_ASSERT_PTR_NULL(options_create("test", "", bad, &err));
    CHECK_ERROR_NAMES(&err, "a.b takes integer from 0 to 3");
}

static char *written_by(void (*writer)(const options_t *, FILE *), const options_t *o)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    writer(o, out);
    fclose(out);
    return text;
}

static void test_print_reads_back(void)
{
    options_t *o = make(), *again = make();
    options_set(o, "radio.args", "addr=1 # x", NULL);
    options_set(o, "snr_db", "0:5:25", NULL);
    char *text = written_by(options_print, o);
    err_t err = ERR_INIT;
    CHECK_INT(options_load_text(again, "printed", text, strlen(text), &err), 0);
    for (size_t i = 0; options_at(o, i) != NULL; i++) {
        char key[80];
        snprintf(key, sizeof key, "%s.%s", options_at(o, i)->section, options_at(o, i)->name);
        CU_ASSERT_STRING_EQUAL(options_text(o, key), options_text(again, key));
    }
    free(text);
    options_destroy(o);
    options_destroy(again);
}

static void test_help_names_all(void)
{
    options_t *o = make();
    char *help = written_by(options_help, o), *page = written_by(options_markdown, o);
    for (size_t i = 0; options_at(o, i) != NULL; i++) {
        char key[80];
        snprintf(key, sizeof key, "--%s.%s", options_at(o, i)->section, options_at(o, i)->name);
        CU_ASSERT_PTR_NOT_NULL(strstr(help, key));
        CU_ASSERT_PTR_NOT_NULL(strstr(page, key));
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(page, "none\\|awgn\\|rayleigh"));
    free(help);
    free(page);
    options_destroy(o);
}

/* Lines put together from pieces that a parser might trip over. */
static void test_hostile_lines(void)
{
    static const char *const pieces[] = {"[radio]", "[channel]", "freq", "snr_db", "=", " ", "\"",
                                         "#", "1", "1/6", ":", ",", "\n", "\r", "[", "]", ".",
                                         "nan", "1e999", "-", "0x", "model", "\xff", "\t", "rate"};
    rng_t rng;
    rng_seed(&rng, 11, 0);
    int accepted = 0;
    for (int i = 0; i < 20000; i++) {
        options_t *o = make();
        char text[256] = "";
        for (uint32_t n = rng_below(&rng, 20); n > 0; n--) {
            strcat(text, pieces[rng_below(&rng, sizeof pieces / sizeof pieces[0])]);
        }
        err_t err = ERR_INIT;
        if (options_load_text(o, "x", text, strlen(text), &err) == 0) {
            accepted++;
        } else {
            CHECK_ERROR_NAMES(&err, "x:");
        }
        double freq = options_real(o, "radio.freq"), snr = options_real(o, "channel.snr_db");
        CU_ASSERT(freq >= 1e6 && freq <= 6e9 && snr >= -30 && snr <= 60);
        options_destroy(o);
    }
    CHECK_AT_LEAST(accepted, 100);
}

static const check_test_t tests[] = {
    {"every option starts at its default", test_defaults},
    {"an INI file sets options", test_ini},
    {"an error in a file names file, line and what is wanted", test_ini_errors},
    {"the command line takes keys, bare names and aliases", test_command_line},
    {"an error on the command line names the word", test_command_line_errors},
    {"the command line beats the file, the file the default", test_precedence},
    {"a running program changes only what may change", test_runtime},
    {"a sweep spreads into values that were checked", test_expand},
    {"two options of one name, or a bad default, are refused", test_clashes},
    {"what --print-config writes reads back the same", test_print_reads_back},
    {"help and OPTIONS.md name every option", test_help_names_all},
    {"no text breaks the parser or gets past a range", test_hostile_lines},
};

int main(void)
{
    return check_run("options", tests, CHECK_COUNT(tests));
}
