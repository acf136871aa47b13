/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check: what every test program shares.  A program lists its tests in a
 * table and hands it to check_run; each test's name is the sentence it holds.
 *
 *     static const check_test_t tests[] = {
 *         {"a full ring refuses and counts", test_full_ring},
 *     };
 *     int main(void) { return check_run("ring", tests, CHECK_COUNT(tests)); }
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <CUnit/Basic.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *promise;
    void (*run)(void);
} check_test_t;

#define CHECK_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define CHECK_SKIP 77 /* CTest's code for "skipped" */

/* Asserts that print both values. */
#define CHECK_INT(actual, expected)                                                        \
    do {                                                                                   \
        long long check_a_ = (long long)(actual), check_e_ = (long long)(expected);        \
        if (check_a_ != check_e_) {                                                        \
            fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__,      \
                    #actual, check_a_, check_e_);                                          \
        }                                                                                  \
        CU_ASSERT_EQUAL(check_a_, check_e_);                                               \
    } while (0)

#define CHECK_NEAR(actual, expected, tolerance)                                            \
    do {                                                                                   \
        double check_a_ = (double)(actual), check_e_ = (double)(expected);                 \
        int check_ok_ = fabs(check_a_ - check_e_) <= (double)(tolerance);                  \
        if (!check_ok_) {                                                                  \
            fprintf(stderr, "%s:%d: %s is %.9g, expected %.9g +- %.3g\n", __FILE__,        \
                    __LINE__, #actual, check_a_, check_e_, (double)(tolerance));           \
        }                                                                                  \
        CU_ASSERT(check_ok_);                                                              \
    } while (0)

#define CHECK_AT_LEAST(actual, least)                                                      \
    do {                                                                                   \
        double check_a_ = (double)(actual), check_l_ = (double)(least);                    \
        if (!(check_a_ >= check_l_)) {                                                     \
            fprintf(stderr, "%s:%d: %s is %.9g, expected at least %.9g\n", __FILE__,       \
                    __LINE__, #actual, check_a_, check_l_);                                \
        }                                                                                  \
        CU_ASSERT(check_a_ >= check_l_);                                                   \
    } while (0)

#define CHECK_AT_MOST(actual, most)                                                        \
    do {                                                                                   \
        double check_a_ = (double)(actual), check_m_ = (double)(most);                     \
        if (!(check_a_ <= check_m_)) {                                                     \
            fprintf(stderr, "%s:%d: %s is %.9g, expected at most %.9g\n", __FILE__,        \
                    __LINE__, #actual, check_a_, check_m_);                                \
        }                                                                                  \
        CU_ASSERT(check_a_ <= check_m_);                                                   \
    } while (0)

/* The error's text contains `part`: that the message names what and where. */
#define CHECK_ERROR_NAMES(error, part)                                                     \
    do {                                                                                   \
        int check_ok_ = strstr((error)->text, (part)) != NULL;                             \
        if (!check_ok_) {                                                                  \
            fprintf(stderr, "%s:%d: error \"%s\" does not name \"%s\"\n", __FILE__,        \
                    __LINE__, (error)->text, (part));                                      \
        }                                                                                  \
        CU_ASSERT(check_ok_);                                                              \
    } while (0)

static inline int check_run(const char *module, const check_test_t *tests, int count)
{
    if (CU_initialize_registry() != CUE_SUCCESS) {
        return 1;
    }
    CU_pSuite suite = CU_add_suite(module, NULL, NULL);
    for (int i = 0; i < count; i++) {
        CU_add_test(suite, tests[i].promise, tests[i].run);
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    int failed = CU_get_number_of_failures() > 0 || suite == NULL;
    CU_cleanup_registry();
    return failed;
}

#endif
