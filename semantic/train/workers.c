/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    workers_t *all;
    int index;
    params_t *params; /* of worker 0: the master store */
    graph_t *graph;
    double loss;
    pthread_t thread;
} worker_t;

struct workers {
    int count, batch, running; /* running: threads started */
    workers_build_t build;
    workers_fill_t fill;
    void *context;
    int64_t step; /* -1: go home */
    pthread_barrier_t begin, end;
    bool barriers;
    worker_t worker[WORKERS_MAX];
};

/* Brings the master's values over: of buffers, or of all else. */
static void copy_values(worker_t *worker, bool buffers)
{
    const params_t *master = worker->all->worker[0].params;
    for (int i = 0; i < params_count(master); i++) {
        const param_t *from = params_at(master, i);
        if (((from->flags & PARAM_BUFFER) != 0) == buffers) {
            memcpy(params_at(worker->params, i)->value, from->value, from->count * sizeof(float));
        }
    }
    params_changed(worker->params);
}

static void work(worker_t *worker)
{
    workers_t *all = worker->all;
    int share = all->batch / all->count;
    if (worker->index > 0) {
        copy_values(worker, false);
    }
    params_zero_gradients(worker->params);
    all->fill(all->context, worker->graph, all->step, worker->index * share, share);
    graph_forward(worker->graph);
    graph_backward(worker->graph);
    worker->loss = graph_total_loss(worker->graph);
}

static void *thread_main(void *argument)
{
    worker_t *worker = argument;
    for (;;) {
        pthread_barrier_wait(&worker->all->begin);
        if (worker->all->step < 0) {
            return NULL;
        }
        work(worker);
        pthread_barrier_wait(&worker->all->end);
    }
}

/* out = mean over the workers of one tensor's gradient, or of a buffer's value. */
static void average(workers_t *all, int index)
{
    param_t *out = params_at(all->worker[0].params, index);
    float *sum = out->grad != NULL ? out->grad : out->value;
    if (out->grad == NULL && (out->flags & PARAM_BUFFER) == 0) {
        return; /* frozen */
    }
    float share = 1.0f / (float)all->count;
    for (int w = 1; w < all->count; w++) {
        const param_t *more = params_at(all->worker[w].params, index);
        const float *add = out->grad != NULL ? more->grad : more->value;
        for (size_t i = 0; i < out->count; i++) {
            sum[i] += add[i];
        }
    }
    for (size_t i = 0; i < out->count; i++) {
        sum[i] *= share;
    }
}

double workers_step(workers_t *all, int64_t step)
{
    all->step = step;
    if (all->count == 1) {
        work(&all->worker[0]);
        return all->worker[0].loss;
    }
    for (int w = 1; w < all->count; w++) {
        copy_values(&all->worker[w], true); /* now: the first worker's forward changes its own */
    }
    pthread_barrier_wait(&all->begin);
    work(&all->worker[0]);
    pthread_barrier_wait(&all->end);
    double loss = 0.0;
    for (int w = 0; w < all->count; w++) {
        loss += all->worker[w].loss / all->count;
    }
    for (int i = 0; i < params_count(all->worker[0].params); i++) {
        average(all, i);
    }
    return loss;
}

static int start(workers_t *all, params_t *params, err_t *err)
{
    for (int w = 0; w < all->count; w++) {
        worker_t *worker = &all->worker[w];
        worker->all = all;
        worker->index = w;
        worker->params = w == 0 ? params : params_clone(params, err);
        if (worker->params == NULL) {
            return -1;
        }
        worker->graph = all->build(all->context, worker->params, all->batch / all->count, err);
        if (worker->graph == NULL) {
            return -1;
        }
    }
    if (all->count == 1) {
        return 0;
    }
    pthread_barrier_init(&all->begin, NULL, (unsigned)all->count);
    pthread_barrier_init(&all->end, NULL, (unsigned)all->count);
    all->barriers = true;
    for (int w = 1; w < all->count; w++) {
        int status = pthread_create(&all->worker[w].thread, NULL, thread_main, &all->worker[w]);
        if (status != 0) {
            return err_set_errno(err, status, "no thread for worker %d", w);
        }
        all->running++;
    }
    return 0;
}

workers_t *workers_create(int count, int batch, params_t *params, workers_build_t build,
                          workers_fill_t fill, void *context, err_t *err)
{
    if (count < 1 || count > WORKERS_MAX || batch % count != 0) {
        err_set(err, ERR_ARGUMENT, "a batch of %d cannot be shared by %d workers", batch, count);
        return NULL;
    }
    workers_t *all = calloc(1, sizeof(*all));
    if (all == NULL) {
        err_set(err, ERR_MEMORY, "no memory for workers");
        return NULL;
    }
    all->count = count;
    all->batch = batch;
    all->build = build;
    all->fill = fill;
    all->context = context;
    if (start(all, params, err) < 0) {
        workers_destroy(all);
        return NULL;
    }
    return all;
}

void workers_destroy(workers_t *all)
{
    if (all == NULL) {
        return;
    }
    all->step = -1;
    if (all->running == all->count - 1 && all->barriers) {
        pthread_barrier_wait(&all->begin);
        for (int w = 1; w < all->count; w++) {
            pthread_join(all->worker[w].thread, NULL);
        }
        pthread_barrier_destroy(&all->begin);
        pthread_barrier_destroy(&all->end);
    } else if (all->running > 0) {
        return; /* some wait for ever: a process that cannot start threads is about to end */
    }
    for (int w = 0; w < all->count; w++) {
        graph_destroy(all->worker[w].graph);
        if (w > 0) {
            params_destroy(all->worker[w].params);
        }
    }
    free(all);
}

graph_t *workers_graph(workers_t *all)
{
    return all->worker[0].graph;
}
