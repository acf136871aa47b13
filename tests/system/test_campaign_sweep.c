/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grammar of key=value sweeps, and the identity of points. */
#include "campaign.h"
#include "check.h"
#include "sweep.h"

#include <stdlib.h>
#include <unistd.h>

static const option_t table[] = {
    {.section = "campaign", .name = "source", .type = OPTION_STRING, .fallback = "none"},
    {.section = "campaign",
     .name = "images",
     .type = OPTION_INT,
     .min = 1,
     .max = 1000,
     .fallback = "1"},
    {.section = "codec", .name = "rate", .type = OPTION_RATIO, .fallback = "1/6"},
    {.section = "channel", .name = "snr_db", .type = OPTION_REAL, .min = -100, .max = 100},
    {.section = "channel", .name = "model", .type = OPTION_CHOICE, .choices = "none|awgn"},
    {.section = "frame",
     .name = "images",
     .type = OPTION_INT,
     .min = 1,
     .max = 255,
     .fallback = "1"},
    {0}};

static const option_t *const tables[] = {table, NULL};
static const char *const whole[] = {"campaign.source", NULL};

static options_t *options;

static sweep_t *fresh(void)
{
    options_destroy(options);
    options = options_create("test", "a test", tables, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    sweep_t *sweep = sweep_create(options, "campaign", whole);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sweep);
    return sweep;
}

/* The values of axis 0 joined with blanks. */
static const char *joined(const sweep_t *sweep)
{
    static char text[512];
    text[0] = '\0';
    sweep_axis_t axis = sweep_axis(sweep, 0);
    for (size_t i = 0; i < axis.count; i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, axis.values[i]);
    }
    return text;
}

static void test_values(void)
{
    static const struct {
        const char *word, *values;
    } cases[] = {
        {"channel.snr_db=5", "5"},
        {"channel.snr_db=0:5:20", "0 5 10 15 20"},
        {"channel.snr_db=20:-10:0", "20 10 0"},
        {"channel.snr_db=0:0.1:0.3", "0 0.1 0.2 0.3"},
        {"channel.snr_db=-0.3:0.1:0", "-0.3 -0.2 -0.1 0"},
        {"channel.snr_db=0:6:20", "0 6 12 18"},
        {"channel.snr_db=7:5:7", "7"},
        {"channel.snr_db=-5,0:10:20,2.50", "-5 0 10 20 2.5"},
        {"snr_db=1e1", "10"},
        {"codec.rate=1/12,2/12,0.25", "1/12 1/6 1/4"},
        {"channel.model=none,awgn", "none awgn"},
        {"source=cifar10:a.bin,b.bin", "cifar10:a.bin,b.bin"},
        {"source=a=b", "a=b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sweep_t *sweep = fresh();
        err_t err = ERR_INIT;
        CHECK_INT(sweep_add(sweep, cases[i].word, "test", &err), 0);
        CHECK_INT(sweep_axes(sweep), 1);
        if (sweep_axes(sweep) == 1 && strcmp(joined(sweep), cases[i].values) != 0) {
            fprintf(stderr, "%s gives %s\n", cases[i].word, joined(sweep));
            CU_FAIL("other values");
        }
        sweep_destroy(sweep);
    }
}

static void test_refusals(void)
{
    static const struct {
        const char *word, *part;
    } cases[] = {
        {"channel.snr_db", "key=value"},
        {"=5", "key=value"},
        {"channel.snr_db=", "no value"},
        {"channel.snr=5", "did you mean"},
        {"channel.snr_bd=5", "channel.snr_db"},
        {"channel.snr_db=0:0:5", "0:0:5"},
        {"channel.snr_db=0:-1:5", "0:-1:5"},
        {"channel.snr_db=0:1e-9:5", "too many"},
        {"channel.snr_db=0:5", "0:5"},
        {"channel.snr_db=0:5:20:3", "0:5:20:3"},
        {"channel.snr_db=0,,5", "snr_db"},
        {"channel.snr_db=0,101", "101"},
        {"channel.snr_db=nan", "nan"},
        {"channel.model=rayliegh", "rayliegh"},
        {"images=0", "images"},
        {"images=1.5", "1.5"},
        {"codec.rate=1/0", "1/0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sweep_t *sweep = fresh();
        err_t err = ERR_INIT;
        CHECK_INT(sweep_add(sweep, cases[i].word, "the command line", &err), -1);
        CHECK_ERROR_NAMES(&err, cases[i].part);
        CHECK_ERROR_NAMES(&err, "the command line");
        CHECK_INT(sweep_axes(sweep), 0);
        sweep_destroy(sweep);
    }
}

static void test_home(void)
{
    sweep_t *sweep = fresh();
    CHECK_INT(sweep_add(sweep, "images=5", "test", NULL), 0);
    CHECK_INT(sweep_add(sweep, "frame.images=2", "test", NULL), 0);
    CU_ASSERT_STRING_EQUAL(sweep_axis(sweep, 0).key, "campaign.images");
    CU_ASSERT_STRING_EQUAL(sweep_axis(sweep, 1).key, "frame.images");
    sweep_destroy(sweep);
}

static void test_crossing(void)
{
    sweep_t *sweep = fresh();
    CHECK_INT(sweep_points(sweep), 1);
    CHECK_INT(sweep_add(sweep, "codec.rate=1/12,1/6", "test", NULL), 0);
    CHECK_INT(sweep_add(sweep, "channel.snr_db=0:5:10", "test", NULL), 0);
    CHECK_INT(sweep_points(sweep), 6);
    static const char *const rates[] = {"1/12", "1/12", "1/12", "1/6", "1/6", "1/6"};
    static const char *const snrs[] = {"0", "5", "10", "0", "5", "10"};
    for (size_t point = 0; point < 6; point++) {
        CU_ASSERT_STRING_EQUAL(sweep_value(sweep, point, 0), rates[point]);
        CU_ASSERT_STRING_EQUAL(sweep_value(sweep, point, 1), snrs[point]);
    }
    CHECK_INT(sweep_add(sweep, "images=1:1:1000", "test", NULL), 0);
    CHECK_INT(sweep_add(sweep, "frame.images=1:1:255", "test", NULL), 0);
    CHECK_INT(sweep_points(sweep), 0);
    sweep_destroy(sweep);
}

/* Settles a sweep of these words (blanks between); the error's text must name `part`. */
static void check_zip_refused(const char *words, const char *zip, const char *part)
{
    char text[256], *save = NULL;
    sweep_t *sweep = fresh();
    err_t err = ERR_INIT;
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        CHECK_INT(sweep_add(sweep, word, "the command line", &err), 0);
    }
    CHECK_INT(sweep_settle(sweep, zip, &err), -1);
    CHECK_ERROR_NAMES(&err, part);
    sweep_destroy(sweep);
}

static void test_twice(void)
{
    check_zip_refused("channel.snr_db=5,5.0", "", "channel.snr_db lists 5 twice");
    check_zip_refused("channel.snr_db=0:5:20,10", "", "the command line");
    check_zip_refused("snr_db=1,2,1 codec.rate=1/6,1/12,1/6", "snr_db+codec.rate", "twice");
}

static void test_zip(void)
{
    sweep_t *sweep = fresh();
    CHECK_INT(sweep_add(sweep, "images=7,8", "test", NULL), 0);
    CHECK_INT(sweep_add(sweep, "channel.snr_db=0:5:10", "test", NULL), 0);
    CHECK_INT(sweep_add(sweep, "frame.images=1,2", "test", NULL), 0);
    CHECK_INT(sweep_add(sweep, "codec.rate=1/6,1/12,1/6", "test", NULL), 0); /* not twice */
    CHECK_INT(sweep_settle(sweep, "codec.rate+channel.snr_db", NULL), 0);
    CHECK_INT(sweep_points(sweep), 12);
    static const char *const snrs[] = {"0", "0", "5", "5", "10", "10"};
    static const char *const rates[] = {"1/6", "1/6", "1/12", "1/12", "1/6", "1/6"};
    for (size_t point = 0; point < 12; point++) {
        CU_ASSERT_STRING_EQUAL(sweep_value(sweep, point, 0), point < 6 ? "7" : "8");
        CU_ASSERT_STRING_EQUAL(sweep_value(sweep, point, 1), snrs[point % 6]);
        CU_ASSERT_STRING_EQUAL(sweep_value(sweep, point, 2), point % 2 == 0 ? "1" : "2");
        CU_ASSERT_STRING_EQUAL(sweep_value(sweep, point, 3), rates[point % 6]);
    }
    CHECK_INT(sweep_settle(sweep, "images+frame.images", NULL), -1); /* snr_db crossed again ... */
    CHECK_INT(sweep_settle(sweep, "images+frame.images,snr_db+codec.rate", NULL), 0);
    CHECK_INT(sweep_points(sweep), 6); /* ... and two groups */
    sweep_destroy(sweep);
    check_zip_refused("snr_db=1,2 codec.rate=1/6", "snr_db+codec.rate", "has 2 values");
    check_zip_refused("snr_db=1,2", "snr_db+codec.rate", "codec.rate has no values");
    check_zip_refused("snr_db=1,2", "snr_bd+codec.rate", "did you mean");
    check_zip_refused("snr_db=1,2 images=1,2", "snr_db+images,images", "named twice");
}

static void test_layers(void)
{
    sweep_t *sweep = fresh();
    err_t err = ERR_INIT;
    CHECK_INT(sweep_add(sweep, "channel.snr_db=0,5", "the file", NULL), 0);
    CHECK_INT(sweep_add(sweep, "codec.rate=1/6", "the file", NULL), 0);
    CHECK_INT(sweep_add(sweep, "snr_db=1", "again", &err), -1);
    CHECK_ERROR_NAMES(&err, "given twice (first: the file)");
    sweep_next_layer(sweep);
    CHECK_INT(sweep_add(sweep, "channel.snr_db=7", "the command line", NULL), 0);
    CHECK_INT(sweep_axes(sweep), 2);
    CU_ASSERT_STRING_EQUAL(joined(sweep), "7");
    sweep_destroy(sweep);
}

/* Loads `text` from a file; returns sweep_load's status. */
static int load(sweep_t *sweep, const char *text, size_t length, err_t *err)
{
    char path[] = "/tmp/test_campaign_sweep.XXXXXX";
    int file = mkstemp(path);
    CU_ASSERT_FATAL(file >= 0);
    CU_ASSERT_EQUAL(write(file, text, length), (ssize_t)length);
    close(file);
    int status = sweep_load(sweep, path, err);
    unlink(path);
    return status;
}

static void test_file(void)
{
    static const char text[] = "# a campaign\n\nimages = 20   ; a few\n  [channel]\n"
                               "\tsnr_db = 0:5:10 # range\r\nmodel=awgn\n";
    sweep_t *sweep = fresh();
    err_t err = ERR_INIT;
    CHECK_INT(load(sweep, text, sizeof text - 1, &err), 0);
    CHECK_INT(sweep_axes(sweep), 3);
    CHECK_INT(sweep_points(sweep), 3);
    CU_ASSERT_STRING_EQUAL(sweep_axis(sweep, 1).key, "channel.snr_db");
    sweep_destroy(sweep);
}

static void test_bad_files(void)
{
    static const struct {
        const char *text;
        size_t length;
        const char *part;
    } cases[] = {
        {"images = 20\nsnr_db = 5", 22, "line 2: the file was cut"},
        {"images = 20\n\nwhat is this\n", 26, "line 3"},
        {"[channel\nsnr_db = 5\n", 20, "line 1"},
        {"[]\n", 3, "line 1"},
        {"[channel]\nsnr_bd = 5\n", 21, "line 2"},
        {"a\0b\n", 4, "text file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sweep_t *sweep = fresh();
        err_t err = ERR_INIT;
        CHECK_INT(load(sweep, cases[i].text, cases[i].length, &err), -1);
        CHECK_ERROR_NAMES(&err, cases[i].part);
        sweep_destroy(sweep);
    }
    sweep_t *sweep = fresh();
    err_t err = ERR_INIT;
    CHECK_INT(sweep_load(sweep, "/no/such.conf", &err), -1);
    CHECK_ERROR_NAMES(&err, "/no/such.conf");
    CHECK_INT(sweep_load(sweep, "/tmp", &err), -1);
    sweep_destroy(sweep);
}

/* The id and the air's seed of a campaign of one point. */
static uint64_t identity(const char *const words[], char id[CAMPAIGN_ID_SIZE])
{
    campaign_t *campaign = campaign_create(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(campaign);
    for (; *words != NULL; words++) {
        CHECK_INT(campaign_word(campaign, *words, NULL), 0);
    }
    CHECK_INT(campaign_finish(campaign, NULL), 0);
    campaign_select(campaign, 0);
    campaign_id(campaign, id);
    uint64_t seed = campaign_point_seed(campaign);
    campaign_destroy(campaign);
    return seed;
}

static void test_identity(void)
{
    static const char *const none[] = {NULL};
    static const char *const said[] = {"channel.snr_db=20.0", "seed=1", "jobs=3", "out=x", NULL};
    static const char *const other_seed[] = {"seed=2", NULL};
    static const char *const other_codec[] = {"codec=x", "images=7", "receiver=genie", NULL};
    char id[4][CAMPAIGN_ID_SIZE];
    uint64_t seed[4] = {identity(none, id[0]), identity(said, id[1]), identity(other_seed, id[2]),
                        identity(other_codec, id[3])};
    CU_ASSERT_STRING_EQUAL(id[0], id[1]); /* a default that is given changes nothing */
    CU_ASSERT_EQUAL(seed[0], seed[1]);
    CU_ASSERT_STRING_NOT_EQUAL(id[0], id[2]);
    CU_ASSERT_NOT_EQUAL(seed[0], seed[2]);
    CU_ASSERT_STRING_NOT_EQUAL(id[0], id[3]); /* another point on the same air */
    CU_ASSERT_EQUAL(seed[0], seed[3]);
}

static const check_test_t tests[] = {
    {"values, lists and ranges become one spelling each", test_values},
    {"a slip is refused, and the message names it", test_refusals},
    {"a key without a section is the campaign's first", test_home},
    {"axes are crossed, the last one fastest", test_crossing},
    {"the same point twice is a slip", test_twice},
    {"zipped keys go together, in the place of the first, crossed with the others", test_zip},
    {"the command line replaces the file, but nothing is said twice", test_layers},
    {"a campaign file has sections, comments and blanks", test_file},
    {"a damaged campaign file is refused with its line", test_bad_files},
    {"a point is what was asked for, however it was spelled", test_identity},
};

int main(void)
{
    int failed = check_run("campaign_sweep", tests, CHECK_COUNT(tests));
    options_destroy(options);
    return failed;
}
