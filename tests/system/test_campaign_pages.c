/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's parts: small photos, contact sheet and page, the rows of its table. */
#include "check.h"
#include "crop.h"
#include "file.h"
#include "gallery.h"
#include "step.h"
#include "table.h"

#include <stdlib.h>
#include <unistd.h>

static char base[64];

static const char *in_base(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", base, name);
    return path;
}

static image_t picture(int width, int height, int step)
{
    image_t image = IMAGE_EMPTY;
    CU_ASSERT_FATAL(image_resize(&image, width, height, NULL) == 0);
    for (int i = 0; i < 3 * width * height; i++) {
        image.rgb[i] = (uint8_t)(i / 3 % width * step);
    }
    return image;
}

static void test_crop(void)
{
    image_t in = picture(40, 20, 5), out = IMAGE_EMPTY;
    err_t err = ERR_INIT;
    CHECK_INT(crop_image(&in, 40, 20, &out, &err), 0);
    CHECK_INT(memcmp(in.rgb, out.rgb, image_bytes(&in)), 0); /* the same size: the same picture */
    CHECK_INT(crop_image(&in, 10, 10, &out, &err), 0);
    CHECK_INT(out.width, 10);
    CHECK_INT(out.rgb[0], 53);      /* the mean of columns 10 and 11, half up */
    CHECK_INT(out.rgb[3 * 9], 143); /* of columns 28 and 29 */
    CHECK_INT(crop_image(&in, 80, 40, &out, &err), 0);
    CHECK_INT(out.rgb[3 * 79], in.rgb[3 * 39]);      /* enlarging repeats */
    CHECK_INT(crop_image(&in, 7, 3, &out, &err), 0); /* nothing divides */
    CHECK_INT(crop_image(&in, 0, 3, &out, &err), -1);
    image_free(&in);
    image_free(&out);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_base(name), "w");
    fputs(text, file);
    fclose(file);
}

static void write_pictures(void)
{
    image_t sent = picture(32, 32, 4), received = picture(32, 32, 4);
    received.rgb[0] = 255;
    CHECK_INT(image_save_png(in_base("sent.png"), &sent, NULL), 0);
    CHECK_INT(image_save_png(in_base("got.png"), &received, NULL), 0);
    char list[2048];
    snprintf(list, sizeof list,
             "boat & <sail>\tsent\t%s\nboat & <sail>\t0 dB\t%s\n"
             "car\tsent\t%s\ncar\t0 dB\t%s\n",
             in_base("sent.png"), in_base("got.png"), in_base("sent.png"), in_base("never.png"));
    write_text("list", list);
    image_free(&sent);
    image_free(&received);
}

static void test_gallery(void)
{
    write_pictures();
    err_t err = ERR_INIT;
    gallery_t *gallery = gallery_load(in_base("list"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(gallery);
    CHECK_INT(gallery->rows, 2);
    CHECK_INT(gallery->columns, 2);
    CHECK_NEAR(gallery->psnr_db[1], 10 * log10(3072), 0.01); /* one byte of 3072 is 255 off */
    CU_ASSERT(isnan(gallery->psnr_db[0]) && isnan(gallery->psnr_db[3]));
    CU_ASSERT_PTR_NULL(gallery->images[3].rgb);
    image_t sheet = IMAGE_EMPTY;
    CHECK_INT(gallery_draw(gallery, base, &err), 0);
    CHECK_INT(image_load(in_base("images.png"), &sheet, &err), 0);
    CHECK_INT(sheet.width, 8 + 2 * (192 + 8));
    /* The received picture lies where it should, upright: black at its left, bright at its right. */
    const uint8_t *row = sheet.rgb + 3 * (size_t)sheet.width * (30 + 64);
    int left = 8 + 200 + (192 - 128) / 2;
    CU_ASSERT(row[3 * (left + 2)] < 8 && row[3 * (left + 125)] > 116 && row[3 * (left - 3)] == 255);
    /* The next row's one was not received. */
    CHECK_INT(sheet.rgb[3 * ((size_t)sheet.width * (30 + 150 + 10) + 8 + 200 + 10)], 224);
    image_free(&sheet);
    write_text("table.csv", "a,b\n1,<2>\n");
    CHECK_INT(gallery_write_page(gallery, in_base("page.html"), "title", "it <worked>",
                                 in_base("table.csv"), in_base("no-figure.png"), &err),
              0);
    uint8_t *page = NULL;
    size_t size;
    CHECK_INT(file_read_all(in_base("page.html"), 1 << 20, &page, &size, &err), 0);
    const char *text = (const char *)page;
    CU_ASSERT(strstr(text, "boat &amp; &lt;sail>") != NULL);
    CU_ASSERT(strstr(text, "it &lt;worked>") != NULL);
    CU_ASSERT(strstr(text, "data:image/png;base64,iVBORw0KGgo") != NULL);
    CU_ASSERT(strstr(text, "src=\"http") == NULL && strstr(text, "<script") == NULL);
    free(page);
    gallery_free(gallery);
}

static void test_bad_lists(void)
{
    static const char *const bad[] = {"", "one\ttwo\n", "a\tb\tc\td\n"};
    for (size_t i = 0; i < 3; i++) {
        err_t err = ERR_INIT;
        write_text("bad", bad[i]);
        CU_ASSERT_PTR_NULL(gallery_load(in_base("bad"), &err));
        CHECK_ERROR_NAMES(&err, "bad");
    }
    char list[300];
    err_t err = ERR_INIT;
    write_text("broken.png", "\x89PNG\r\n");
    snprintf(list, sizeof list, "a\tb\t%s\n", in_base("broken.png"));
    write_text("bad", list);
    CU_ASSERT_PTR_NULL(gallery_load(in_base("bad"), &err));
    CHECK_ERROR_NAMES(&err, "broken.png");
}

/* Appends the report of one image to the file; returns the file's size. */
static long report(FILE *file, report_status_t status, int64_t frame, int width, double sample)
{
    char text[REPORT_JSON_SIZE];
    frame_report_t r;
    report_init(&r);
    r.status = status;
    r.frame = frame;
    r.image_id = frame;
    r.image_in_frame = 0;
    r.time_ns = (uint64_t)(1e18 + sample);
    r.timing_sample = sample;
    r.width = r.height = width;
    r.snr_db = 10;
    r.noise_var = 0.1;
    r.mse = 100;
    r.psnr_db = 28.13;
    r.label = 1;
    r.correct = frame % 2 == 0;
    CU_ASSERT(report_to_json(&r, text, sizeof text) > 0);
    fprintf(file, "%s\n", text);
    return ftell(file);
}

static void test_step(void)
{
    FILE *file = fopen(in_base("reports"), "w");
    long from = report(file, REPORT_OK, 0, 32, 1000); /* of the step before */
    report(file, REPORT_OK, 1, 32, 1900);             /* late: sent before the step */
    report(file, REPORT_OK, 2, 32, 2000);
    report(file, REPORT_LOST_HEADER, -1, 0, 3000);
    report(file, REPORT_OK, 3, 64, 3500);
    long to = report(file, REPORT_OK, 4, 32, 4000);
    report(file, REPORT_OK, 5, 32, 5000); /* of the next one */
    fputs("{\"time_ns\":", file);         /* being written */
    fclose(file);
    step_t step;
    err_t err = ERR_INIT;
    CHECK_INT(step_read(&step, in_base("reports"), from, to, 2000, 32, &err), 0);
    CHECK_INT(step.tally.images, 2);
    CHECK_INT(tally_frames_lost(&step.tally), 1);
    CHECK_INT(step_read(&step, in_base("reports"), from, -1, 2000, 0, &err), 0);
    CHECK_INT(step.tally.images, 4);
    unlink(in_base("step.csv"));
    CHECK_INT(step_save(&step, "photos", "rayleigh", 5, in_base("step.csv"), &err), 0);
    CHECK_INT(step_save(&step, "photos", "rayleigh", 10, in_base("step.csv"), &err), 0);
    table_t *table = table_load(in_base("step.csv"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    CHECK_INT(table_rows(table), 2);
    CHECK_NEAR(table_number(table, 1, (size_t)table_find(table, "snr_db")), 10, 0);
    CHECK_NEAR(table_number(table, 0, (size_t)table_find(table, "snr_measured_db")), 10, 1e-9);
    CHECK_NEAR(table_number(table, 0, (size_t)table_find(table, "accuracy")), 0.5, 1e-9);
    table_free(table);
    FILE *list = fopen(in_base("received"), "w");
    CHECK_INT(step_list(in_base("reports"), from, to, 2000, list, &err), 0);
    fclose(list);
    uint8_t *text = NULL;
    size_t size;
    CHECK_INT(file_read_all(in_base("received"), 100, &text, &size, &err), 0);
    CU_ASSERT_STRING_EQUAL((const char *)text, "2 2\n3 3\n4 4\n");
    free(text);
}

static const check_test_t tests[] = {
    {"a photo is cut to its middle and averaged, never repeated or rung", test_crop},
    {"sent and received pictures stand side by side, a lost one is an empty place", test_gallery},
    {"a bad list of pictures is refused with its line", test_bad_lists},
    {"a step counts what was sent in it, and nothing else", test_step},
};

int main(void)
{
    strcpy(base, "/tmp/test_campaign_pages.XXXXXX");
    if (mkdtemp(base) == NULL) {
        perror(base);
        return 1;
    }
    int failed = check_run("campaign_pages", tests, CHECK_COUNT(tests));
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    return system(command) != 0 || failed;
}
