/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The web server: every request passes the guard first, then a fixed list of paths. */
#include "live/page_private.h"

#include "log.h"
#include "program.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the page's thread has written ---- */

static int send_text(page_t *page, struct mg_connection *c, const char *type, char *const *place)
{
    pthread_mutex_lock(&page->lock);
    char *text = *place != NULL ? strdup(*place) : NULL;
    pthread_mutex_unlock(&page->lock);
    if (text == NULL) {
        return page_refuse(c, 503, "not yet");
    }
    page_answer(c, 200, type, PAGE_NO_STORE, text, strlen(text));
    free(text);
    return 200;
}

static int send_lines(page_t *page, struct mg_connection *c)
{
    char *text = malloc((size_t)PAGE_LINES * REPORT_JSON_SIZE), *at = text;
    if (text == NULL) {
        return page_refuse(c, 503, "no memory");
    }
    pthread_mutex_lock(&page->lock);
    const page_shown_t *shown = page->shown;
    const uint64_t end = shown->line_count;
    for (uint64_t i = end > PAGE_LINES ? end - PAGE_LINES : 0; i < end; i++) {
        const size_t length = strlen(shown->lines[i % PAGE_LINES]);
        memcpy(at, shown->lines[i % PAGE_LINES], length);
        at[length] = '\n';
        at += length + 1;
    }
    pthread_mutex_unlock(&page->lock);
    page_answer(c, 200, "application/jsonl; charset=utf-8", PAGE_NO_STORE, text,
                (size_t)(at - text));
    free(text);
    return 200;
}

/* ---- requests ---- */

static guard_answer_t ask_guard(page_t *page, const struct mg_connection *c, int *status,
                                const char **why)
{
    const struct mg_request_info *info = mg_get_request_info(c);
    const guard_request_t request = {.method = info->request_method,
                                     .host = mg_get_header(c, "Host"),
                                     .origin = mg_get_header(c, "Origin"),
                                     .authorization = mg_get_header(c, "Authorization"),
                                     .cookie = mg_get_header(c, "Cookie"),
                                     .query = info->query_string};
    const guard_answer_t said = guard_check(&page->guard, &request, status, why);
    if (said == GUARD_REFUSED) {
        atomic_fetch_add(&page->refused, 1);
    }
    return said;
}

static int enter(page_t *page, struct mg_connection *c)
{
    char more[512];
    snprintf(more, sizeof more,
             "Location: /\r\nSet-Cookie: semradio=%s; Path=/; HttpOnly; "
             "SameSite=Strict\r\n" PAGE_NO_STORE,
             page->guard.token);
    page_answer(c, 303, "text/plain", more, NULL, 0);
    return 303;
}

static int get(page_t *page, struct mg_connection *c, const char *path)
{
    if (strcmp(path, "/status.json") == 0) {
        return send_text(page, c, "application/json", &page->shown->status);
    }
    if (strcmp(path, "/metrics") == 0) {
        return send_text(page, c, "text/plain; version=0.0.4; charset=utf-8",
                         &page->shown->metrics);
    }
    if (strcmp(path, "/frames.jsonl") == 0) {
        return send_lines(page, c);
    }
    if (strcmp(path, "/options.json") == 0) {
        return page_settings_send(page, c);
    }
    return page_files_send(page, c, path);
}

/* Not 0: answered. */
static int begin(struct mg_connection *c)
{
    const struct mg_request_info *info = mg_get_request_info(c);
    page_t *page = info->user_data;
    const char *path = info->local_uri_raw != NULL ? info->local_uri_raw : "", *why = "";
    int status;
    switch (ask_guard(page, c, &status, &why)) {
    case GUARD_REFUSED:
        return page_refuse(c, status, "%s", why);
    case GUARD_ENTER:
        return enter(page, c);
    case GUARD_PASS:
        break;
    }
    if (strcmp(path, "/live") == 0) {
        if (mg_get_header(c, "Upgrade") == NULL) {
            return page_refuse(c, 426, "this is a WebSocket");
        }
        return clients_refuse(page->clients) ? page_refuse(c, 503, "too many watch (live.clients)")
                                             : 0;
    }
    if (strcmp(path, "/options") == 0 && strcmp(info->request_method, "POST") == 0) {
        return page_settings_take(page, c);
    }
    if (strcmp(info->request_method, "GET") != 0 && strcmp(info->request_method, "HEAD") != 0) {
        return page_refuse(c, 405, "only GET here");
    }
    return get(page, c, path);
}

/* Before the handshake, once more; not 0: refused. */
static int connecting(const struct mg_connection *c, void *data)
{
    page_t *page = mg_get_request_info(c)->user_data;
    const char *why;
    int status;
    (void)data;
    return ask_guard(page, c, &status, &why) != GUARD_PASS;
}

static int log_message(const struct mg_connection *c, const char *text)
{
    (void)c;
    log_debug("live page: %s", text);
    return 1;
}

static void *thread_begins(const struct mg_context *server, int kind)
{
    (void)server;
    (void)kind;
    program_stand_back(15);
    return NULL;
}

int page_web_open(page_t *page, err_t *err)
{
    if (page_files_read(page, err) != 0) {
        return -1;
    }
    char port[96], threads[16];
    snprintf(port, sizeof port, "%s:%d", page->guard.host, page->guard.port);
    snprintf(threads, sizeof threads, "%d",
             (int)options_int(page->config.options, "live.clients") + 16);
    const char *settings[] = {"listening_ports",
                              port,
                              "num_threads",
                              threads,
                              "request_timeout_ms",
                              "5000",
                              "max_request_size",
                              "8192",
                              "enable_keep_alive",
                              "no",
                              "websocket_timeout_ms",
                              "10000",
                              "enable_websocket_ping_pong",
                              "yes",
                              "decode_url",
                              "no",
                              "tcp_nodelay",
                              "1",
                              NULL};
    const struct mg_callbacks callbacks = {
        .begin_request = begin, .log_message = log_message, .init_thread = thread_begins};
    mg_init_library(0);
    page->server = mg_start(&callbacks, page, settings);
    if (page->server == NULL) {
        mg_exit_library();
        return err_set(err, ERR_IO, "live.bind: cannot listen at %s (is it in use?)", port);
    }
    mg_set_websocket_handler(page->server, "/live", connecting, clients_ready, clients_data,
                             clients_closed, page->clients);
    log_info("live page at http://%s:%d/%s", page->guard.host, page->guard.port,
             page->guard.token[0] != 0 ? "?token=… (live.token)" : "");
    return 0;
}

void page_web_close(page_t *page)
{
    if (page->clients != NULL) {
        clients_stop(page->clients);
    }
    if (page->server != NULL) {
        mg_stop(page->server);
        mg_exit_library();
        page->server = NULL;
    }
    page_files_free(page);
}
