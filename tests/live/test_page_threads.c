/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The live page under all its threads at once: the stages, its own, the web server's, clients that
 * watch, ask, set options, stop reading and leave.  For ThreadSanitizer, and for what must hold
 * whatever the order: nobody waits for a browser.
 */
#include "../system/web_client.h"
#include "check.h"
#include "clock.h"
#include "live/page.h"
#include "seen.h"

#include <stdatomic.h>

enum { WATCHERS = 8, ASKERS = 3 };

static const option_t other_options[] = {{.section = "test",
                                          .name = "level",
                                          .type = OPTION_INT,
                                          .min = 0,
                                          .max = 1000000,
                                          .flags = OPTION_RUNTIME,
                                          .help = "changes while the page runs"},
                                         {0}};

static pthread_mutex_t options_lock = PTHREAD_MUTEX_INITIALIZER;
static options_t *options;
static page_t *page;
static int port, changes;
static _Atomic bool stopping;
static _Atomic uint64_t frames, reports, messages, answers, accepted;

static json_t *status(void *context)
{
    (void)context;
    return json_pack("{s:s, s:I}", "program", "test", "frames", (json_int_t)atomic_load(&frames));
}

static int accept_all(void *context, const options_t *o, err_t *err)
{
    (void)context;
    return options_int(o, "test.level") != 13 ? 0 : err_set(err, ERR_ARGUMENT, "not 13");
}

static void changed(void *context, json_t *values)
{
    (void)context;
    (void)values;
    changes++; /* under options_lock */
}

/* ---- the receiver's stages ---- */

static void *demodulator(void *context)
{
    static seen_t seen;
    static float complex samples[8192];
    (void)context;
    for (int i = 0; !atomic_load(&stopping); i++) {
        seen_make(&seen, i);
        page_see_samples(page, samples, 8192);
        page_see_frame(page, &seen.frame);
        atomic_fetch_add(&frames, 1);
        clock_sleep_s(0.001);
    }
    return NULL;
}

static void *reporter(void *context)
{
    static seen_t seen;
    (void)context;
    for (int i = 0; !atomic_load(&stopping); i++) {
        seen_make(&seen, i);
        page_see_report(page, &seen.report);
        page_see_images(page, &seen.report, SEEN_SIDE, SEEN_SIDE, i % 2 ? seen.sent : NULL,
                        seen.received);
        atomic_fetch_add(&reports, 1);
        clock_sleep_s(0.001);
    }
    return NULL;
}

/* ---- browsers ---- */

/* Comes, reads some messages, leaves; again and again. */
static void *watcher(void *context)
{
    (void)context;
    while (!atomic_load(&stopping)) {
        int code;
        const int fd = web_socket(port, "", &code);
        for (int i = 0; fd >= 0 && i < 5 && !atomic_load(&stopping); i++) {
            size_t size;
            uint8_t *data = web_message(fd, &size);
            if (data == NULL || !web_acknowledge(fd)) {
                free(data);
                break;
            }
            free(data);
            atomic_fetch_add(&messages, 1);
        }
        close(fd);
    }
    return NULL;
}

static void *asker(void *context)
{
    static const char *const lines[] = {"GET /status.json", "GET /metrics", "GET /frames.jsonl",
                                        "GET /options.json", "GET /page.js"};
    char host[64], body[96];
    const int number = *(const int *)context;
    snprintf(host, sizeof host, "Host: 127.0.0.1:%d\r\n", port);
    for (int i = 0; !atomic_load(&stopping); i++) {
        atomic_fetch_add(&answers, web_status(port, lines[i % 5], host, NULL) == 200);
        snprintf(body, sizeof body, "{\"values\":{\"test.level\":\"%d\"}}", 100 * number + i % 20);
        const int code = web_status(port, "POST /options", host, body);
        atomic_fetch_add(&accepted, code == 200);
        if (code != 200 && code != 400) {
            fprintf(stderr, "POST: %d\n", code);
        }
    }
    return NULL;
}

static void open_page(void)
{
    static const option_t *const tables[] = {page_options, other_options, NULL};
    char bind[64];
    err_t err = ERR_INIT;
    port = web_free_port();
    snprintf(bind, sizeof bind, "127.0.0.1:%d", port);
    options = options_create("test", "the live page", tables, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CHECK_INT(options_set(options, "live.bind", bind, &err), 0);
    CHECK_INT(options_set(options, "live.rate_hz", "25", &err), 0);
    CHECK_INT(options_set(options, "live.clients", "12", &err), 0);
    const page_config_t config = {.options = options,
                                  .options_lock = &options_lock,
                                  .accept = accept_all,
                                  .status = status,
                                  .changed = changed,
                                  .sample_rate_hz = 7.68e6};
    if (page_open(&config, &page, &err) != 0 || page_start(page, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(page);
}

static void test_all_at_once(void)
{
    enum { THREADS = 2 + WATCHERS + ASKERS };
    pthread_t thread[THREADS];
    int number[ASKERS], count = 0, code;
    open_page();
    const int stuck = web_socket(port, "", &code); /* never reads, never leaves */
    CHECK_INT(code, 101);
    pthread_create(&thread[count++], NULL, demodulator, NULL);
    pthread_create(&thread[count++], NULL, reporter, NULL);
    for (int i = 0; i < WATCHERS; i++) {
        pthread_create(&thread[count++], NULL, watcher, NULL);
    }
    for (int i = 0; i < ASKERS; i++) {
        number[i] = i;
        pthread_create(&thread[count++], NULL, asker, &number[i]);
    }
    for (int i = 0;
         i < 400 && (i < 20 || atomic_load(&messages) < 200 || atomic_load(&answers) < 60); i++) {
        clock_sleep_s(0.05);
    }
    atomic_store(&stopping, true);
    for (int i = 0; i < count; i++) {
        pthread_join(thread[i], NULL);
    }
    CHECK_AT_LEAST(atomic_load(&messages), 200);
    CHECK_AT_LEAST(atomic_load(&answers), 60);
    CHECK_AT_LEAST(atomic_load(&accepted), 10);
    CHECK_AT_LEAST(atomic_load(&frames), 20);
    page_close(page); /* with the stuck one still there */
    CHECK_INT(changes, atomic_load(&accepted));
    close(stuck);
    options_destroy(options);
}

static const check_test_t tests[] = {
    {"stages, watchers, askers and a stuck client at once: all are served, nothing races",
     test_all_at_once},
};

int main(void)
{
    return check_run("page_threads", tests, CHECK_COUNT(tests));
}
