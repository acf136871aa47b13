/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cmake --install into a folder of its own: what is there works, and needs nothing of the sources.
 * The Debian package is made of the same installation; common/install/check_package.sh tests that one.
 */
#include "daemons.h"
#include "web_client.h"

static const char *const words[] = {"tx",        "rx",       "air",   "align", "play",
                                    "calibrate", "campaign", "train", "bench"};
enum { WORDS = sizeof words / sizeof words[0] };

/* Runs a line with sh; its exit code, and its output in *text (free it). */
__attribute__((format(printf, 2, 3))) static int shell(char **text, const char *format, ...)
{
    char line[4096], whole[4608];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "{ %s\n} >%s 2>&1", line, in_work("shell.txt"));
    const int status = system(whole);
    *text = text_of(in_work("shell.txt"));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The line does what it should and says nothing; otherwise what it said is shown. */
#define EXPECT_QUIET(...)                                                                          \
    do {                                                                                           \
        char *said_;                                                                               \
        const int code_ = shell(&said_, __VA_ARGS__);                                              \
        if (code_ != 0 || *said_ != 0) {                                                           \
            fprintf(stderr, "%s:%d: exit code %d: %s\n", __FILE__, __LINE__, code_, said_);        \
        }                                                                                          \
        CU_ASSERT(code_ == 0 && *said_ == 0);                                                      \
        free(said_);                                                                               \
    } while (0)

static bool have(const char *program)
{
    char *text;
    const bool found = shell(&text, "command -v %s", program) == 0;
    free(text);
    if (!found) {
        fprintf(stderr, "(no %s here: not checked) ", program);
    }
    return found;
}

static bool is_there(const char *path)
{
    const bool there = access(path, R_OK) == 0;
    if (!there) {
        fprintf(stderr, "%s is missing\n", path);
    }
    return there;
}

static void test_complete(void)
{
    char *text;
    const int code =
        shell(&text, "cmake --install '%s/..' --prefix '%s'", SEMRADIO_BIN_DIR, in_work("usr"));
    if (code != 0) {
        fprintf(stderr, "%s\n", text);
    }
    free(text);
    CU_ASSERT_EQUAL_FATAL(code, 0);
    for (int i = 0; i < WORDS; i++) {
        CU_ASSERT(is_there(in_work("usr/bin/semradio-%s", words[i])));
        CU_ASSERT(is_there(in_work("usr/share/man/man1/semradio-%s.1.gz", words[i])));
        CU_ASSERT(is_there(in_work("usr/share/bash-completion/completions/semradio-%s", words[i])));
    }
    static const char *const files[] = {"bin/semradio",
                                        "share/man/man1/semradio.1.gz",
                                        "share/man/man1/semradio-align-fit.1.gz",
                                        "share/semradio/models/image32.safetensors",
                                        "share/semradio/recipes/image32.conf",
                                        "share/semradio/campaigns/snr-awgn.conf",
                                        "share/semradio/live/page.html",
                                        "lib/systemd/system/semradio-rx@.service",
                                        "lib/systemd/user/semradio-rx@.service",
                                        "lib/sysusers.d/semradio.conf",
                                        "share/doc/semradio/copyright"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        CU_ASSERT(is_there(in_work("usr/%s", files[i])));
    }
}

/* Weights and page that lie in the installation alone are the ones that are used. */
static void test_moved(void)
{
    char name[64], host[64];
    char *text;
    const int port = web_free_port();
    snprintf(name, sizeof name, "install%d", (int)getpid());
    snprintf(host, sizeof host, "Host: 127.0.0.1:%d\r\n", port);
    EXPECT_QUIET("mv '%s' '%s' && cp '%s' '%s' && echo '/* here */' >>'%s'", in_work("usr"),
                 in_work("moved"), in_work("codec"),
                 in_work("moved/share/semradio/models/only-here.safetensors"),
                 in_work("moved/share/semradio/live/page.css"));
    programs_folder = in_work("moved/bin");
    program_t air = start("air", "--air %s --air.rate_hz=480k --channel.snr_db=15", name);
    CU_ASSERT(wait_for(&air, "air \""));
    program_t rx = start("rx",
                         "--radio.address=%s --rate=480k --radio.timeout_s=20 "
                         "--reference.path=cifar10:%s --codec.name=only-here --rx.frames=4 "
                         "--summary %s --live 127.0.0.1:%d",
                         name, in_work("set.bin"), in_work("rx.json"), port);
    CU_ASSERT(wait_for(&rx, "listening"));
    web_answer_t page = web_ask(port, "GET /page.css", host, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(page.text, "/* here */"));
    free(page.text);
    program_t tx = start("tx",
                         "cifar10:%s --radio.address=%s --rate=480k --radio.timeout_s=20 "
                         "--codec.name=only-here --frame.images=2 --tx.frame_rate=20",
                         in_work("set.bin"), name);
    CHECK_INT(finish(&rx, 60), 0);
    CHECK_INT(interrupt(&tx), 0);
    CHECK_INT(interrupt(&air), 0);
    CHECK_INT(number_in(in_work("rx.json"), "images"), 8);
    programs_folder = SEMRADIO_BIN_DIR;
    CHECK_INT(shell(&text, "'%s' no-such-word", in_work("moved/bin/semradio")), 2);
    free(text);
    CHECK_INT(shell(&text, "'%s' rx --version", in_work("moved/bin/semradio")), 0);
    CU_ASSERT(strncmp(text, "semradio-rx ", 12) == 0);
    free(text);
    EXPECT_QUIET("mv '%s' '%s'", in_work("moved"), in_work("usr"));
}

static void test_environment(void)
{
    char *text;
    CHECK_INT(shell(&text,
                    "SEMRADIO_DATA='%s' '%s/semradio-rx' --reference.path= --radio.timeout_s=0.1",
                    in_work("nowhere"), SEMRADIO_BIN_DIR),
              1);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "image32"));
    free(text);
}

static void test_manuals(void)
{
    for (int i = 0; i < WORDS; i++) {
        /* Every key of the option table is a tagged paragraph of the page. */
        EXPECT_QUIET(
            "'%s/semradio-%s' --options-markdown | sed -n 's/^| `--\\([^`]*\\)`.*/\\1/p' |"
            " sort >'%s'; test -s '%s' || echo none; "
            "zcat '%s' | sed 's/\\\\-/-/g' | sed -n 's/^.fB--\\([a-z0-9_-]*\\.[a-z0-9_]*\\)"
            "\\(,.*\\)*.fR$/\\1/p' | sort | diff '%s' -",
            SEMRADIO_BIN_DIR, words[i], in_work("keys"), in_work("keys"),
            in_work("usr/share/man/man1/semradio-%s.1.gz", words[i]), in_work("keys"));
    }
    if (have("man")) {
        EXPECT_QUIET(
            "for page in '%s'/*.gz; do LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings"
            " -E UTF-8 -l -Tutf8 -Z \"$page\" 2>&1 >/dev/null; done",
            in_work("usr/share/man/man1"));
    }
}

static void test_units(void)
{
    if (!have("systemd-analyze")) {
        return;
    }
    /* Instances, because that is what runs; only our own units matter. */
    EXPECT_QUIET("mkdir -p '%s' && for word in air tx rx align; do cp "
                 "'%s'/semradio-$word@.service '%s'/semradio-$word@lab.service; done",
                 in_work("units"), in_work("usr/lib/systemd/system"), in_work("units"));
    EXPECT_QUIET("systemd-analyze verify --man=no --recursive-errors=no '%s'/*.service",
                 in_work("units"));
    EXPECT_QUIET("cd '%s' && for unit in *.service; do systemd-analyze security --offline=true "
                 "--threshold=25 --no-pager ./$unit >'%s' || tail -n 1 '%s'; done",
                 in_work("units"), in_work("security.txt"), in_work("security.txt"));
    EXPECT_QUIET("mkdir -p '%s' && for word in air tx rx align; do cp "
                 "'%s'/semradio-$word@.service '%s'/semradio-$word@lab.service; done; "
                 "XDG_RUNTIME_DIR='%s' systemd-analyze --user verify --man=no "
                 "--recursive-errors=no '%s'/*.service",
                 in_work("user-units"), in_work("usr/lib/systemd/user"), in_work("user-units"),
                 work_folder, in_work("user-units"));
}

static void test_examples(void)
{
    for (int i = 0; i < 4; i++) { /* tx, rx, air, align */
        EXPECT_QUIET(
            "'%s' --config '%s' --print-config >'%s'", in_work("usr/bin/semradio-%s", words[i]),
            in_work("usr/share/doc/semradio/examples/%s/lab.conf", words[i]), in_work("config"));
    }
}

static void test_completion(void)
{
    char *text;
    if (!have("bash")) {
        return;
    }
    static const char script[] =
        "compopt() { :; }; PATH='%s':$PATH; . '%s'\n"
        "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); $complete $1; echo ${COMPREPLY[*]}; "
        "}\n"
        "complete=_semradio try semradio ca\n"
        "complete=_semradio_program try semradio-air --channel.model = ra\n"
        "complete=_semradio_program try semradio-rx --quality.ss\n"
        "complete=_semradio_align_or_tool try semradio-align fit --fit.rid\n";
    char path[512];
    FILE *file = fopen(in_work("complete.sh"), "w");
    snprintf(path, sizeof path, "%s", in_work("usr/share/bash-completion/completions/semradio-rx"));
    fprintf(file, script, in_work("usr/bin"), path);
    fclose(file);
    CHECK_INT(shell(&text, "bash '%s'", in_work("complete.sh")), 0);
    CU_ASSERT_STRING_EQUAL(text, "calibrate campaign\nrayleigh\n--quality.ssim=\n--fit.ridge=\n");
    free(text);
}

static const check_test_t tests[] = {
    {"an installation has programs, pages, weights, units and completion", test_complete},
    {"moved elsewhere it uses its own weights and page", test_moved},
    {"SEMRADIO_DATA names another folder, and what is missing there is named", test_environment},
    {"every option of the table is in the manual pages, and man has no complaints", test_manuals},
    {"systemd finds no fault with the units, and little exposure", test_units},
    {"the example configurations are valid", test_examples},
    {"bash completes words, options and values from the tables", test_completion},
};

int main(void)
{
    return daemons_run("install", tests, CHECK_COUNT(tests));
}
