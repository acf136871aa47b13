/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usrp_radio: radio=uhd on the virtual USRPs of usrp_host.h, all in this process. */
#ifndef TESTS_PHY_USRP_RADIO_H
#define TESTS_PHY_USRP_RADIO_H

#include "usrp_host.h"

#include "radio/radio.h"

enum { LENGTH = 6000, BLOCK = 8192 };

static radio_config_t config_at(const bench_t *bench, int device, char args[64])
{
    radio_config_t config = radio_config_default();
    snprintf(args, 64, "type=usrp2,addr=%s", bench->address[device]);
    config.backend = "uhd";
    config.address = args;
    config.rate_hz = AIR_HZ;
    config.timeout_s = 5;
    return config;
}

__attribute__((unused)) static radio_t *open_radio(const radio_config_t *config)
{
    err_t err = ERR_INIT;
    radio_t *radio = radio_open(config, &err);
    if (radio == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return radio;
}

__attribute__((unused)) static radio_t *open_at(const bench_t *bench, int device)
{
    char args[64];
    radio_config_t config = config_at(bench, device, args);
    return open_radio(&config);
}

__attribute__((unused)) static bool wait_event(radio_t *radio, radio_event_kind_t kind,
                                               double seconds, radio_event_t *event)
{
    const uint64_t end = clock_now_ns() + (uint64_t)(seconds * 1e9);
    do {
        while (radio_next_event(radio, event)) {
            if (event->kind == kind) {
                return true;
            }
        }
        clock_sleep_s(0.005);
    } while (clock_now_ns() < end);
    return false;
}

typedef struct {
    uint64_t first, next, samples, lost; /* timestamps, and what is between them */
    int gaps, wrong;                     /* pulls that did not say what their timestamp says */
} story_t;

/* Pulls for a number of samples; every timestamp must be explained. */
__attribute__((unused)) static story_t follow(radio_t *radio, uint64_t samples)
{
    static float complex x[BLOCK];
    float complex *const antennas[] = {x};
    story_t story = {0};
    for (int tries = 0; story.samples < samples && tries < 4000; tries++) {
        radio_pull_t info;
        const ssize_t n = radio_pull(radio, antennas, BLOCK, 0.05, &info, NULL);
        if (n <= 0) {
            story.wrong += n < 0;
            continue;
        }
        if (story.samples == 0) {
            story.first = info.timestamp;
        } else {
            story.wrong += info.timestamp != story.next + info.lost;
            story.wrong += info.discontinuous != (info.lost > 0);
            story.gaps += info.lost > 0;
            story.lost += info.lost;
        }
        story.next = info.timestamp + (uint64_t)n;
        story.samples += (uint64_t)n;
    }
    return story;
}

__attribute__((unused)) static void expect_failure(const radio_config_t *config, err_code_t code,
                                                   const char *names)
{
    err_t err = ERR_INIT;
    radio_t *radio = radio_open(config, &err);
    CU_ASSERT_PTR_NULL(radio);
    CHECK_INT(err.code, code);
    CHECK_ERROR_NAMES(&err, names);
    radio_close(radio);
}

#endif
