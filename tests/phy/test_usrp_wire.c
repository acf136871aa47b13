/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The virtual USRP, word by word. */
#include "usrp_host.h"

enum { AHEAD = 30000000 }; /* ticks: 0.3 s, which no busy machine misses */

static void wait_until(host_t *host, uint64_t time)
{
    while (time_now(host) < time) {
        clock_sleep_s(0.001);
    }
}

/* ---- control ---- */

static void test_hello_and_echo(void)
{
    bench_t bench = bench_clean("");
    host_t host = host_open(bench.address[0]);
    uint8_t request[36] = {0}, answer[4096];
    put(request + 4, 'a');
    CHECK_INT(ask(&host, request, answer, sizeof answer), 36);
    CHECK_INT(get(answer), 12);
    CHECK_INT(get(answer + 4), 'A');
    put(request + 4, 'l');
    put(request + 12, 1472);
    CHECK_INT(ask(&host, request, answer, sizeof answer), 1472);
    CHECK_INT(get(answer + 4), 'L');
    CHECK_INT(get(answer + 12), 36);
    host_close(&host);
    bench_close(&bench);
}

static void test_eeproms(void)
{
    bench_t bench = bench_clean(",serial=ABC123,name=lab");
    host_t host = host_open(bench.address[0]);
    static const struct {
        uint8_t chip, at, count;
        const char *expected;
    } cases[] = {{0x50, 0, 2, "\x11\x0a"},
                 {0x50, 0x18, 7, "ABC123"},
                 {0x50, 0x21, 4, "lab"},
                 {0x54, 0, 3, "\xdb\x55\x00"},
                 {0x55, 0, 3, "\xdb\x54\x00"}};
    for (int i = 0; i < CHECK_COUNT(cases); i++) {
        uint8_t request[36] = {0}, answer[64];
        put(request + 4, 'h');
        request[12] = cases[i].chip;
        request[13] = 1;
        request[14] = cases[i].at;
        CHECK_INT(ask(&host, request, answer, sizeof answer), 36);
        put(request + 4, 'i');
        request[13] = cases[i].count;
        CHECK_INT(ask(&host, request, answer, sizeof answer), 36);
        CHECK_INT(memcmp(answer + 14, cases[i].expected, cases[i].count), 0);
    }
    host_close(&host);
    bench_close(&bench);
}

static void test_lock(void)
{
    bench_t bench = bench_clean("");
    host_t one = host_open(bench.address[0]), two = host_open(bench.address[0]);
    const uint32_t compatibility = 0x5c00 + 4 * 12;
    CHECK_INT(ask_register(&two, compatibility, 0, 1) >> 16, 11);
    ask_register(&one, 1, 4711, 6);
    ask_register(&one, 0, 12345 | 1, 6);
    CHECK_INT(ask_register(&one, compatibility, 0, 1) >> 16, 11);
    CHECK_INT(ask_register(&two, compatibility, 0, 1) >> 16, 10);
    ask_register(&two, 1, 42, 6); /* and it can't take it over */
    CHECK_INT(ask_register(&one, 1, 0, 5), 4711);
    ask_register(&one, 0, 0, 6);
    CHECK_INT(ask_register(&two, compatibility, 0, 1) >> 16, 11);
    host_close(&one);
    host_close(&two);
    bench_close(&bench);
}

/* ---- time ---- */

static void test_timed_commands(void)
{
    bench_t bench = bench_clean("");
    host_t host = host_open(bench.address[0]);
    const uint64_t when = time_now(&host) + AHEAD;
    CHECK_INT(command(&host, false, 11, 0, when), (uint32_t)when);
    CHECK_AT_LEAST(time_now(&host), when);
    host_close(&host);
    bench_close(&bench);
}

static void test_pulse_per_second(void)
{
    bench_t bench = bench_clean("");
    host_t host = host_open(bench.address[0]);
    poke(&host, 11, 700);
    poke(&host, 13, 0);
    poke(&host, 10, 0); /* 700 at the next pulse */
    uint32_t pulse = 0;
    for (int i = 0; i < 300 && (pulse = command(&host, false, 15, 0, 0)) % 100000000 != 700; i++) {
        clock_sleep_s(0.01);
    }
    CHECK_INT(pulse % 100000000, 700);
    host_close(&host);
    bench_close(&bench);
}

/* ---- receiving ---- */

static void test_finite_stream(void)
{
    bench_t bench = bench_clean("");
    host_t host = host_open(bench.address[0]);
    const uint64_t when = time_now(&host) + AHEAD;
    received_t packet;
    stream(&host, 1000, when);
    uint64_t time = 0;
    static const size_t sizes[] = {363, 363, 274};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(receive(&host, &packet));
        CHECK_INT(packet.samples, sizes[i]);
        CHECK_INT(packet.last, i == 2);
        if (i == 0) {
            CHECK_NEAR((double)(int64_t)(packet.time - when), 0, DIVIDER / 2.0);
        } else {
            CHECK_INT(packet.time, time);
        }
        time = packet.time + packet.samples * DIVIDER;
    }
    host_close(&host);
    bench_close(&bench);
}

static void test_stream_errors(void)
{
    bench_t bench = bench_clean("");
    host_t host = host_open(bench.address[0]);
    received_t packet;
    wait_until(&host, 10000);
    stream(&host, 100, 1); /* long ago */
    CU_ASSERT(receive(&host, &packet));
    CHECK_INT(packet.error, 2);
    stream(&host, NOW | CHAIN | 100, 0); /* and nothing follows */
    CU_ASSERT(receive(&host, &packet));
    CHECK_INT(packet.samples, 100);
    CU_ASSERT(receive(&host, &packet));
    CHECK_INT(packet.error, 4);
    stream(&host, STOP, 0); /* there is nothing to stop */
    CU_ASSERT(receive(&host, &packet));
    CHECK_INT(packet.error, 16);
    host_close(&host);
    bench_close(&bench);
}

static void test_continuous_until_stop(void)
{
    bench_t bench = bench_clean("");
    host_t host = host_open(bench.address[0]);
    received_t packet = {0};
    stream(&host, NOW | CHAIN | RELOAD | 1, 0);
    uint64_t time = 0;
    for (int i = 0; i < 500; i++) {
        CU_ASSERT(receive(&host, &packet) && packet.samples == 363 && packet.error == 0);
        CU_ASSERT(i == 0 || packet.time == time);
        time = packet.time + 363 * DIVIDER;
    }
    stream(&host, NOW | STOP, 0);
    for (int i = 0; i < 100000 && !packet.last; i++) {
        CU_ASSERT_FATAL(receive(&host, &packet));
    }
    CHECK_INT(packet.last, true);
    host_close(&host);
    bench_close(&bench);
}

static void test_overflow_stops(void)
{
    bench_t bench = bench_clean(",overflow=0.2");
    host_t host = host_open(bench.address[0]);
    received_t packet = {0};
    for (int turn = 0; turn < 2; turn++) {
        stream(&host, NOW | CHAIN | RELOAD | 1, 0);
        do {
            CU_ASSERT_FATAL(receive(&host, &packet));
        } while (packet.error == 0);
        CHECK_INT(packet.error, 8);
        const struct timeval short_patience = {.tv_usec = 300000};
        setsockopt(host.socket[RX0], SOL_SOCKET, SO_RCVTIMEO, &short_patience,
                   sizeof short_patience);
        CHECK_INT(receive(&host, &packet), false);
    }
    host_close(&host);
    bench_close(&bench);
}

static void test_loss(void)
{
    bench_t bench = bench_clean(",loss=0.1");
    host_t host = host_open(bench.address[0]);
    received_t packet;
    int holes = 0;
    uint64_t time = 0;
    stream(&host, NOW | CHAIN | RELOAD | 1, 0);
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_FATAL(receive(&host, &packet));
        holes += i > 0 && packet.time != time;
        time = packet.time + packet.samples * DIVIDER;
    }
    /* 1,000 packets came, 1,111 were sent: 90 to 112 holes expected, some of them double. */
    CHECK_NEAR(holes, 100, 40);
    stream(&host, NOW | STOP, 0);
    host_close(&host);
    bench_close(&bench);
}

/* ---- sending ---- */

static void test_answers_about_sending(void)
{
    bench_t bench = bench_clean("");
    host_t host = host_open(bench.address[0]);
    const float complex x[200] = {0.5f};
    uint32_t sequence = 0;
    transmit(&host, x, 200, true, true, time_now(&host) + AHEAD);
    CHECK_INT(answer_about_sending(&host, &sequence), 1); /* sent */
    wait_until(&host, 10000);
    transmit(&host, x, 200, true, true, 1);
    CHECK_INT(answer_about_sending(&host, &sequence), 8); /* too late */
    transmit(&host, x, 200, true, false, 0);
    CHECK_INT(answer_about_sending(&host, &sequence), 2); /* and then nothing */
    host.packet++;                                        /* one went lost */
    transmit(&host, x, 200, true, true, 0);
    CHECK_INT(answer_about_sending(&host, &sequence), 4);
    CHECK_INT(sequence, 4);
    host_close(&host);
    bench_close(&bench);
}

static void test_next_burst_policy(void)
{
    bench_t bench = bench_clean("");
    host_t host = host_open(bench.address[0]);
    const float complex x[200] = {0.5f};
    uint32_t sequence = 0;
    poke(&host, 147, 4);
    wait_until(&host, 10000);
    transmit(&host, x, 200, true, false, 1); /* too late, so all of it goes */
    transmit(&host, x, 200, false, false, 0);
    transmit(&host, x, 200, false, true, 0);
    transmit(&host, x, 200, true, true, 0);
    CHECK_INT(answer_about_sending(&host, &sequence), 8);
    CHECK_INT(sequence, 0);
    CHECK_INT(answer_about_sending(&host, &sequence), 1);
    CHECK_INT(sequence, 3);
    host_close(&host);
    bench_close(&bench);
}

static void test_flow_control(void)
{
    bench_t bench = bench_clean("");
    host_t host = host_open(bench.address[0]);
    const float complex x[363] = {0.5f};
    poke(&host, 149, 1u << 31 | 20); /* an update every 20 packets */
    for (int i = 0; i < 100; i++) {
        transmit(&host, x, 363, i == 0, i == 99, i == 0 ? time_now(&host) + AHEAD : 0);
    }
    uint32_t sequence = 0, last = 0;
    int updates = 0, code;
    while ((code = answer_about_sending(&host, &sequence)) == 0) {
        CU_ASSERT(updates == 0 || sequence >= last);
        last = sequence;
        updates++;
    }
    CHECK_INT(code, 1);
    CHECK_AT_LEAST(updates, 1);
    CHECK_AT_MOST(updates, 5);
    CHECK_INT(sequence, 99);
    host_close(&host);
    bench_close(&bench);
}

static const check_test_t tests[] = {
    {"hello and echo are answered", test_hello_and_echo},
    {"the EEPROMs say what the device is", test_eeproms},
    {"strangers see another device while it is in use", test_lock},
    {"a timed command reads its own time", test_timed_commands},
    {"time can be set at a pulse per second", test_pulse_per_second},
    {"a finite stream begins at its time and ends with a mark", test_finite_stream},
    {"late, broken and empty commands are told", test_stream_errors},
    {"a continuous stream has no gap and ends when told", test_continuous_until_stop},
    {"an overflow ends the stream until it is asked for again", test_overflow_stops},
    {"loss= loses packets", test_loss},
    {"bursts sent, late, cut short and out of order are told", test_answers_about_sending},
    {"with the policy next burst a burst goes as a whole", test_next_burst_policy},
    {"flow control counts in order", test_flow_control},
};

int main(void)
{
    return check_run("usrp_wire", tests, CHECK_COUNT(tests));
}
