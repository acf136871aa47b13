/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radio=uhd: what it refuses. */
#include "usrp_radio.h"

static void test_refusals(void)
{
    bench_t bench = bench_clean("");
    char args[64];
    radio_config_t config = config_at(&bench, 0, args);
    config.timeout_s = 0;

    radio_config_t wrong = config;
    wrong.address = "addr=127.251.251.251";
    expect_failure(&wrong, ERR_TIMEOUT, "127.251.251.251");
    wrong = config;
    wrong.address = "type=b200";
    expect_failure(&wrong, ERR_TIMEOUT, "type=b200");
    wrong = config;
    wrong.rate_hz = 200e6;
    expect_failure(&wrong, ERR_UNSUPPORTED, "radio.rate_hz");
    wrong = config;
    wrong.freq_hz = 60e9;
    expect_failure(&wrong, ERR_UNSUPPORTED, "radio.freq_hz");
    wrong = config;
    wrong.antenna = "J2";
    expect_failure(&wrong, ERR_ARGUMENT, "radio.ant");
    wrong = config;
    wrong.antennas = 2;
    expect_failure(&wrong, ERR_UNSUPPORTED, "channels");
    wrong = config;
    wrong.reference = "moonlight";
    expect_failure(&wrong, ERR_UNSUPPORTED, "radio.ref");
    bench_close(&bench);
}

static const check_test_t tests[] = {
    {"what cannot be is refused by name", test_refusals},
};

int main(void)
{
    return check_run("radio_uhd_errors", tests, CHECK_COUNT(tests));
}
