/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemons without an air: through ZeroMQ, and through recordings. */
#include "daemons.h"

#include "radio/sigmf.h"

#include <zmq.h>

enum { MOST_REPORTS = 4000 };

static program_t start_rx(const char *name, const char *more)
{
    return start("rx",
                 "--radio.timeout_s=20 --reference.path=cifar10:%s --codec.name=%s "
                 "--report.file=%s --summary %s %s",
                 in_work("set.bin"), in_work("codec"), in_work("%s.jsonl", name),
                 in_work("%s.json", name), more);
}

static program_t start_tx(const char *more)
{
    return start("tx", "cifar10:%s --radio.timeout_s=20 --codec.name=%s --summary %s %s",
                 in_work("set.bin"), in_work("codec"), in_work("tx.json"), more);
}

static int run_rx(const char *name, const char *more)
{
    program_t rx = start_rx(name, more);
    return finish(&rx, 60);
}

static double rx_number(const char *name, const char *key)
{
    return number_in(in_work("%s.json", name), key);
}

/* ---- reports that must be the same ---- */

typedef struct {
    char *line[MOST_REPORTS];
    int count;
} lines_of_t;

/* Everything but what the clock on the wall says. */
static void collect(const frame_report_t *report, void *context)
{
    lines_of_t *all = context;
    frame_report_t bare = *report;
    char text[REPORT_JSON_SIZE];
    bare.time_ns = 0;
    bare.decode_ms = bare.latency_ms = 0;
    report_to_json(&bare, text, sizeof text);
    if (all->count < MOST_REPORTS) {
        all->line[all->count++] = strdup(text);
    }
}

static void expect_same_reports(const char *a, const char *b, int least)
{
    static lines_of_t first, second;
    first.count = second.count = 0;
    read_reports(in_work("%s.jsonl", a), collect, &first);
    read_reports(in_work("%s.jsonl", b), collect, &second);
    CHECK_AT_LEAST(first.count, least);
    CHECK_INT(second.count, first.count);
    int different = 0;
    for (int i = 0; i < first.count && i < second.count; i++) {
        different += strcmp(first.line[i], second.line[i]) != 0;
    }
    CHECK_INT(different, 0);
    for (int i = 0; i < first.count; i++) {
        free(first.line[i]);
    }
    for (int i = 0; i < second.count; i++) {
        free(second.line[i]);
    }
}

/* ---- zmq ---- */

static void through_zmq(const char *tx_type, const char *rx_type)
{
    program_t rx, tx;
    char options[256];
    const char *port = in_work("%s.sock", tx_type);
    snprintf(options, sizeof options,
             "--rx.overload=wait --radio.backend=zmq --args rx_port=ipc://%s,rx_type=%s", port,
             rx_type);
    rx = start_rx("zmq", options);
    CU_ASSERT(wait_for(&rx, "listening"));
    snprintf(options, sizeof options,
             "--radio.backend=zmq --args tx_port=ipc://%s,tx_type=%s,pace=free --tx.frames=60",
             port, tx_type);
    tx = start_tx(options);
    CHECK_INT(finish(&tx, 60), 0);
    settle(in_work("zmq.jsonl"));
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(rx_number("zmq", "frames_ok"), 60);
    CHECK_INT(rx_number("zmq", "images"), number_in(in_work("tx.json"), "images"));
    expect_says(&rx, "the radio is gone");
}

static void test_zmq(void)
{
    through_zmq("rep", "req");
    through_zmq("push", "pull");
}

/* What comes is no cf32: said, counted, and the daemon goes on. */
static void test_zmq_garbage(void)
{
    char options[512], endpoint[256];
    snprintf(endpoint, sizeof endpoint, "ipc://%s", in_work("garbage.sock"));
    snprintf(options, sizeof options, "--radio.backend=zmq --args rx_port=%s,rx_type=pull",
             endpoint);
    program_t rx = start_rx("garbage", options);
    CU_ASSERT(wait_for(&rx, "listening"));
    void *context = zmq_ctx_new(), *push = zmq_socket(context, ZMQ_PUSH);
    CHECK_INT(zmq_bind(push, endpoint), 0);
    for (int i = 0; i < 10; i++) {
        CHECK_INT(zmq_send(push, "hello", 5, 0), 5);
    }
    CU_ASSERT(wait_for(&rx, "were ignored"));
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(rx_number("garbage", "malformed"), 10);
    CHECK_INT(rx_number("garbage", "frames"), 0);
    zmq_close(push);
    zmq_ctx_term(context);
}

static void test_zmq_addresses(void)
{
    program_t tx = start_tx("--radio.backend=zmq --args tx_port=tcp://*:5556");
    CHECK_INT(finish(&tx, 30), 1);
    expect_says(&tx, "allow_remote");
    CHECK_INT(run_rx("none", "--radio.backend=zmq"), 1);
}

/* ---- recordings ---- */

static void test_prepare_and_process(void)
{
    char options[512];
    snprintf(options, sizeof options, "--radio.backend=file --args tx=%s --tx.frames=40",
             in_work("prepared"));
    program_t tx = start_tx(options);
    CHECK_INT(finish(&tx, 60), 0);
    program_t play = start("play", "%s --radio.backend=file --args tx=%s", in_work("prepared"),
                           in_work("played"));
    CHECK_INT(finish(&play, 60), 0);
    snprintf(options, sizeof options, "--radio.backend=file --args rx=%s", in_work("played"));
    CHECK_INT(run_rx("later", options), 0);
    CHECK_INT(rx_number("later", "frames_ok"), 40);
    CHECK_INT(rx_number("later", "images"), number_in(in_work("tx.json"), "images"));
    CHECK_INT(rx_number("later", "frames"), 40);
}

/* Noise, fading and lost frames included. */
static void test_replay(void)
{
    char options[512], air_name[64];
    snprintf(air_name, sizeof air_name, "test%d-radios", (int)getpid());
    program_t air = start("air",
                          "--air %s --pace=free --radios=2 --channel.model=rayleigh "
                          "--channel.snr_db=8",
                          air_name);
    CU_ASSERT(wait_for(&air, "air \""));
    snprintf(options, sizeof options, "--rx.overload=wait --args %s --record.file=%s", air_name,
             in_work("live"));
    program_t rx = start_rx("live", options);
    CU_ASSERT(wait_for(&rx, "listening"));
    snprintf(options, sizeof options, "--args %s --tx.frames=100 --record.file=%s", air_name,
             in_work("sent"));
    program_t tx = start_tx(options);
    CHECK_INT(finish(&tx, 60), 0);
    settle(in_work("live.jsonl"));
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
    snprintf(options, sizeof options, "--radio.backend=file --args rx=%s", in_work("live"));
    CHECK_INT(run_rx("again", options), 0);
    expect_same_reports("live", "again", 200);
    sigmf_t *live = sigmf_load(in_work("live"), NULL), *sent = sigmf_load(in_work("sent"), NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(live);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sent);
    CHECK_INT(live->annotation_count, rx_number("live", "frames_ok") +
                                          rx_number("live", "lost_header") +
                                          rx_number("live", "damaged"));
    CHECK_INT(sent->annotation_count, 100);
    sigmf_free(live);
    sigmf_free(sent);
}

static void test_recording_survives(void)
{
    char options[512], air_name[64];
    snprintf(air_name, sizeof air_name, "test%d-kill", (int)getpid());
    program_t air = start("air", "--air %s", air_name);
    CU_ASSERT(wait_for(&air, "air \""));
    snprintf(options, sizeof options, "--args %s --record.file=%s --record.format=ci16", air_name,
             in_work("interrupted"));
    program_t rx = start_rx("interrupted", options);
    snprintf(options, sizeof options, "--args %s --tx.frame_rate=30", air_name);
    program_t tx = start_tx(options);
    CU_ASSERT(wait_for(&rx, "is on the air"));
    clock_sleep_s(0.5);
    CHECK_INT(interrupt(&rx), 0); /* in the middle of it */
    CHECK_INT(interrupt(&tx), 0);
    CHECK_INT(interrupt(&air), 0);
    expect_says(&rx, "recorded");
    snprintf(options, sizeof options, "--radio.backend=file --args rx=%s", in_work("interrupted"));
    CHECK_INT(run_rx("reread", options), 0);
    CHECK_INT(rx_number("reread", "frames_ok"), rx_number("interrupted", "frames_ok"));
    CHECK_AT_LEAST(rx_number("reread", "frames_ok"), 1);
}

static void test_bad_recordings(void)
{
    char options[512];
    snprintf(options, sizeof options, "--radio.backend=file --args rx=%s", in_work("missing"));
    program_t rx = start_rx("bad", options);
    CHECK_INT(finish(&rx, 30), 1);
    expect_says(&rx, "missing.sigmf-meta");
    snprintf(options, sizeof options, "--radio.backend=file --args rx=%s --radio.rate_hz=1M",
             in_work("live"));
    rx = start_rx("bad", options);
    CHECK_INT(finish(&rx, 30), 1);
    expect_says(&rx, "7.68e+06");
    snprintf(options, sizeof options, "--radio.backend=file --args tx=%s", in_work("live"));
    program_t tx = start_tx(options);
    CHECK_INT(finish(&tx, 30), 1);
    expect_says(&tx, "not overwritten");
}

static const check_test_t tests[] = {
    {"images pass from daemon to daemon over ZeroMQ, none lost", test_zmq},
    {"what is no cf32 is ignored, counted and said", test_zmq_garbage},
    {"a ZeroMQ address that is wrong or open to all ends the program", test_zmq_addresses},
    {"prepared, played and processed later, every image arrives", test_prepare_and_process},
    {"a recording replays to the same reports, bit for bit", test_replay},
    {"a recording that Ctrl-C ended is whole", test_recording_survives},
    {"what is wrong with a recording is said", test_bad_recordings},
};

int main(void)
{
    return daemons_run("radios", tests, CHECK_COUNT(tests));
}
