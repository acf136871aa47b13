/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adapters over the control plane: chunks, credit, resume at any byte, hashes that do not match. */
#include "check.h"
#include "clock.h"
#include "control/transfer_client.h"
#include "control_station.h"
#include "file.h"
#include "log.h"
#include "rng.h"

#include <stdlib.h>
#include <unistd.h>

enum { SIZE = CONTROL_CHUNK + 12345 };

static uint8_t bytes[SIZE];
static digest_t id;

static int64_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static json_t *put_args(const char *hash, int64_t size)
{
    return json_pack("{s:s, s:I}", "hash", hash, "size", (json_int_t)size);
}

static void test_there_and_back(void)
{
    station_t s;
    err_t err = ERR_INIT;
    uint64_t resumed = 7;
    begin(&s);
    CHECK_INT(transfer_send(s.client, "", bytes, SIZE, "one", 10, &resumed, &err), 0);
    CHECK_INT(resumed, 0);
    CU_ASSERT(store_has(control_daemon_store(s.daemon), &id));
    CHECK_INT(transfer_send(s.client, "", bytes, SIZE, "one", 10, &resumed, &err), 0);
    CHECK_INT(resumed, SIZE); /* it was there */
    CHECK_INT(transfer_receive(s.client, "", &id, in_folder("back"), 10, &resumed, &err), 0);
    uint8_t *back;
    size_t size;
    CHECK_INT(file_read_all(in_folder("back"), SIZE + 1, &back, &size, &err), 0);
    CHECK_INT(size, SIZE);
    CU_ASSERT(memcmp(back, bytes, SIZE) == 0);
    free(back);
    json_t *list;
    CHECK_INT(ask(&s, "adapters", NULL, NULL, 0, &list, &err), 0);
    CHECK_INT(json_array_size(json_object_get(list, "adapters")), 1);
    json_decref(list);
    end(&s);
}

/* Cut at random bytes, by closing everything: the rest follows, and the hash is right. */
static void test_resume_put(void)
{
    rng_t rng;
    rng_seed(&rng, 3, 3);
    char hash[DIGEST_TEXT];
    digest_text(&id, hash);
    for (int round = 0; round < 4; round++) {
        station_t s;
        err_t err = ERR_INIT;
        json_t *got;
        const size_t cut = round == 0 ? 1 : round == 1 ? SIZE - 1 : 1 + rng_below(&rng, SIZE - 1);
        begin(&s);
        CHECK_INT(ask(&s, "put", put_args(hash, SIZE), NULL, 0, NULL, &err), 0);
        for (size_t at = 0; at < cut;) {
            const size_t left = cut - at, count = left < CONTROL_CHUNK ? left : CONTROL_CHUNK;
            CHECK_INT(ask(&s, "chunk",
                          json_pack("{s:s, s:I}", "hash", hash, "offset", (json_int_t)at),
                          bytes + at, count, &got, &err),
                      0);
            at += count;
            CHECK_INT(number(got, "have"), at);
            json_decref(got);
        }
        control_client_destroy(s.client);
        stop_daemon(&s);
        begin(&s);
        uint64_t resumed = 0;
        CHECK_INT(transfer_send(s.client, "", bytes, SIZE, "", 10, &resumed, &err), 0);
        CHECK_INT(resumed, cut);
        CU_ASSERT(store_has(control_daemon_store(s.daemon), &id));
        end(&s);
    }
}

static void test_resume_fetch(void)
{
    station_t s;
    err_t err = ERR_INIT;
    uint64_t resumed = 0;
    begin(&s);
    CHECK_INT(transfer_send(s.client, "", bytes, SIZE, "", 10, NULL, &err), 0);
    FILE *part = fopen(in_folder("back.part"), "wb");
    fwrite(bytes, 1, 100001, part);
    fclose(part);
    CHECK_INT(transfer_receive(s.client, "", &id, in_folder("back"), 10, &resumed, &err), 0);
    CHECK_INT(resumed, 100001);
    CHECK_INT(access(in_folder("back.part"), F_OK), -1);
    /* What was there is not a part of it: noticed, discarded, right at the next try. */
    part = fopen(in_folder("other.part"), "wb");
    fwrite("not that", 1, 8, part);
    fclose(part);
    CHECK_INT(transfer_receive(s.client, "", &id, in_folder("other"), 10, NULL, &err), -1);
    CHECK_ERROR_NAMES(&err, "another hash");
    CHECK_INT(transfer_receive(s.client, "", &id, in_folder("other"), 10, NULL, &err), 0);
    end(&s);
}

static void test_wrong_bytes(void)
{
    station_t s;
    err_t err = ERR_INIT;
    char hash[DIGEST_TEXT];
    const digest_t other = digest_of("other", 5);
    begin(&s);
    digest_text(&other, hash);
    CHECK_INT(ask(&s, "put", put_args(hash, 6), NULL, 0, NULL, &err), 0);
    CHECK_INT(ask(&s, "chunk", json_pack("{s:s, s:i}", "hash", hash, "offset", 0), "otter!", 6,
                  NULL, &err),
              -1);
    CHECK_INT(err.code, ERR_FORMAT);
    CU_ASSERT(!store_has(control_daemon_store(s.daemon), &other));
    end(&s);
}

static void test_refusals(void)
{
    station_t s;
    err_t err = ERR_INIT;
    char hash[DIGEST_TEXT];
    begin(&s);
    static const char *const bad[] = {"../../etc/passwd", "", "ABCDEF", "/etc/passwd"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(ask(&s, "put", put_args(bad[i], 5), NULL, 0, NULL, &err), -1);
        CHECK_INT(ask(&s, "fetch", json_pack("{s:s}", "hash", bad[i]), NULL, 0, NULL, &err), -1);
    }
    digest_text(&id, hash);
    CHECK_INT(ask(&s, "put", put_args(hash, 0), NULL, 0, NULL, &err), -1);
    CHECK_INT(ask(&s, "put", put_args(hash, (int64_t)1 << 40), NULL, 0, NULL, &err), -1);
    static const char *const names[] = {"../x", ".hidden", "a/b", "a b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *args = put_args(hash, SIZE);
        json_object_set_new(args, "name", json_string(names[i]));
        CHECK_INT(ask(&s, "put", args, NULL, 0, NULL, &err), -1);
    }
    /* A chunk nobody waits for, one with a hole before it, one beyond the end, one of nothing. */
    json_t *args = json_pack("{s:s, s:i}", "hash", hash, "offset", 0);
    CHECK_INT(ask(&s, "chunk", json_incref(args), bytes, 10, NULL, &err), -1);
    CHECK_INT(err.code, ERR_STATE);
    CHECK_INT(ask(&s, "put", put_args(hash, SIZE), NULL, 0, NULL, &err), 0);
    CHECK_INT(ask(&s, "chunk", json_pack("{s:s, s:i}", "hash", hash, "offset", 5), bytes + 5, 10,
                  NULL, &err),
              -1);
    CHECK_INT(ask(&s, "chunk", json_pack("{s:s, s:i}", "hash", hash, "offset", SIZE), bytes, 10,
                  NULL, &err),
              -1);
    CHECK_INT(ask(&s, "chunk", args, NULL, 0, NULL, &err), -1);
    end(&s);
}

/* Several at once: each gets fewer chunks under way, all arrive. */
static void test_credit(void)
{
    station_t s;
    err_t err = ERR_INIT;
    int64_t last = 1000;
    begin(&s);
    for (int i = 0; i < TRANSFERS + 3;
         i++) { /* more than there are places: the oldest resume later */
        char hash[DIGEST_TEXT];
        bytes[0] = (uint8_t)(i + 1);
        const digest_t one = digest_of(bytes, SIZE);
        json_t *got;
        CHECK_INT(ask(&s, "put", put_args(digest_text(&one, hash), SIZE), NULL, 0, &got, &err), 0);
        CHECK_AT_LEAST(number(got, "credit"), 1);
        CHECK_AT_MOST(number(got, "credit"), last);
        last = number(got, "credit");
        json_decref(got);
    }
    CHECK_AT_MOST(last, TRANSFER_CREDIT / TRANSFERS);
    for (int i = 0; i < TRANSFERS + 3; i++) {
        bytes[0] = (uint8_t)(i + 1);
        CHECK_INT(transfer_send(s.client, "", bytes, SIZE, "", 10, NULL, &err), 0);
    }
    bytes[0] = 0;
    end(&s);
}

static const check_test_t tests[] = {
    {"an adapter goes there and back, and a second time not at all", test_there_and_back},
    {"a put cut at any byte goes on there after a restart", test_resume_put},
    {"a fetch goes on where it stopped, and notices a wrong beginning", test_resume_fetch},
    {"bytes with another hash do not become an object", test_wrong_bytes},
    {"tricks with hashes, names, sizes and offsets are refused", test_refusals},
    {"credit shrinks when many send at once, and all arrive", test_credit},
};

int main(void)
{
    rng_t rng;
    log_set_level(LOG_WARN);
    rng_seed(&rng, 1, 1);
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)rng_below(&rng, 256);
    }
    bytes[0] = 0;
    id = digest_of(bytes, SIZE);
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    const int failed = check_run("control_transfer", tests, CHECK_COUNT(tests));
    return rmdir(folder) != 0 || failed;
}
