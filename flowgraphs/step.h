/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * step: one step of a sweep over running daemons: the frame reports that
 * semradio-rx wrote while the SNR stood still, as one row of a table.
 */
#ifndef FLOWGRAPHS_STEP_H
#define FLOWGRAPHS_STEP_H

#include "gather.h"
#include "report.h"
#include "tally.h"

#include <stdio.h>

typedef struct {
    tally_t tally;
    gather_t mse, psnr_db, correct; /* frame by frame, for their intervals */
    double since;          /* only frames from this sample on */
    int width;             /* only images that wide; 0: all */
    FILE *list;            /* step_list: where images are listed; else NULL */
    int64_t frame;         /* the frame under way and its sums */
    double frame_mse, frame_psnr_db, frame_images, frame_correct, frame_judged;
    double signal, noise;     /* sums over images: the fading averages out of their ratio */
    double first_ns, last_ns; /* wall time of the first and the last report */
} step_t;

/* The same report by report: begin, add, and end before the sums are read. */
void step_begin(step_t *step);
void step_add(step_t *step, const frame_report_t *report);
void step_end(step_t *step);

/* Mean signal over mean noise: what the air was set to; NaN without images. */
double step_snr_db(const step_t *step);

/*
 * Adds the reports in bytes from … to of a file of JSON lines; a line that
 * begins before `from` or ends behind `to` is left out.  `to` -1: to the end.
 * `since`: reports of frames that began before this sample of the radio's clock
 * are left out: they were under way when the step began.  `width`: only images
 * that wide (and every loss); 0: all.
 */
int step_read(step_t *step, const char *path, long from, long to, double since, int width,
              err_t *err);

/* "image frame" for each image that was received, as step_read chooses them, in their order. */
int step_list(const char *path, long from, long to, double since, FILE *out, err_t *err);

/* A line for people; step_print_head names its columns. */
void step_print_head(FILE *out);
void step_print(const step_t *step, const char *source, double snr_db, FILE *out);

/* Adds a row to a CSV file that figure_make understands; makes the file with its head. */
int step_save(const step_t *step, const char *source, const char *channel, double snr_db,
              const char *path, err_t *err);

#endif
