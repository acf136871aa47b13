/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "live/guard.h"

#include "file.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool guard_is_local(const char *host)
{
    struct in_addr four;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127);
}

/* "1.2.3.4" or "[::1]". */
static bool is_address(const char *host)
{
    struct in6_addr any;
    char inner[GUARD_HOST_MOST + 1];
    size_t length = strlen(host);
    if (length > 2 && length <= GUARD_HOST_MOST && host[0] == '[' && host[length - 1] == ']') {
        snprintf(inner, sizeof inner, "%.*s", (int)(length - 2), host + 1);
        return inet_pton(AF_INET6, inner, &any) == 1;
    }
    return inet_pton(AF_INET, host, &any) == 1;
}

static int read_bind(guard_t *guard, const char *bind, err_t *err)
{
    const char *colon = strrchr(bind, ':');
    char *end = NULL;
    long port =
        colon != NULL && isdigit((unsigned char)colon[1]) ? strtol(colon + 1, &end, 10) : -1;
    if (port < 1 || port > 65535 || *end != 0 || (size_t)(colon - bind) >= sizeof guard->host) {
        return err_set(err, ERR_ARGUMENT, "live.bind \"%.80s\" is not HOST:PORT", bind);
    }
    snprintf(guard->host, sizeof guard->host, "%.*s", (int)(colon - bind), bind);
    if (strcmp(guard->host, "localhost") == 0) {
        strcpy(guard->host, "127.0.0.1");
    } else if (strcmp(guard->host, "*") == 0) {
        strcpy(guard->host, "0.0.0.0");
    }
    guard->port = (int)port;
    return is_address(guard->host)
               ? 0
               : err_set(err, ERR_ARGUMENT, "live.bind: %s is not an address (IPv6: [::1]:8080)",
                         guard->host);
}

static int read_token(guard_t *guard, const char *token, err_t *err)
{
    uint8_t *data = NULL;
    size_t size;
    if (token[0] == '@') {
        if (file_read_all(token + 1, 4096, &data, &size, err) != 0) {
            return err_prefix(err, "live.token");
        }
        token = (const char *)data;
    }
    const size_t length = strcspn(token, "\r\n");
    int code = 0;
    if (length > 0 && (length < GUARD_TOKEN_LEAST || length > GUARD_TOKEN_MOST)) {
        code = err_set(err, ERR_ARGUMENT, "live.token has %zu letters, not %d to %d", length,
                       GUARD_TOKEN_LEAST, GUARD_TOKEN_MOST);
    }
    for (size_t i = 0; i < length && code == 0; i++) {
        if (!isalnum((unsigned char)token[i]) && strchr("-._~", token[i]) == NULL) {
            code = err_set(err, ERR_ARGUMENT, "live.token: only letters, digits and - . _ ~");
        }
    }
    if (code == 0) {
        snprintf(guard->token, sizeof guard->token, "%.*s", (int)length, token);
    }
    free(data);
    return code;
}

int guard_open(guard_t *guard, const char *bind, const char *token, const char *name, err_t *err)
{
    memset(guard, 0, sizeof *guard);
    if (sodium_init() < 0) {
        return err_set(err, ERR_IO, "libsodium does not start");
    }
    if (read_bind(guard, bind, err) != 0 || read_token(guard, token, err) != 0) {
        return -1;
    }
    if (!guard_is_local(guard->host) && guard->token[0] == 0) {
        return err_set(err, ERR_ARGUMENT,
                       "live.bind %s lies beyond this machine: it needs live.token", bind);
    }
    snprintf(guard->name, sizeof guard->name, "%s", name);
    if (gethostname(guard->own, sizeof guard->own - 1) != 0) {
        guard->own[0] = 0;
    }
    return 0;
}

static bool host_is_ours(const guard_t *guard, const char *host)
{
    char name[GUARD_HOST_MOST + 1];
    const char *colon = strrchr(host, ':'), *bracket = strchr(host, ']');
    size_t length = colon != NULL && (bracket == NULL || colon > bracket) ? (size_t)(colon - host)
                                                                          : strlen(host);
    if (length == 0 || length > GUARD_HOST_MOST ||
        (host[length] != 0 &&
         strspn(host + length + 1, "0123456789") != strlen(host + length + 1))) {
        return false;
    }
    snprintf(name, sizeof name, "%.*s", (int)length, host);
    return is_address(name) || strcasecmp(name, "localhost") == 0 ||
           (guard->name[0] != 0 && strcasecmp(name, guard->name) == 0) ||
           (guard->own[0] != 0 && strcasecmp(name, guard->own) == 0);
}

/* Digests have one length, so the time tells nothing of the token's. */
static bool same_token(const guard_t *guard, const char *text, size_t length)
{
    uint8_t a[crypto_generichash_BYTES], b[crypto_generichash_BYTES];
    crypto_generichash(a, sizeof a, (const uint8_t *)text, length, NULL, 0);
    crypto_generichash(b, sizeof b, (const uint8_t *)guard->token, strlen(guard->token), NULL, 0);
    return sodium_memcmp(a, b, sizeof a) == 0;
}

/* NAME=VALUE in a list that `stops` separate. */
static bool holds_token(const guard_t *guard, const char *list, const char *stops, const char *name)
{
    const size_t length = strlen(name);
    while (list != NULL && *list != 0) {
        list += strspn(list, " ");
        const size_t span = strcspn(list, stops);
        if (span > length && strncmp(list, name, length) == 0 && list[length] == '=' &&
            same_token(guard, list + length + 1, span - length - 1)) {
            return true;
        }
        list += span + (list[span] != 0);
    }
    return false;
}

static bool may_enter(const guard_t *guard, const guard_request_t *request)
{
    const char *bearer = request->authorization;
    return guard->token[0] == 0 || holds_token(guard, request->cookie, ";", "semradio") ||
           (bearer != NULL && strncmp(bearer, "Bearer ", 7) == 0 &&
            same_token(guard, bearer + 7, strlen(bearer + 7)));
}

guard_answer_t guard_check(const guard_t *guard, const guard_request_t *request, int *status,
                           const char **why)
{
    *status = 403;
    if (request->host == NULL || !host_is_ours(guard, request->host)) {
        *why = "the Host is not this receiver's: use its address, or set live.host";
        return GUARD_REFUSED;
    }
    if (request->origin != NULL && (strncmp(request->origin, "http://", 7) != 0 ||
                                    strcasecmp(request->origin + 7, request->host) != 0)) {
        *why = "the Origin is another site";
        return GUARD_REFUSED;
    }
    if (may_enter(guard, request)) {
        return GUARD_PASS;
    }
    if (strcmp(request->method, "GET") == 0 && holds_token(guard, request->query, "&", "token")) {
        return GUARD_ENTER;
    }
    *status = 401;
    *why = "the token is missing or wrong: open /?token=TOKEN, or send Authorization: Bearer TOKEN";
    return GUARD_REFUSED;
}
