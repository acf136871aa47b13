/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sbatch --parsable --wait prints the job's number at once and ends with the last task; its
 * process stands for the job here.
 */
#include "slurm_job.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MOST = 64, PATH_SIZE = 4096 };

struct slurm_job {
    pid_t sbatch; /* 0: it has ended */
    char id[64];
    char record[PATH_SIZE]; /* where the id is kept while the job runs */
};

static void put_word(FILE *out, const char *word)
{
    fputs(" '", out);
    for (; *word != '\0'; word++) {
        fputs(*word == '\'' ? "'\\''" : (char[2]){*word}, out);
    }
    fputc('\'', out);
}

static int write_script(const slurm_job_config_t *config, const char *path, err_t *err)
{
    char program[PATH_SIZE], here[PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0 || getcwd(here, sizeof here) == NULL) {
        return err_set_errno(err, errno, "cannot tell this program's path");
    }
    program[length] = '\0';
    file_writer_t *writer = file_writer_open(path, err);
    if (writer == NULL) {
        return -1;
    }
    FILE *out = file_writer_stream(writer);
    fputs("#!/bin/sh\ncd", out);
    put_word(out, here);
    fputs(" || exit 1\nexec", out);
    put_word(out, program);
    put_word(out, "task");
    for (int i = 1; i < config->argc; i++) {
        put_word(out, config->argv[i]);
    }
    fputc('\n', out);
    return file_writer_commit(writer, err);
}

/* Runs `words` with its output in a pipe; the reading end, or -1. */
static int start(char *const words[], pid_t *process, err_t *err)
{
    int ends[2];
    fflush(NULL);
    if (pipe2(ends, O_CLOEXEC) != 0 || (*process = fork()) < 0) {
        return err_set_errno(err, errno, "cannot start %s", words[0]);
    }
    if (*process == 0) {
        setpgid(0, 0); /* the keyboard's interrupt is not for it */
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execvp(words[0], words);
        _exit(127);
    }
    close(ends[1]);
    return ends[0];
}

static void cancel(const char *id)
{
    char *words[] = {(char *)(uintptr_t) "scancel", (char *)(uintptr_t)id, NULL};
    pid_t process = 0;
    int output = start(words, &process, NULL);
    if (output >= 0) {
        waitpid(process, NULL, 0);
        close(output);
    }
}

/* The last run's array may still be running: its launcher was killed. */
static void cancel_earlier(const char *record)
{
    uint8_t *id = NULL;
    size_t size;
    if (access(record, F_OK) == 0 && file_read_all(record, 64, &id, &size, NULL) == 0) {
        id[strcspn((char *)id, "\n")] = '\0';
        cancel((char *)id);
        unlink(record);
    }
    free(id);
}

static void keep(const slurm_job_t *job)
{
    file_writer_t *writer = file_writer_open(job->record, NULL);
    if (writer != NULL) {
        fprintf(file_writer_stream(writer), "%s\n", job->id);
        (void)file_writer_commit(writer, NULL);
    }
}

/* The number is sbatch's first line; anything else is a refusal. */
static int read_id(slurm_job_t *job, int output, err_t *err)
{
    char text[512] = "";
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used + 1 < sizeof text && memchr(text, '\n', used) == NULL) {
        got = read(output, text + used, sizeof text - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    text[strcspn(text, "\n")] = '\0';
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && digits < sizeof job->id && (text[digits] == '\0' || text[digits] == ';')) {
        memcpy(job->id, text, digits);
        job->id[digits] = '\0';
        return 0;
    }
    int status = 0;
    waitpid(job->sbatch, &status, 0);
    job->sbatch = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 127
               ? err_set(err, ERR_UNSUPPORTED, "there is no sbatch here (apt install slurm-client)")
               : err_set(err, ERR_STATE, "sbatch refused: %s", text);
}

static int start_sbatch(slurm_job_t *job, const slurm_job_config_t *config, const char *script,
                        err_t *err)
{
    char array[64], log[PATH_SIZE + 16], *save = NULL, *words[WORDS_MOST];
    char *options = strdup(config->options);
    int count = 0;
    snprintf(array, sizeof array, "--array=0-%zu", config->tasks - 1);
    if (config->at_once > 0) {
        size_t used = strlen(array);
        snprintf(array + used, sizeof array - used, "%%%d", config->at_once);
    }
    snprintf(log, sizeof log, "--output=%s/log", config->folder);
    const char *const fixed[] = {
        "sbatch", "--parsable", "--wait", "--job-name=semradio", "--open-mode=append", array, log};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        words[count++] = (char *)(uintptr_t)fixed[i];
    }
    for (char *word = options != NULL ? strtok_r(options, " ", &save) : NULL;
         word != NULL && count < WORDS_MOST - 2; word = strtok_r(NULL, " ", &save)) {
        words[count++] = word;
    }
    words[count++] = (char *)(uintptr_t)script;
    words[count] = NULL;
    int output = start(words, &job->sbatch, err);
    int status = output >= 0 ? read_id(job, output, err) : -1;
    if (output >= 0) {
        close(output);
    }
    free(options);
    return status;
}

slurm_job_t *slurm_job_submit(const slurm_job_config_t *config, err_t *err)
{
    char script[PATH_SIZE];
    slurm_job_t *job = calloc(1, sizeof *job);
    if (job == NULL || strlen(config->folder) + 32 > sizeof script) {
        err_set(err, ERR_MEMORY, "no memory for a job");
        free(job);
        return NULL;
    }
    snprintf(script, sizeof script, "%s/job.sh", config->folder);
    snprintf(job->record, sizeof job->record, "%s/job", config->folder);
    cancel_earlier(job->record);
    if (write_script(config, script, err) != 0 || start_sbatch(job, config, script, err) != 0) {
        free(job);
        return NULL;
    }
    keep(job);
    return job;
}

const char *slurm_job_id(const slurm_job_t *job)
{
    return job->id;
}

bool slurm_job_runs(slurm_job_t *job)
{
    if (job->sbatch != 0 && waitpid(job->sbatch, NULL, WNOHANG) == job->sbatch) {
        job->sbatch = 0;
        unlink(job->record);
    }
    return job->sbatch != 0;
}

void slurm_job_cancel(slurm_job_t *job)
{
    cancel(job->id);
    if (job->sbatch != 0) {
        kill(job->sbatch, SIGTERM);
        waitpid(job->sbatch, NULL, 0);
        job->sbatch = 0;
    }
    unlink(job->record);
}

void slurm_job_close(slurm_job_t *job)
{
    free(job);
}
