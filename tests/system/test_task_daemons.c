/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A task codec in the daemons: classes and confidences come out of the air instead of pictures. */
#include "daemons.h"

enum { CLASSES = 10 };

/* Each class has a colour of its own, in noise: red, green, blue are digits of its number. */
static void write_classes(const char *path)
{
    FILE *file = fopen(path, "wb");
    static const int digit[3] = {1, 3, 9};
    unsigned state = 5;
    for (int n = 0; n < SMALL_SET; n++) {
        fputc(n % CLASSES, file);
        for (int i = 0; i < 3072; i++) {
            int level = n % CLASSES / digit[i / 1024] % 3 * 90;
            state = state * 1664525u + 1013904223u;
            fputc(level + (int)(state >> 24) / 16, file);
        }
    }
    fclose(file);
}

static int train_classes(void)
{
    write_classes(in_work("classes.bin"));
    program_t train = start("train",
                            "task --data.train=cifar10:%s --train.epochs=40 --train.batch=32 "
                            "--train.workers=1 --train.peak_lr=0.008 --task.widths=8,8,8,8 "
                            "--task.depths=1,1,1 --task.features=16 --train.out=%s --train.log=%s "
                            "--train.checkpoint=%s",
                            in_work("classes.bin"), in_work("task"), in_work("task.log"),
                            in_work("task.checkpoint"));
    return finish(&train, 200);
}

typedef struct {
    int ok, right, wrong_fields;
    double confidence;
} count_t;

static void count(const frame_report_t *report, void *context)
{
    count_t *c = context;
    if (report->status != REPORT_OK) {
        return;
    }
    c->ok++;
    c->right += report->correct == 1;
    c->confidence += report->confidence;
    c->wrong_fields += report->label != (int)(report->image_id % CLASSES) ||
                       (report->predicted == report->label) != (report->correct == 1) ||
                       !(report->confidence > 0.0 && report->confidence <= 1.0) ||
                       isfinite(report->psnr_db) || strcmp(report->codec, "task") != 0 ||
                       report->symbols != 128 || report->rate_denominator != 24;
}

/* Sends each picture once, two a frame, and reads what the receiver says. */
static count_t send_classes(double snr_db)
{
    static int number;
    char name[48];
    snprintf(name, sizeof(name), "task%d-%d", (int)getpid(), number++);
    program_t air =
        start("air", "--air %s --pace=free --radios=2 --channel.snr_db=%g", name, snr_db);
    CU_ASSERT(wait_for(&air, "air \""));
    program_t rx = start("rx",
                         "--radio.address=%s --radio.timeout_s=20 --rx.overload=wait "
                         "--reference.path=cifar10:%s --codec.name=%s --report.file=%s "
                         "--output.images_dir=%s",
                         name, in_work("classes.bin"), in_work("task"), in_work("rx.jsonl"),
                         in_work("images"));
    CU_ASSERT(wait_for(&rx, "listening"));
    program_t tx =
        start("tx",
              "cifar10:%s --radio.address=%s --radio.timeout_s=20 --codec.name=%s "
              "--codec.rate=1/24 --codec.design_snr_db=%g --tx.frames=%d --frame.images=2",
              in_work("classes.bin"), name, in_work("task"), snr_db, SMALL_SET / 2);
    CHECK_INT(finish(&tx, 120), 0);
    settle(in_work("rx.jsonl"));
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
    count_t counted = {0};
    CU_ASSERT(read_reports(in_work("rx.jsonl"), count, &counted) > 0);
    CHECK_INT(unlink(in_work("rx.jsonl")), 0);
    return counted;
}

static void test_classes(void)
{
    CU_ASSERT_FATAL(train_classes() == 0);
    count_t good = send_classes(15);
    CHECK_INT(good.ok, SMALL_SET);
    CHECK_INT(good.wrong_fields, 0);
    CHECK_AT_LEAST(good.right, SMALL_SET * 95 / 100);
    count_t poor = send_classes(-8);
    fprintf(stderr, "%d of %d received, %d right, confidence %.3f; at 15 dB %.3f\n", poor.ok, SMALL_SET, poor.right, poor.confidence / poor.ok, good.confidence / good.ok);
    CHECK_AT_LEAST(poor.ok, SMALL_SET * 9 / 10);
    CHECK_INT(poor.wrong_fields, 0);
    CHECK_AT_LEAST(poor.right, poor.ok * 6 / 10);
    CHECK_AT_MOST(poor.confidence / poor.ok,
                  good.confidence / good.ok); /* it knows that it knows less */
    CHECK_INT(rmdir(in_work("images")), 0);   /* there was no picture to write */
}

/* image32's default rate is not a task codec's. */
static void test_wrong_rate(void)
{
    program_t tx = start("tx", "cifar10:%s --radio.address=nobody%d --codec.name=%s",
                         in_work("classes.bin"), (int)getpid(), in_work("task"));
    CHECK_INT(finish(&tx, 60), 1);
    expect_says(&tx, "only 1/24");
}

static const check_test_t tests[] = {
    {"classes and confidences come through the air, right ones by themselves", test_classes},
    {"a rate that the codec does not have is refused with the one it has", test_wrong_rate},
};

int main(void)
{
    return daemons_run("task daemons", tests, CHECK_COUNT(tests));
}
