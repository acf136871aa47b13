/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "program.h"

#include "log.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOG_LEVEL(when)                                                                            \
    {.section = "log", .name = "level", .type = OPTION_CHOICE, .fallback = "info",                 \
     .choices = "error|warn|info|debug", .flags = (when), .help = "how much to say on standard error"}

const option_t program_options[] = {LOG_LEVEL(0), {0}};
const option_t daemon_options[] = {LOG_LEVEL(OPTION_RUNTIME), {0}};

static const char exit_codes[] = "Exit codes: 0 done (also after Ctrl-C), 1 it could not go on, "
                                 "2 a wrong option.";

static _Atomic int stops;

int program_begin(const char *program, const char *synopsis, const char *summary,
                  const option_t *const tables[], int argc, char *const argv[],
                  options_t **options)
{
    err_t err = ERR_INIT;
    log_set_program(program);
    *options = options_create(program, summary, tables, &err);
    if (*options == NULL) {
        log_error("%s", err.text);
        return PROGRAM_FAILED;
    }
    options_set_epilog(*options, exit_codes);
    options_set_positional(*options, synopsis);
    int answered = options_parse(*options, argc, argv, &err);
    if (answered == 0) {
        if (options_has(*options, "log.level")) {
            log_set_level((log_level_t)options_choice(*options, "log.level"));
        }
        return PROGRAM_OK;
    }
    if (answered < 0) {
        log_error("%s", err.text);
    }
    options_destroy(*options);
    *options = NULL;
    return answered < 0 ? PROGRAM_USAGE : PROGRAM_OK;
}

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

void program_catch_signals(void)
{
    /* Blocked in every thread (they inherit it) and fetched by program_stopped. */
    sigset_t set = stop_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

bool program_stopped(double timeout_s)
{
    sigset_t set = stop_signals();
    struct timespec span = {.tv_sec = (time_t)timeout_s,
                            .tv_nsec = (long)((timeout_s - (double)(time_t)timeout_s) * 1e9)};
    if (sigtimedwait(&set, NULL, &span) > 0) {
        atomic_fetch_add(&stops, 1);
    }
    return atomic_load(&stops) > 0;
}

int program_stop_count(void)
{
    return atomic_load(&stops);
}

void program_stand_back(int nice)
{
    /* On Linux priorities belong to threads.  Failing only means no politeness. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice);
}

bool program_come_first(void)
{
    struct sched_param param = {.sched_priority = 5};
    return pthread_setschedparam(pthread_self(), SCHED_RR, &param) == 0;
}

void program_name_thread(const char *name)
{
    pthread_setname_np(pthread_self(), name);
}
