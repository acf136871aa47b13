/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_group: an access point and users in threads of one process, over a socket of its own.
 */
#ifndef TESTS_ALIGNMENT_FEDERATED_GROUP_H
#define TESTS_ALIGNMENT_FEDERATED_GROUP_H

#include "alignment/federated_problem.h"
#include "check.h"
#include "clock.h"
#include "federated/federated_ap.h"
#include "federated/federated_station.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

typedef struct {
    federated_ap_t *ap;
    pthread_t thread;
    pthread_mutex_t lock; /* of ap, between two of its steps */
    _Atomic bool stop;
    char endpoint[64];
    err_t err;
} group_t;

typedef struct {
    federated_station_t *station;
    pthread_t thread;
    _Atomic bool stop, ended;
    err_t err;
} member_t;

static void *group_loop(void *context)
{
    group_t *g = context;
    int code = 0;
    while (!g->stop && code == 0) {
        pthread_mutex_lock(&g->lock);
        code = federated_ap_step(g->ap, 0.01, &g->err);
        pthread_mutex_unlock(&g->lock);
        clock_sleep_s(0.0005);
    }
    return NULL;
}

static void group_start(group_t *g, const federated_ap_config_t *config)
{
    static int count;
    federated_ap_config_t own = *config;
    *g = (group_t){.err = ERR_INIT};
    snprintf(g->endpoint, sizeof g->endpoint, "ipc:///tmp/semradio-group-%d-%d", (int)getpid(),
             count++);
    own.bind = g->endpoint;
    pthread_mutex_init(&g->lock, NULL);
    g->ap = federated_ap_create(&own, &g->err);
    if (!g->ap) {
        fprintf(stderr, "%s\n", g->err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(g->ap);
    pthread_create(&g->thread, NULL, group_loop, g);
}

static void group_stop(group_t *g)
{
    g->stop = true;
    pthread_join(g->thread, NULL);
    federated_ap_destroy(g->ap);
    pthread_mutex_destroy(&g->lock);
    unlink(g->endpoint + 6);
}

static void *member_loop(void *context)
{
    member_t *m = context;
    while (!m->stop && federated_station_step(m->station, &m->err) == 0) {
    }
    m->ended = true;
    return NULL;
}

/* Without its thread: the test steps it. */
static void member_open(member_t *m, const group_t *g, const char *name,
                        const federated_tensor_t *y, const federated_tensor_t *h)
{
    const federated_station_config_t config = {
        .ap = {.endpoint = g->endpoint}, .name = name, .y = *y, .h = *h, .linger_s = 0.05};
    *m = (member_t){.err = ERR_INIT};
    m->station = federated_station_create(&config, &m->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m->station);
}

static void member_run(member_t *m)
{
    pthread_create(&m->thread, NULL, member_loop, m);
}

static void member_start(member_t *m, const group_t *g, const char *name,
                         const federated_tensor_t *y, const federated_tensor_t *h)
{
    member_open(m, g, name, y, h);
    member_run(m);
}

static void member_join_thread(member_t *m)
{
    m->stop = true;
    pthread_join(m->thread, NULL);
}

/* All of them at once: each may be waiting for the access point. */
static void members_join_threads(member_t *members, int count)
{
    for (int k = 0; k < count; k++) {
        members[k].stop = true;
    }
    for (int k = 0; k < count; k++) {
        member_join_thread(&members[k]);
    }
}

static void member_stop(member_t *m)
{
    member_join_thread(m);
    federated_station_destroy(m->station);
}

/* Until `ready` users have armed what is stamped.  False: never. */
__attribute__((unused)) static bool group_wait(group_t *g, int ready)
{
    for (int i = 0; i < 6000; i++) {
        int armed;
        pthread_mutex_lock(&g->lock);
        (void)federated_ap_users(g->ap, &armed);
        const bool done = federated_ap_state(g->ap) == FEDERATED_IN_USE && armed >= ready;
        pthread_mutex_unlock(&g->lock);
        if (done) {
            return true;
        }
        if (g->err.code != ERR_NONE) {
            fprintf(stderr, "the access point ended: %s\n", g->err.text);
            return false;
        }
        clock_sleep_s(0.005);
    }
    fprintf(stderr, "never in use with %d users\n", ready);
    return false;
}

/* Of the status of user `name`; NULL: it is not there.  To be freed. */
__attribute__((unused)) static json_t *group_user(group_t *g, const char *name)
{
    pthread_mutex_lock(&g->lock);
    json_t *status = federated_ap_status(g->ap), *user, *found = NULL;
    pthread_mutex_unlock(&g->lock);
    size_t i;
    json_array_foreach(json_object_get(status, "users"), i, user)
    {
        if (strcmp(json_string_value(json_object_get(user, "name")), name) == 0) {
            found = json_incref(user);
        }
    }
    json_decref(status);
    return found;
}

__attribute__((unused)) static int64_t group_number(group_t *g, const char *name, const char *key)
{
    json_t *user = group_user(g, name);
    const int64_t value = user ? json_integer_value(json_object_get(user, key)) : -1;
    json_decref(user);
    return value;
}

/* The step at which AP and file-based command are compared: Z in the AP's file, row by row. */
__attribute__((unused)) static double largest_difference(const matrix_t *a, const matrix_t *b)
{
    double most = 0.0, size = 0.0;
    if (a->rows != b->rows || a->cols != b->cols || a->real != b->real) {
        return HUGE_VAL;
    }
    for (size_t i = 0; i < matrix_doubles(a); i++) {
        most = fmax(most, fabs(a->v[i] - b->v[i]));
        size = fmax(size, fabs(b->v[i]));
    }
    return most / size;
}

#endif
