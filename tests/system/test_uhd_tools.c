/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UHD's own programs, as they come, against virtual USRPs: what does not stream much. */
#include "usrp_bench.h"

static void test_find(void)
{
    start_usrps(",serial=F00D", "");
    CHECK_INT(tool("uhd_find_devices --args #"), 0);
    expect_tool_says("serial: F00D");
    expect_tool_says("type: usrp2");
    stop_usrps();
}

static void test_probe(void)
{
    start_usrps("", "");
    CHECK_INT(tool("uhd_usrp_probe --args @"), 0);
    expect_tool_says("Mboard: N210r4");
    expect_tool_says("SBXv3 RX");
    expect_tool_says("SBXv3 TX");
    expect_tool_says("FPGA Version: 11.1");
    stop_usrps();
}

static void test_timed_commands(void)
{
    start_usrps("", "");
    CHECK_INT(tool(EXAMPLES "/test_timed_commands --args #"), 0);
    expect_tool_says("Testing support for timed commands on this hardware... pass");
    expect_tool_says("Received packet: 100 samples");
    stop_usrps();
}

static void test_pps(void)
{
    start_usrps("", "");
    CHECK_INT(tool(EXAMPLES "/test_pps_input --args # --source external"), 0);
    expect_tool_says("Success!");
    stop_usrps();
}

static void test_wrong_options(void)
{
    choose_addresses();
    program_t air = start("air", "--air.rate_hz=7.68M --radio usrp:127.0.0.2");
    CHECK_INT(finish(&air, 20), 2);
    expect_says(&air, "7692307.692");
    air = start("air", "--radio usrp:10.0.0.2");
    CHECK_INT(finish(&air, 20), 2);
    expect_says(&air, "loopback");
    start_usrps("", "");
    air = start("air", "--air another%d --radio usrp:%s", (int)getpid(), usrp_address[0]);
    CHECK_INT(finish(&air, 20), 1);
    expect_says(&air, "another device has UDP port");
    stop_usrps();
}

static const check_test_t tests[] = {
    {"uhd_find_devices finds a virtual USRP", test_find},
    {"uhd_usrp_probe reads all of it", test_probe},
    {"test_timed_commands passes", test_timed_commands},
    {"test_pps_input passes", test_pps},
    {"wrong rates, wrong addresses and taken ones are told", test_wrong_options},
};

int main(void)
{
    return usrp_run("uhd_tools", tests, CHECK_COUNT(tests));
}
