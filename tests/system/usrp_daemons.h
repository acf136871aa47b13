/* SPDX-License-Identifier: GPL-3.0-or-later */
/* usrp_daemons: both daemons over UHD, each with a virtual USRP of its own, in one air. */
#ifndef TESTS_SYSTEM_USRP_DAEMONS_H
#define TESTS_SYSTEM_USRP_DAEMONS_H

#include "usrp_bench.h"

__attribute__((unused)) static program_t start_rx(const char *more)
{
    return start("rx",
                 "--radio.backend=uhd --args type=usrp2,addr=%s --rate 7692307.69 "
                 "--radio.timeout_s=20 --reference.path=cifar10:%s --codec.name=%s "
                 "--report.file=%s --summary %s%s%s",
                 usrp_address[1], in_work("set.bin"), in_work("codec"), in_work("rx.jsonl"),
                 in_work("rx.json"), more[0] != '\0' ? " " : "", more);
}

__attribute__((unused)) static program_t start_tx(const char *more)
{
    return start("tx",
                 "cifar10:%s --radio.backend=uhd --args type=usrp2,addr=%s --rate 7692307.69 "
                 "--radio.timeout_s=20 --codec.name=%s --summary %s%s%s",
                 in_work("set.bin"), usrp_address[0], in_work("codec"), in_work("tx.json"),
                 more[0] != '\0' ? " " : "", more);
}

/* The tally of a run: every frame that was sent from the receiver's first to its last is there. */
__attribute__((unused)) static void check_all_counted(bool clear_channel)
{
    const double sent = number_in(in_work("tx.json"), "frames");
    const double counted = number_in(in_work("rx.json"), "frames");
    CHECK_AT_MOST(counted, sent);
    CHECK_AT_LEAST(number_in(in_work("rx.json"), "frames_ok"), 1);
    CHECK_INT(
        number_in(in_work("rx.json"), "frames_ok") + number_in(in_work("rx.json"), "lost_gap") +
            number_in(in_work("rx.json"), "lost_header") +
            number_in(in_work("rx.json"), "damaged") + number_in(in_work("rx.json"), "dropped"),
        counted);
    /* What is missing at either end was lost for a reason that somebody counted. */
    if (number_in(in_work("rx.json"), "overflows") == 0 &&
        number_in(in_work("tx.json"), "late_frames") == 0 &&
        number_in(in_work("tx.json"), "underflows") == 0 &&
        number_in(in_work("rx.json"), "samples_dropped") == 0) {
        CHECK_INT(counted, sent);
        CHECK_AT_LEAST(number_in(in_work("rx.json"), "frames_ok"), clear_channel ? sent : 1);
    }
}

#endif
