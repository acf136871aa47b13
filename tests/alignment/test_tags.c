/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tags of the frame header: collisions are seen, old frames are never taken for new ones. */
#include "adapter/tags.h"
#include "check.h"
#include "rng.h"

static digest_t random_id(rng_t *rng)
{
    uint64_t word[4] = {rng_bits(rng), rng_bits(rng), rng_bits(rng), rng_bits(rng)};
    digest_t id;
    memcpy(id.byte, word, sizeof id.byte);
    return id;
}

static void test_candidates(void)
{
    digest_t id = {{0x12, 0x34, 0, 0, 0xff, 0xff}};
    CHECK_INT(tags_candidate(&id, 0), 0x1234);
    CHECK_INT(tags_candidate(&id, 1), 1);
    CHECK_INT(tags_candidate(&id, 2), 0xffff);
}

static void test_collision(void)
{
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 70, 0);
    digest_t a = random_id(&rng), b = random_id(&rng);
    b.byte[0] = a.byte[0];
    b.byte[1] = a.byte[1];
    tags_t *ends[2] = {tags_create(8, 1000, &err), tags_create(8, 1000, &err)};
    uint16_t tag = tags_choose(ends[0], &a, 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(tags_hold(ends[i], &a, tag, 0, &err), 0);
        CHECK_INT(tags_hold(ends[i], &a, tag, 1, &err), 0); /* a retry */
        err_t reason = ERR_INIT;
        CHECK_INT(tags_hold(ends[i], &b, tag, 2, &reason), -1);
        CHECK_INT(reason.code, ERR_STATE);
        char text[DIGEST_TEXT];
        CHECK_ERROR_NAMES(&reason, digest_text(&a, text));
        CHECK_ERROR_NAMES(&reason, digest_text(&b, text));
    }
    uint16_t second = tags_choose(ends[0], &b, 2);
    CU_ASSERT(second != tag && second != 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(tags_hold(ends[i], &b, second, 3, &err), 0);
        CU_ASSERT(digest_equal(tags_find(ends[i], tag), &a));
        CU_ASSERT(digest_equal(tags_find(ends[i], second), &b));
        CHECK_INT(tags_hold(ends[i], &b, tag, 3, &err), -1); /* held under another */
        CHECK_INT(tags_hold(ends[i], &b, (uint16_t)(second ^ 0x5555), 3, &err), -1);
        CU_ASSERT_PTR_NULL(tags_find(ends[i], 0));
    }
    tags_destroy(ends[0]);
    tags_destroy(ends[1]);
}

static void test_quarantine(void)
{
    err_t err = ERR_INIT;
    digest_t a = {{1, 2, 3}}, b = {{1, 2, 9}};
    tags_t *tags = tags_create(2, 1000, &err);
    CHECK_INT(tags_hold(tags, &a, 0x0102, 0, &err), 0);
    CHECK_INT(tags_release(tags, &a, 100, &err), 0);
    CHECK_INT(tags_release(tags, &a, 100, &err), -1);
    CU_ASSERT_PTR_NULL(tags_find(tags, 0x0102));
    CHECK_INT(tags_hold(tags, &b, 0x0102, 1099, &err), -1);
    CHECK_ERROR_NAMES(&err, "reserved");
    CU_ASSERT(tags_choose(tags, &b, 1099) != 0x0102);
    CHECK_INT(tags_hold(tags, &a, 0x0102, 500, &err), 0); /* itself may come back */
    CHECK_INT(tags_release(tags, &a, 600, &err), 0);
    CHECK_INT(tags_choose(tags, &b, 1600), 0x0102);
    CHECK_INT(tags_hold(tags, &b, 0x0102, 1600, &err), 0);
    CU_ASSERT(digest_equal(tags_find(tags, 0x0102), &b));
    tags_destroy(tags);
}

/* A model with plain arrays: whatever is held and released, a tag means one hash. */
static void test_random(void)
{
    enum { IDS = 40 };
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 71, 0);
    digest_t id[IDS];
    uint16_t held[IDS] = {0};
    for (int i = 0; i < IDS; i++) {
        id[i] = random_id(&rng);
        for (int k = 0; k < 32; k += 2) { /* a world of 8 tags, so that they collide */
            id[i].byte[k] = 0;
            id[i].byte[k + 1] = (uint8_t)(1 + id[i].byte[k + 1] % 8);
        }
    }
    tags_t *tags = tags_create(16, 50, &err);
    int refused = 0;
    for (uint64_t now = 0; now < 20000; now++) {
        int i = (int)rng_below(&rng, IDS);
        if (held[i]) {
            CHECK_INT(tags_release(tags, &id[i], now, &err), 0);
            held[i] = 0;
        } else {
            uint16_t tag = tags_choose(tags, &id[i], now);
            if (tag == 0 || tags_hold(tags, &id[i], tag, now, &err) < 0) {
                refused++;
            } else {
                held[i] = tag;
            }
        }
        for (int k = 0; k < IDS; k++) {
            const digest_t *found = held[k] ? tags_find(tags, held[k]) : NULL;
            if (held[k] && !(found && digest_equal(found, &id[k]))) {
                CU_FAIL("a tag means another hash");
            }
        }
    }
    CHECK_AT_LEAST(refused, 100); /* it did collide */
    tags_destroy(tags);
}

static void test_sets(void)
{
    digest_t ids[3] = {{{3}}, {{1}}, {{2}}}, turned[3] = {{{2}}, {{3}}, {{1}}};
    digest_t one = tags_set_id(ids, 1), a = tags_set_id(ids, 3), b = tags_set_id(turned, 3);
    digest_t two = tags_set_id(ids, 2);
    CU_ASSERT(digest_equal(&one, &ids[0]));
    CU_ASSERT(digest_equal(&a, &b));
    CU_ASSERT(!digest_equal(&a, &two));
}

static const check_test_t tests[] = {
    {"candidates are the hash's pairs of bytes, never 0", test_candidates},
    {"both ends refuse a tag that means something else, naming both hashes", test_collision},
    {"a released tag is reserved until its frames have died out", test_quarantine},
    {"in any order of holding and releasing a tag means one hash", test_random},
    {"a set's hash does not depend on its order", test_sets},
};

int main(void)
{
    return check_run("tags", tests, CHECK_COUNT(tests));
}
