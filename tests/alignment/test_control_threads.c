/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many threads at one control plane: reports from several, settings taken over by several, clients.
 */
#include "control_bench.h"
#include "live.h"

#include <pthread.h>
#include <stdatomic.h>

enum { REPORTERS = 3, TAKERS = 3, CLIENTS = 3, REPORTS = 400, SETS = 40 };

static bench_t bench;
static live_t *live;
static _Atomic bool stop;
static _Atomic uint64_t accepted;
static control_reporter_t *reporters[REPORTERS];

typedef struct {
    double gain_db;
    int64_t images;
} settings_t;

/* The two always go together: 2 dB an image. */
static int accept(void *context, const options_t *options, err_t *err)
{
    (void)context;
    (void)err;
    const settings_t settings = {options_real(options, "tx.gain_db"),
                                 options_int(options, "tx.images")};
    live_publish(live, &settings);
    return 0;
}

static void *report(void *context)
{
    control_reporter_t *reporter = context;
    uint64_t taken = 0;
    for (int i = 0; i < REPORTS; i++) {
        taken += control_report(reporter, (control_topic_t)(i % CONTROL_TOPICS), "{\"a\":1}", 7);
        if (i % 16 == 0) {
            clock_sleep_s(0.001);
        }
    }
    atomic_fetch_add(&accepted, taken);
    return NULL;
}

typedef struct {
    int reader;
    uint64_t taken, torn;
} taker_t;

static void *take(void *context)
{
    taker_t *me = context;
    settings_t settings;
    bool more = true;
    while (more) {
        more = !atomic_load(&stop);
        if (live_take(live, me->reader, &settings)) {
            me->taken++;
            me->torn += settings.gain_db != 2.0 * (double)settings.images - 2.0;
        } else {
            clock_sleep_s(0.0005);
        }
    }
    return NULL;
}

static void *set_often(void *context)
{
    const int first = *(const int *)context;
    control_client_t *client = bench_client(control_server_endpoint(bench.server), "", "");
    for (int i = 0; i < SETS; i++) {
        err_t err = ERR_INIT;
        const int images = 1 + (first + i) % 12;
        json_t *got = bench_ask(client, i % 4 == 3 ? "status" : "set",
                                i % 4 == 3 ? json_object()
                                           : json_pack("{s:{s:i, s:i}}", "values", "tx.images",
                                                       images, "tx.gain_db", 2 * images - 2),
                                &err);
        CU_ASSERT_PTR_NOT_NULL(got);
        json_decref(got);
    }
    control_client_destroy(client);
    return NULL;
}

static void test_crowd(void)
{
    err_t err = ERR_INIT;
    pthread_t threads[REPORTERS + TAKERS + CLIENTS];
    taker_t takers[TAKERS];
    int firsts[CLIENTS];
    live = live_create(sizeof(settings_t), TAKERS, &err);
    CHECK_INT(bench_open(&bench, bench_ipc(), "", "", &err), 0);
    control_server_stop(bench.server); /* reporters are made before the start */
    control_server_destroy(bench.server);
    const control_server_config_t config = {
        .program = "bench", .bind = bench_ipc(), .commands = bench_commands, .context = &bench};
    bench.server = control_server_create(&config, &err);
    bench.settings.server = bench.server;
    bench.settings.accept = accept;
    for (int i = 0; i < REPORTERS; i++) {
        reporters[i] = control_server_reporter(bench.server, 64, &err);
    }
    CHECK_INT(control_server_start(bench.server, &err), 0);
    int n = 0;
    for (int i = 0; i < REPORTERS; i++) {
        pthread_create(&threads[n++], NULL, report, reporters[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        firsts[i] = i;
        pthread_create(&threads[n++], NULL, set_often, &firsts[i]);
    }
    for (int i = 0; i < TAKERS; i++) {
        takers[i] = (taker_t){.reader = i};
        pthread_create(&threads[n++], NULL, take, &takers[i]);
    }
    for (int i = 0; i < REPORTERS + CLIENTS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < TAKERS; i++) {
        pthread_join(threads[REPORTERS + CLIENTS + i], NULL);
        CHECK_AT_LEAST(takers[i].taken, 1);
        CHECK_INT(takers[i].torn, 0);
    }
    CHECK_INT(live_taken(live), live_published(live));
    CHECK_INT(live_published(live), CLIENTS * SETS * 3 / 4);
    control_client_t *client = bench_client(control_server_endpoint(bench.server), "", "");
    for (int i = 0;
         i < 200 && bench_count(client, "reports_dropped") + (int64_t)atomic_load(&accepted) <
                        REPORTERS * REPORTS;
         i++) {
        clock_sleep_s(0.01);
    }
    CHECK_INT(bench_count(client, "reports_dropped") + (int64_t)atomic_load(&accepted),
              REPORTERS * REPORTS);
    control_client_destroy(client);
    bench_close(&bench);
    live_destroy(live);
}

static const check_test_t tests[] = {
    {"reports, settings and clients from many threads: whole, counted, in order", test_crowd},
};

int main(void)
{
    log_set_level(LOG_WARN);
    return check_run("control_threads", tests, CHECK_COUNT(tests));
}
