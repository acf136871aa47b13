/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The channel's options reach the radios that meet in a hub: models per link, front end per radio.
 */
#include "air/hub.h"
#include "check.h"
#include "radio/radio.h"

#include <complex.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { BURST = 20000 };

static char name[64];

static void *air_thread(void *hub)
{
    hub_run(hub, INFINITY);
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

static hub_config_t config_of(air_model_t model)
{
    hub_config_t config = hub_config_default();
    snprintf(name, sizeof name, "front-%d", (int)getpid());
    config.name = name;
    config.free_pace = true;
    config.wait_radios = 2;
    config.rx_ring = 1 << 16;
    config.channel.model = model;
    config.channel.snr_db = INFINITY;
    return config;
}

/* One burst of ones from one radio to the other; out[BURST]: what arrives from its first sample
   that is not zero on (silence before it is exactly zero). */
static void send_ones(const hub_config_t *config, float complex *out)
{
    static float complex ones[BURST];
    const float complex *const from[] = {ones};
    err_t err = ERR_INIT;
    hub_t *hub = hub_create(config, &err);
    if (hub == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    pthread_t thread;
    pthread_create(&thread, NULL, air_thread, hub);
    radio_t *sender = open_radio();
    radio_t *receiver = open_radio();
    CHECK_INT(radio_start(receiver, NULL), 0);
    for (int i = 0; i < BURST; i++) {
        ones[i] = 1.0f;
    }
    CHECK_INT(radio_push(sender, from, BURST, &(radio_push_t){true, true, RADIO_ASAP}, 5.0, NULL),
              BURST);
    size_t have = 0;
    while (have < BURST) {
        static float complex x[4096];
        float complex *const to[] = {x};
        radio_pull_t info;
        const ssize_t n = radio_pull(receiver, to, 4096, 5.0, &info, NULL);
        CU_ASSERT_FATAL(n > 0);
        for (ssize_t i = 0; i < n && have < BURST; i++) {
            if (have > 0 || x[i] != 0.0f) {
                out[have++] = x[i];
            }
        }
    }
    radio_close(sender);
    radio_close(receiver);
    hub_stop(hub);
    pthread_join(thread, NULL);
    hub_destroy(hub);
}

static float complex y[BURST];

static void test_moving_link(void)
{
    hub_config_t config = config_of(AIR_TDL_E);
    config.channel.delay_spread_ns = 0.0;
    config.channel.doppler_hz = 7000.0;
    send_ones(&config, y);
    /* Nearly all line of sight: the phase runs at 0.7 of the Doppler. */
    const double turns = 0.7 * 7000.0 / 7.68e6 * 10000;
    const double wanted = 2.0 * 3.14159265358979323846 * (turns - floor(turns));
    const double is = (double)cargf(y[10100] * conjf(y[100]));
    CHECK_AT_MOST(fabs(remainder(is - wanted, 2.0 * 3.14159265358979323846)), 0.7);
    CHECK_AT_LEAST(cabsf(y[10100] - y[100]), 0.05);
}

static void test_front_end(void)
{
    hub_config_t config = config_of(AIR_NONE);
    config.channel.adc_bits = 3;
    config.channel.signal_power = 1.0;
    config.channel.adc_headroom_db = 12.0; /* full scale 2.815 at 8 codes: steps of 0.704 */
    send_ones(&config, y);
    const double step = sqrt(0.5 * pow(10.0, 1.2)) / 4.0;
    for (int i = 0; i < BURST; i++) {
        CHECK_NEAR(crealf(y[i]), step, 1e-5);
        CU_ASSERT(cimagf(y[i]) == 0.0f);
    }
}

static void test_lost_samples(void)
{
    hub_config_t config = config_of(AIR_NONE);
    config.channel.loss_rate = 0.5;
    config.channel.loss_samples = 20.0;
    send_ones(&config, y);
    int lost = 0;
    for (int i = 0; i < BURST; i++) {
        lost += y[i] == 0.0f;
    }
    CHECK_NEAR(lost / (double)BURST, 0.5, 0.12); /* 500 gaps */
}

static void test_refused(void)
{
    hub_config_t config = config_of(AIR_REPLAY);
    config.channel.path = "/nonexistent";
    err_t err = ERR_INIT;
    CU_ASSERT(hub_create(&config, &err) == NULL);
    CHECK_ERROR_NAMES(&err, "/nonexistent");
    config = config_of(AIR_AWGN);
    config.channel.adc_bits = 99;
    CU_ASSERT(hub_create(&config, &err) == NULL);
    CHECK_ERROR_NAMES(&err, "channel.adc_bits");
}

int main(void)
{
    static const check_test_t tests[] = {
        {"a link moves", test_moving_link},
        {"a receiver has its converter", test_front_end},
        {"a receiver loses samples", test_lost_samples},
        {"a channel that is refused names what", test_refused},
    };
    return check_run("hub_front", tests, CHECK_COUNT(tests));
}
