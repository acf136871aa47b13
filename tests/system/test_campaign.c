/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-campaign, the program: its results, and what kills and slips do to them. */
#include "check.h"
#include "table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MOST = 32, SAID_SIZE = 8192 };

static char base[64]; /* every folder of these tests lies in it */
static char said[SAID_SIZE]; /* what the last program wrote on standard error */

/* ---- running the program ---- */

typedef struct {
    const char *path;   /* PATH, NULL: as it is */
    rlim_t file_limit;  /* largest file it may write, 0: no limit */
    const char *folder; /* where it runs, NULL: here */
} surroundings_t;

static const char *in_base(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", base, name);
    return path;
}

static void program_main(const char *words[], const surroundings_t *around)
{
    int log = open(in_base("said"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(log, STDERR_FILENO);
    if (around->path != NULL) {
        setenv("PATH", around->path, 1);
    }
    if (around->folder != NULL && chdir(around->folder) != 0) {
        _exit(99);
    }
    if (around->file_limit != 0) {
        struct rlimit limit = {around->file_limit, around->file_limit};
        signal(SIGXFSZ, SIG_IGN); /* writes fail as on a full disk */
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    execv(SEMRADIO_BIN_DIR "/semradio-campaign", (char *const *)words);
    _exit(98);
}

static pid_t start(const surroundings_t *around, va_list list)
{
    const char *words[WORDS_MOST] = {"semradio-campaign"};
    int count = 1;
    const char *word;
    while ((word = va_arg(list, const char *)) != NULL) {
        words[count++] = word;
    }
    pid_t process = fork();
    if (process == 0) {
        program_main(words, around);
    }
    return process;
}

static void hear(void)
{
    int log = open(in_base("said"), O_RDONLY);
    ssize_t length = log >= 0 ? read(log, said, sizeof said - 1) : 0;
    said[length > 0 ? length : 0] = '\0';
    close(log);
}

/* The exit code, or minus the signal. */
static int end(pid_t process)
{
    int status;
    waitpid(process, &status, 0);
    hear();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int run(const char *first, ...)
{
    surroundings_t around = {0};
    va_list list;
    va_start(list, first);
    const char *words[WORDS_MOST] = {"semradio-campaign", first};
    for (int count = 2; (words[count] = va_arg(list, const char *)) != NULL;) {
        count++;
    }
    va_end(list);
    pid_t process = fork();
    if (process == 0) {
        program_main(words, &around);
    }
    return end(process);
}

static pid_t start_in(surroundings_t around, ...)
{
    va_list list;
    va_start(list, around);
    pid_t process = start(&around, list);
    va_end(list);
    return process;
}

/* ---- looking at folders ---- */

static int count_points(const char *out)
{
    char path[300];
    snprintf(path, sizeof path, "%s/points", out);
    DIR *points = opendir(path);
    int count = 0;
    for (struct dirent *entry; points != NULL && (entry = readdir(points)) != NULL;) {
        size_t length = strlen(entry->d_name);
        count += length == 21 && strcmp(entry->d_name + 16, ".json") == 0;
    }
    if (points != NULL) {
        closedir(points);
    }
    return count;
}

/* Waits until the campaign has finished `count` points; false when it ended before. */
static int wait_for_points(pid_t process, const char *out, int count)
{
    siginfo_t info = {.si_pid = 0};
    while (count_points(out) < count) {
        if (waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            info.si_pid != 0) {
            return 0;
        }
        usleep(2000);
    }
    return 1;
}

static table_t *results(const char *out)
{
    char path[300];
    snprintf(path, sizeof path, "%s/results.csv", out);
    err_t err = ERR_INIT;
    table_t *table = table_load(path, &err);
    if (table == NULL) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    return table;
}

/* Every field but cpu_s. */
static void check_same_results(const char *a, const char *b)
{
    table_t *x = results(a), *y = results(b);
    CHECK_INT(table_rows(x), table_rows(y));
    CHECK_INT(table_columns(x), table_columns(y));
    size_t cpu = (size_t)table_find(x, "cpu_s");
    for (size_t row = 0; row < table_rows(x) && row < table_rows(y); row++) {
        for (size_t column = 0; column < table_columns(x); column++) {
            if (column != cpu) {
                CU_ASSERT_STRING_EQUAL(table_text(x, row, column), table_text(y, row, column));
            }
        }
    }
    table_free(x);
    table_free(y);
}

static void check_said(const char *part)
{
    if (strstr(said, part) == NULL) {
        fprintf(stderr, "\"%s\" is not in: %s\n", part, said);
        CU_FAIL("the message does not say it");
    }
}

/* ---- tests ---- */

#define SIX_POINTS                                                                              \
    "source=fashion-mnist:test", "codec.rate=1/12,1/6", "channel.snr_db=0:10:20", "images=100"
#define LONG_POINTS                                                                             \
    "source=fashion-mnist:test", "codec.rate=1/6", "channel.snr_db=0:5:25", "images=400",       \
        "frame.images=4", "channel.model=rayleigh"

static char clean[256], clean_long[256]; /* undisturbed results to compare with */

static void say_out(char *word, size_t size, const char *name)
{
    snprintf(word, size, "out=%s", in_base(name));
}

static void test_results(void)
{
    char out[256];
    say_out(out, sizeof out, "clean");
    snprintf(clean, sizeof clean, "%s", in_base("clean"));
    CHECK_INT(run(SIX_POINTS, out, "jobs=1", NULL), 0);
    table_t *table = results(clean);
    static const char *const columns[] = {
        "source", "codec",       "rate",        "channel",     "snr_db",       "delay_spread_ns",
        "seed",   "images",      "frames_sent", "frames_lost", "psnr_mse_db",  "psnr_mean_db",
        "ssim",   "accuracy",    "evm_db",      "cpu_s",       "psnr_all_db",  "psnr_ci_db",
        "loss_ci", "accuracy_ci", "snr_measured_db"};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        CU_ASSERT(table_find(table, columns[i]) >= 0);
    }
    CHECK_INT(table_rows(table), 6);
    static const char *const rates[] = {"1/12", "1/12", "1/12", "1/6", "1/6", "1/6"};
    static const double snrs[] = {0, 10, 20, 0, 10, 20};
    size_t snr = (size_t)table_find(table, "snr_db");
    for (size_t row = 0; row < 6 && row < table_rows(table); row++) {
        CU_ASSERT_STRING_EQUAL(table_text(table, row, (size_t)table_find(table, "rate")),
                               rates[row]);
        CHECK_NEAR(table_number(table, row, snr), snrs[row], 0);
        CHECK_NEAR(table_number(table, row, (size_t)table_find(table, "snr_measured_db")),
                   snrs[row], 0.3);
        CHECK_NEAR(table_number(table, row, (size_t)table_find(table, "images")), 100, 0);
    }
    table_free(table);
    CU_ASSERT_EQUAL(access(in_base("clean/campaign.json"), F_OK), 0);
    CU_ASSERT_EQUAL(access(in_base("clean/figure.png"), F_OK), 0);
}

static void test_jobs(void)
{
    char out[256];
    say_out(out, sizeof out, "jobs");
    CHECK_INT(run(SIX_POINTS, out, "jobs=4", NULL), 0);
    check_same_results(clean, in_base("jobs"));
}

/* No process of the campaign's folder may be left: nobody holds its lock. */
static void check_nobody_left(const char *out)
{
    char word[256];
    snprintf(word, sizeof word, "out=%s", out);
    for (int i = 0; i < 100; i++) {
        int code = run(LONG_POINTS, word, "seed=2", NULL); /* other settings: refused, if free */
        CHECK_INT(code, 1);
        if (strstr(said, "another campaign is running") == NULL) {
            return;
        }
        usleep(20000);
    }
    CU_FAIL("somebody still holds the folder");
}

static void test_kill(void)
{
    char out[256];
    say_out(out, sizeof out, "clean_long");
    snprintf(clean_long, sizeof clean_long, "%s", in_base("clean_long"));
    CHECK_INT(run(LONG_POINTS, out, NULL), 0);
    say_out(out, sizeof out, "killed");
    for (int points = 1; points <= 3; points += 2) {
        pid_t process = start_in((surroundings_t){0}, LONG_POINTS, out, "jobs=2", NULL);
        CU_ASSERT(wait_for_points(process, in_base("killed"), points));
        kill(process, SIGKILL);
        CHECK_INT(end(process), -SIGKILL);
        check_nobody_left(in_base("killed"));
    }
    CU_ASSERT(count_points(in_base("killed")) < 6);
    CHECK_INT(run(LONG_POINTS, out, NULL), 0);
    check_said("are there already");
    check_same_results(clean_long, in_base("killed"));
}

static void test_interrupt(void)
{
    char out[256];
    say_out(out, sizeof out, "interrupted");
    pid_t process = start_in((surroundings_t){0}, LONG_POINTS, out, "jobs=1", NULL);
    CU_ASSERT(wait_for_points(process, in_base("interrupted"), 1));
    kill(process, SIGINT);
    CHECK_INT(end(process), 130);
    check_said("the same command goes on");
    CHECK_INT(run(LONG_POINTS, out, NULL), 0);
    check_same_results(clean_long, in_base("interrupted"));
}

/* The first child of a process, 0 when it has none. */
static pid_t child_of(pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", process, process);
    FILE *file = fopen(path, "r");
    int child = 0;
    if (file != NULL && fscanf(file, "%d", &child) != 1) {
        child = 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return child;
}

static void test_crash(void)
{
    char out[256];
    say_out(out, sizeof out, "crashed");
    pid_t process = start_in((surroundings_t){0}, LONG_POINTS, out, "jobs=1", NULL);
    pid_t child = 0;
    for (int i = 0; i < 5000 && child == 0; i++) {
        usleep(1000);
        child = child_of(process);
    }
    CU_ASSERT_FATAL(child > 0);
    kill(child, SIGKILL);
    CHECK_INT(end(process), 0);
    check_said("trying once more");
    check_said("signal 9");
    check_same_results(clean_long, in_base("crashed"));
}

static void test_damage(void)
{
    char path[600];
    snprintf(path, sizeof path, "%s/points", clean);
    DIR *points = opendir(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(points);
    int damaged = 0;
    for (struct dirent *entry; (entry = readdir(points)) != NULL && damaged < 2;) {
        if (strstr(entry->d_name, ".json") != NULL) {
            snprintf(path, sizeof path, "%s/points/%.255s", clean, entry->d_name);
            CHECK_INT(truncate(path, damaged == 0 ? 0 : 200), 0);
            damaged++;
        }
    }
    closedir(points);
    char out[256];
    say_out(out, sizeof out, "clean");
    CHECK_INT(run(SIX_POINTS, out, NULL), 0);
    check_said("measuring this point again");
    check_same_results(clean, in_base("jobs"));
}

static void test_changed(void)
{
    char out[256];
    say_out(out, sizeof out, "jobs");
    CHECK_INT(run("source=fashion-mnist:test", "channel.snr_db=3", "images=20", out, NULL), 1);
    check_said("another campaign");
    check_said("overwrite=yes");
    check_same_results(clean, in_base("jobs"));
    FILE *mine = fopen(in_base("jobs/notes.txt"), "w");
    fclose(mine);
    CHECK_INT(run("source=fashion-mnist:test", "channel.snr_db=3", "images=20", out,
                  "overwrite=yes", NULL), 0);
    table_t *table = results(in_base("jobs"));
    CHECK_INT(table_rows(table), 1);
    table_free(table);
    CHECK_INT(count_points(in_base("jobs")), 1);
    CU_ASSERT_EQUAL(access(in_base("jobs/notes.txt"), F_OK), 0);
}

static void test_busy(void)
{
    char out[256];
    say_out(out, sizeof out, "busy");
    pid_t process = start_in((surroundings_t){0}, LONG_POINTS, out, "jobs=1", NULL);
    CU_ASSERT(wait_for_points(process, in_base("busy"), 1));
    CHECK_INT(run(LONG_POINTS, out, NULL), 1);
    check_said("another campaign is running");
    kill(process, SIGTERM);
    CHECK_INT(end(process), 130);
}

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
        {{"judge=nobody"}, "nobody"},
        {{"out=/dev/full"}, "/dev/full"},
        {{"out=/proc/campaign"}, "/proc/campaign"},
    };
    char out[256];
    say_out(out, sizeof out, "bad");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const *words = cases[i].words;
        int gives_out = strstr(cases[i].part, "out=") == cases[i].part ||
                        strncmp(words[0], "out=", 4) == 0;
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
    pid_t process = start_in(full, SIX_POINTS, out, NULL);
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
    CHECK_INT(run(SIX_POINTS, out, NULL), 1);
    check_said("locked");
}

static void test_figure(void)
{
    unlink(in_base("clean/figure.png"));
    CHECK_INT(run("figure", clean, NULL), 0);
    CU_ASSERT_EQUAL(access(in_base("clean/figure.png"), F_OK), 0);
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

static const check_test_t tests[] = {
    {"one row per point in the order of the sweep, with the promised columns", test_results},
    {"any number of jobs gives the same results", test_jobs},
    {"a killed campaign leaves no process and goes on to the same results", test_kill},
    {"Ctrl-C ends it cleanly, and the same command goes on", test_interrupt},
    {"a point whose process dies is tried once more, visibly", test_crash},
    {"two campaigns do not share a folder", test_busy},
    {"a damaged point is measured again", test_damage},
    {"other settings in the same folder are refused, or replace its results alone", test_changed},
    {"slips are told by name before anything runs", test_bad_words},
    {"a full disk is an error, and later the campaign goes on", test_full_disk},
    {"a folder that cannot be made is an error", test_read_only},
    {"the figure is drawn from the results alone; without gnuplot they stay", test_figure},
    {"a campaign file gives keys that the command line may replace", test_file},
};

int main(void)
{
    strcpy(base, "/tmp/test_campaign.XXXXXX");
    if (mkdtemp(base) == NULL) {
        perror(base);
        return 1;
    }
    int failed = check_run("campaign", tests, CHECK_COUNT(tests));
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    return system(command) != 0 || failed;
}
