/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A higher level to an end that holds a lower one: only the difference travels, and it may be cut.
 */
#include "adapters.h"
#include "control/upgrade.h"
#include "control/upgrade_client.h"
#include "control_station.h"
#include "log.h"

#include <string.h>

enum { LOWEST = 1, HIGHEST = 5 };

/* Both ends of the ladder, and what is to be sent between them. */
typedef struct {
    adapter_t *low, *high;
    digest_t low_id, high_id, id; /* id: of the difference */
    uint8_t *difference;
    size_t size, whole;
} pair_t;

static rng_t rng;

static void pair_make(pair_t *p, int layers, int side_max)
{
    err_t err = ERR_INIT;
    upgrade_plan_t plan;
    p->high = adapters_random(&rng, layers, side_max);
    p->low = adapter_level(p->high, LOWEST, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p->low);
    p->low_id = adapter_id(p->low);
    p->high_id = adapter_id(p->high);
    (void)adapter_bytes(p->high, &p->whole);
    upgrade_plan(&plan, p->high, NULL);
    CHECK_INT(plan.count, HIGHEST - 1);
    CU_ASSERT(digest_equal(&plan.low[HIGHEST - 2], &p->low_id));
    CHECK_INT(upgrade_difference(&plan, HIGHEST - 2, p->high, NULL, &p->difference, &p->size, &err),
              0);
    p->id = digest_of(p->difference, p->size);
}

static void pair_free(pair_t *p)
{
    adapter_destroy(p->low);
    adapter_destroy(p->high);
    free(p->difference);
}

static void hold_low(const station_t *s, const pair_t *p)
{
    err_t err = ERR_INIT;
    CHECK_INT(store_put_adapter(control_daemon_store(s->daemon), p->low, &err), 0);
}

/* The higher one is there, bit for bit, and the difference that led to it is not. */
static void check_arrived(const station_t *s, const pair_t *p)
{
    err_t err = ERR_INIT;
    store_t *store = control_daemon_store(s->daemon);
    adapter_t *got = store_load_adapter(store, &p->high_id, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    size_t size, mine;
    const uint8_t *bytes = adapter_bytes(got, &size), *mine_bytes = adapter_bytes(p->high, &mine);
    CU_ASSERT(size == mine && memcmp(bytes, mine_bytes, size) == 0);
    adapter_destroy(got);
    CU_ASSERT(!store_has(store, &p->id));
}

static void test_only_the_difference(void)
{
    err_t err = ERR_INIT;
    for (int round = 0; round < 4; round++) {
        station_t s;
        pair_t p;
        upgrade_sent_t sent;
        digest_t named;
        pair_make(&p, 20, 300);
        begin(&s);
        CHECK_INT(upgrade_send(s.client, "", p.low, "", 10, &sent, &err), 0);
        CU_ASSERT_STRING_EQUAL(sent.as, "whole");
        CHECK_INT(upgrade_send(s.client, "", p.high, "city", 10, &sent, &err), 0);
        CU_ASSERT_STRING_EQUAL(sent.as, "difference");
        CHECK_AT_MOST((double)sent.sent, 1.05 * (double)adapter_missing_bytes(p.high, p.low));
        CHECK_INT(sent.sent, p.size);
        const double missing = (double)adapter_missing_bytes(p.high, p.low);
        fprintf(stderr, "%llu bytes sent, %.0f are missing: %.2f %%; the whole has %zu\n",
                (unsigned long long)sent.sent, missing, 100 * (double)sent.sent / missing, p.whole);
        CHECK_INT(sent.size, p.whole);
        CHECK_AT_MOST(sent.sent, p.whole - 1);
        check_arrived(&s, &p);
        CHECK_INT(store_find_name(control_daemon_store(s.daemon), "city", &named, &err), 0);
        CU_ASSERT(digest_equal(&named, &p.high_id));
        /* Once more: nothing to do. */
        CHECK_INT(upgrade_send(s.client, "", p.high, "", 10, &sent, &err), 0);
        CU_ASSERT_STRING_EQUAL(sent.as, "held");
        CHECK_INT(sent.sent, 0);
        end(&s);
        pair_free(&p);
    }
}

static void send_until(station_t *s, const pair_t *p, size_t cut)
{
    err_t err = ERR_INIT;
    char hash[DIGEST_TEXT];
    digest_text(&p->id, hash);
    CHECK_INT(ask(s, "put", json_pack("{s:s, s:I}", "hash", hash, "size", (json_int_t)p->size),
                  NULL, 0, NULL, &err),
              0);
    for (size_t at = 0; at < cut;) {
        const size_t left = cut - at, count = left < CONTROL_CHUNK ? left : CONTROL_CHUNK;
        CHECK_INT(ask(s, "chunk", json_pack("{s:s, s:I}", "hash", hash, "offset", (json_int_t)at),
                      p->difference + at, count, NULL, &err),
                  0);
        at += count;
    }
}

/* Both ends go away after `cut` bytes and come back. */
static void cut_and_go_on(const pair_t *p, size_t cut)
{
    station_t s;
    upgrade_sent_t sent;
    err_t err = ERR_INIT;
    begin(&s);
    hold_low(&s, p);
    send_until(&s, p, cut);
    control_client_destroy(s.client);
    stop_daemon(&s);
    begin(&s);
    CHECK_INT(upgrade_send(s.client, "", p->high, "", 10, &sent, &err), 0);
    CU_ASSERT_STRING_EQUAL(sent.as, "difference");
    CHECK_INT(sent.resumed, cut);
    CHECK_INT(sent.sent, p->size - cut);
    check_arrived(&s, p);
    end(&s);
}

static void test_cut_at_chunks(void)
{
    pair_t p;
    pair_make(&p, 22, 1500);
    const size_t chunks = (p.size + CONTROL_CHUNK - 1) / CONTROL_CHUNK;
    CHECK_AT_LEAST(chunks, 3);
    for (size_t c = 0; c < chunks; c++) {
        cut_and_go_on(&p, c * CONTROL_CHUNK);
    }
    const size_t odd[] = {
        1,         7, CONTROL_CHUNK - 1, CONTROL_CHUNK + 1, CONTROL_CHUNK + 77777, p.size / 2 | 1,
        p.size - 1};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        cut_and_go_on(&p, odd[i]);
    }
    pair_free(&p);
}

/* A small one at every fifth byte; here only the sender goes away. */
static void test_cut_at_many_bytes(void)
{
    station_t s;
    pair_t p;
    upgrade_sent_t sent;
    err_t err = ERR_INIT;
    pair_make(&p, 2, 6);
    begin(&s);
    hold_low(&s, &p);
    for (size_t cut = 1; cut < p.size; cut += 5) {
        send_until(&s, &p, cut);
        if (upgrade_send(s.client, "", p.high, "", 10, &sent, &err) != 0 || sent.resumed != cut ||
            sent.sent != p.size - cut ||
            store_remove(control_daemon_store(s.daemon), &p.high_id, &err) != 0) {
            fprintf(stderr, "cut at byte %zu of %zu: %s\n", cut, p.size, err.text);
            CU_FAIL("a cut transfer did not go on");
            break;
        }
    }
    CHECK_INT(upgrade_send(s.client, "", p.high, "", 10, &sent, &err), 0);
    check_arrived(&s, &p);
    end(&s);
    pair_free(&p);
}

/* What is held there is damaged: the whole is sent instead, and all is well. */
static void test_damaged_low(void)
{
    station_t s;
    pair_t p;
    upgrade_sent_t sent;
    err_t err = ERR_INIT;
    char hash[DIGEST_TEXT], path[192];
    pair_make(&p, 4, 100);
    begin(&s);
    hold_low(&s, &p);
    digest_text(&p.low_id, hash);
    snprintf(path, sizeof path, "%s/objects/%.2s/%s", in_folder("store"), hash, hash + 2);
    CHECK_INT(truncate(path, 100), 0);
    CHECK_INT(upgrade_send(s.client, "", p.high, "", 10, &sent, &err), 0);
    CU_ASSERT_STRING_EQUAL(sent.as, "whole");
    CHECK_INT(sent.sent, p.whole);
    check_arrived(&s, &p);
    end(&s);
    pair_free(&p);
}

static json_t *order(const digest_t *high, const digest_t *low, const digest_t *difference)
{
    char a[DIGEST_TEXT], b[DIGEST_TEXT], c[DIGEST_TEXT];
    return json_pack("{s:s, s:s, s:s}", "hash", digest_text(high, a), "low", digest_text(low, b),
                     "difference", digest_text(difference, c));
}

static void test_refusals(void)
{
    station_t s;
    pair_t p, q;
    err_t err = ERR_INIT;
    pair_make(&p, 3, 50);
    pair_make(&q, 3, 50);
    begin(&s);
    store_t *store = control_daemon_store(s.daemon);
    hold_low(&s, &p);
    CHECK_INT(ask(&s, "upgrade", order(&p.high_id, &p.low_id, &p.id), NULL, 0, NULL, &err), -1);
    send_until(&s, &p, p.size);
    /* It leads to another adapter than the one that was named; it starts from another. */
    CHECK_INT(ask(&s, "upgrade", order(&q.high_id, &p.low_id, &p.id), NULL, 0, NULL, &err), -1);
    CHECK_INT(err.code, ERR_FORMAT);
    CU_ASSERT(!store_has(store, &q.high_id));
    hold_low(&s, &q);
    send_until(&s, &p, p.size);
    CHECK_INT(ask(&s, "upgrade", order(&p.high_id, &q.low_id, &p.id), NULL, 0, NULL, &err), -1);
    CU_ASSERT(!store_has(store, &p.high_id));
    /* An adapter that is called a difference is refused, and stays. */
    CHECK_INT(ask(&s, "upgrade", order(&p.high_id, &p.low_id, &q.low_id), NULL, 0, NULL, &err), -1);
    CU_ASSERT(store_has(store, &q.low_id));
    /* Hashes that are none, and lists without end. */
    static const char *const bad[] = {"{\"hashes\":[\"../../etc/passwd\"]}", "{\"hashes\":[7]}",
                                      "{\"hashes\":\"x\"}", "{}", "{\"hashes\":[],\"more\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(ask(&s, "holds", json_loads(bad[i], 0, NULL), NULL, 0, NULL, &err), -1);
    }
    json_t *many = json_array();
    char hash[DIGEST_TEXT];
    for (int i = 0; i < 65; i++) {
        json_array_append_new(many, json_string(digest_text(&p.id, hash)));
    }
    CHECK_INT(ask(&s, "holds", json_pack("{s:o}", "hashes", many), NULL, 0, NULL, &err), -1);
    end(&s);
    pair_free(&p);
    pair_free(&q);
}

/* An adapter that was made from another (adapter.parent) and contains it. */
static void test_parent(void)
{
    err_t err = ERR_INIT;
    static const float a[] = {1, 2, 3, 4, 5, 6, 7, 8.5f, 9}, b[] = {1, 2, 3, 4, 5, 6.25f};
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.base = 7;
    info.kind = ADAPTER_LORA;
    info.rank = 4;
    info.alpha = 4;
    const adapter_array_t first[] = {{"x.lora_A", 2, {3, 3}, a}, {"x.lora_B", 2, {2, 3}, b}};
    adapter_t *parent = adapter_build(&info, first, 2, NULL, 0, &err);
    const digest_t parent_id = adapter_id(parent);
    digest_text(&parent_id, info.parent);
    const adapter_array_t more[] = {{"x.lora_A", 2, {3, 3}, a},
                                    {"x.lora_B", 2, {2, 3}, b},
                                    {"y.lora_A", 2, {1, 3}, a},
                                    {"y.lora_B", 2, {2, 1}, b}};
    adapter_t *child = adapter_build(&info, more, 4, NULL, 0, &err);
    store_t *store = store_open(in_folder("mine"), &err);
    upgrade_plan_t plan;
    upgrade_plan(&plan, child, store);
    CHECK_INT(plan.count, 0); /* the parent is not here */
    CHECK_INT(store_put_adapter(store, parent, &err), 0);
    upgrade_plan(&plan, child, store);
    CHECK_INT(plan.count, 1);
    CU_ASSERT(digest_equal(&plan.low[0], &parent_id));
    uint8_t *bytes;
    size_t size;
    CHECK_INT(upgrade_difference(&plan, 0, child, store, &bytes, &size, &err), 0);
    adapter_t *again = adapter_upgrade(parent, bytes, size, &err);
    const digest_t id = adapter_id(again), child_id = adapter_id(child);
    CU_ASSERT(digest_equal(&id, &child_id));
    free(bytes);
    adapter_destroy(again);
    adapter_destroy(child);
    adapter_destroy(parent);
    store_close(store);
    adapters_remove_folder(in_folder("mine"));
}

static const check_test_t tests[] = {
    {"level 1 to 5 moves the difference's bytes and at most 5 % more", test_only_the_difference},
    {"cut at each chunk and at odd bytes, both ends gone: goes on, and verifies",
     test_cut_at_chunks},
    {"cut at every fifth byte: goes on, and verifies", test_cut_at_many_bytes},
    {"a damaged lower level: the whole is sent", test_damaged_low},
    {"what is no difference, or leads elsewhere, is refused and harms nothing", test_refusals},
    {"a parent that is contained serves as well as a level", test_parent},
};

int main(void)
{
    log_set_level(LOG_WARN);
    rng_seed(&rng, 17, 4);
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    const int failed = check_run("control_upgrade", tests, CHECK_COUNT(tests));
    return rmdir(folder) != 0 || failed;
}
