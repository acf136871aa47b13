/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One radio, many threads (for ThreadSanitizer above all): a thread pushes, one
 * pulls, one asks for events, while the air, in a thread too, ends and starts anew.
 */
#include "air/hub.h"
#include "check.h"
#include "clock.h"
#include "log.h"
#include "radio/radio.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static char name[64];
static _Atomic bool finished;
static _Atomic uint64_t pulled, pushed, heard, refused;

static void *air_thread(void *hub)
{
    hub_run(hub, INFINITY);
    return NULL;
}

static void *push_thread(void *context)
{
    radio_t *radio = context;
    float complex x[5000];
    const float complex *const antennas[] = {x};
    for (int i = 0; i < 5000; i++) {
        x[i] = 1.0f;
    }
    while (!atomic_load(&finished)) {
        err_t err = ERR_INIT;
        const ssize_t n = radio_push(radio, antennas, 5000,
                                     &(radio_push_t){true, true, RADIO_ASAP}, 0.1, &err);
        if (n > 0) {
            atomic_fetch_add(&pushed, (uint64_t)n);
        } else if (err.code != ERR_TIMEOUT) {
            atomic_fetch_add(&refused, 1);
        }
        clock_sleep_s(0.0005);
    }
    return NULL;
}

static void *pull_thread(void *context)
{
    radio_t *radio = context;
    float complex x[8192];
    float complex *const antennas[] = {x};
    while (!atomic_load(&finished)) {
        radio_pull_t info;
        const ssize_t n = radio_pull(radio, antennas, 8192, 0.1, &info, NULL);
        for (ssize_t i = 0; i < n; i++) {
            if (x[i] != 0.0f) {
                atomic_fetch_add(&heard, 1);
            }
        }
        atomic_fetch_add(&pulled, n > 0 ? (uint64_t)n : 0);
    }
    return NULL;
}

static radio_t *open_radio(void)
{
    radio_config_t config = radio_config_default();
    config.address = name;
    err_t err = ERR_INIT;
    radio_t *radio = radio_open(&config, &err);
    if (radio == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return radio;
}

static hub_t *start_air(pthread_t *thread, bool free_pace)
{
    hub_config_t config = hub_config_default();
    config.name = name;
    config.channel.model = AIR_NONE;
    config.free_pace = free_pace;
    config.rx_ring = 1 << 16;
    err_t err = ERR_INIT;
    hub_t *hub = hub_create(&config, &err);
    if (hub == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    pthread_create(thread, NULL, air_thread, hub);
    return hub;
}

static void stop_air(hub_t *hub, pthread_t thread)
{
    hub_stop(hub);
    pthread_join(thread, NULL);
    hub_destroy(hub);
}

static uint64_t count_events(radio_t *radio, double seconds, radio_event_kind_t kind)
{
    uint64_t count = 0;
    const uint64_t end = clock_now_ns() + (uint64_t)(seconds * 1e9);
    while (clock_now_ns() < end) {
        radio_event_t event;
        while (radio_next_event(radio, &event)) {
            count += event.kind == kind;
        }
        (void)radio_now(radio);
        (void)radio_counts(radio);
        clock_sleep_s(0.001);
    }
    return count;
}

static void duplex(bool free_pace)
{
    snprintf(name, sizeof name, "threads-%d-%d", (int)getpid(), (int)free_pace);
    atomic_store(&finished, false);
    atomic_store(&pulled, 0);
    atomic_store(&heard, 0);
    pthread_t air, threads[4];
    hub_t *hub = start_air(&air, free_pace);
    radio_t *one = open_radio();
    radio_t *two = open_radio();
    CHECK_INT(radio_start(one, NULL), 0);
    CHECK_INT(radio_start(two, NULL), 0);
    pthread_create(&threads[0], NULL, push_thread, one);
    pthread_create(&threads[1], NULL, pull_thread, one);
    pthread_create(&threads[2], NULL, push_thread, two);
    pthread_create(&threads[3], NULL, pull_thread, two);
    (void)count_events(one, 0.4, RADIO_EVENT_OVERFLOW);
    const uint64_t before = atomic_load(&heard);
    CHECK_AT_LEAST(before, 10000);
    stop_air(hub, air);
    CHECK_INT(count_events(one, 0.3, RADIO_EVENT_DEVICE_GONE), 1);
    hub = start_air(&air, free_pace);
    CHECK_INT(count_events(one, 0.5, RADIO_EVENT_DEVICE_BACK), 1);
    CHECK_AT_LEAST(atomic_load(&heard), before + 10000);
    atomic_store(&finished, true);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_INT(count_events(two, 0.0, RADIO_EVENT_OVERFLOW), 0);
    radio_close(one);
    radio_close(two);
    stop_air(hub, air);
}

static void test_realtime(void)
{
    duplex(false);
}

static void test_free(void)
{
    duplex(true);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    static const check_test_t tests[] = {
        {"full duplex from several threads survives a new air (realtime)", test_realtime},
        {"full duplex from several threads survives a new air (free)", test_free},
    };
    return check_run("radio_threads", tests, CHECK_COUNT(tests));
}
