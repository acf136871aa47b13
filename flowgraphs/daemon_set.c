/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon_set.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MOST = 64, WORD_SIZE = 4200 };

static const char *const names[DAEMON_KINDS] = {"air", "rx", "tx"};

typedef struct {
    char *words[WORDS_MOST + 1];
    int count;
} words_t;

__attribute__((format(printf, 2, 3))) static void add(words_t *words, const char *format, ...)
{
    char text[WORD_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (words->count < WORDS_MOST && (words->words[words->count] = strdup(text)) != NULL) {
        words->count++;
    }
}

/* Every option of a section as it is at this point. */
static void add_section(words_t *words, const options_t *options, const char *section)
{
    const option_t *option;
    for (size_t i = 0; (option = options_at(options, i)) != NULL; i++) {
        char key[128];
        snprintf(key, sizeof key, "%s.%s", option->section, option->name);
        if (strcmp(option->section, section) == 0 && options_text(options, key)[0] != '\0') {
            add(words, "--%s=%s", key, options_text(options, key));
        }
    }
}

static void add_more(words_t *words, const char *more)
{
    char *text = strdup(more), *save = NULL;
    for (char *word = text != NULL ? strtok_r(text, " ", &save) : NULL; word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        add(words, "%s", word);
    }
    free(text);
}

static void add_air(words_t *words, const daemon_set_t *set, const trial_config_t *trial,
                    const daemon_link_t *link)
{
    add(words, "--air.name=%s", strrchr(set->folder, '/') + 1);
    add(words, "--air.pace=free");
    add(words, "--air.radios=2");
    add(words, "--channel.block=%s", options_text(link->options, "channel.block"));
    /* As large as the option table takes it. */
    add(words, "--channel.seed=%llu",
        (unsigned long long)(trial->link.air.seed % 9000000000000000));
}

static void add_radio(words_t *words, const daemon_set_t *set, const daemon_link_t *link)
{
    add_section(words, link->options, "waveform");
    add(words, "--report.table=off");
    if (link->air[0] == '\0') {
        add(words, "--radio.address=%s", strrchr(set->folder, '/') + 1);
    }
    add(words, "--radio.timeout_s=60");
}

static void add_rx(words_t *words, const daemon_set_t *set, const trial_config_t *trial,
                   const daemon_link_t *link)
{
    add_radio(words, set, link);
    add_section(words, link->options, "receiver");
    add(words, "--reference.path=%s", link->source);
    add(words, "--codec.name=%s", trial->scheme.codec);
    add(words, "--quality.judge=%s", trial->judge);
    add(words, "--codec.threads=1");
    if (link->air[0] == '\0') {
        add(words, "--rx.overload=wait");
    }
    add_more(words, link->rx_options);
}

static void add_tx(words_t *words, const daemon_set_t *set, const trial_config_t *trial,
                   const daemon_link_t *link)
{
    add_radio(words, set, link);
    add(words, "--source.path=%s", link->source);
    add(words, "--codec.name=%s", trial->scheme.codec);
    add(words, "--codec.rate=%d/%d", trial->scheme.rate_numerator, trial->scheme.rate_denominator);
    add(words, "--codec.design_snr_db=%.9g", trial->scheme.design_snr_db);
    add(words, "--frame.images=%d", trial->frame_images);
    add_more(words, link->tx_options);
}

int daemon_set_open(daemon_set_t *set, const daemon_link_t *link, err_t *err)
{
    const char *const named[DAEMON_KINDS] = {link->air, link->rx, link->tx};
    *set = (daemon_set_t){.folder = "/tmp/semradio-point-XXXXXX"};
    if (mkdtemp(set->folder) == NULL) {
        set->folder[0] = '\0';
        return err_set_errno(err, errno, "cannot make a folder in /tmp");
    }
    for (int kind = 0; kind < DAEMON_KINDS; kind++) {
        if (named[kind][0] == '\0') {
            snprintf(set->endpoint[kind], sizeof set->endpoint[kind], "ipc://%s/%s.ipc",
                     set->folder, names[kind]);
        } else if (strcmp(named[kind], "none") != 0) {
            snprintf(set->endpoint[kind], sizeof set->endpoint[kind], "%s", named[kind]);
        }
    }
    return 0;
}

/* The program beside this one. */
static int program_path(const char *name, char *path, size_t size, err_t *err)
{
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0) {
        return err_set_errno(err, errno, "cannot tell this program's path");
    }
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(path, size, "%s/semradio-%s", self, name);
    return access(path, X_OK) == 0 ? 0 : err_set_errno(err, errno, "cannot start %s", path);
}

static void daemon_main(const char *path, char *const words[], const char *log, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1);
    }
    setsid();
    int nothing = open("/dev/null", O_RDWR), out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(nothing, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    signal(SIGINT, SIG_DFL);
    execv(path, words);
    _exit(127);
}

int daemon_set_start(daemon_set_t *set, daemon_kind_t kind, const trial_config_t *trial,
                     const daemon_link_t *link, err_t *err)
{
    const char *const named[DAEMON_KINDS] = {link->air, link->rx, link->tx};
    char path[WORD_SIZE], log[128];
    if (named[kind][0] != '\0') {
        return 0;
    }
    if (program_path(names[kind], path, sizeof path, err) != 0) {
        return -1;
    }
    words_t words = {.count = 0};
    add(&words, "semradio-%s", names[kind]);
    add(&words, "--control.bind=%s", set->endpoint[kind]);
    switch (kind) {
    case DAEMON_AIR:
        add_air(&words, set, trial, link);
        break;
    case DAEMON_RX:
        add_rx(&words, set, trial, link);
        break;
    default:
        add_tx(&words, set, trial, link);
    }
    snprintf(log, sizeof log, "%s/%s.log", set->folder, names[kind]);
    fflush(NULL);
    pid_t parent = getpid(), process = fork();
    if (process == 0) {
        daemon_main(path, words.words, log, parent);
    }
    for (int i = 0; i < words.count; i++) {
        free(words.words[i]);
    }
    set->process[kind] = process > 0 ? process : 0;
    return process > 0 ? 0 : err_set_errno(err, errno, "cannot start %s", path);
}

/* The last line of a daemon's log. */
static void last_words(const daemon_set_t *set, int kind, char *text, size_t size)
{
    char path[128], line[400];
    snprintf(path, sizeof path, "%s/%s.log", set->folder, names[kind]);
    FILE *file = fopen(path, "r");
    snprintf(text, size, "it said nothing");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        snprintf(text, size, "%.*s", (int)strcspn(line, "\n"), line);
    }
    if (file != NULL) {
        fclose(file);
    }
}

int daemon_set_check(daemon_set_t *set, err_t *err)
{
    for (int kind = 0; kind < DAEMON_KINDS; kind++) {
        if (set->process[kind] > 0 &&
            waitpid(set->process[kind], NULL, WNOHANG) == set->process[kind]) {
            char text[400];
            set->process[kind] = 0;
            last_words(set, kind, text, sizeof text);
            return err_set(err, ERR_CLOSED, "semradio-%s ended: %s", names[kind], text);
        }
    }
    return 0;
}

static void end(pid_t process)
{
    kill(process, SIGTERM);
    for (int i = 0; i < 500; i++) {
        if (waitpid(process, NULL, WNOHANG) == process) {
            return;
        }
        clock_sleep_s(0.01);
    }
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
}

void daemon_set_close(daemon_set_t *set)
{
    static const char *const left[] = {"log", "ipc", "ipc.reports"};
    for (int kind = DAEMON_KINDS; kind-- > 0;) {
        if (set->process[kind] > 0) {
            end(set->process[kind]);
        }
        for (size_t i = 0; set->folder[0] != '\0' && i < sizeof left / sizeof left[0]; i++) {
            char path[128];
            snprintf(path, sizeof path, "%s/%s.%s", set->folder, names[kind], left[i]);
            unlink(path);
        }
    }
    if (set->folder[0] != '\0') {
        rmdir(set->folder);
    }
}
