/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UHD's own programs, as they come, against virtual USRPs: what streams, seconds of 10 MS/s both
   ways among it.  Alone on the machine: UHD does not wait. */
#include "usrp_bench.h"

static void test_benchmark(void)
{
    start_usrps("", "--air.rate_hz=10M");
    CHECK_INT(tool(EXAMPLES "/benchmark_rate --args # --rx_rate 10e6 --tx_rate 10e6 --duration 10"),
              0);
    CHECK_AT_LEAST(tool_number("Num received samples:"), 50e6);
    CHECK_INT(tool_number("Num dropped samples:"), 0);
    CHECK_INT(tool_number("Num sequence errors (Tx):"), 0);
    CHECK_INT(tool_number("Num sequence errors (Rx):"), 0);
    CHECK_INT(tool_number("Num late commands:"), 0);
    stop_usrps();
}

static void test_eight_bits(void)
{
    start_usrps("", "--air.rate_hz=2M");
    CHECK_INT(tool(EXAMPLES "/benchmark_rate --args # --rx_rate 2e6 --tx_rate 1e6 --rx_otw sc8 "
                            "--tx_otw sc8 --duration 5"),
              0);
    CHECK_AT_LEAST(tool_number("Num received samples:"), 5e6);
    CHECK_INT(tool_number("Num sequence errors (Tx):"), 0);
    stop_usrps();
}

static void test_messages(void)
{
    start_usrps("", "");
    CHECK_INT(tool(EXAMPLES "/test_messages --args #"), 0);
    expect_tool_says("successes,   0 failures");
    char *text = text_of(in_work("tool.out"));
    int tests = 0, clean = 0;
    for (const char *at = text; (at = strstr(at, "successes,")) != NULL; at++, tests++) {
        clean += strncmp(at, "successes,   0 failures", 23) == 0;
    }
    CHECK_AT_LEAST(tests, 4);
    CHECK_INT(clean, tests);
    free(text);
    stop_usrps();
}

static void test_latency(void)
{
    start_usrps("", "");
    CHECK_INT(tool(EXAMPLES "/latency_test --args # --rate 1e6 --rtt 0.05 --nruns 100"), 0);
    expect_tool_says("ACKs received:    100/100");
    expect_tool_says("Late packets:     0");
    stop_usrps();
}

static void test_c_examples(void)
{
    char command[256];
    start_usrps("", "");
    snprintf(command, sizeof command,
             EXAMPLES "/rx_samples_c -a # -f 2400e6 -r 1e6 -n 100000 -o %.100s", in_work("c.dat"));
    CHECK_INT(tool(command), 0);
    CHECK_INT(tool("timeout -s INT 4 " EXAMPLES "/tx_samples_c -a # -f 2400e6 -r 1e6 || true"), 0);
    stop_usrps();
}

static void test_other_examples(void)
{
    start_usrps("", "");
    CHECK_INT(tool(EXAMPLES "/rx_timed_samples --args # --rate 1e6 --nsamps 10000"), 0);
    expect_tool_says("Done!");
    CHECK_INT(tool(EXAMPLES "/tx_timed_samples --args # --rate 1e6 --nsamps 10000"), 0);
    CHECK_INT(tool(EXAMPLES "/usrp_list_sensors --args #"), 0);
    expect_tool_says("LO: locked");
    stop_usrps();
}

static const check_test_t tests[] = {
    {"benchmark_rate: 10 + 10 MS/s for 10 s, nothing lost", test_benchmark},
    {"and with 8 bits on the wire", test_eight_bits},
    {"test_messages: no failure", test_messages},
    {"latency_test: every burst in time", test_latency},
    {"rx_samples_c and tx_samples_c run", test_c_examples},
    {"rx_timed_samples, tx_timed_samples and usrp_list_sensors run", test_other_examples},
};

int main(void)
{
    return usrp_run("uhd_long", tests, CHECK_COUNT(tests));
}
