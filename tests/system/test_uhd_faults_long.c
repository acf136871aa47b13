/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Daemons over UHD for minutes, and what can happen to them. */
#include "usrp_daemons.h"

static void test_device_dies(void)
{
    start_usrps("", "");
    program_t rx = start_rx(""), tx = start_tx("--tx.frame_rate=20");
    CU_ASSERT(wait_for(&rx, "is on the air"));
    kill(usrp_air.pid, SIGKILL);
    finish(&usrp_air, 5);
    CU_ASSERT(wait_for(&rx, "the radio is gone"));
    CU_ASSERT(wait_for(&tx, "the radio is gone"));
    start_usrps("", "");
    CU_ASSERT(wait_for(&rx, "the radio is back"));
    const int before = read_reports(in_work("rx.jsonl"), NULL, NULL);
    for (int i = 0; i < 1000 && read_reports(in_work("rx.jsonl"), NULL, NULL) < before + 50; i++) {
        clock_sleep_s(0.02);
    }
    CHECK_AT_LEAST(read_reports(in_work("rx.jsonl"), NULL, NULL), before + 50);
    CHECK_INT(interrupt(&tx), 0);
    CHECK_INT(interrupt(&rx), 0);
    stop_usrps();
}

/* Resident memory of a process in kB. */
static double memory_kb(const program_t *program)
{
    char path[64], *text, *at;
    snprintf(path, sizeof path, "/proc/%d/status", (int)program->pid);
    FILE *file = fopen(path, "r");
    char buffer[4096] = "";
    if (file != NULL) {
        buffer[fread(buffer, 1, sizeof buffer - 1, file)] = '\0';
        fclose(file);
    }
    text = buffer;
    at = strstr(text, "VmRSS:");
    return at != NULL ? strtod(at + 6, NULL) : -1;
}

/* 1 % of the packets lost each way, an overflow every 2 s, and in the middle the devices die. */
static void test_all_faults(void)
{
    static const char faults[] = ",loss=0.01,overflow=2";
    /* Or what is freed would be kept for a while. */
    setenv("ASAN_OPTIONS", "detect_leaks=1:quarantine_size_mb=1", 1);
    start_usrps(faults, "");
    program_t rx = start_rx("");
    CU_ASSERT(wait_for(&rx, "listening"));
    program_t tx = start_tx("--tx.duration_s=60 --tx.frame_rate=20");
    CU_ASSERT(wait_for(&rx, "is on the air"));
    clock_sleep_s(10);
    kill(usrp_air.pid, SIGKILL);
    finish(&usrp_air, 5);
    CU_ASSERT(wait_for(&rx, "the radio is gone"));
    start_usrps(faults, "");
    CU_ASSERT(wait_for(&rx, "the radio is back"));
    clock_sleep_s(10);
    const double before_kb = memory_kb(&rx);
    CHECK_INT(finish(&tx, 120), 0);
    settle(in_work("rx.jsonl"));
    const double after_kb = memory_kb(&rx);
    CHECK_INT(interrupt(&rx), 0);
    stop_usrps();
    check_all_counted(true);
    CHECK_AT_LEAST(number_in(in_work("rx.json"), "sequence_gaps"), 1000);
    CHECK_AT_LEAST(number_in(in_work("rx.json"), "overflows") -
                       number_in(in_work("rx.json"), "sequence_gaps") -
                       number_in(in_work("rx.json"), "silent_gaps"),
                   10);
    CHECK_AT_MOST(after_kb, 1.05 * before_kb);
}

static void test_fading_for_a_minute(void)
{
    start_usrps("", "--channel.model=rayleigh --channel.delay_spread_ns=100 --channel.snr_db=20");
    program_t rx = start_rx("");
    CU_ASSERT(wait_for(&rx, "listening"));
    program_t tx = start_tx("--tx.duration_s=60 --tx.frame_rate=20");
    CHECK_INT(finish(&tx, 120), 0);
    settle(in_work("rx.jsonl"));
    CHECK_INT(interrupt(&rx), 0);
    stop_usrps();
    check_all_counted(false);
}

static const check_test_t tests[] = {
    {"a device that dies and returns interrupts both daemons, no more", test_device_dies},
    {"losses, overflows and a death: every frame is counted, memory stays", test_all_faults},
    {"a minute of fading: no frame is missing without a reason", test_fading_for_a_minute},
};

int main(void)
{
    return usrp_run("uhd_faults_long", tests, CHECK_COUNT(tests));
}
