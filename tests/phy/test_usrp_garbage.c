/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is no protocol at all, at every port: the device answers on, and works for the next host. */
#include "usrp_host.h"

enum { DATAGRAMS = 6000, SEED = 20 };

/* The beginning of something sensible, so that more than the first check is reached. */
static size_t half_sensible(rng_t *rng, int port, uint8_t *data)
{
    static const char ids[] = "arihslx";
    size_t size = rng_below(rng, 200);
    for (size_t i = 0; i < size + 64; i++) {
        data[i] = (uint8_t)rng_bits(rng);
    }
    if (port == CONTROL) {
        put(data, 12);
        put(data + 4, (uint32_t)ids[rng_below(rng, 7)]);
        data[20] = (uint8_t)rng_below(rng, 8);
        if (rng_below(rng, 2) == 0) {
            put(data + 12, 0x7000 + 4 * rng_below(rng, 256));
        }
        size = rng_below(rng, 4) == 0 ? size : 36;
    } else if (port == FIFO) {
        const bool timed = rng_below(rng, 8) == 0;
        put(data + 4, 0x40000000u | (timed ? 1u << 20 : 0) | 3);
        put(data + (timed ? 16 : 8), rng_below(rng, 256) | rng_below(rng, 2) << 8);
        size = rng_below(rng, 4) == 0 ? size : 24;
    } else if (port == TX0) {
        put(data, rng_below(rng, 4));
        put(data + 4,
            (uint32_t)rng_below(rng, 8) << 24 | rng_below(rng, 2) << 20 | rng_below(rng, 64));
    }
    return size;
}

static void test_garbage(void)
{
    bench_t bench = bench_clean("");
    host_t host = host_open(bench.address[0]);
    rng_t rng;
    rng_seed(&rng, SEED, 0);
    uint8_t data[4096];
    for (int i = 0; i < DATAGRAMS; i++) {
        const int port = (int)rng_below(&rng, PORTS);
        size_t size = half_sensible(&rng, port, data);
        if (rng_below(&rng, 10) == 0) {
            size = rng_below(&rng, sizeof data); /* pure noise, or nothing */
        }
        (void)send(host.socket[port], data, size, 0);
        while (recv(host.socket[port], data, sizeof data, MSG_DONTWAIT) > 0) {
        }
        if (i % 64 == 0) {
            clock_sleep_s(0.001); /* or most of it would be lost on the way */
        }
    }
    host_close(&host);

    /* A new host sets it up anew and gets what it asks for. */
    static float complex x[1000];
    host = host_open(bench.address[0]);
    const uint64_t when = time_now(&host) + 30000000;
    CU_ASSERT(capture(&host, x, 1000, when) != 0);
    uint32_t sequence;
    int code = -1;
    transmit(&host, x, 300, true, true, time_now(&host) + 30000000);
    /* The garbage may have left an open burst behind, which is told first. */
    for (int i = 0; i < 5 && code != 1; i++) {
        code = answer_about_sending(&host, &sequence);
    }
    CHECK_INT(code, 1);
    host_close(&host);
    bench_close(&bench);
}

static const check_test_t tests[] = {
    {"garbage at every port, and then a new host", test_garbage},
};

int main(void)
{
    return check_run("usrp_garbage", tests, CHECK_COUNT(tests));
}
