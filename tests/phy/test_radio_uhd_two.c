/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radio=uhd with two USRPs as one radio of two antennas, a pulse per second between them. */
#include "usrp_radio.h"

/* Where the first loud sample lies; count when there is none. */
static size_t first_loud(const float complex *x, size_t count)
{
    size_t i = 0;
    while (i < count && cabsf(x[i]) < 0.1f) {
        i++;
    }
    return i;
}

static void test_two_antennas(void)
{
    enum { MOST = 3000000 };
    static float complex sent[LENGTH];
    bench_t bench = bench_clean("");
    char args[64];
    radio_config_t config = config_at(&bench, 0, args);
    snprintf(args, sizeof args, "type=usrp2,addr0=%s,addr1=%s", bench.address[0], bench.address[1]);
    config.antennas = 2;
    config.pps = "external";
    radio_t *radio = open_radio(&config);

    radio_config_t plain = radio_config_default();
    plain.address = bench.name;
    plain.rate_hz = AIR_HZ;
    radio_t *sender = open_radio(&plain);
    for (int i = 0; i < LENGTH; i++) {
        sent[i] = 0.5f * CMPLXF(cosf(0.3f * (float)i), sinf(0.3f * (float)i));
    }
    CHECK_INT(radio_start(radio, NULL), 0);
    float complex *x[2] = {calloc(BLOCK, sizeof **x), calloc(BLOCK, sizeof **x)};
    const float complex *const burst[] = {sent};
    bool found = false;
    uint64_t pulled = 0;
    for (int tries = 0; tries < 4000 && pulled < MOST && !found; tries++) {
        radio_pull_t info;
        const ssize_t n = radio_pull(radio, x, BLOCK, 0.05, &info, NULL);
        if (n <= 0) {
            continue;
        }
        if (pulled == 0) { /* it receives: now there may be something */
            const radio_push_t how = {true, true, RADIO_ASAP};
            CHECK_INT(radio_push(sender, burst, LENGTH, &how, 5, NULL), LENGTH);
        }
        pulled += (uint64_t)n;
        const size_t first = first_loud(x[0], (size_t)n);
        if (first + 100 < (size_t)n) {
            found = true;
            float worst = 0;
            for (size_t i = first; i < (size_t)n && cabsf(x[0][i]) > 0.1f; i++) {
                worst = fmaxf(worst, cabsf(x[0][i] - x[1][i]));
            }
            CHECK_AT_MOST(worst, 1e-3);
        }
    }
    CU_ASSERT(found);
    free(x[0]);
    free(x[1]);
    radio_close(sender);
    radio_close(radio);
    bench_close(&bench);
}

static const check_test_t tests[] = {
    {"two USRPs on one pulse receive the same sample at the same time", test_two_antennas},
};

int main(void)
{
    return check_run("radio_uhd_two", tests, CHECK_COUNT(tests));
}
