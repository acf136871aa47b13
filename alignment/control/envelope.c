/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading goes through Jansson, which rejects invalid UTF-8, NUL bytes, numbers beyond double and
 * trailing text.  Its own limit of nesting is 2048 calls deep, so the bytes are looked through
 * first: brackets outside strings are all that nests.
 */
#include "control/envelope.h"

#include "control/field.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static bool too_deep(const char *bytes, size_t size)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        const char c = bytes[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > ENVELOPE_DEPTH) {
                return true;
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

json_t *envelope_parse(const void *bytes, size_t size, err_t *err)
{
    if (size > ENVELOPE_BYTES) {
        err_set(err, ERR_FORMAT, "an envelope of %zu bytes: at most %d", size, ENVELOPE_BYTES);
        return NULL;
    }
    if (too_deep(bytes, size)) {
        err_set(err, ERR_FORMAT, "an envelope nested deeper than %d", ENVELOPE_DEPTH);
        return NULL;
    }
    json_error_t why;
    json_t *object = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &why);
    if (object == NULL) {
        err_set(err, ERR_FORMAT, "an envelope that is not JSON: %s", why.text);
        return NULL;
    }
    if (!json_is_object(object)) {
        json_decref(object);
        err_set(err, ERR_FORMAT, "an envelope that is not a JSON object");
        return NULL;
    }
    return object;
}

static bool is_session(const char *text)
{
    return strlen(text) == SESSION_LENGTH && strspn(text, "0123456789abcdef") == SESSION_LENGTH;
}

/* Version, session and id, which requests and answers share. */
static int read_head(const json_t *object, int *version, char *session, uint64_t *id, err_t *err)
{
    int64_t number = 0, which = 0;
    char text[SESSION_LENGTH + 1] = "";
    if (field_text(object, "session", text, sizeof text, err) != 0) {
        return -1;
    }
    if (!is_session(text)) {
        return err_set(err, ERR_FORMAT, "session is not %d hexadecimal digits", SESSION_LENGTH);
    }
    strcpy(session, text);
    if (field_int(object, "id", 1, INT64_MAX, &number, err) != 0) {
        return -1;
    }
    *id = (uint64_t)number;
    if (field_int(object, "semradio", 0, 1000000, &which, err) != 0) {
        return -1;
    }
    if (which < CONTROL_VERSION_MIN || which > CONTROL_VERSION_MAX) {
        return err_set(err, ERR_UNSUPPORTED, "protocol version %lld: this speaks %d to %d",
                       (long long)which, CONTROL_VERSION_MIN, CONTROL_VERSION_MAX);
    }
    *version = (int)which;
    return 0;
}

static bool is_word(const char *text)
{
    return *text != 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz_.0123456789") == strlen(text);
}

static int read_request(const json_t *object, request_t *request, err_t *err)
{
    int64_t deadline_ms = 5000;
    if (read_head(object, &request->version, request->session, &request->id, err) != 0 ||
        field_only(object, "semradio session id command to deadline_ms args", err) != 0 ||
        field_text(object, "command", request->command, sizeof request->command, err) != 0 ||
        field_text_or(object, "to", request->target, sizeof request->target, err) != 0 ||
        field_int_or(object, "deadline_ms", 1, 3600000, &deadline_ms, err) != 0) {
        return -1;
    }
    if (!is_word(request->command) || (*request->target != 0 && !is_word(request->target))) {
        return err_set(err, ERR_FORMAT, "a command or target is made of a-z 0-9 _ .");
    }
    request->deadline_s = 1e-3 * (double)deadline_ms;
    json_t *args = json_object_get(object, "args");
    if (args != NULL && !json_is_object(args)) {
        return err_set(err, ERR_FORMAT, "args is not an object");
    }
    request->args = args != NULL ? json_incref(args) : json_object();
    return request->args != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for a request");
}

int request_read(const void *bytes, size_t size, request_t *request, err_t *err)
{
    memset(request, 0, sizeof *request);
    json_t *object = envelope_parse(bytes, size, err);
    if (object == NULL) {
        return -1;
    }
    const int code = read_request(object, request, err);
    json_decref(object);
    return code;
}

static int read_error(const json_t *object, err_t *error, err_t *err)
{
    char name[ENVELOPE_WORD + 1] = "", text[sizeof error->text] = "";
    json_t *inside = json_object_get(object, "error");
    if (field_text(inside, "code", name, sizeof name, err) != 0 ||
        field_text(inside, "text", text, sizeof text, err) != 0) {
        return -1;
    }
    error->code = envelope_code(name);
    strcpy(error->text, text);
    return 0;
}

static int read_answer(const json_t *object, answer_t *answer, err_t *err)
{
    int version;
    if (read_head(object, &version, answer->session, &answer->id, err) != 0) {
        return -1;
    }
    json_t *ok = json_object_get(object, "ok"), *result = json_object_get(object, "result");
    if (!json_is_boolean(ok)) {
        return err_set(err, ERR_FORMAT, "an answer without \"ok\"");
    }
    answer->ok = json_is_true(ok);
    if (!answer->ok) {
        return read_error(object, &answer->error, err);
    }
    if (!json_is_object(result)) {
        return err_set(err, ERR_FORMAT, "an answer without a result");
    }
    answer->result = json_incref(result);
    return 0;
}

int answer_read(const void *bytes, size_t size, answer_t *answer, err_t *err)
{
    memset(answer, 0, sizeof *answer);
    json_t *object = envelope_parse(bytes, size, err);
    if (object == NULL) {
        return -1;
    }
    const int code = read_answer(object, answer, err);
    json_decref(object);
    return code;
}

static int read_report(const json_t *object, report_t *report, err_t *err)
{
    int64_t seq = 0, version = 0;
    json_t *body = json_object_get(object, "report");
    if (field_int(object, "semradio", CONTROL_VERSION_MIN, CONTROL_VERSION_MAX, &version, err) !=
            0 ||
        field_text(object, "session", report->session, sizeof report->session, err) != 0 ||
        field_text(object, "topic", report->topic, sizeof report->topic, err) != 0 ||
        field_int(object, "seq", 0, INT64_MAX, &seq, err) != 0) {
        return -1;
    }
    if (!json_is_object(body)) {
        return err_set(err, ERR_FORMAT, "a report without a body");
    }
    report->seq = (uint64_t)seq;
    report->body = json_incref(body);
    return 0;
}

int report_read(const void *bytes, size_t size, report_t *report, err_t *err)
{
    memset(report, 0, sizeof *report);
    json_t *object = envelope_parse(bytes, size, err);
    if (object == NULL) {
        return -1;
    }
    const int code = read_report(object, report, err);
    json_decref(object);
    return code;
}

void request_free(request_t *request)
{
    json_decref(request->args);
    request->args = NULL;
}

void answer_free(answer_t *answer)
{
    json_decref(answer->result);
    answer->result = NULL;
}

void report_free(report_t *report)
{
    json_decref(report->body);
    report->body = NULL;
}

/* Takes the object. */
static char *to_text(json_t *object, err_t *err)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(object);
    if (text == NULL) {
        err_set(err, ERR_MEMORY, "no memory for an envelope");
        return NULL;
    }
    if (strlen(text) > ENVELOPE_BYTES) {
        err_set(err, ERR_ARGUMENT, "an envelope of %zu bytes: at most %d", strlen(text),
                ENVELOPE_BYTES);
        free(text);
        return NULL;
    }
    return text;
}

char *request_text(const request_t *request, err_t *err)
{
    json_t *object = json_pack(
        "{s:i, s:s, s:I, s:s, s:I, s:O}", "semradio", request->version, "session", request->session,
        "id", (json_int_t)request->id, "command", request->command, "deadline_ms",
        (json_int_t)(request->deadline_s * 1e3 + 0.5), "args", request->args);
    if (object != NULL && *request->target != 0) {
        json_object_set_new(object, "to", json_string(request->target));
    }
    return to_text(object, err);
}

char *answer_text(const answer_t *answer, err_t *err)
{
    json_t *object = json_pack("{s:i, s:s, s:I, s:b}", "semradio", CONTROL_VERSION_MAX, "session",
                               answer->session, "id", (json_int_t)answer->id, "ok", answer->ok);
    if (answer->ok) {
        json_object_set(object, "result", answer->result);
    } else {
        json_object_set_new(object, "error",
                            json_pack("{s:s, s:s}", "code", err_code_name(answer->error.code),
                                      "text", answer->error.text));
    }
    return to_text(object, err);
}

void session_make(char session[SESSION_LENGTH + 1])
{
    uint8_t bytes[SESSION_LENGTH / 2];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(session, SESSION_LENGTH + 1, bytes, sizeof bytes);
}

err_code_t envelope_code(const char *name)
{
    for (err_code_t code = ERR_ARGUMENT; code <= ERR_UNSUPPORTED; code++) {
        if (strcmp(err_code_name(code), name) == 0) {
            return code;
        }
    }
    return ERR_FORMAT;
}
