/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench_nn_peer.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE = 1024 };

struct nn_peer {
    pid_t child;
    FILE *to, *from;
    char version[64];
    char line[LINE];
};

static void become_python(int in, int out)
{
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    setenv("PYTHONPATH", SEMRADIO_SOURCE_DIR, 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    execl("/usr/bin/python3", "python3", SEMRADIO_SOURCE_DIR "/tests/bench/bench_nn_peer.py",
          (char *)NULL);
    _exit(127);
}

/* Sends a line and reads the answer; what follows "ok " in it, or NULL. */
static const char *ask(nn_peer_t *peer, err_t *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static const char *ask(nn_peer_t *peer, err_t *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(peer->to, format, arguments);
    va_end(arguments);
    fputc('\n', peer->to);
    fflush(peer->to);
    if (fgets(peer->line, LINE, peer->from) == NULL) {
        err_set(err, ERR_IO, "PyTorch's process has ended");
        return NULL;
    }
    peer->line[strcspn(peer->line, "\n")] = '\0';
    if (strncmp(peer->line, "ok", 2) != 0) {
        err_set(err, ERR_IO, "PyTorch: %s", peer->line);
        return NULL;
    }
    return peer->line + 2 + (peer->line[2] == ' ');
}

static int start(nn_peer_t *peer, err_t *err)
{
    int to[2], from[2];
    if (pipe(to) != 0) {
        return err_set(err, ERR_IO, "no pipe for PyTorch");
    }
    if (pipe(from) != 0) {
        close(to[0]);
        close(to[1]);
        return err_set(err, ERR_IO, "no pipe for PyTorch");
    }
    peer->child = fork();
    if (peer->child == 0) {
        close(to[1]);
        close(from[0]);
        become_python(to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    peer->to = fdopen(to[1], "w");
    peer->from = fdopen(from[0], "r");
    return peer->child < 0 || peer->to == NULL || peer->from == NULL
               ? err_set(err, ERR_IO, "no process for PyTorch")
               : 0;
}

nn_peer_t *nn_peer_open(err_t *err)
{
    if (system("/usr/bin/python3 -c 'import numpy, torch' >/dev/null 2>&1") != 0) {
        err_set(err, ERR_UNSUPPORTED, "/usr/bin/python3 has no torch (package python3-torch)");
        return NULL;
    }
    nn_peer_t *peer = calloc(1, sizeof(*peer));
    if (peer == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    const char *version = start(peer, err) < 0 ? NULL : ask(peer, err, "version");
    if (version == NULL) {
        nn_peer_close(peer);
        return NULL;
    }
    snprintf(peer->version, sizeof(peer->version), "%.60s", version);
    return peer;
}

void nn_peer_close(nn_peer_t *peer)
{
    if (peer == NULL) {
        return;
    }
    if (peer->to != NULL) {
        fclose(peer->to);
    }
    if (peer->child > 0) {
        waitpid(peer->child, NULL, 0);
    }
    if (peer->from != NULL) {
        fclose(peer->from);
    }
    free(peer);
}

const char *nn_peer_version(const nn_peer_t *peer)
{
    return peer->version;
}

int nn_peer_make(nn_peer_t *peer, const nn_job_t *job, const nn_data_t *data, const char *data_path,
                 char *variant, size_t size, err_t *err)
{
    static const char *const tasks[] = {
        [NN_ENCODE] = "encode", [NN_DECODE] = "decode", [NN_TRAIN] = "train"};
    const char *answer =
        ask(peer, err, "make\t%s\t%s\t%s\t%d\t%s\t%s", job->network, tasks[job->task],
            job->peer_bf16 ? "bf16" : "fp32", job->threads, data->weights, data_path);
    if (answer != NULL) {
        snprintf(variant, size, "%s", answer);
    }
    return answer != NULL ? 0 : -1;
}

double nn_peer_run(nn_peer_t *peer, int times)
{
    err_t err = ERR_INIT;
    const char *answer = ask(peer, &err, "run\t%d", times);
    return answer != NULL ? strtod(answer, NULL) : (double)NAN;
}

int nn_peer_output(nn_peer_t *peer, const char *path, err_t *err)
{
    return ask(peer, err, "output\t%s", path) != NULL ? 0 : -1;
}
