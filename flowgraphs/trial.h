/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trial: one point of a campaign, from pictures to numbers.
 *
 *     data set -> scheme -> link (transmitter, air, receiver) -> scheme -> quality, judge
 *
 * Pictures 0, 1, 2 … of the data set are sent in order; when `images` exceeds
 * the set it starts over.  Frames are matched by the header they carry: a
 * frame whose header could not be read is lost, whatever its symbols were.  A
 * picture that did not fit its bytes, or whose bytes did not arrive, counts as
 * its own mean colour.
 *
 * With a stop, the trial ends after the first round of pictures that leaves every asked-for
 * interval narrow enough, between stop.min_images and `images`.  An interval that cannot be
 * told (nothing was received) is not narrow.
 *
 * The result (cpu_s apart) depends on the configuration only.
 */
#ifndef FLOWGRAPHS_TRIAL_H
#define FLOWGRAPHS_TRIAL_H

#include "images/dataset.h"
#include "link.h"
#include "result.h"
#include "scheme.h"

/* When the intervals (half-widths, 95 %) are narrow enough; 0: that one is not asked for. */
typedef struct {
    double psnr_ci_db; /* of psnr_mse_db */
    double accuracy_ci;
    double loss_ci; /* of the share of frames lost */
    uint64_t min_images;
} trial_stop_t;

typedef struct {
    scheme_config_t scheme;
    const dataset_t *calibration; /* where scheme_chooses; NULL: none */
    const char *judge;  /* judge_open's name or path; "auto": by the data set's name; "none" */
    uint64_t images;    /* to send, at least 1; with a stop: the most */
    trial_stop_t stop;
    int samples;              /* of the first pictures, to be drawn ... */
    const char *samples_path; /* ... into this PNG file, as they were received; NULL: none */
    int frame_images;   /* pictures in a frame, 1 … 255; fewer where their size changes */
    link_config_t link; /* max_symbols, on_frame and context are filled in by the trial */
    void (*on_progress)(void *context, uint64_t images_done); /* may be NULL */
    void *context;
} trial_config_t;

/* Whether any interval was asked for; whether `now` satisfies them all after min_images. */
bool trial_stops(const trial_config_t *config);
bool trial_precise(const trial_config_t *config, const result_t *now);

/*
 * Runs the point.  Errors: what scheme_open and scheme_prepare refuse, an unknown judge; a picture
 * that cannot be read or that is too large for a frame (the message names it); the samples' file.
 */
int trial_run(const trial_config_t *config, const dataset_t *dataset, result_t *result, err_t *err);

#endif
