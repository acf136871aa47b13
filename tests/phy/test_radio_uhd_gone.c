/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radio=uhd when the device goes, or is not ours. */
#include "usrp_radio.h"

static void test_gone_and_back(void)
{
    static const float complex x[LENGTH];
    bench_t bench = bench_clean("");
    radio_t *radio = open_at(&bench, 0);
    const float complex *const sent[] = {x};
    radio_event_t event;
    CHECK_INT(radio_start(radio, NULL), 0);
    CHECK_AT_LEAST((double)follow(radio, 100000).samples, 100000);
    usrp_destroy(bench.usrp[0]);
    CU_ASSERT(wait_event(radio, RADIO_EVENT_DEVICE_GONE, 10, &event));
    CHECK_INT(radio_now(radio), 0);
    err_t err = ERR_INIT;
    CHECK_INT(radio_push(radio, sent, LENGTH, &(radio_push_t){true, true, RADIO_ASAP}, 0, &err),
              -1);
    CHECK_INT(err.code, ERR_CLOSED);
    usrp_config_t config;
    char text[64];
    snprintf(text, sizeof text, "usrp:%s", bench.address[0]);
    CHECK_INT(usrp_config_parse(text, &config, NULL), 0);
    bench.usrp[0] = usrp_create(&config, bench.name, AIR_HZ, NULL);
    CHECK_INT(usrp_start(bench.usrp[0], NULL), 0);
    CU_ASSERT(wait_event(radio, RADIO_EVENT_DEVICE_BACK, 20, &event));
    const story_t story = follow(radio, 100000);
    CHECK_INT(story.wrong, 0);
    CHECK_AT_LEAST((double)story.samples, 100000);
    CHECK_INT(radio_push(radio, sent, LENGTH, &(radio_push_t){true, true, RADIO_ASAP}, 5, NULL),
              LENGTH);
    radio_close(radio);
    bench_close(&bench);
}

static void test_two_programs(void)
{
    bench_t bench = bench_clean("");
    char args[64], other[96];
    radio_config_t config = config_at(&bench, 0, args);
    radio_t *radio = open_radio(&config);
    config.timeout_s = 0;
    expect_failure(&config, ERR_STATE, "in use");
    radio_close(radio);
    radio = open_radio(&config);
    radio_close(radio);

    /* A program that is not ours: the device itself turns the second one away. */
    host_t host = host_open(bench.address[0]);
    ask_register(&host, 1, 4711, 6);
    ask_register(&host, 0, 12345 | 1, 6);
    snprintf(other, sizeof other, "%s,", args);
    config.address = other;
    expect_failure(&config, ERR_TIMEOUT, "does no other program use it");
    host_close(&host);
    bench_close(&bench);
}

static const check_test_t tests[] = {
    {"a device that goes is waited for, and all goes on", test_gone_and_back},
    {"two programs on one device: the second is told", test_two_programs},
};

int main(void)
{
    return check_run("radio_uhd_gone", tests, CHECK_COUNT(tests));
}
