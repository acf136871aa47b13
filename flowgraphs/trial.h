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
 * The result (cpu_s apart) depends on the configuration only.
 */
#ifndef FLOWGRAPHS_TRIAL_H
#define FLOWGRAPHS_TRIAL_H

#include "images/dataset.h"
#include "link.h"
#include "result.h"
#include "scheme.h"

typedef struct {
    scheme_config_t scheme;
    const dataset_t *calibration; /* where scheme_chooses; NULL: none */
    const char *judge;  /* judge_open's name or path; "auto": by the data set's name; "none" */
    uint64_t images;    /* to send, at least 1 */
    int frame_images;   /* pictures in a frame, 1 … 255; fewer where their size changes */
    link_config_t link; /* max_symbols, on_frame and context are filled in by the trial */
    void (*on_progress)(void *context, uint64_t images_done); /* may be NULL */
    void *context;
} trial_config_t;

/*
 * Runs the point.  Errors: what scheme_open and scheme_prepare refuse, an unknown judge; a picture
 * that cannot be read or that is too large for a frame (the message names it).
 */
int trial_run(const trial_config_t *config, const dataset_t *dataset, result_t *result, err_t *err);

#endif
