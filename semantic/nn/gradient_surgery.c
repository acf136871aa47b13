/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All gradients of a task lie behind each other in one array. */
#include "nn/gradient_surgery.h"
#include "nn/vector.h"

#include <stdlib.h>
#include <string.h>

struct gradient_surgery {
    params_t *params;
    int tasks;
    size_t count;
    float *task[GRADIENT_SURGERY_TASKS_MAX]; /* as taken */
    float *moved;                            /* the one being projected */
};

gradient_surgery_t *gradient_surgery_create(params_t *params, int tasks, err_t *err)
{
    if (tasks < 1 || tasks > GRADIENT_SURGERY_TASKS_MAX) {
        err_set(err, ERR_ARGUMENT, "%d tasks; 1 .. %d are possible", tasks,
                GRADIENT_SURGERY_TASKS_MAX);
        return NULL;
    }
    gradient_surgery_t *surgery = calloc(1, sizeof(*surgery));
    if (surgery == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the gradients of %d tasks", tasks);
        return NULL;
    }
    surgery->params = params;
    surgery->tasks = tasks;
    for (int i = 0; i < params_count(params); i++) {
        surgery->count += params_at(params, i)->grad != NULL ? params_at(params, i)->count : 0;
    }
    surgery->moved = calloc(surgery->count + 1, sizeof(float));
    bool failed = surgery->moved == NULL;
    for (int i = 0; i < tasks; i++) {
        surgery->task[i] = calloc(surgery->count + 1, sizeof(float));
        failed |= surgery->task[i] == NULL;
    }
    if (failed) {
        err_set(err, ERR_MEMORY, "no memory for the gradients of %d tasks", tasks);
        gradient_surgery_destroy(surgery);
        return NULL;
    }
    return surgery;
}

void gradient_surgery_destroy(gradient_surgery_t *surgery)
{
    if (surgery == NULL) {
        return;
    }
    for (int i = 0; i < GRADIENT_SURGERY_TASKS_MAX; i++) {
        free(surgery->task[i]);
    }
    free(surgery->moved);
    free(surgery);
}

void gradient_surgery_take(gradient_surgery_t *surgery, int task)
{
    float *at = surgery->task[task];
    for (int i = 0; i < params_count(surgery->params); i++) {
        const param_t *param = params_at(surgery->params, i);
        if (param->grad != NULL) {
            memcpy(at, param->grad, param->count * sizeof(float));
            at += param->count;
        }
    }
}

/* surgery->moved = gradient of `task` without what conflicts. */
static void project(gradient_surgery_t *surgery, int task, rng_t *rng)
{
    int order[GRADIENT_SURGERY_TASKS_MAX];
    memcpy(surgery->moved, surgery->task[task], surgery->count * sizeof(float));
    for (int k = 0; k < surgery->tasks; k++) { /* a random order (Fisher and Yates) */
        int at = (int)rng_below(rng, (uint32_t)k + 1);
        order[k] = order[at];
        order[at] = k;
    }
    for (int k = 0; k < surgery->tasks; k++) {
        const float *other = surgery->task[order[k]];
        double along = vector_dot(surgery->moved, other, surgery->count);
        double size = order[k] == task || along >= 0.0 ? 0.0 : vector_dot(other, other, surgery->count);
        if (size > 0.0) {
            float factor = (float)(along / size);
            for (size_t i = 0; i < surgery->count; i++) {
                surgery->moved[i] -= factor * other[i];
            }
        }
    }
}

void gradient_surgery_finish(gradient_surgery_t *surgery, rng_t *rng)
{
    params_zero_gradients(surgery->params);
    float share = 1.0f / (float)surgery->tasks;
    for (int task = 0; task < surgery->tasks; task++) {
        project(surgery, task, rng);
        const float *at = surgery->moved;
        for (int i = 0; i < params_count(surgery->params); i++) {
            const param_t *param = params_at(surgery->params, i);
            for (size_t k = 0; param->grad != NULL && k < param->count; k++) {
                param->grad[k] += share * *at++;
            }
        }
    }
}
