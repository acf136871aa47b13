/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wrong words, wrong files, wrong pictures: each a clear sentence and an exit code. */
#include "daemons.h"

#include "images/image.h"

#include <sys/stat.h>

/* Runs to its end; its log must hold `part`. */
static void expect(const char *program, int code, const char *part, const char *options)
{
    program_t started = start(program, "%s", options);
    CHECK_INT(finish(&started, 30), code);
    expect_says(&started, part);
}

static void test_wrong_words(void)
{
    expect("tx", 2, "unknown option \"frame.imags\"; did you mean \"frame.images\"",
           "--frame.imags=8");
    expect("tx", 2, "frame.images takes integer from 1 to 255, not \"900\"", "--frame.images=900");
    expect("rx", 2, "did you mean \"radio.address\"", "--radio.adress=x");
    expect("rx", 2, "what is \"photo.png\"", "photo.png");
    expect("rx", 2, "--rx.frames needs a value", "--rx.frames");
    FILE *file = fopen(in_work("lab.ini"), "w");
    fprintf(file, "[codec]\nname = image32\n[tx]\nframes = many\n");
    fclose(file);
    char options[300];
    snprintf(options, sizeof options, "--config %s", in_work("lab.ini"));
    expect("tx", 2, "lab.ini:4: tx.frames takes integer", options);
}

static void test_help(void)
{
    static const char *const programs[] = {"tx", "rx"};
    for (int i = 0; i < 2; i++) {
        program_t help = start(programs[i], "--help");
        CHECK_INT(finish(&help, 10), 0);
        char *text = text_of(in_work("%s.out", programs[i]));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "--radio.freq_hz, --freq"));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "--radio.address, --args"));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "Exit codes: 0 done"));
        free(text);
    }
}

static void test_config_round_trip(void)
{
    program_t print = start("rx", "--print-config --freq 2.4G --rx.frames=3");
    CHECK_INT(finish(&print, 10), 0);
    char *first = text_of(in_work("rx.out"));
    CU_ASSERT_PTR_NOT_NULL(strstr(first, "freq_hz = 2.4G"));
    FILE *file = fopen(in_work("printed.ini"), "w");
    fputs(first, file);
    fclose(file);
    print = start("rx", "--config %s --print-config", in_work("printed.ini"));
    CHECK_INT(finish(&print, 10), 0);
    char *second = text_of(in_work("rx.out"));
    CU_ASSERT_STRING_EQUAL(first, second);
    free(first);
    free(second);
}

static void test_no_radio(void)
{
    char options[400];
    snprintf(options, sizeof options,
             "--codec.name=%s --reference.path=cifar10:%s --radio.address=nowhere%d "
             "--radio.timeout_s=0.3",
             in_work("codec"), in_work("set.bin"), (int)getpid());
    expect("rx", 1, "nowhere", options);
}

static void test_wrong_weights(void)
{
    char options[400];
    snprintf(options, sizeof options, "cifar10:%s --codec.name=/nonexistent", in_work("set.bin"));
    expect("tx", 1, "/nonexistent", options);
    FILE *in = fopen(in_work("codec"), "rb"), *out = fopen(in_work("cut"), "wb");
    for (int i = 0; i < 20000; i++) {
        fputc(fgetc(in), out);
    }
    fclose(in);
    fclose(out);
    snprintf(options, sizeof options, "cifar10:%s --codec.name=%s", in_work("set.bin"),
             in_work("cut"));
    expect("tx", 1, "/cut", options);
    snprintf(options, sizeof options, "cifar10:%s --codec.name=%s --codec.rate=1/7",
             in_work("set.bin"), in_work("codec"));
    expect("tx", 1, "1/6", options);
}

static void test_wrong_sources(void)
{
    char options[400], codec[100];
    snprintf(codec, sizeof codec, "--codec.name=%s", in_work("codec"));
    snprintf(options, sizeof options, "/nonexistent %s", codec);
    expect("tx", 1, "/nonexistent", options);
    snprintf(options, sizeof options, "cifar10:%s --source.first=1000 %s", in_work("set.bin"),
             codec);
    expect("tx", 1, "has 96 images (0 to 95)", options);
    snprintf(options, sizeof options, "--reference.path=/nonexistent %s", codec);
    expect("rx", 1, "reference.path: ", options);
    snprintf(options, sizeof options, "--reference.path=cifar10:%s --report.file=/nonexistent/x %s",
             in_work("set.bin"), codec);
    expect("rx", 1, "report.file: cannot write /nonexistent/x", options);
}

/* ---- folders of odd pictures ---- */

static void save_picture(const char *path, int width, int height)
{
    image_t image = IMAGE_EMPTY;
    image_resize(&image, width, height, NULL);
    for (size_t i = 0; i < image_bytes(&image); i++) {
        image.rgb[i] = (uint8_t)(i * 7);
    }
    CHECK_INT(image_save_png(path, &image, NULL), 0);
    image_free(&image);
}

static void save_broken(const char *path)
{
    FILE *file = fopen(path, "wb");
    fprintf(file, "\x89PNG\r\n\x1a\nand then nothing");
    fclose(file);
}

static void count_sizes(const frame_report_t *report, void *context)
{
    int *counts = context;
    counts[0] += report->status == REPORT_OK && report->width == 32;
    counts[1] += report->status == REPORT_OK && report->width == 50 && report->height == 37;
    counts[2] += report->status == REPORT_OK && report->width == 1;
    counts[3] += report->status == REPORT_OK && report->psnr_db > 0;
}

static void test_mixed_folder(void)
{
    mkdir(in_work("mixed"), 0777);
    save_picture(in_work("mixed/a.png"), 32, 32);
    save_picture(in_work("mixed/b.png"), 32, 32);
    save_broken(in_work("mixed/c.png"));
    save_picture(in_work("mixed/d.png"), 32, 32);
    save_picture(in_work("mixed/e.png"), 50, 37);
    save_picture(in_work("mixed/f.png"), 1, 1);
    program_t air = start("air", "--air mixed%d --pace=free --radios=2", (int)getpid());
    program_t rx = start("rx", "--radio.address=mixed%d --reference.path=%s --codec.name=%s "
                               "--report.file=%s --rx.overload=wait", (int)getpid(), in_work("mixed"),
                         in_work("codec"), in_work("mixed.jsonl"));
    CU_ASSERT(wait_for(&rx, "listening"));
    program_t tx = start("tx", "%s --radio.address=mixed%d --codec.name=%s --source.loop=false "
                               "--summary %s", in_work("mixed"), (int)getpid(), in_work("codec"),
                         in_work("mixed.json"));
    CHECK_INT(finish(&tx, 30), 0);
    settle(in_work("mixed.jsonl"));
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
    expect_says(&tx, "c.png");
    CHECK_INT(number_in(in_work("mixed.json"), "skipped_images"), 1);
    CHECK_INT(number_in(in_work("mixed.json"), "images"), 5);
    CHECK_INT(number_in(in_work("mixed.json"), "frames"), 4); /* ab, d, e, f */
    int counts[4] = {0};
    CHECK_INT(read_reports(in_work("mixed.jsonl"), count_sizes, counts), 5);
    CHECK_INT(counts[0], 3);
    CHECK_INT(counts[1], 1);
    CHECK_INT(counts[2], 1);
    CHECK_INT(counts[3], 5);
}

static void test_single_broken_file(void)
{
    save_broken(in_work("alone.png"));
    program_t air = start("air", "--air alone%d", (int)getpid());
    CU_ASSERT(wait_for(&air, "air \""));
    program_t tx = start("tx", "%s --radio.address=alone%d --codec.name=%s",
                         in_work("alone.png"), (int)getpid(), in_work("codec"));
    CHECK_INT(finish(&tx, 20), 1);
    expect_says(&tx, "alone.png");
    CHECK_INT(interrupt(&air), 0);
}

static void test_other_codec(void)
{
    program_t train = start("train", "codec --data.train=cifar10:%s --train.epochs=1 "
                                     "--train.batch=16 --codec.width=8 --codec.encoder_blocks=0 "
                                     "--codec.decoder_blocks=0 --train.seed=5 --train.out=%s "
                                     "--train.log=%s --train.checkpoint=%s",
                            in_work("set.bin"), in_work("other"), in_work("other.log"),
                            in_work("other.checkpoint"));
    CHECK_INT(finish(&train, 60), 0);
    program_t air = start("air", "--air other%d --pace=free --radios=2", (int)getpid());
    program_t rx = start("rx", "--radio.address=other%d --reference.path=cifar10:%s "
                               "--codec.name=%s --summary %s --rx.overload=wait", (int)getpid(),
                         in_work("set.bin"), in_work("other"), in_work("other.json"));
    CU_ASSERT(wait_for(&rx, "listening"));
    program_t tx = start("tx", "cifar10:%s --radio.address=other%d --codec.name=%s --tx.frames=20",
                         in_work("set.bin"), (int)getpid(), in_work("codec"));
    CHECK_INT(finish(&tx, 30), 0);
    clock_sleep_s(1.0);
    CHECK_INT(interrupt(&rx), 0);
    CHECK_INT(interrupt(&air), 0);
    expect_says(&rx, "both ends need the same weights");
    CHECK_INT(number_in(in_work("other.json"), "images"), 0);
    CHECK_INT(number_in(in_work("other.json"), "damaged"), 20);
}

static void test_options_page(void)
{
    char *page = text_of(SEMRADIO_SOURCE_DIR "/docs/OPTIONS.md");
    static const char *const programs[] = {"tx", "rx"};
    for (int i = 0; i < 2; i++) {
        program_t markdown = start(programs[i], "--options-markdown");
        CHECK_INT(finish(&markdown, 10), 0);
        char *text = text_of(in_work("%s.out", programs[i]));
        CHECK_AT_LEAST(strlen(text), 1000);
        CU_ASSERT_PTR_NOT_NULL(strstr(page, text)); /* else: ./semradio options */
        free(text);
    }
    free(page);
}

static const check_test_t tests[] = {
    {"a wrong option is named, with what was meant; exit code 2", test_wrong_words},
    {"--help comes from the table, with UHD's words", test_help},
    {"what --print-config writes is a config file", test_config_round_trip},
    {"a radio that is not there is an error that names it", test_no_radio},
    {"weights that are missing or cut, and a rate that is not there, are named",
     test_wrong_weights},
    {"sources, references and files that do not open are named", test_wrong_sources},
    {"a folder of odd pictures: unreadable ones are skipped and counted", test_mixed_folder},
    {"a single unreadable picture is an error", test_single_broken_file},
    {"frames of another codec are refused, never decoded wrongly", test_other_codec},
    {"docs/OPTIONS.md is what the programs say", test_options_page},
};

int main(void)
{
    return daemons_run("daemons_errors", tests, CHECK_COUNT(tests));
}
