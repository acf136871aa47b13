/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-campaign over daemons: those it starts, and those that run already. */
#include "campaign_program.h"

#define POINTS                                                                                     \
    "source=fashion-mnist:test", "judge=none", "images=24", "channel.snr_db=5,20", "link=daemons"

static double number(const table_t *table, size_t row, const char *name)
{
    return table_number(table, row, (size_t)table_find(table, name));
}

/* The same columns, and numbers that differ by no more than chance. */
static void check_alike(const char *a, const char *b)
{
    table_t *x = results(a), *y = results(b);
    CHECK_INT(table_columns(x), table_columns(y));
    for (size_t c = 0; c < table_columns(x) && c < table_columns(y); c++) {
        CU_ASSERT_STRING_EQUAL(table_name(x, c), table_name(y, c));
    }
    CHECK_INT(table_rows(x), 2);
    CHECK_INT(table_rows(y), 2);
    for (size_t row = 0; row < table_rows(x) && row < table_rows(y); row++) {
        CHECK_NEAR(number(x, row, "snr_db"), number(y, row, "snr_db"), 0);
        CHECK_NEAR(number(x, row, "snr_measured_db"), number(y, row, "snr_measured_db"), 0.3);
        CHECK_NEAR(number(x, row, "psnr_mse_db"), number(y, row, "psnr_mse_db"),
                   2 * number(x, row, "psnr_ci_db"));
        CHECK_NEAR(number(x, row, "ssim"), number(y, row, "ssim"), 0.05);
        CHECK_NEAR(number(x, row, "compression"), number(y, row, "compression"), 1e-6);
        CHECK_NEAR(number(x, row, "frames_lost"), 0, 0);
    }
    table_free(x);
    table_free(y);
}

static void test_started(void)
{
    char out[256];
    say_out(out, sizeof out, "process");
    CHECK_INT(run(POINTS, "link=process", out, NULL), 2); /* said twice */
    CHECK_INT(run("source=fashion-mnist:test", "judge=none", "images=24", "channel.snr_db=5,20",
                  out, NULL),
              0);
    say_out(out, sizeof out, "daemons");
    CHECK_INT(run(POINTS, out, NULL), 0);
    check_alike(in_base("process"), in_base("daemons"));
    CHECK_INT(run(POINTS, out, NULL), 0);
    check_said("2 of 2 points are there already");
}

/* All of it is lost: the transmitter's count stands in. */
static void test_silent(void)
{
    char out[256];
    say_out(out, sizeof out, "silent");
    CHECK_INT(run("source=fashion-mnist:test", "judge=none", "images=8", "channel.snr_db=-40",
                  "link=daemons", "daemons.patience_s=2", out, NULL),
              0);
    table_t *table = results(in_base("silent"));
    CU_ASSERT(number(table, 0, "frames_sent") >= 1);
    CHECK_NEAR(number(table, 0, "frames_lost"), number(table, 0, "frames_sent"), 0);
    CHECK_NEAR(number(table, 0, "images_received"), 0, 0);
    table_free(table);
}

static pid_t daemon_start(const char *name, const char *a, const char *b, const char *c)
{
    char path[300], bind[300], address[300];
    snprintf(path, sizeof path, "%s/semradio-%s", SEMRADIO_BIN_DIR, name);
    snprintf(bind, sizeof bind, "--control.bind=ipc://%s/%s.ipc", base, name);
    snprintf(address, sizeof address, "--%s=campaign%d",
             strcmp(name, "air") == 0 ? "air.name" : "radio.address", getpid());
    pid_t process = fork();
    if (process == 0) {
        int log = open(in_base("daemons.log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, STDERR_FILENO);
        execl(path, name, bind, address, a, b, c, (char *)NULL);
        _exit(127);
    }
    return process;
}

static void test_running(void)
{
    char out[256], air[300], rx[300], tx[300];
    pid_t daemons[] = {daemon_start("air", "--air.pace=free", "--air.radios=2", NULL),
                       daemon_start("rx", "--reference.path=fashion-mnist:test",
                                    "--quality.judge=none", "--rx.overload=wait"),
                       daemon_start("tx", "--source.path=fashion-mnist:test",
                                    "--radio.timeout_s=60", "--codec.rate=1/12")};
    snprintf(air, sizeof air, "daemons.air=ipc://%s/air.ipc", base);
    snprintf(rx, sizeof rx, "daemons.rx=ipc://%s/rx.ipc", base);
    snprintf(tx, sizeof tx, "daemons.tx=ipc://%s/tx.ipc", base);
    say_out(out, sizeof out, "running");
    CHECK_INT(run(POINTS, air, rx, tx, "daemons.settle_s=1", out, NULL), 0);
    check_alike(in_base("process"), in_base("running"));
    say_out(out, sizeof out, "other");
    CHECK_INT(run(POINTS, air, rx, tx, "waveform.cp=extended", out, NULL), 1);
    check_said("runs with waveform.cp=normal, this point needs extended");
    for (size_t i = 3; i-- > 0;) {
        kill(daemons[i], SIGTERM);
        waitpid(daemons[i], NULL, 0);
    }
    CHECK_INT(run(POINTS, air, rx, tx, "daemons.patience_s=0.5", "overwrite=yes", out, NULL), 1);
    check_said("the air at ipc://");
}

static void test_refused(void)
{
    char out[256];
    say_out(out, sizeof out, "refused");
    CHECK_INT(run(POINTS, "codec=digital", out, NULL), 1);
    check_said("codec=digital");
    CHECK_INT(run(POINTS, "receiver=genie", out, NULL), 1);
    check_said("genie");
    CHECK_INT(run(POINTS, "daemons.tx=ipc:///tmp/nowhere", out, NULL), 1);
    check_said("daemons.air");
    CHECK_INT(run(POINTS, "daemons.tx_options=--codec.nmae=x", out, NULL), 1);
    check_said("semradio-tx ended");
    check_said("codec.name");
}

static const check_test_t tests[] = {
    {"daemons that are started give the columns of one process, and its numbers by chance",
     test_started},
    {"daemons that run are set over the control plane, and named when they do not fit",
     test_running},
    {"where nothing arrives, what was sent is lost", test_silent},
    {"what daemons cannot do is refused by name", test_refused},
};

int main(void)
{
    return check_run_in_base("campaign_daemons", tests, CHECK_COUNT(tests));
}
