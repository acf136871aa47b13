/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/transfer_client.h"

#include "clock.h"
#include "control/control_server.h"
#include "control/field.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 8 };

/* ---- sending ---- */

typedef struct {
    uint64_t have;
    int credit, under_way;
    bool done, broken; /* broken: ask again where to go on */
    err_t error;
} send_t;

static void on_chunk(void *context, const control_answer_t *given)
{
    send_t *s = context;
    int64_t have = 0, credit = 1;
    s->under_way--;
    if (!given->answer->ok) {
        s->broken = true;
        s->error = given->answer->error;
        return;
    }
    const json_t *result = given->answer->result;
    if (field_int(result, "have", 0, INT64_MAX, &have, &s->error) != 0 ||
        field_int(result, "credit", 0, 1000, &credit, &s->error) != 0) {
        s->broken = true;
        return;
    }
    s->have = (uint64_t)have > s->have ? (uint64_t)have : s->have;
    s->credit = credit < 1 ? 1 : credit > PEER_WAITING - 8 ? PEER_WAITING - 8 : (int)credit;
    s->done = s->done || json_is_true(json_object_get(result, "done"));
}

static int ask_put(control_client_t *client, const char *target, const char *hash, size_t size,
                   const char *name, double deadline_s, send_t *s, err_t *err)
{
    json_t *args = json_pack("{s:s, s:I}", "hash", hash, "size", (json_int_t)size);
    control_result_t got;
    if (*name != 0) {
        json_object_set_new(args, "name", json_string(name));
    }
    int code = control_client_ask(client, "put", target, args, NULL, 0, deadline_s, &got, err);
    json_decref(args);
    if (code == 0) {
        const answer_t answer = {.ok = true, .result = got.result};
        const control_answer_t given = {.answer = &answer};
        s->under_way = 1;
        s->have = 0;
        s->broken = false;
        on_chunk(s, &given);
        code = s->broken ? err_set(err, s->error.code, "%s", s->error.text) : 0;
    }
    control_result_free(&got);
    return code;
}

/* Sends from s->have on until all is there or something went wrong. */
static int send_round(control_client_t *client, const char *target, const char *hash,
                      const uint8_t *bytes, size_t size, double deadline_s, send_t *s, err_t *err)
{
    uint64_t next = s->have;
    while (!s->done && (s->under_way > 0 || !s->broken)) {
        while (!s->broken && next < size && s->under_way < s->credit) {
            const size_t left = size - (size_t)next;
            const size_t count = left < CONTROL_CHUNK ? left : CONTROL_CHUNK;
            json_t *args = json_pack("{s:s, s:I}", "hash", hash, "offset", (json_int_t)next);
            const uint64_t id = control_peer_ask(control_client_peer(client), "chunk", target, args,
                                                 bytes + next, count, deadline_s, on_chunk, s, err);
            json_decref(args);
            if (id == 0) {
                return -1;
            }
            s->under_way++;
            next += count;
        }
        if (s->under_way == 0) {
            break;
        }
        control_client_wait(client, 0.1);
    }
    while (s->under_way > 0) { /* their callbacks still point at s */
        control_client_wait(client, 0.1);
    }
    return 0;
}

int transfer_send(control_client_t *client, const char *target, const uint8_t *bytes, size_t size,
                  const char *name, double deadline_s, uint64_t *resumed, err_t *err)
{
    char hash[DIGEST_TEXT];
    const digest_t id = digest_of(bytes, size);
    send_t s = {.error = ERR_INIT};
    uint64_t best = 0;
    digest_text(&id, hash);
    for (int stuck = 0, round = 0; stuck < 3; round++) {
        if (ask_put(client, target, hash, size, name, deadline_s, &s, err) != 0) {
            return -1;
        }
        if (round == 0 && resumed != NULL) {
            *resumed = s.have;
        }
        if (!s.done && send_round(client, target, hash, bytes, size, deadline_s, &s, err) != 0) {
            return -1;
        }
        if (s.done) {
            return 0;
        }
        stuck = s.have > best ? 0 : stuck + 1;
        best = s.have > best ? s.have : best;
    }
    return err_set(err, s.error.code != ERR_NONE ? s.error.code : ERR_TIMEOUT, "%s",
                   s.error.code != ERR_NONE ? s.error.text : "the transfer does not go on");
}

/* ---- receiving ---- */

typedef struct {
    int fd;
    uint64_t have, size; /* size 0: not known yet */
    uint64_t next;       /* to ask for */
    int under_way;
    err_t error; /* code NONE: none */
} receive_t;

/* In order only: what comes behind a hole is asked for again. */
static void on_bytes(void *context, const control_answer_t *given)
{
    receive_t *r = context;
    int64_t offset = 0, size = 0;
    r->under_way--;
    if (!given->answer->ok) {
        r->error = given->answer->error;
        return;
    }
    if (field_int(given->answer->result, "offset", 0, INT64_MAX, &offset, &r->error) != 0 ||
        field_int(given->answer->result, "size", 1, INT64_MAX, &size, &r->error) != 0) {
        return;
    }
    r->size = (uint64_t)size;
    if ((uint64_t)offset != r->have || given->blob == NULL ||
        given->blob_size > r->size - r->have) {
        r->next = r->have;
        return;
    }
    if (pwrite(r->fd, given->blob, given->blob_size, (off_t)r->have) != (ssize_t)given->blob_size) {
        err_set_errno(&r->error, errno != 0 ? errno : EIO, "cannot write what was received");
        return;
    }
    r->have += given->blob_size;
}

static int ask_for(control_client_t *client, const char *target, const char *hash,
                   double deadline_s, receive_t *r, err_t *err)
{
    json_t *args = json_pack("{s:s, s:I, s:i}", "hash", hash, "offset", (json_int_t)r->next,
                             "count", (int)CONTROL_CHUNK);
    const uint64_t id = control_peer_ask(control_client_peer(client), "fetch", target, args, NULL,
                                         0, deadline_s, on_bytes, r, err);
    json_decref(args);
    r->under_way += id != 0;
    r->next += CONTROL_CHUNK;
    return id != 0 ? 0 : -1;
}

static int receive_all(control_client_t *client, const char *target, const char *hash,
                       double deadline_s, receive_t *r, err_t *err)
{
    int code = 0;
    r->next = r->have;
    while (code == 0 && r->error.code == ERR_NONE && (r->size == 0 || r->have < r->size)) {
        /* The first answer tells how much there is. */
        const int window = r->size == 0 ? 1 : WINDOW;
        while (code == 0 && r->under_way < window && (r->size == 0 || r->next < r->size)) {
            code = ask_for(client, target, hash, deadline_s, r, err);
        }
        if (r->under_way == 0) {
            r->next = r->have;
        }
        control_client_wait(client, 0.1);
    }
    while (r->under_way > 0) {
        control_client_wait(client, 0.1);
    }
    if (code == 0 && r->error.code != ERR_NONE) {
        code = err_set(err, r->error.code, "%s", r->error.text);
    }
    return code;
}

static int verify(int fd, uint64_t size, const digest_t *id, const char *path, err_t *err)
{
    digest_t found;
    if (lseek(fd, 0, SEEK_SET) != 0 || digest_of_fd(fd, size, &found) != 0 || fsync(fd) != 0) {
        return err_set_errno(err, errno != 0 ? errno : EIO, "cannot read %s", path);
    }
    if (!digest_equal(&found, id)) {
        unlink(path);
        return err_set(err, ERR_FORMAT, "what was received has another hash: discarded");
    }
    return 0;
}

int transfer_receive(control_client_t *client, const char *target, const digest_t *id,
                     const char *path, double deadline_s, uint64_t *resumed, err_t *err)
{
    char part[4096], hash[DIGEST_TEXT];
    struct stat status;
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part) {
        return err_set(err, ERR_ARGUMENT, "the path is too long");
    }
    receive_t r = {.error = ERR_INIT};
    r.fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (r.fd < 0 || fstat(r.fd, &status) != 0) {
        return err_set_errno(err, errno, "cannot write %s", part);
    }
    r.have = (uint64_t)status.st_size;
    if (resumed != NULL) {
        *resumed = r.have;
    }
    int code = receive_all(client, target, digest_text(id, hash), deadline_s, &r, err);
    if (code == 0) {
        code = verify(r.fd, r.size, id, part, err);
    }
    if (code == 0 && rename(part, path) != 0) {
        code = err_set_errno(err, errno, "cannot write %s", path);
    }
    close(r.fd);
    return code;
}
