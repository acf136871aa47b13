/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both daemons over UHD, each with a virtual USRP of its own, in one air. */
#include "usrp_daemons.h"

/* The same over radio=air, for comparison. */
static double psnr_over_the_air(const char *air_options)
{
    program_t air =
        start("air", "--air plain%d --pace=free --radios=2 %s", (int)getpid(), air_options);
    CU_ASSERT(wait_for(&air, "air \""));
    program_t rx = start("rx",
                         "--radio.address=plain%d --rx.overload=wait --reference.path=cifar10:%s "
                         "--codec.name=%s --report.file=%s --summary %s",
                         (int)getpid(), in_work("set.bin"), in_work("codec"),
                         in_work("plain.jsonl"), in_work("plain.json"));
    CU_ASSERT(wait_for(&rx, "listening"));
    program_t tx = start("tx", "cifar10:%s --radio.address=plain%d --codec.name=%s --tx.frames=40",
                         in_work("set.bin"), (int)getpid(), in_work("codec"));
    CHECK_INT(finish(&tx, 60), 0);
    settle(in_work("plain.jsonl"));
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
    return number_in(in_work("plain.json"), "psnr_of_mean_mse_db");
}

static void test_link(void)
{
    start_usrps("", "--channel.snr_db=20");
    program_t rx = start_rx("");
    CU_ASSERT(wait_for(&rx, "listening"));
    program_t tx = start_tx("--tx.frames=40 --tx.frame_rate=20");
    CHECK_INT(finish(&tx, 60), 0);
    settle(in_work("rx.jsonl"));
    CHECK_INT(interrupt(&rx), 0);
    stop_usrps();
    expect_says(&rx, "7692307.69 S/s");
    check_all_counted(true);
    CHECK_NEAR(number_in(in_work("rx.json"), "snr_db"), 20, 0.3);
    CHECK_NEAR(number_in(in_work("rx.json"), "psnr_of_mean_mse_db"),
               psnr_over_the_air("--channel.snr_db=20"), 0.2);
}

static void test_faults(void)
{
    start_usrps(",loss=0.01,overflow=0.5", "--channel.snr_db=20");
    program_t rx = start_rx("");
    CU_ASSERT(wait_for(&rx, "listening"));
    program_t tx = start_tx("--tx.duration_s=2.5 --tx.frame_rate=20");
    CHECK_INT(finish(&tx, 60), 0);
    settle(in_work("rx.jsonl"));
    CHECK_INT(interrupt(&rx), 0);
    stop_usrps();
    check_all_counted(true);
    CHECK_AT_LEAST(number_in(in_work("rx.json"), "sequence_gaps"), 100);
    CHECK_AT_LEAST(number_in(in_work("rx.json"), "overflows") -
                       number_in(in_work("rx.json"), "sequence_gaps") -
                       number_in(in_work("rx.json"), "silent_gaps"),
                   1);
}

static void test_errors(void)
{
    start_usrps("", "");
    program_t rx = start("rx", "--radio.backend=uhd --args type=usrp2,addr=127.252.252.252 "
                               "--radio.timeout_s=0.5");
    CHECK_INT(finish(&rx, 30), 1);
    expect_says(&rx, "no USRP answers to --args");
    rx = start("rx",
               "--radio.backend=uhd --args type=usrp2,addr=%s --radio.timeout_s=0.5 "
               "--rate 7.6M",
               usrp_address[1]);
    CHECK_INT(finish(&rx, 30), 1);
    expect_says(&rx, "radio.rate_hz = 7600000");
    stop_usrps();
}

static const check_test_t tests[] = {
    {"frames arrive as over radio=air", test_link},
    {"lost packets and overflows: every frame is counted", test_faults},
    {"wrong address and impossible rate end with a word", test_errors},
};

int main(void)
{
    return usrp_run("uhd", tests, CHECK_COUNT(tests));
}
