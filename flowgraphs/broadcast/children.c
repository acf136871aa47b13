/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "children.h"

#include "clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORDS = 64 };

int children_open(children_t *c, err_t *err)
{
    const ssize_t length = readlink("/proc/self/exe", c->programs, sizeof c->programs - 1);
    strcpy(c->folder, "/tmp/semradio-broadcast-XXXXXX");
    if (length < 0) {
        return err_set_errno(err, errno, "where are the programs?");
    }
    c->programs[length] = 0;
    *strrchr(c->programs, '/') = 0;
    return mkdtemp(c->folder) ? 0 : err_set_errno(err, errno, "cannot make a folder in /tmp");
}

static void remove_all(const char *folder, int depth)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) != NULL) {
        char path[1024];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%.700s/%s", folder, entry->d_name);
        if (unlink(path) != 0 && depth < 4) {
            remove_all(path, depth + 1);
        }
    }
    if (dir) {
        closedir(dir);
    }
    (void)rmdir(folder);
}

void children_close(const children_t *c)
{
    remove_all(c->folder, 0);
}

const char *children_path(const children_t *c, const char *format, ...)
{
    static char paths[8][256];
    static int next;
    char name[128], *path = paths[next++ % 8];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    snprintf(path, 256, "%s/%s", c->folder, name);
    return path;
}

/* In the child. */
static void become(const char *path, char *const argv[], const char *log)
{
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execv(path, argv);
    _exit(127);
}

pid_t children_start(const children_t *c, const char *program, const char *log, err_t *err,
                     const char *format, ...)
{
    char line[4096], path[512], *argv[MOST_WORDS] = {path}, *save = NULL;
    int argc = 1;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(path, sizeof path, "%s/semradio-%s", c->programs, program);
    for (char *word = strtok_r(line, " ", &save); word && argc < MOST_WORDS - 1;
         word = strtok_r(NULL, " ", &save)) {
        argv[argc++] = word;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        become(path, argv, children_path(c, "%s", log));
    }
    return pid > 0 ? pid : err_set_errno(err, errno, "cannot start %s", path);
}

int children_wait(pid_t pid, double timeout_s)
{
    const uint64_t deadline = clock_now_ns() + (uint64_t)(timeout_s * 1e9);
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_now_ns() > deadline) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1000;
        }
        clock_sleep_s(0.01);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
