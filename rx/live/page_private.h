/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page_private: what the page's files share.
 *
 *     page.c           open, the page's thread, close
 *     page_message.c   what was tapped -> one message (docs/LIVE.md has the format)
 *     page_metrics.c   the totals -> Prometheus text
 *     page_web.c       the server: who asks for what
 *     page_files.c     the files that it serves
 *     page_settings.c  run-time options, shown and set
 *     page_answer.c    one answer, with its headers
 */
#ifndef RX_LIVE_PAGE_PRIVATE_H
#define RX_LIVE_PAGE_PRIVATE_H

#include "live/clients.h"
#include "live/curve.h"
#include "live/guard.h"
#include "live/page.h"
#include "live/tap.h"
#include "waveform/fft.h"

enum {
    PAGE_LINES = 256,    /* reports in /frames.jsonl */
    PAGE_BODY = 8192,    /* longest POST */
    PAGE_FILE = 4 << 20, /* longest file that is served */
    PAGE_SPECTRUM = 256,
};

typedef struct {
    const char *path, *type;
    uint8_t *data; /* owned; NULL: there is none */
    size_t size;
} page_file_t;

enum { PAGE_FILES_COUNT = 6 };

/* One thread writes, the web server's read; lock.  */
typedef struct {
    char *status, *metrics;
    char lines[PAGE_LINES][REPORT_JSON_SIZE];
    uint64_t line_count;
} page_shown_t;

struct page {
    page_config_t config;
    guard_t guard;
    clients_t *clients;
    tap_t tap;
    page_file_t files[PAGE_FILES_COUNT];
    struct mg_context *server;
    double period_s;

    /* the page's thread's */
    pthread_t thread;
    bool running;
    _Atomic bool stopping;
    fft_t *fft;
    float window[PAGE_SPECTRUM];
    float spectrum_db[PAGE_SPECTRUM];
    tap_frame_t frame;
    tap_images_t images;
    bool has_spectrum, has_frame, has_images;
    uint64_t big_images_ns;
    frame_report_t last;
    bool has_last;
    curve_t curve;
    uint64_t started_ns;
    uint64_t begun; /* messages */

    pthread_mutex_t lock; /* of `shown`; no stage ever takes it */
    page_shown_t *shown;
    _Atomic uint64_t refused, changes, requests;
};

/* page_message.c; both give NULL without memory.  `status` is lent. */
void page_spectrum(page_t *page, const tap_samples_t *samples);
message_t *page_message(page_t *page, json_t *status);

/* page_metrics.c: free it. */
char *page_metrics(page_t *page, const json_t *status);

/* page_answer.c: `more` are further header lines, each with its end.  page_refuse gives `status`.
 */
#define PAGE_NO_STORE "Cache-Control: no-store\r\n"
void page_answer(struct mg_connection *c, int status, const char *type, const char *more,
                 const void *body, size_t size);
__attribute__((format(printf, 3, 4))) int page_refuse(struct mg_connection *c, int status,
                                                      const char *format, ...);

/* page_files.c */
int page_files_read(page_t *page, err_t *err);
int page_files_send(const page_t *page, struct mg_connection *c, const char *path);
void page_files_free(page_t *page);

/* page_settings.c */
int page_settings_send(page_t *page, struct mg_connection *c);
int page_settings_take(page_t *page, struct mg_connection *c);

/* page_web.c */
int page_web_open(page_t *page, err_t *err);
void page_web_close(page_t *page);

#endif
