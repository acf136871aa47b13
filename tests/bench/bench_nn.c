/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each side takes its own time (ours here, PyTorch's in its process), and the
 * row's clock is the sum: so a pipe's waiting belongs to nobody.  With one thread that is
 * processor time, with more it is true time.
 */
#include "bench_nn.h"

#include "bench_nn_peer.h"
#include "clock.h"
#include "log.h"
#include "safetensors.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS_MAX = 64, TEXT = 160 };

typedef struct {
    bench_row_t row;
    nn_job_t job;
    const nn_side_t *side;
    bool many; /* job.threads is what bench_nn_begin was told; absent when that is 1 */
    char what[TEXT], peer_name[TEXT];
} nn_row_t;

typedef struct {
    nn_row_t *row;
    nn_data_t data;
    void *ours;
    double elapsed_s;
    bool peer_failed;
} state_t;

static nn_peer_t *torch; /* one process for all rows; NULL: there is none … */
static bool looked;      /* … and it was looked for */
static char folder[] = "/tmp/semradio-bench-XXXXXX";
static pid_t cleaner; /* removes the folder when `held` is closed */
static int held;
const bench_row_t *bench_nn_rows[BENCH_NN_MAX_ROWS];

/* ---- a row's passes -------------------------------------------------------------- */

static void destroy(void *state)
{
    state_t *s = state;
    s->row->side->destroy(s->ours);
    nn_data_free(&s->data);
    free(s);
}

static double peer(void *state);

static int make_peer(state_t *s, err_t *err)
{
    char path[64], variant[64];
    err_t missing = ERR_INIT;
    if (!looked) {
        torch = nn_peer_open(&missing);
        looked = true;
    }
    if (torch == NULL) {
        if (missing.text[0] != '\0') {
            log_info("%s: no peer", missing.text);
        }
        return 0;
    }
    snprintf(path, sizeof(path), "%s/job.safetensors", folder);
    if (nn_data_write(&s->data, &s->row->job, path, err) < 0 ||
        nn_peer_make(torch, &s->row->job, &s->data, path, variant, sizeof(variant), err) < 0) {
        return -1;
    }
    snprintf(s->row->peer_name, TEXT, "PyTorch %s %s", nn_peer_version(torch), variant);
    s->row->row.peer = peer;
    s->row->row.peer_name = s->row->peer_name;
    return 0;
}

static void *create(nn_row_t *row, err_t *err)
{
    state_t *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    s->row = row;
    if (nn_data_make(&s->data, &row->job, folder, err) < 0 ||
        (s->ours = row->side->create(&row->job, &s->data, err)) == NULL || make_peer(s, err) < 0) {
        destroy(s);
        return NULL;
    }
    return s;
}

static double now_s(const nn_job_t *job)
{
    return job->threads == 1 ? clock_thread_cpu_s() : (double)clock_now_ns() * 1e-9;
}

static double ours(void *state)
{
    state_t *s = state;
    double start = now_s(&s->row->job);
    for (int i = 0; i < s->row->job.repeat; i++) {
        s->row->side->run(s->ours);
    }
    s->elapsed_s += now_s(&s->row->job) - start;
    return s->row->job.repeat * (double)s->row->job.images;
}

static double peer(void *state)
{
    state_t *s = state;
    double took = nn_peer_run(torch, s->row->job.repeat);
    s->peer_failed |= !isfinite(took);
    s->elapsed_s += isfinite(took) ? took : 1.0;
    return s->row->job.repeat * (double)s->row->job.images;
}

static double row_clock_s(void *state)
{
    return ((state_t *)state)->elapsed_s;
}

/* Both sides gave the same: to 0.2 % in the mean, for a quantiser may tip and bytes are rounded.
   bfloat16 rounds to .4 % in every layer, and tips more. */
static int compare(const state_t *s, const float *mine, const float *theirs, err_t *err)
{
    double apart = 0.0, whole = 0.0, limit = s->row->job.bf16 ? 0.03 : 0.002;
    for (size_t i = 0; i < nn_outputs(&s->row->job, &s->data); i++) {
        apart += fabs((double)mine[i] - (double)theirs[i]);
        whole += fabs((double)theirs[i]);
    }
    return whole > 0.0 && apart <= limit * whole
               ? 0
               : err_set(err, ERR_STATE, "ours and PyTorch's results differ by %.2g of them",
                         apart / whole);
}

static int verify(void *state, err_t *err)
{
    state_t *s = state;
    size_t count = nn_outputs(&s->row->job, &s->data);
    char path[64];
    if (torch == NULL) {
        return 0;
    }
    snprintf(path, sizeof(path), "%s/output.safetensors", folder);
    if (s->peer_failed || nn_peer_output(torch, path, err) < 0) {
        return err_set(err, ERR_STATE, "PyTorch's process failed");
    }
    safetensors_t *file = safetensors_open(path, err);
    const safetensors_tensor_t *tensor = file == NULL ? NULL : safetensors_find(file, "output");
    float *mine = malloc(2 * count * sizeof(*mine)), *theirs = mine + count;
    int status = -1;
    if (mine == NULL || tensor == NULL || tensor->count != count) {
        err_set(err, ERR_STATE, "PyTorch's result is not %zu numbers", count);
    } else {
        s->row->side->output(s->ours, mine);
        safetensors_to_float(tensor, theirs);
        status = compare(s, mine, theirs, err);
    }
    free(mine);
    safetensors_close(file);
    return status;
}

/* ---- the rows ---------------------------------------------------------------------- */

/* ROW(id, name, what, unit, asked, side, job ...): `create` takes no argument, so each has its own.
 */
#define ROW(id, name_, what_, unit_, asked_, many_, side_, ...)                                    \
    static nn_row_t id;                                                                            \
    static void *create_##id(err_t *err)                                                           \
    {                                                                                              \
        return create(&id, err);                                                                   \
    }                                                                                              \
    static nn_row_t id = {.row = {.name = name_,                                                   \
                                  .unit = unit_,                                                   \
                                  .asked = asked_,                                                 \
                                  .create = create_##id,                                           \
                                  .destroy = destroy,                                              \
                                  .ours = ours,                                                    \
                                  .verify = verify,                                                \
                                  .clock_s = row_clock_s},                                         \
                          .job = {__VA_ARGS__},                                                    \
                          .side = &side_,                                                          \
                          .many = many_,                                                           \
                          .what = what_};

/* prefix_NAME_suffix; `...`: ours and PyTorch in bfloat16. */
#define INFERENCE(prefix, suffix, network, net, side, ...)                                         \
    ROW(prefix##encode_32##suffix, #prefix "encode_32" #suffix,                                    \
        network ": one picture of 32x32 to symbols", BENCH_US, 0.0, false, side, net, NN_ENCODE,   \
        32, 1, 1, 20, __VA_ARGS__)                                                                 \
    ROW(prefix##decode_32##suffix, #prefix "decode_32" #suffix,                                    \
        network ": symbols to one picture of 32x32", BENCH_US, 0.0, false, side, net, NN_DECODE,   \
        32, 1, 1, 20, __VA_ARGS__)                                                                 \
    ROW(prefix##encode_256##suffix, #prefix "encode_256" #suffix,                                  \
        network ": one picture of 256x256 to symbols", BENCH_US, 0.0, false, side, net, NN_ENCODE, \
        256, 1, 1, 1, __VA_ARGS__)                                                                 \
    ROW(prefix##decode_256##suffix, #prefix "decode_256" #suffix,                                  \
        network ": symbols to one picture of 256x256", BENCH_US, 0.0, false, side, net, NN_DECODE, \
        256, 1, 1, 1, __VA_ARGS__)                                                                 \
    ROW(prefix##encode_batch##suffix, #prefix "encode_batch" #suffix,                              \
        network ": 32 pictures of 32x32 at once", BENCH_IMAGES, 0.0, false, side, net, NN_ENCODE,  \
        32, 32, 1, 1, __VA_ARGS__)                                                                 \
    ROW(prefix##decode_batch##suffix, #prefix "decode_batch" #suffix,                              \
        network ": 32 pictures of 32x32 at once", BENCH_IMAGES, 0.0, false, side, net, NN_DECODE,  \
        32, 32, 1, 1, __VA_ARGS__)

#define TRAINING(prefix, suffix, network, net, asked, ...)                                         \
    ROW(prefix##train_1##suffix, #prefix "train_1" #suffix,                                        \
        network ": training, batch 64, 32x32, one thread", BENCH_IMAGES, asked, false,             \
        nn_training, net, NN_TRAIN, 32, 64, 1, 1, __VA_ARGS__)                                     \
    ROW(prefix##train##suffix, #prefix "train" #suffix, network ": training, batch 64, 32x32",     \
        BENCH_IMAGES, asked, true, nn_training, net, NN_TRAIN, 32, 64, 1, 1, __VA_ARGS__)

#define ALL(prefix, suffix)                                                                        \
    &prefix##encode_32##suffix, &prefix##decode_32##suffix, &prefix##encode_256##suffix,           \
        &prefix##decode_256##suffix, &prefix##encode_batch##suffix, &prefix##decode_batch##suffix, \
        &prefix##train_1##suffix, &prefix##train##suffix

INFERENCE(, , "image32", "image32", nn_image32, false, false)
TRAINING(, , "image32", "image32", 0.0, false, false)
INFERENCE(, _bf16, "image32 in bfloat16", "image32", nn_image32, true, false)
TRAINING(, _bf16, "image32 in bfloat16", "image32", 0.0, true, false)
INFERENCE(, _both_bf16, "image32, both in bfloat16", "image32", nn_image32, true, true)
TRAINING(, _both_bf16, "image32, both in bfloat16", "image32", 0.0, true, true)
INFERENCE(small_, , "small codec", "small", nn_small, false, false)
TRAINING(small_, , "small codec", "small", 1.3, false, false)

static nn_row_t *const all[] = {ALL(, ), ALL(, _bf16), ALL(, _both_bf16), ALL(small_, )};

static int cores(void)
{
    cpu_set_t may;
    return sched_getaffinity(0, sizeof(may), &may) == 0 ? CPU_COUNT(&may) : 1;
}

/*
 * A process that removes the folder when the last end of a pipe closes: ours and PyTorch's, which
 * has it from us.  So the folder goes however we end, Ctrl-C and a crash included.
 */
static int leave_cleaner(void)
{
    int ends[2];
    char byte;
    if (pipe(ends) != 0) {
        return -1;
    }
    cleaner = fork();
    if (cleaner != 0) {
        close(ends[0]);
        held = ends[1];
        return cleaner > 0 ? 0 : -1;
    }
    close(ends[1]);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR) {
    }
    execl("/bin/rm", "rm", "-rf", folder, (char *)NULL);
    _exit(127);
}

int bench_nn_begin(int threads, int core, err_t *err)
{
    int count = 0;
    threads = threads > 0 ? threads : cores() > 1 ? 2 : 1;
    if (threads > THREADS_MAX || 64 % threads != 0) {
        return err_set(err, ERR_ARGUMENT, "a batch of 64 cannot be shared by %d threads", threads);
    }
    if (mkdtemp(folder) == NULL || leave_cleaner() < 0) {
        rmdir(folder);
        return err_set(err, ERR_IO, "no folder for the files between us and PyTorch");
    }
    err_t missing = ERR_INIT;
    if (threads == 1 && bench_pin(core, &missing) < 0) {
        log_warn("%s: the rows run unpinned", missing.text);
    }
    bool bf16 = nn_has_bf16();
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        nn_row_t *row = all[i];
        if (row->many) {
            row->job.threads = threads;
            snprintf(row->what + strlen(row->what), TEXT - strlen(row->what), ", %d threads",
                     threads);
        }
        row->row.what = row->what;
        if ((!row->many || threads > 1) && (!row->job.bf16 || bf16)) {
            bench_nn_rows[count++] = &row->row;
        }
    }
    return threads;
}

void bench_nn_end(void)
{
    nn_peer_close(torch);
    torch = NULL;
    if (cleaner > 0) {
        close(held);
        waitpid(cleaner, NULL, 0);
    }
}
