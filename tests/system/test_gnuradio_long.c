/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames through GNU Radio's channel model and back, headless, with the flowgraphs that we ship. */
#include "daemons.h"

enum { FRAMES = 60 };

static const char python[] = "/usr/bin/python3"; /* Debian's: GNU Radio is installed for that one */

/* A program outside of ours; its output goes to the log. */
static program_t start_other(char *const argv[], const char *log)
{
    program_t started;
    snprintf(started.log, sizeof started.log, "%s", in_work("%s", log));
    started.pid = fork();
    if (started.pid == 0) {
        const int fd = open(started.log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(fd, STDERR_FILENO);
        dup2(fd, STDOUT_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    return started;
}

static bool have_gnuradio(void)
{
    char *const grcc[] = {(char[]){"grcc"}, (char[]){"--help"}, NULL};
    char *const import[] = {(char *)(uintptr_t)python, (char[]){"-c"},
                            (char[]){"from gnuradio import channels, zeromq"}, NULL};
    program_t first = start_other(grcc, "grcc-help.log");
    const bool compiler = finish(&first, 60) == 0;
    program_t second = start_other(import, "import.log");
    return finish(&second, 60) == 0 && compiler;
}

static program_t start_flowgraph(const char *kind, const char *snr_db)
{
    static char source[512], folder[256], script[256], tx_port[256], rx_port[256], snr[16];
    snprintf(source, sizeof source, "%s/flowgraphs/gnuradio/channel_%s.grc", SEMRADIO_SOURCE_DIR,
             kind);
    snprintf(folder, sizeof folder, "%s", work_folder);
    snprintf(script, sizeof script, "%s", in_work("channel_%s.py", kind));
    snprintf(tx_port, sizeof tx_port, "ipc://%s", in_work("%s-tx.sock", kind));
    snprintf(rx_port, sizeof rx_port, "ipc://%s", in_work("%s-rx.sock", kind));
    snprintf(snr, sizeof snr, "%s", snr_db);
    char *const grcc[] = {(char[]){"grcc"}, (char[]){"-o"}, folder, source, NULL};
    program_t compile = start_other(grcc, "grcc.log");
    CHECK_INT(finish(&compile, 120), 0);
    char *const run[] = {(char *)(uintptr_t)python,
                         script,
                         (char[]){"--tx-port"},
                         tx_port,
                         (char[]){"--rx-port"},
                         rx_port,
                         (char[]){"--snr-db"},
                         snr,
                         (char[]){"--cfo-hz"},
                         (char[]){"4000"},
                         NULL};
    return start_other(run, "flowgraph.log");
}

static void pass(const char *kind, const char *tx_type, const char *rx_type)
{
    program_t graph = start_flowgraph(kind, "20");
    program_t rx =
        start("rx",
              "--radio.backend=zmq --args rx_port=ipc://%s,rx_type=%s --rx.overload=wait "
              "--reference.path=cifar10:%s --codec.name=%s --report.file=%s --summary %s",
              in_work("%s-rx.sock", kind), rx_type, in_work("set.bin"), in_work("codec"),
              in_work("rx.jsonl"), in_work("rx.json"));
    CU_ASSERT(wait_for(&rx, "is on the same air")); /* the flowgraph runs */
    program_t tx =
        start("tx",
              "cifar10:%s --radio.backend=zmq --args tx_port=ipc://%s,tx_type=%s,pace=free "
              "--codec.name=%s --tx.frames=%d --summary %s",
              in_work("set.bin"), in_work("%s-tx.sock", kind), tx_type, in_work("codec"), FRAMES,
              in_work("tx.json"));
    CHECK_INT(finish(&tx, 120), 0);
    settle(in_work("rx.jsonl"));
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&graph), 0);
    CHECK_INT(number_in(in_work("rx.json"), "frames_ok"), FRAMES);
    CHECK_INT(number_in(in_work("rx.json"), "frames"), FRAMES);
    CHECK_INT(number_in(in_work("rx.json"), "images"), number_in(in_work("tx.json"), "images"));
    CHECK_NEAR(number_in(in_work("rx.json"), "snr_db"), 20, 0.2);
    CHECK_NEAR(number_in(in_work("rx.json"), "cfo_hz"), 4000, 20);
}

static void test_push_pull(void)
{
    pass("push_pull", "push", "pull");
}

static void test_req_rep(void)
{
    pass("req_rep", "rep", "req");
}

static void test_pub_sub(void)
{
    pass("pub_sub", "pub", "sub");
}

/* ---- tags and keys ---- */

static program_t start_tags(const char *word, const char *name, const char *key, const char *file)
{
    static char script[512], endpoint[256], path[256], label[64];
    snprintf(script, sizeof script, "%s/tests/system/gnuradio_tags.py", SEMRADIO_SOURCE_DIR);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", in_work("%s.sock", name));
    snprintf(path, sizeof path, "%s", in_work("%s", file));
    snprintf(label, sizeof label, "%s", key);
    char *const run[] = {
        (char *)(uintptr_t)python, script, (char *)(uintptr_t)word, endpoint, label, path, NULL};
    return start_other(run, "tags.log");
}

static bool same_bytes(const char *a, const char *b, size_t skip)
{
    uint8_t *x, *y;
    size_t nx, ny;
    CHECK_INT(file_read_all(a, 1u << 28, &x, &nx, NULL), 0);
    CHECK_INT(file_read_all(b, 1u << 28, &y, &ny, NULL), 0);
    const bool same = ny > 100000 && nx >= skip + ny && memcmp(x + skip, y, ny) == 0;
    free(x);
    free(y);
    return same;
}

/* What their block sends with tags (and a key) is what our receiver records. */
static void hear(const char *name, const char *key, const char *type)
{
    program_t rx = start("rx",
                         "--radio.backend=zmq --args rx_port=ipc://%s,%s,rx_tags=yes "
                         "--radio.rate_hz=1M --rx.overload=wait --reference.path=cifar10:%s "
                         "--codec.name=%s --record.file=%s --summary %s",
                         in_work("%s.sock", name), type, in_work("set.bin"), in_work("codec"),
                         in_work("%s", name), in_work("rx.json"));
    CU_ASSERT(wait_for(&rx, "listening"));
    program_t graph = start_tags("send", name, key, "known.cf32");
    CHECK_INT(finish(&graph, 60), 0);
    clock_sleep_s(0.5);
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(number_in(in_work("rx.json"), "malformed"), 0);
    CHECK_INT(number_in(in_work("rx.json"), "overflows"), 0);
    CU_ASSERT(same_bytes(in_work("known.cf32"), in_work("%s.sigmf-data", name), 0));
}

/* And the other way: behind 1,024 samples of silence comes what our transmitter records. */
static void tell(const char *name, const char *key, const char *type)
{
    char file[64];
    snprintf(file, sizeof file, "%s.cf32", name);
    program_t graph = start_tags("receive", name, key, file);
    CU_ASSERT(wait_for(&graph, "ready"));
    program_t tx =
        start("tx",
              "cifar10:%s --codec.name=%s --radio.backend=zmq --args "
              "tx_port=ipc://%s,%s,tx_tags=yes,pace=free --tx.frames=30 --record.file=%s",
              in_work("set.bin"), in_work("codec"), in_work("%s.sock", name), type,
              in_work("%s-sent", name));
    CHECK_INT(finish(&tx, 60), 0);
    CHECK_INT(finish(&graph, 60), 0);
    CU_ASSERT(same_bytes(in_work("%s.cf32", name), in_work("%s-sent.sigmf-data", name), 1024 * 8));
}

static void test_tags(void)
{
    hear("tags-in", "", "rx_type=pull");
    tell("tags-out", "", "tx_type=push");
}

static void test_keys(void)
{
    hear("key-in", "left", "rx_type=sub,rx_key=left");
    tell("key-out", "left", "tx_type=pub,tx_key=left");
}

static void test_preset(void)
{
    program_t tx = start("tx", "--config %s/flowgraphs/gnuradio/playground-tx.conf --print-config",
                         SEMRADIO_SOURCE_DIR);
    CHECK_INT(finish(&tx, 30), 0);
    program_t rx = start("rx", "--config %s/flowgraphs/gnuradio/playground-rx.conf --print-config",
                         SEMRADIO_SOURCE_DIR);
    CHECK_INT(finish(&rx, 30), 0);
    char *said = text_of(in_work("rx.out"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "tcp://127.0.0.1:5558"));
    free(said);
}

static const check_test_t tests[] = {
    {"every frame comes back through GNU Radio's channel model, PUSH to PULL", test_push_pull},
    {"… REQ and REP", test_req_rep},
    {"… PUB to SUB, at its own pace", test_pub_sub},
    {"their tags are read and ours understood, bit for bit", test_tags},
    {"… and keys", test_keys},
    {"the presets of the Python playground load", test_preset},
};

int main(void)
{
    char folder[] = "/tmp/semradio-gnuradio-XXXXXX";
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    strcpy(work_folder, folder); /* for the question whether there is anything to do */
    const bool have = have_gnuradio();
    daemons_end(0);
    if (!have) {
        fprintf(stderr, "skipped: GNU Radio 3.10 is not installed (apt-get install gnuradio)\n");
        return CHECK_SKIP;
    }
    strcpy(work_folder, "/tmp/semradio-daemons-XXXXXX");
    return daemons_run("gnuradio", tests, CHECK_COUNT(tests));
}
