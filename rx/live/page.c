/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening and closing the live page, and its thread. */
#include "live/page_private.h"

#include "clock.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int page_open(const page_config_t *config, page_t **out, err_t *err)
{
    const options_t *o = config->options;
    const char *bind = options_string(o, "live.bind");
    *out = NULL;
    if (*bind == 0) {
        return 0;
    }
    page_t *page = calloc(1, sizeof *page);
    if (page == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the live page");
    }
    page->config = *config;
    page->period_s = 1.0 / options_real(o, "live.rate_hz");
    pthread_mutex_init(&page->lock, NULL);
    page->shown = calloc(1, sizeof *page->shown);
    page->fft = fft_create(PAGE_SPECTRUM, FFT_FORWARD, err);
    page->clients = clients_create((int)options_int(o, "live.clients"), err);
    for (int i = 0; i < PAGE_SPECTRUM; i++) { /* Hann, of mean square 1 */
        page->window[i] = (float)((1.0 - cos(2.0 * M_PI * (i + 0.5) / PAGE_SPECTRUM)) / sqrt(1.5));
    }
    if (page->shown == NULL || page->fft == NULL || page->clients == NULL ||
        tap_open(&page->tap, err) != 0 ||
        guard_open(&page->guard, bind, options_string(o, "live.token"),
                   options_string(o, "live.host"), err) != 0 ||
        page_web_open(page, err) != 0) {
        page_close(page);
        return -1;
    }
    *out = page;
    return 0;
}

static void take_reports(page_t *page)
{
    frame_report_t report;
    while (ring_pop(page->tap.reports, &report)) {
        curve_add(&page->curve, &report);
        if (report.status == REPORT_OK) {
            page->last = report;
            page->has_last = true;
        }
        pthread_mutex_lock(&page->lock);
        page_shown_t *shown = page->shown;
        if (report_to_json(&report, shown->lines[shown->line_count % PAGE_LINES],
                           REPORT_JSON_SIZE) > 0) {
            shown->line_count++;
        }
        pthread_mutex_unlock(&page->lock);
    }
}

/* Copies what the stages left and frees their slots at once. */
static void take_all(page_t *page)
{
    const void *item;
    if ((item = ring_peek(page->tap.samples)) != NULL) {
        page_spectrum(page, item);
        page->has_spectrum = true;
        ring_release(page->tap.samples);
    }
    if ((item = ring_peek(page->tap.frames)) != NULL) {
        page->frame = *(const tap_frame_t *)item;
        page->has_frame = true;
        ring_release(page->tap.frames);
    }
    if ((item = ring_peek(page->tap.images)) != NULL) {
        page->images = *(const tap_images_t *)item;
        page->has_images = true;
        ring_release(page->tap.images);
    }
    take_reports(page);
}

static json_t *page_status(page_t *page)
{
    json_t *status = page->config.status(page->config.context);
    const clients_counts_t c = clients_counts(page->clients);
    json_object_set_new(status, "live",
                        json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "clients", c.now,
                                  "clients_total", (json_int_t)c.total, "clients_refused",
                                  (json_int_t)c.refused, "clients_broken", (json_int_t)c.broken,
                                  "messages_sent", (json_int_t)c.sent, "messages_dropped",
                                  (json_int_t)c.dropped, "requests_refused",
                                  (json_int_t)atomic_load(&page->refused), "changes",
                                  (json_int_t)atomic_load(&page->changes), "reports_missed",
                                  (json_int_t)ring_dropped(page->tap.reports)));
    return status;
}

static void swap_text(page_t *page, char **place, char *text)
{
    pthread_mutex_lock(&page->lock);
    char *old = *place;
    *place = text;
    pthread_mutex_unlock(&page->lock);
    free(old);
}

static void show(page_t *page)
{
    take_all(page);
    json_t *status = page_status(page);
    swap_text(page, &page->shown->status,
              json_dumps(status, JSON_COMPACT | JSON_REAL_PRECISION(9)));
    swap_text(page, &page->shown->metrics, page_metrics(page, status));
    message_t *message = page_message(page, status);
    if (message != NULL) {
        clients_publish(page->clients, message);
    }
    json_decref(status);
}

static void *run(void *context)
{
    page_t *page = context;
    program_name_thread("live page");
    program_stand_back(10);
    while (!atomic_load(&page->stopping)) {
        show(page);
        for (double left = page->period_s; left > 0 && !atomic_load(&page->stopping); left -= 0.1) {
            clock_sleep_s(left < 0.1 ? left : 0.1);
        }
    }
    return NULL;
}

int page_start(page_t *page, err_t *err)
{
    if (page == NULL) {
        return 0;
    }
    page->started_ns = clock_now_ns();
    const int code = pthread_create(&page->thread, NULL, run, page);
    page->running = code == 0;
    return code == 0 ? 0 : err_set_errno(err, code, "cannot start the live page's thread");
}

void page_close(page_t *page)
{
    if (page == NULL) {
        return;
    }
    atomic_store(&page->stopping, true);
    if (page->running) {
        pthread_join(page->thread, NULL);
    }
    page_web_close(page);
    clients_destroy(page->clients);
    tap_close(&page->tap);
    fft_destroy(page->fft);
    if (page->shown != NULL) {
        free(page->shown->status);
        free(page->shown->metrics);
    }
    free(page->shown);
    pthread_mutex_destroy(&page->lock);
    free(page);
}

void page_see_samples(page_t *page, const float complex *samples, size_t count)
{
    if (page != NULL) {
        tap_samples(&page->tap, samples, count);
    }
}

void page_see_frame(page_t *page, const received_frame_t *frame)
{
    if (page != NULL) {
        tap_frame(&page->tap, frame);
    }
}

void page_see_report(page_t *page, const frame_report_t *report)
{
    if (page != NULL) {
        (void)ring_push(page->tap.reports, report);
    }
}

void page_see_images(page_t *page, const frame_report_t *report, int width, int height,
                     const uint8_t *sent, const uint8_t *received)
{
    if (page != NULL) {
        tap_images(&page->tap, report, width, height, sent, received);
    }
}
