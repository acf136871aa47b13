/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-campaign, the program: what it says to slips, full disks and missing tools. */
#include "campaign_program.h"

#include <sys/stat.h>

static void test_bad_words(void)
{
    static const struct {
        const char *words[3];
        const char *part;
    } cases[] = {
        {{"images=5"}, "out="},
        {{"channel.snr=5"}, "did you mean"},
        {{"imges=5"}, "did you mean"},
        {{"channel.snr_db=0:0:5"}, "0:0:5"},
        {{"channel.snr_db=5:5:0"}, "5:5:0"},
        {{"channel.snr_db=warm"}, "warm"},
        {{"channel.model=rice"}, "none|awgn|rayleigh"},
        {{"images=0"}, "images"},
        {{"images=5", "images=6"}, "twice"},
        {{"/no/such/file.conf"}, "/no/such/file.conf"},
        {{"images=5", "later.conf"}, "later.conf"},
        {{"--help-me"}, "help-me"},
        {{"--channel.snr_db=x"}, "snr_db"},
        {{"source=/no/such/folder"}, "/no/such/folder"},
        {{"source=cifar10:/no/such.bin"}, "/no/such.bin"},
        {{"source=fashion-mnist:weird"}, "weird"},
        {{"codec=/no/such.safetensors"}, "/no/such.safetensors"},
        {{"codec.rate=1/7"}, "1/7"},
        {{"codec.design_snr_db=5,guess"}, "guess"},
        {{"judge=nobody"}, "nobody"},
        {{"codec=digital", "digital.mcs=best"}, "digital.calibration"},
        {{"digital.modulation=8psk"}, "qpsk"},
        {{"out=/dev/full"}, "/dev/full"},
        {{"out=/proc/campaign"}, "/proc/campaign"},
    };
    char out[256];
    say_out(out, sizeof out, "bad");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const *words = cases[i].words;
        int gives_out =
            strstr(cases[i].part, "out=") == cases[i].part || strncmp(words[0], "out=", 4) == 0;
        int code = gives_out ? run(words[0], words[1], NULL)
                             : run(words[0], words[1] != NULL ? words[1] : out,
                                   words[1] != NULL ? out : NULL, NULL);
        if (code <= 0) {
            fprintf(stderr, "%s: code %d\n", words[0], code);
            CU_FAIL("bad words ran");
        }
        check_said(cases[i].part);
    }
    CU_ASSERT_EQUAL(count_points(in_base("bad")), 0);
}

static void test_full_disk(void)
{
    char out[256];
    say_out(out, sizeof out, "full");
    surroundings_t full = {.file_limit = 100};
    pid_t process = start_in(full, "channel.snr_db=0:10:20", out, NULL);
    CHECK_INT(end(process), 1);
    check_said("campaign.json");
    /* Room for the record but not for the table of results. */
    full.file_limit = 8192;
    process = start_in(full, "source=fashion-mnist:test", "channel.snr_db=0:0.5:20", "images=2",
                       out, NULL);
    CHECK_INT(end(process), 1);
    CHECK_INT(run("source=fashion-mnist:test", "channel.snr_db=0:0.5:20", "images=2", out, NULL),
              0);
    table_t *table = results(in_base("full"));
    CHECK_INT(table_rows(table), 41);
    table_free(table);
}

static void test_read_only(void)
{
    if (geteuid() == 0) {
        return; /* root writes everywhere; /proc is among the bad words */
    }
    char out[256];
    say_out(out, sizeof out, "locked/inside");
    mkdir(in_base("locked"), 0555);
    CHECK_INT(run("channel.snr_db=0:10:20", out, NULL), 1);
    check_said("locked");
}

static void test_file(void)
{
    FILE *file = fopen(in_base("my.conf"), "w");
    fputs("# two points\nimages = 10\n[channel]\nsnr_db = 5,10\n", file);
    fclose(file);
    char out[256];
    say_out(out, sizeof out, "file");
    CHECK_INT(run(in_base("my.conf"), out, "channel.snr_db=15", NULL), 0);
    table_t *table = results(in_base("file"));
    CHECK_INT(table_rows(table), 1);
    CHECK_NEAR(table_number(table, 0, (size_t)table_find(table, "snr_db")), 15, 0);
    table_free(table);
}

/* A whole file as text (free it). */
static char *text_of(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    if (file != NULL) {
        CU_ASSERT(fread(text, 1, (1 << 20) - 1, file) > 0);
        fclose(file);
    }
    return text;
}

/* Everything in it, nothing from elsewhere. */
static void check_report(const char *path)
{
    static const char *const parts[] = {"<svg",
                                        "channel.snr_db=15",
                                        "./semradio campaign",
                                        "data:image/png;base64,",
                                        "psnr_mse_db",
                                        "revision"};
    char *text = text_of(path);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(text, parts[i]) == NULL) {
            fprintf(stderr, "the report lacks %s\n", parts[i]);
            CU_FAIL("a part is missing");
        }
    }
    CU_ASSERT(strstr(text, "src=\"http") == NULL && strstr(text, "<script") == NULL &&
              strstr(text, "<link") == NULL && strstr(text, "url(") == NULL);
    free(text);
}

static void test_figure(void)
{
    static const char *const drawn[] = {"file/figure.png", "file/figure.pdf", "file/figure.svg",
                                        "file/figure.gp", "file/report.html"};
    for (size_t i = 0; i < 5; i++) {
        CHECK_INT(unlink(in_base(drawn[i])), 0);
    }
    char command[600]; /* results alone: the points are not looked at */
    snprintf(command, sizeof command, "rm -r %s/points", in_base("file"));
    CHECK_INT(system(command), 0);
    CHECK_INT(run("figure", in_base("file"), NULL), 0);
    for (size_t i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(access(in_base(drawn[i]), F_OK), 0);
    }
    check_report(in_base("file/report.html"));
    CHECK_INT(run("figure", in_base("nowhere"), NULL), 1);
    check_said("nowhere");
    CHECK_INT(run("figure", NULL, NULL), 2);
    /* Without gnuplot: it says so, and the numbers stay. */
    char out[256];
    say_out(out, sizeof out, "plain");
    surroundings_t bare = {.path = "/nowhere"};
    pid_t process = start_in(bare, "images=10", out, NULL);
    CHECK_INT(end(process), 0);
    check_said("gnuplot is not installed");
    table_t *table = results(in_base("plain"));
    CHECK_INT(table_rows(table), 1);
    table_free(table);
}

/* The same words, but another file behind one of them. */
static void test_contents(void)
{
    char out[256], source[300], command[600];
    say_out(out, sizeof out, "contents");
    mkdir(in_base("pictures"), 0755);
    snprintf(source, sizeof source, "source=%s", in_base("pictures"));
    static const char *const demo_words[] = {"0", "1"};
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command,
                 SEMRADIO_BIN_DIR "/semradio-demo extract fashion-mnist:test %s %s/%s.png",
                 demo_words[i], in_base("pictures"), demo_words[i]);
        CHECK_INT(system(command), 0);
        CHECK_INT(run(out, source, "images=2", "judge=none", NULL), i == 0 ? 0 : 1);
    }
    check_said("source");
    check_said("overwrite=yes");
}

static const check_test_t tests[] = {
    {"other contents behind the same words are refused", test_contents},
    {"slips are told by name before anything runs", test_bad_words},
    {"a full disk is an error, and later the campaign goes on", test_full_disk},
    {"a folder that cannot be made is an error", test_read_only},
    {"a campaign file gives keys that the command line may replace", test_file},
    {"the figure is drawn from the results alone; without gnuplot they stay", test_figure},
};

int main(void)
{
    return check_run_in_base("campaign_input", tests, CHECK_COUNT(tests));
}
