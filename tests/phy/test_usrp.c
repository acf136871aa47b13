/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The virtual USRP's parts: its configuration, its resampler, the command line that names it. */
#include "check.h"
#include "rng.h"
#include "usrp/usrp_rack.h"
#include "usrp/usrp_resample.h"

#include <complex.h>
#include <stdlib.h>

static void test_config(void)
{
    usrp_config_t c;
    CHECK_INT(usrp_config_parse("usrp:127.0.0.2", &c, NULL), 0);
    CU_ASSERT_STRING_EQUAL(c.address, "127.0.0.2");
    CU_ASSERT(c.pps && c.lock && c.loss == 0 && c.clock_ppm == 0);
    CHECK_INT(usrp_config_parse("usrp:127.1.2.3,loss=0.01,late=0.5,overflow=2,ppm=-2.5,txref=31.5,"
                                "rxref=10,serial=F4711,name=lab,pps=0,lock=0,seed=7",
                                &c, NULL),
              0);
    CU_ASSERT(c.loss == 0.01 && c.late == 0.5 && c.overflow_s == 2 && c.clock_ppm == -2.5);
    CU_ASSERT(c.tx_ref_db == 31.5 && c.rx_ref_db == 10 && !c.pps && !c.lock && c.seed == 7);
    CU_ASSERT_STRING_EQUAL(c.serial, "F4711");
    CU_ASSERT_STRING_EQUAL(c.name, "lab");
}

static void test_bad_config(void)
{
    static const struct {
        const char *text, *names;
    } cases[] = {{"", "usrp:ADDRESS"},
                 {"air:127.0.0.2", "usrp:ADDRESS"},
                 {"usrp:", "loopback"},
                 {"usrp:192.168.10.2", "192.168.10.2"},
                 {"usrp:127.0.0.2.5", "loopback"},
                 {"usrp:127.0.0.2,loss", "KEY=VALUE"},
                 {"usrp:127.0.0.2,loss=2", "loss"},
                 {"usrp:127.0.0.2,loss=nan", "loss"},
                 {"usrp:127.0.0.2,loss=", "loss"},
                 {"usrp:127.0.0.2,ppm=1e9", "ppm"},
                 {"usrp:127.0.0.2,color=red", "color"},
                 {"usrp:127.0.0.2,serial=much-too-long-for-it", "serial"},
                 {"usrp:127.0.0.2,pps=maybe", "pps"}};
    for (int i = 0; i < CHECK_COUNT(cases); i++) {
        usrp_config_t config;
        err_t err = ERR_INIT;
        CHECK_INT(usrp_config_parse(cases[i].text, &config, &err), -1);
        CHECK_INT(err.code, ERR_ARGUMENT);
        CHECK_ERROR_NAMES(&err, cases[i].names);
    }
}

static void test_bad_rate(void)
{
    usrp_config_t config;
    err_t err = ERR_INIT;
    CHECK_INT(usrp_config_parse("usrp:127.0.0.2", &config, NULL), 0);
    CU_ASSERT_PTR_NULL(usrp_create(&config, "none", 7.68e6, &err));
    CHECK_INT(err.code, ERR_ARGUMENT);
    CHECK_ERROR_NAMES(&err, "7692307.692");
}

static void test_no_air(void)
{
    usrp_config_t config;
    err_t err = ERR_INIT;
    CHECK_INT(usrp_config_parse("usrp:127.250.250.250", &config, NULL), 0);
    CU_ASSERT_PTR_NULL(usrp_create(&config, "there-is-no-such-air", 10e6, &err));
    CHECK_INT(err.code, ERR_TIMEOUT);
}

static void test_join_arguments(void)
{
    char air[] = "air", a[] = "--radio", b[] = "usrp:1", c[] = "--x=1", d[] = "--radio=usrp:2";
    char *argv[] = {air, a, b, c, d, a, NULL};
    char joined[64];
    CHECK_INT(usrp_rack_join_arguments(6, argv, joined, sizeof joined), 4);
    CU_ASSERT_STRING_EQUAL(argv[1], "--radio=usrp:1 usrp:2");
    CU_ASSERT_STRING_EQUAL(argv[2], "--x=1");
    CU_ASSERT_STRING_EQUAL(argv[3], "--radio"); /* without a value: an error for the table */
    char *again[] = {air, d, d, NULL};
    CHECK_INT(usrp_rack_join_arguments(3, again, joined, 20), 3); /* no room: both stay */
}

/* ---- resampling ---- */

/* The error of a resampled tone against the true one, in dB, and how many samples there are. */
static double tone_error_db(uint32_t in_ticks, double out_ticks, double cycles_a_tick, size_t piece,
                            size_t *made)
{
    enum { COUNT = 6000 };
    static float complex in[COUNT], out[200000];
    for (size_t i = 0; i < COUNT; i++) {
        in[i] = (float complex)cexp(2 * M_PI * I * fmod(cycles_a_tick * in_ticks * (double)i, 1));
    }
    usrp_resample_t *r = usrp_resample_create(in_ticks, out_ticks, piece, NULL);
    usrp_resample_reset(r, 3.0);
    *made = 0;
    for (size_t i = 0; i + piece <= COUNT; i += piece) {
        const size_t n = usrp_resample_process(r, in + i, piece, out + *made);
        CU_ASSERT(n <= usrp_resample_room(r, piece));
        *made += n;
    }
    const size_t lag = (size_t)((double)(2 * usrp_resample_lag(r) * in_ticks) / out_ticks);
    double error = 0;
    for (size_t i = lag; i < *made; i++) {
        const double t = 3.0 + out_ticks * (double)i;
        const double complex wanted = cexp(2 * M_PI * I * fmod(cycles_a_tick * t, 1));
        error += pow(cabs((double complex)out[i] - wanted), 2) / (double)(*made - lag);
    }
    usrp_resample_destroy(r);
    return 10 * log10(error);
}

static void test_resampling(void)
{
    static const struct {
        uint32_t in;
        double out;
    } cases[] = {{13, 50}, {50, 13}, {10, 100}, {100, 10}, {13, 13 * (1 + 2.5e-6)}, {13, 12}};
    for (int i = 0; i < CHECK_COUNT(cases); i++) {
        const double slow = fmax(cases[i].in, cases[i].out);
        size_t made, made_otherwise;
        /* A quarter of the slower rate, where our signals end. */
        CHECK_AT_MOST(tone_error_db(cases[i].in, cases[i].out, 0.26 / slow, 1000, &made), -70);
        CHECK_AT_MOST(tone_error_db(cases[i].in, cases[i].out, -0.1 / slow, 100, &made_otherwise),
                      -70);
        CHECK_INT(made, made_otherwise);
        CHECK_NEAR((double)made, 6000 * cases[i].in / cases[i].out, 17 * slow / cases[i].out + 2);
    }
}

static void test_resampling_rejects(void)
{
    size_t made;
    /* From 0.55 of the slower rate on nothing may come through: the error is all of the tone. */
    CHECK_NEAR(tone_error_db(13, 50, 0.6 / 50, 1000, &made), 0, 0.01);
}

static const check_test_t tests[] = {
    {"every key is read", test_config},
    {"what is wrong is named", test_bad_config},
    {"a rate that no USRP has is refused, with the nearest", test_bad_rate},
    {"an air that is not there is said", test_no_air},
    {"--radio may be repeated", test_join_arguments},
    {"a resampled tone is the tone, whole ratios and clock offsets", test_resampling},
    {"what does not fit into the slower rate is filtered away", test_resampling_rejects},
};

int main(void)
{
    return check_run("usrp", tests, CHECK_COUNT(tests));
}
