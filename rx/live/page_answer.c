/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One answer to a request, with the headers that keep other pages out (docs/LIVE.md). */
#include "live/page_private.h"

#include <stdarg.h>
#include <string.h>

void page_answer(struct mg_connection *c, int status, const char *type, const char *more,
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

int page_refuse(struct mg_connection *c, int status, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    const size_t size = length < (int)sizeof text - 2 ? (size_t)length : sizeof text - 2;
    text[size] = '\n';
    page_answer(c, status, "text/plain; charset=utf-8", PAGE_NO_STORE, text, size + 1);
    return status;
}
