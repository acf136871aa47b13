/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures in a fixed number of bytes: budgets, round trips, damage. */
#include "check.h"
#include "quality/quality.h"
#include "rng.h"
#include "stills/still.h"

#include <stdlib.h>

enum { SIDE_MOST = 160 };

static const still_kind_t all[] = {STILL_JPEG, STILL_WEBP, STILL_AVIF};

/* A smooth scene with an edge and a little texture. */
static void paint(uint8_t *rgb, int width, int height, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    float phase = 6.0f * rng_uniform(&rng);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = rgb + 3 * (y * width + x);
            float u = (float)x / 16.0f + phase, v = (float)y / 12.0f;
            float base = x + y > (width + height) / 2 ? 60.0f : 0.0f;
            p[0] = (uint8_t)(90.0f + base + 50.0f * sinf(u) + (float)rng_below(&rng, 9));
            p[1] = (uint8_t)(80.0f + base + 40.0f * sinf(v) + (float)rng_below(&rng, 9));
            p[2] = (uint8_t)(100.0f + base + 30.0f * sinf(u + v) + (float)rng_below(&rng, 9));
        }
    }
}

typedef struct {
    int width, height;
    size_t budget;
    uint8_t *rgb, *out, *bytes;
    still_t *still;
} bench_t;

static bench_t bench(still_kind_t kind, int width, int height, size_t budget)
{
    err_t err = ERR_INIT;
    size_t size = 3 * (size_t)width * (size_t)height;
    bench_t b = {width, height, budget, malloc(size), malloc(size), malloc(budget), NULL};
    b.still = still_create(kind, width, height, budget, &err);
    if (b.still == NULL) {
        fprintf(stderr, "%s %dx%d in %zu: %s\n", still_name(kind), width, height, budget, err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(b.still);
    paint(b.rgb, width, height, budget);
    return b;
}

static void end(bench_t *b)
{
    still_destroy(b->still);
    free(b->rgb);
    free(b->out);
    free(b->bytes);
}

static double psnr(const bench_t *b)
{
    return quality_psnr_db(quality_mse(b->rgb, b->out, 3 * (size_t)b->width * (size_t)b->height));
}

static void test_round_trip(void)
{
    static const int sizes[][2] = {{32, 32}, {1, 1}, {7, 5}, {1, 40}, {33, 17}, {160, 96}};
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            size_t pixels = (size_t)sizes[i][0] * (size_t)sizes[i][1];
            bench_t b = bench(all[k], sizes[i][0], sizes[i][1], 80 + pixels / 3);
            CHECK_INT(still_budget(b.still), 80 + pixels / 3);
            CHECK_INT(still_encode(b.still, b.rgb, b.bytes), STILL_SENT);
            CU_ASSERT(still_decode(b.still, b.bytes, b.out));
            CHECK_AT_LEAST(psnr(&b), 25.0);
            end(&b);
        }
    }
}

/* From far too few bytes to plenty: never one byte behind the budget, never worse for more. */
static void test_budgets(void)
{
    static const size_t budgets[] = {1, 2, 3, 4, 8, 16, 40, 125, 253, 509, 1100, 3000};
    for (size_t k = 0; k < 3; k++) {
        double best = 0.0;
        int sent = 0;
        for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
            bench_t b = bench(all[k], 32, 32, budgets[i]);
            paint(b.rgb, 32, 32, 1);
            uint8_t *guarded = malloc(budgets[i] + 8);
            memset(guarded, 0xa5, budgets[i] + 8);
            still_outcome_t outcome = still_encode(b.still, b.rgb, guarded);
            for (size_t j = budgets[i]; j < budgets[i] + 8; j++) {
                CHECK_INT(guarded[j], 0xa5);
            }
            CHECK_INT(still_decode(b.still, guarded, b.out), outcome == STILL_SENT);
            if (outcome == STILL_SENT) {
                CHECK_AT_LEAST(psnr(&b), best - 0.1);
                best = fmax(best, psnr(&b));
                sent++;
            } else {
                CHECK_INT(sent, 0); /* what fits in few bytes fits in more */
                for (size_t j = 0; j < budgets[i]; j++) {
                    CHECK_INT(guarded[j], 0);
                }
            }
            free(guarded);
            end(&b);
        }
        CU_ASSERT(sent >= 5 && best > 35.0);
    }
}

/* 253 bytes are what 64-QAM at rate 2/3 has for a CIFAR picture at k/n = 1/6. */
static void test_no_header(void)
{
    static const double least[] = {30.0, 30.0, 30.0};
    for (size_t k = 0; k < 3; k++) {
        bench_t b = bench(all[k], 32, 32, 253);
        CHECK_INT(still_encode(b.still, b.rgb, b.bytes), STILL_SENT);
        CU_ASSERT(still_decode(b.still, b.bytes, b.out));
        fprintf(stderr, "%s: %.2f dB in 253 bytes\n", still_name(all[k]), psnr(&b));
        CHECK_AT_LEAST(psnr(&b), least[k]);
        end(&b);
    }
}

/* A large picture in a large budget: JPEG with tables of its own, and back to small ones. */
static void test_whole_jpeg(void)
{
    bench_t b = bench(STILL_JPEG, 160, 160, 9000);
    bool seen[2] = {false, false};
    for (int i = 0; i < 12; i++) {
        paint(b.rgb, 160, 160, (uint64_t)i);
        if (i % 2 == 0) {
            memset(b.rgb, i * 20, 3 * 160 * 160);
        }
        CHECK_INT(still_encode(b.still, b.rgb, b.bytes), STILL_SENT);
        CU_ASSERT(still_decode(b.still, b.bytes, b.out));
        seen[b.bytes[0] == 201] = true;
        still_t *other = still_create(STILL_JPEG, 160, 160, 9000, NULL); /* the receiver's */
        uint8_t *theirs = malloc(3 * 160 * 160);
        CU_ASSERT(still_decode(other, b.bytes, theirs));
        CHECK_INT(memcmp(theirs, b.out, 3 * 160 * 160), 0);
        free(theirs);
        still_destroy(other);
    }
    CU_ASSERT(seen[0] && seen[1]);
    end(&b);
}

static void test_determinism(void)
{
    for (size_t k = 0; k < 3; k++) {
        bench_t a = bench(all[k], 40, 24, 200), b = bench(all[k], 40, 24, 200);
        CHECK_INT(still_encode(a.still, a.rgb, a.bytes), STILL_SENT);
        paint(b.rgb, 40, 24, 77);
        still_encode(b.still, b.rgb, b.bytes); /* what went before leaves no trace */
        CHECK_INT(still_encode(b.still, a.rgb, b.bytes), STILL_SENT);
        CHECK_INT(memcmp(a.bytes, b.bytes, 200), 0);
        CU_ASSERT(still_decode(a.still, a.bytes, a.out) && still_decode(b.still, b.bytes, b.out));
        CHECK_INT(memcmp(a.out, b.out, 3 * 40 * 24), 0);
        end(&a);
        end(&b);
    }
}

/* Sanitizers look on while good streams are damaged and noise is fed. */
static void test_hostile(void)
{
    rng_t rng;
    rng_seed(&rng, 5, 0);
    for (size_t k = 0; k < 3; k++) {
        int refused = 0, trials = all[k] == STILL_AVIF ? 150 : 400;
        bench_t b = bench(all[k], 48, 32, 1200), good = bench(all[k], 48, 32, 1200);
        still_encode(good.still, good.rgb, good.bytes);
        for (int i = 0; i < trials; i++) {
            memcpy(b.bytes, good.bytes, 1200);
            if (i % 4 == 0) {
                for (int j = 1; j < 1200; j++) {
                    b.bytes[j] = (uint8_t)rng_bits(&rng);
                }
                b.bytes[0] = (uint8_t)(i % 8 == 0 ? rng_bits(&rng) : good.bytes[0]);
            } else if (i % 4 == 1) {
                memset(b.bytes + 1 + rng_below(&rng, 1199), 0xff, 1);
            } else if (i % 4 == 2) {
                size_t at = 1 + rng_below(&rng, 1198);
                memset(b.bytes + at, 0, 1200 - at);
            } else {
                b.bytes[rng_below(&rng, 40)] ^= (uint8_t)(1 + rng_below(&rng, 255));
            }
            refused += !still_decode(b.still, b.bytes, b.out);
        }
        fprintf(stderr, "%s: %d of %d damaged streams refused\n", still_name(all[k]), refused,
                trials);
        CU_ASSERT(refused > 0);
        CU_ASSERT(still_decode(b.still, good.bytes, b.out)); /* none the worse for it */
        end(&b);
        end(&good);
    }
}

/* A whole JPEG says its own size: only the expected one is taken. */
static void test_foreign_size(void)
{
    bench_t big = bench(STILL_JPEG, 160, 160, 9000), small = bench(STILL_JPEG, 16, 16, 9000);
    int whole = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        paint(big.rgb, 160, 160, seed);
        CHECK_INT(still_encode(big.still, big.rgb, big.bytes), STILL_SENT);
        if (big.bytes[0] == 201) {
            CU_ASSERT_FALSE(still_decode(small.still, big.bytes, small.out));
            whole++;
        }
    }
    CU_ASSERT(whole > 0);
    end(&big);
    end(&small);
}

static void test_mean_colour(void)
{
    static const uint8_t rgb[] = {0, 10, 255, 1, 20, 255, 1, 30, 254};
    uint8_t out[9];
    still_mean_colour(rgb, 3, out);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(out[3 * i], 1);
        CHECK_INT(out[3 * i + 1], 20);
        CHECK_INT(out[3 * i + 2], 255);
    }
}

static void test_refusals(void)
{
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(still_create(STILL_WEBP, 20000, 20000, 100, &err));
    CHECK_ERROR_NAMES(&err, "20000x20000");
    CU_ASSERT_PTR_NULL(still_create(STILL_WEBP, 32, 32, 0, &err));
    CHECK_ERROR_NAMES(&err, "budget");
    CHECK_INT(still_find("gif"), -1);
    for (int kind = 0; kind < STILL_KINDS; kind++) {
        CHECK_INT(still_find(still_name((still_kind_t)kind)), kind);
    }
}

static const check_test_t tests[] = {
    {"a picture comes back, whatever its size", test_round_trip},
    {"no budget is exceeded, and more bytes never look worse", test_budgets},
    {"few bytes go into the picture, not into headers", test_no_header},
    {"a JPEG may bring its own tables, and leaves none behind", test_whole_jpeg},
    {"the same picture gives the same bytes", test_determinism},
    {"damaged and random bytes do no harm", test_hostile},
    {"the size is never taken from the bytes", test_foreign_size},
    {"the mean colour is rounded, not cut", test_mean_colour},
    {"sizes and budgets out of range are refused by name", test_refusals},
};

int main(void)
{
    return check_run("still", tests, CHECK_COUNT(tests));
}
