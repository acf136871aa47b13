/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The web server.  Every request passes the guard first; what is asked for is looked up in a fixed
 * table of paths, so no path ever reaches the file system: the files were read at the start.
 */
#include "live/page_private.h"

#include "file.h"
#include "log.h"
#include "program.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define NO_STORE "Cache-Control: no-store\r\n"

static void answer(struct mg_connection *c, int status, const char *type, const char *more,
                   const void *body, size_t size)
{
    const char *host = mg_get_header(c, "Host");
    mg_printf(c,
              "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
              "Connection: close\r\nX-Content-Type-Options: nosniff\r\n"
              "X-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
              "Cross-Origin-Resource-Policy: same-origin\r\n"
              "Cross-Origin-Opener-Policy: same-origin\r\n"
              "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
              "img-src 'self' data:; connect-src 'self'%s%s; base-uri 'none'; "
              "form-action 'none'; frame-ancestors 'none'\r\n%s\r\n",
              status, mg_get_response_code_text(c, status), type, size,
              status == 200 && host != NULL ? " ws://" : "",
              status == 200 && host != NULL ? host : "", more);
    if (size > 0 && strcmp(mg_get_request_info(c)->request_method, "HEAD") != 0) {
        mg_write(c, body, size);
    }
}

__attribute__((format(printf, 3, 4))) static int refuse(struct mg_connection *c, int status,
                                                        const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    const size_t size = length < (int)sizeof text - 2 ? (size_t)length : sizeof text - 2;
    text[size] = '\n';
    answer(c, status, "text/plain; charset=utf-8", NO_STORE, text, size + 1);
    return status;
}

/* ---- files ---- */

static const struct {
    const char *path, *type, *option, *file;
} served[] = {
    {"/", "text/html; charset=utf-8", "live.files", "page.html"},
    {"/page.css", "text/css; charset=utf-8", "live.files", "page.css"},
    {"/page.js", "text/javascript; charset=utf-8", "live.files", "page.js"},
    {"/draw.js", "text/javascript; charset=utf-8", "live.files", "draw.js"},
    {"/chart.js", "text/javascript; charset=utf-8", "live.scripts", "chart.js/chart.min.js"},
    {"/campaign.csv", "text/csv; charset=utf-8", "live.campaign", NULL},
};
_Static_assert(sizeof served / sizeof served[0] == PAGE_FILES_COUNT, "one place for each");

static int read_files(page_t *page, err_t *err)
{
    for (int i = 0; i < PAGE_FILES_COUNT; i++) {
        page_file_t *file = &page->files[i];
        const char *folder = options_string(page->config.options, served[i].option);
        char path[4096];
        file->path = served[i].path;
        file->type = served[i].type;
        if (strcmp(served[i].option, "live.files") == 0 && *folder == 0) {
            folder = PAGE_FILES;
        }
        if (*folder == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s%s%s", folder, served[i].file != NULL ? "/" : "",
                 served[i].file != NULL ? served[i].file : "");
        if (file_read_all(path, PAGE_FILE, &file->data, &file->size, err) != 0) {
            return err_prefix(err, served[i].option);
        }
    }
    return 0;
}

static int send_file(const page_t *page, struct mg_connection *c, const char *path)
{
    for (int i = 0; i < PAGE_FILES_COUNT; i++) {
        const page_file_t *file = &page->files[i];
        if (file->data != NULL && strcmp(file->path, path) == 0) {
            answer(c, 200, file->type, "Cache-Control: no-cache\r\n", file->data, file->size);
            return 200;
        }
    }
    return refuse(c, 404, "there is no such page");
}

/* ---- what the page's thread has written ---- */

static int send_text(page_t *page, struct mg_connection *c, const char *type, char *const *place)
{
    pthread_mutex_lock(&page->lock);
    char *text = *place != NULL ? strdup(*place) : NULL;
    pthread_mutex_unlock(&page->lock);
    if (text == NULL) {
        return refuse(c, 503, "not yet");
    }
    answer(c, 200, type, NO_STORE, text, strlen(text));
    free(text);
    return 200;
}

static int send_lines(page_t *page, struct mg_connection *c)
{
    char *text = malloc((size_t)PAGE_LINES * REPORT_JSON_SIZE), *at = text;
    if (text == NULL) {
        return refuse(c, 503, "no memory");
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
    answer(c, 200, "application/jsonl; charset=utf-8", NO_STORE, text, (size_t)(at - text));
    free(text);
    return 200;
}

/* ---- options ---- */

static json_t *describe(const options_t *options, const option_t *option)
{
    char key[160], takes[256];
    snprintf(key, sizeof key, "%s.%s", option->section, option->name);
    option_describe(option, takes, sizeof takes);
    return json_pack("{s:s, s:s, s:s*, s:s, s:s*, s:s, s:s}", "key", key, "type",
                     option_type_name(option->type), "unit", option->unit, "takes", takes,
                     "choices", option->choices, "value", options_text(options, key), "help",
                     option->help);
}

static int send_options(page_t *page, struct mg_connection *c)
{
    const options_t *options = page->config.options;
    json_t *list = json_array();
    const option_t *option;
    pthread_mutex_lock(page->config.options_lock);
    for (size_t i = 0; (option = options_at(options, i)) != NULL; i++) {
        if (option->flags & OPTION_RUNTIME) {
            json_array_append_new(list, describe(options, option));
        }
    }
    pthread_mutex_unlock(page->config.options_lock);
    json_t *object = json_pack("{s:o}", "options", list);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text == NULL) {
        return refuse(c, 503, "no memory");
    }
    answer(c, 200, "application/json", NO_STORE, text, strlen(text));
    free(text);
    return 200;
}

enum { MOST_VALUES = 64 };

/* {"values":{KEY:TEXT,…}}: all are set, or none. */
static int set_options(page_t *page, json_t *values, err_t *err)
{
    const char *keys[MOST_VALUES], *texts[MOST_VALUES], *key;
    size_t count = 0;
    json_t *value;
    if (!json_is_object(values) || json_object_size(values) == 0 ||
        json_object_size(values) > MOST_VALUES) {
        return err_set(err, ERR_ARGUMENT, "\"values\" is an object of 1 to %d options",
                       MOST_VALUES);
    }
    json_object_foreach(values, key, value)
    {
        if (!json_is_string(value)) {
            return err_set(err, ERR_ARGUMENT, "%.80s: the value is not a text", key);
        }
        keys[count] = key;
        texts[count++] = json_string_value(value);
    }
    pthread_mutex_lock(page->config.options_lock);
    const int code = options_set_runtime_all(page->config.options, keys, texts, count,
                                             page->config.accept, page->config.context, err);
    if (code == 0) {
        atomic_fetch_add(&page->changes, 1);
        if (page->config.changed != NULL) {
            page->config.changed(page->config.context, values);
        }
    }
    pthread_mutex_unlock(page->config.options_lock);
    return code;
}

static int take_options(page_t *page, struct mg_connection *c)
{
    const struct mg_request_info *info = mg_get_request_info(c);
    const char *type = mg_get_header(c, "Content-Type");
    char body[PAGE_BODY];
    size_t have = 0;
    if (type == NULL || strncmp(type, "application/json", 16) != 0) {
        return refuse(c, 415, "options are set with application/json");
    }
    if (info->content_length < 0) {
        return refuse(c, 411, "a length is needed");
    }
    if (info->content_length > PAGE_BODY) {
        return refuse(c, 413, "more than %d bytes", PAGE_BODY);
    }
    while (have < (size_t)info->content_length) {
        const int got = mg_read(c, body + have, (size_t)info->content_length - have);
        if (got <= 0) {
            return refuse(c, 400, "the request was cut");
        }
        have += (size_t)got;
    }
    json_t *object = json_loadb(body, have, JSON_REJECT_DUPLICATES, NULL);
    err_t err = ERR_INIT;
    const int code = object != NULL ? set_options(page, json_object_get(object, "values"), &err)
                                    : err_set(&err, ERR_FORMAT, "the request is not JSON");
    json_decref(object);
    return code == 0 ? send_options(page, c) : refuse(c, 400, "%s", err.text);
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
    snprintf(
        more, sizeof more,
        "Location: /\r\nSet-Cookie: semradio=%s; Path=/; HttpOnly; SameSite=Strict\r\n" NO_STORE,
        page->guard.token);
    answer(c, 303, "text/plain", more, NULL, 0);
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
        return send_options(page, c);
    }
    return send_file(page, c, path);
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
        return refuse(c, status, "%s", why);
    case GUARD_ENTER:
        return enter(page, c);
    case GUARD_PASS:
        break;
    }
    if (strcmp(path, "/live") == 0) {
        if (mg_get_header(c, "Upgrade") == NULL) {
            return refuse(c, 426, "this is a WebSocket");
        }
        return clients_refuse(page->clients) ? refuse(c, 503, "too many watch (live.clients)") : 0;
    }
    if (strcmp(path, "/options") == 0 && strcmp(info->request_method, "POST") == 0) {
        return take_options(page, c);
    }
    if (strcmp(info->request_method, "GET") != 0 && strcmp(info->request_method, "HEAD") != 0) {
        return refuse(c, 405, "only GET here");
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
    if (read_files(page, err) != 0) {
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
    for (int i = 0; i < PAGE_FILES_COUNT; i++) {
        free(page->files[i].data);
        page->files[i].data = NULL;
    }
}
