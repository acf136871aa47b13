/* SPDX-License-Identifier: GPL-3.0-or-later */
/* web_client: HTTP/1.1 and WebSocket on loopback, as little as the tests of the live page need. */
#ifndef TESTS_SYSTEM_WEB_CLIENT_H
#define TESTS_SYSTEM_WEB_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A port that was free a moment ago. */
__attribute__((unused)) static int web_free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = bind(fd, (struct sockaddr *)&at, size) == 0 &&
              getsockname(fd, (struct sockaddr *)&at, &size) == 0;
    close(fd);
    return ok ? ntohs(at.sin_port) : -1;
}

/* Reads give up after 20 s. */
static int web_connect(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool web_send(int fd, const void *data, size_t size)
{
    return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool web_receive(int fd, void *data, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = recv(fd, (char *)data + have, size - have, 0);
        if (got <= 0) {
            return false;
        }
        have += (size_t)got;
    }
    return true;
}

typedef struct {
    int status; /* -1: no answer */
    char *text; /* head and body; free it */
    char *body; /* within text */
} web_answer_t;

/* "GET /x" and further header lines, each ending with \r\n ("Host" is needed); body may be NULL. */
static web_answer_t web_ask(int port, const char *line, const char *headers, const char *body)
{
    enum { MOST = 1 << 20 };
    web_answer_t answer = {-1, calloc(1, MOST), NULL};
    size_t have = 0, room = strlen(line) + strlen(headers) + 128 + (body ? strlen(body) : 0);
    char *request = malloc(room);
    int fd = web_connect(port);
    int length = snprintf(request, room, "%s HTTP/1.1\r\n%s", line, headers);
    if (body != NULL) {
        length += snprintf(request + length, room - (size_t)length,
                           "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                           strlen(body), body);
    } else {
        length += snprintf(request + length, room - (size_t)length, "\r\n");
    }
    if (fd >= 0 && web_send(fd, request, (size_t)length)) {
        ssize_t got;
        while (have < MOST - 1 && (got = recv(fd, answer.text + have, MOST - 1 - have, 0)) > 0) {
            have += (size_t)got;
        }
        (void)sscanf(answer.text, "HTTP/1.1 %d", &answer.status);
    }
    close(fd);
    free(request);
    char *gap = strstr(answer.text, "\r\n\r\n");
    answer.body = gap != NULL ? gap + 4 : answer.text + have;
    return answer;
}

/* The status alone. */
__attribute__((unused)) static int web_status(int port, const char *line, const char *headers,
                                              const char *body)
{
    web_answer_t answer = web_ask(port, line, headers, body);
    free(answer.text);
    return answer.status;
}

/* A WebSocket, or -1 with the status it was refused with. */
__attribute__((unused)) static int web_socket(int port, const char *headers, int *status)
{
    char request[1024], head[2048];
    size_t have = 0;
    int fd = web_connect(port);
    int length = snprintf(request, sizeof request,
                          "GET /live HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\n"
                          "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                          port, headers);
    *status = -1;
    if (fd < 0 || !web_send(fd, request, (size_t)length)) {
        return -1;
    }
    while (have < sizeof head - 1 && web_receive(fd, head + have, 1)) {
        head[++have] = 0;
        if (have >= 4 && strcmp(head + have - 4, "\r\n\r\n") == 0) {
            break;
        }
    }
    (void)sscanf(head, "HTTP/1.1 %d", status);
    if (*status != 101) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The next binary frame, other kinds left out; free it.  NULL: the connection has ended. */
__attribute__((unused)) static uint8_t *web_message(int fd, size_t *size)
{
    for (;;) {
        uint8_t head[2], more[8];
        if (!web_receive(fd, head, 2)) {
            return NULL;
        }
        uint64_t length = head[1] & 0x7f;
        int extra = length == 126 ? 2 : length == 127 ? 8 : 0;
        if (extra > 0 && !web_receive(fd, more, (size_t)extra)) {
            return NULL;
        }
        for (int i = 0; i < extra; i++) {
            length = (i == 0 ? 0 : length << 8) | more[i];
        }
        uint8_t *data = length < (16u << 20) ? malloc(length + 1) : NULL;
        if (data == NULL || !web_receive(fd, data, length)) {
            free(data);
            return NULL;
        }
        data[length] = 0;
        if ((head[0] & 0xf) == 2) {
            *size = length;
            return data;
        }
        free(data);
    }
}

/* One acknowledgement: the masked text "a". */
__attribute__((unused)) static bool web_acknowledge(int fd)
{
    return web_send(fd, "\x81\x81\0\0\0\0a", 7);
}

#endif
