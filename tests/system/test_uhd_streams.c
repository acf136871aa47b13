/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UHD's streaming examples against virtual USRPs, short and slow: how much a machine carries is
 * for the long tier.  A busy machine may lose samples, but not protocol.
 */
#include "usrp_bench.h"

#include <complex.h>

static void test_benchmark(void)
{
    start_usrps("", "--air.rate_hz=2M");
    CHECK_INT(tool(EXAMPLES "/benchmark_rate --args # --rx_rate 1e6 --tx_rate 2e6 --duration 1"),
              0);
    expect_tool_says("Benchmark complete");
    CHECK_AT_LEAST(tool_number("Num received samples:"), 1e5);
    CHECK_AT_LEAST(tool_number("Num transmitted samples:"), 1e5);
    CHECK_INT(tool_number("Num sequence errors (Tx):"), 0);
    CHECK_INT(tool_number("Num late commands:"), 0);
    stop_usrps();
}

/* In how many of the places between blocks the tone does not go on where it was. */
static int count_jumps(const float complex *x, size_t count, double *frequency)
{
    enum { BLOCK = 1000 };
    double complex all = 0;
    int jumps = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        all += x[i + 1] * conjf(x[i]);
    }
    const double step = carg(all);
    double last = 0;
    *frequency = step / (2 * M_PI);
    for (size_t at = 0; at + BLOCK <= count; at += BLOCK) {
        double complex sum = 0;
        for (size_t i = at; i < at + BLOCK; i++) {
            sum += (double complex)x[i] * cexp(-I * fmod(step * (double)i, 2 * M_PI));
        }
        const double turn = remainder(carg(sum) - last, 2 * M_PI);
        jumps += at > 0 && fabs(turn) > 0.1;
        last = carg(sum);
    }
    return jumps;
}

static void test_waveform_to_file(void)
{
    start_usrps("", "--channel.model=none --air.rate_hz=2M");
    char command[512];
    /* In the background, until the receiver has what it wants. */
    snprintf(command, sizeof command,
             "timeout -s INT 20 " EXAMPLES "/tx_waveforms --args type=usrp2,addr=%s --rate 1e6 "
             "--freq 2.4e9 --wave-type SINE --wave-freq 100e3 --ampl 0.3 >%s 2>&1 &",
             usrp_address[0], in_work("tx.out"));
    CHECK_INT(system(command), 0);
    bool sending = false;
    for (int i = 0; i < 500 && !sending; i++) {
        char *text = text_of(in_work("tx.out"));
        sending = strstr(text, "to stop streaming") != NULL;
        free(text);
        clock_sleep_s(0.02);
    }
    clock_sleep_s(0.5);
    snprintf(command, sizeof command,
             EXAMPLES "/rx_samples_to_file --args @ --rate 1e6 --freq 2.4e9 --type float "
                      "--nsamps 200000 --file %s",
             in_work("rx.dat"));
    CHECK_INT(tool(command), 0);
    uint8_t *data = NULL;
    size_t size = 0;
    CHECK_INT(file_read_all(in_work("rx.dat"), 1 << 24, &data, &size, NULL), 0);
    CHECK_INT(size, 200000 * sizeof(float complex));
    if (size == 200000 * sizeof(float complex)) {
        double frequency;
        /* A starved sender makes a jump; more than a few would be ours. */
        CHECK_AT_MOST(count_jumps((float complex *)(void *)data, 200000, &frequency), 5);
        CHECK_NEAR(frequency, round(0.1 * 8192) / 8192, 2e-4); /* its table has 8,192 places */
        CHECK_NEAR(cabsf(((float complex *)(void *)data)[100000]), 0.3, 0.05);
    }
    free(data);
    stop_usrps();
}

static const check_test_t tests[] = {
    {"benchmark_rate runs, both ways at different rates", test_benchmark},
    {"tx_waveforms arrives at rx_samples_to_file, phase and all", test_waveform_to_file},
};

int main(void)
{
    return usrp_run("uhd_streams", tests, CHECK_COUNT(tests));
}
