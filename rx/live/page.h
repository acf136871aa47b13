/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page: the live page of the receiver (docs/LIVE.md): a web server that shows what the stages see.
 *
 *     page_t *page;                              // NULL when live.bind is ""
 *     page_open(&config, &page, &err);           // bound from here on
 *     page_start(page, &err);
 *     page_see_frame(page, frame);  ...          // the stages, whenever they like
 *     page_close(page);
 *
 * The stages hand over through rings of one slot (tap.h): a slot that has not been read yet
 * refuses, and nobody waits, locks or allocates.  The page's own thread empties them live.rate_hz
 * times a second and makes one message of it, which all clients share.  Each client has a thread
 * that sends it the newest message it has room for; what it had no room for is dropped and counted.
 *
 * All functions take NULL and do nothing.
 */
#ifndef RX_LIVE_PAGE_H
#define RX_LIVE_PAGE_H

#include "options.h"
#include "report.h"
#include "waveform/receiver.h"

#include <jansson.h>
#include <pthread.h>

/* Section "live": bind, token, host, rate_hz, clients, campaign, files. */
extern const option_t page_options[];

typedef struct page page_t;

typedef struct {
    options_t *options;
    pthread_mutex_t *options_lock;    /* held by everybody who touches the options while it runs */
    option_accept_t *accept;          /* as options_set_runtime_all's */
    json_t *(*status)(void *context); /* a new object with the receiver's totals; page's thread */
    void (*changed)(void *context,
                    json_t *values); /* options were set; may be NULL; lock is held */
    void *context;
    double sample_rate_hz;
} page_config_t;

/* ERR_ARGUMENT: a bind that is not HOST:PORT, or beyond this machine without a token; ERR_IO. */
int page_open(const page_config_t *config, page_t **page, err_t *err);
int page_start(page_t *page, err_t *err);
void page_close(page_t *page);

/* The demodulator's thread. */
void page_see_samples(page_t *page, const float complex *samples, size_t count);
void page_see_frame(page_t *page, const received_frame_t *frame);

/* The report thread.  Pixels are [height][width][3]; sent NULL: not known. */
void page_see_report(page_t *page, const frame_report_t *report);
void page_see_images(page_t *page, const frame_report_t *report, int width, int height,
                     const uint8_t *sent, const uint8_t *received);

#endif
