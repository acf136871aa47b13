/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * semradio-demo: what demo.sh cannot do itself: pictures, rows of the table,
 * the page.  Each word is one small step of the demo.
 */
#include "campaign_report.h"
#include "crop.h"
#include "gallery.h"
#include "images/dataset.h"
#include "log.h"
#include "step.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

static const char usage[] =
    "usage: semradio-demo crop WIDTH HEIGHT PHOTO OUT.png\n"
    "       semradio-demo extract DATASET INDEX OUT.png\n"
    "       semradio-demo head\n"
    "       semradio-demo step REPORTS FROM TO SINCE WIDTH SOURCE SNR_DB RESULTS.csv\n"
    "       semradio-demo list REPORTS FROM TO SINCE\n"
    "       semradio-demo page FOLDER TITLE RESULT\n"
    "       semradio-demo result RESULTS.csv\n"
    "       semradio-demo report FOLDER COMMAND\n"
    "\n"
    "The steps of the demo; ./semradio demo calls them.\n";

/* The middle of a photo, reduced. */
static int crop(char *const words[], err_t *err)
{
    image_t photo = IMAGE_EMPTY, small = IMAGE_EMPTY;
    int status = image_load(words[2], &photo, err);
    if (status == 0) {
        status = crop_image(&photo, atoi(words[0]), atoi(words[1]), &small, err);
    }
    if (status == 0) {
        status = image_save_png(words[3], &small, err);
    }
    image_free(&photo);
    image_free(&small);
    return status;
}

static int extract(char *const words[], err_t *err)
{
    dataset_t *set = dataset_open(words[0], err);
    image_t picture = IMAGE_EMPTY;
    int status = -1;
    if (set != NULL && dataset_get(set, (size_t)atol(words[1]), &picture, NULL, err) == 0) {
        status = image_save_png(words[2], &picture, err);
    }
    image_free(&picture);
    dataset_close(set);
    return status;
}

static int head(char *const words[], err_t *err)
{
    (void)words;
    (void)err;
    step_print_head(stdout);
    return 0;
}

/* One SNR: a line on standard output, a row in the CSV file. */
static int step(char *const words[], err_t *err)
{
    step_t *now = malloc(sizeof *now);
    if (now == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a step");
    }
    double snr_db = atof(words[6]);
    int status = step_read(now, words[0], atol(words[1]), atol(words[2]), atof(words[3]),
                           atoi(words[4]), err);
    if (status == 0) {
        step_print(now, words[5], snr_db, stdout);
        status = step_save(now, words[5], "rayleigh", snr_db, words[7], err);
    }
    free(now);
    return status;
}

static int list(char *const words[], err_t *err)
{
    return step_list(words[0], atol(words[1]), atol(words[2]), atof(words[3]), stdout, err);
}

/* images.png and index.html from the pictures that FOLDER/pictures.txt lists. */
static int page(char *const words[], err_t *err)
{
    char pictures[PATH_SIZE], path[PATH_SIZE], table[PATH_SIZE], figure[PATH_SIZE];
    snprintf(pictures, sizeof pictures, "%s/pictures.txt", words[0]);
    snprintf(path, sizeof path, "%s/index.html", words[0]);
    snprintf(table, sizeof table, "%s/results.csv", words[0]);
    snprintf(figure, sizeof figure, "%s/figure.png", words[0]);
    gallery_t *gallery = gallery_load(pictures, err);
    if (gallery == NULL) {
        return -1;
    }
    err_t missing = ERR_INIT;
    int status = gallery_draw(gallery, words[0], &missing);
    if (status != 0 && missing.code != ERR_UNSUPPORTED) {
        (void)err_set(err, missing.code, "%s", missing.text);
    } else {
        status = gallery_write_page(gallery, path, words[1], words[2], table, figure, err);
    }
    gallery_free(gallery);
    return status;
}

/* What became of one source from the first SNR to the last one at which anything was received. */
static void say_source(const table_t *table, const char *source)
{
    size_t psnr = (size_t)table_find(table, "psnr_mse_db");
    size_t accuracy = (size_t)table_find(table, "accuracy"),
           snr = (size_t)table_find(table, "snr_db");
    size_t first = SIZE_MAX, last = 0;
    for (size_t row = 0; row < table_rows(table); row++) {
        if (strcmp(table_text(table, row, 0), source) == 0 &&
            isfinite(table_number(table, row, psnr))) {
            first = first == SIZE_MAX ? row : first;
            last = row;
        }
    }
    if (first == SIZE_MAX) {
        printf("%s: nothing received; ", source);
        return;
    }
    printf("%s PSNR %.1f dB at %s dB SNR to %.1f dB at %s dB", source,
           table_number(table, first, psnr), table_text(table, first, snr),
           table_number(table, last, psnr), table_text(table, last, snr));
    if (isfinite(table_number(table, last, accuracy))) {
        printf(" (accuracy %.2f to %.2f)", table_number(table, first, accuracy),
               table_number(table, last, accuracy));
    }
    printf("; ");
}

/* The closing line. */
static int result(char *const words[], err_t *err)
{
    table_t *table = table_load(words[0], err);
    if (table == NULL) {
        return -1;
    }
    int lost = table_find(table, "frames_lost"), sent = table_find(table, "frames_sent");
    int images = table_find(table, "images"), psnr = table_find(table, "psnr_mse_db");
    if (lost < 0 || sent < 0 || images < 0 || psnr < 0 || table_rows(table) == 0 ||
        table_find(table, "accuracy") < 0 || table_find(table, "snr_db") < 0) {
        table_free(table);
        return err_set(err, ERR_FORMAT, "%s has no results", words[0]);
    }
    double sums[3] = {0};
    for (size_t row = 0; row < table_rows(table); row++) {
        sums[0] += table_number(table, row, (size_t)images);
        sums[1] += table_number(table, row, (size_t)lost);
        sums[2] += table_number(table, row, (size_t)sent);
        if (row == 0 || strcmp(table_text(table, row, 0), table_text(table, row - 1, 0)) != 0) {
            say_source(table, table_text(table, row, 0));
        }
    }
    printf("%.0f images, %.0f of %.0f frames lost\n", sums[0], sums[1], sums[2]);
    table_free(table);
    return 0;
}

static int report(char *const words[], err_t *err)
{
    return campaign_report_make(words[0], words[1], err);
}

static const struct {
    const char *name;
    int words;
    int (*run)(char *const words[], err_t *err);
} commands[] = {{"crop", 4, crop}, {"extract", 3, extract}, {"head", 0, head},    {"step", 8, step},
                {"list", 4, list}, {"page", 3, page},       {"result", 1, result},
                {"report", 2, report}};

int main(int argc, char *argv[])
{
    log_set_program("demo");
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0 && argc == commands[i].words + 2) {
            err_t err = ERR_INIT;
            if (commands[i].run(argv + 2, &err) != 0) {
                log_error("%s", err.text);
                return 1;
            }
            return 0;
        }
    }
    int asked = argc == 2 && strcmp(argv[1], "--help") == 0;
    fputs(usage, asked ? stdout : stderr);
    return asked ? 0 : 2;
}
