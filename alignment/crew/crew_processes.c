/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew_processes: agents that the coordinator starts, and starts again when they die. */
#include "crew/crew_private.h"

#include "log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN_S 0.2 /* before a process that died is started anew */

static void become_agent(const mate_t *mate, const char *folder)
{
    const options_t *o = mate->crew->options;
    char name[80], place[CREW_PATH + 32], log[CREW_PATH + 32], words[4096],
        knowledge[64][CREW_PATH];
    char *argv[128] = {(char *)(uintptr_t) "semradio-align", (char *)(uintptr_t) "agent", name,
                       place};
    int argc = 4, files = 0;
    snprintf(name, sizeof name, "--agent.name=%s", mate->name);
    snprintf(place, sizeof place, "--agent.folder=%s", folder);
    snprintf(log, sizeof log, "%s.log", folder);
    snprintf(words, sizeof words, "%s", options_string(o, "run.words"));
    const size_t length = strlen(mate->name);
    for (size_t i = 0; i < options_count(o, "run.knowledge") && files < 64; i++) {
        const char *text = options_text_at(o, "run.knowledge", i);
        if (strncmp(text, mate->name, length) == 0 && text[length] == ':') {
            snprintf(knowledge[files], CREW_PATH, "--agent.knowledge=%s%s", "", text + length + 1);
            argv[argc++] = knowledge[files++];
        }
    }
    char *save = NULL;
    for (char *word = strtok_r(words, " ", &save); word != NULL && argc < 126;
         word = strtok_r(NULL, " ", &save)) {
        argv[argc++] = word;
    }
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0) {
        dup2(fd, STDERR_FILENO);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv("/proc/self/exe", argv);
    _exit(127);
}

static void folder_of(const mate_t *mate, char folder[CREW_PATH])
{
    snprintf(folder, CREW_PATH, "%s/%s", options_string(mate->crew->options, "run.folder"),
             mate->name);
}

static void start_process(mate_t *mate, uint64_t now)
{
    char folder[CREW_PATH];
    const pid_t parent = getpid();
    folder_of(mate, folder);
    mate->pid = fork();
    if (mate->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) {
            _exit(0);
        }
        become_agent(mate, folder);
    }
    mate->start_ns = now;
    mate->starts++;
}

void crew_processes_step(crew_t *crew, uint64_t now)
{
    if (*options_string(crew->options, "run.folder") == 0) {
        return;
    }
    for (int i = 0; i < crew->mates; i++) {
        mate_t *mate = &crew->mate[i];
        int status = 0;
        if (mate->pid > 0 && waitpid(mate->pid, &status, WNOHANG) == mate->pid) {
            mate->pid = 0;
            mate->heard_ns = 0;
            log_warn("%s died (%s %d)", mate->name, WIFSIGNALED(status) ? "signal" : "exit code",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
                err_set(&crew->error, ERR_STATE, "%s doesn't take its options, see %s/%s.log",
                        mate->name, options_string(crew->options, "run.folder"), mate->name);
            }
        }
        if (mate->pid <= 0 && now >= mate->start_ns + (uint64_t)(AGAIN_S * 1e9)) {
            start_process(mate, now);
        }
    }
}

void crew_processes_end(crew_t *crew)
{
    for (int i = 0; i < crew->mates; i++) {
        if (crew->mate[i].pid > 0) {
            kill(crew->mate[i].pid, SIGTERM);
        }
    }
    for (int i = 0; i < crew->mates; i++) {
        if (crew->mate[i].pid > 0) {
            waitpid(crew->mate[i].pid, NULL, 0);
        }
    }
}
