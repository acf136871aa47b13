/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(err_t *err, err_code_t code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->code = code;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return -1;
}

int err_set_errno(err_t *err, int errnum, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->code = ERR_IO;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        size_t used = strlen(err->text);
        char reason[128] = "";
        /* The GNU variant may return a static string instead of filling the buffer. */
        snprintf(err->text + used, sizeof err->text - used, ": %s",
                 strerror_r(errnum, reason, sizeof reason));
    }
    return -1;
}

int err_prefix(err_t *err, const char *format, ...)
{
    if (err != NULL) {
        char context[sizeof err->text];
        va_list args;
        va_start(args, format);
        vsnprintf(context, sizeof context - 2, format, args);
        va_end(args);
        strcat(context, ": ");
        /* The old sentence moves right and loses its end when there is no room. */
        size_t used = strlen(context);
        memmove(err->text + used, err->text, sizeof err->text - used);
        memcpy(err->text, context, used);
        err->text[sizeof err->text - 1] = 0;
    }
    return -1;
}

const char *err_code_name(err_code_t code)
{
    static const char *const names[] = {"none",  "argument", "io",     "format",     "memory",
                                        "state", "timeout",  "closed", "unsupported"};
    return (size_t)code < sizeof names / sizeof names[0] ? names[code] : "unknown";
}
