/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The same latents over other channels, from statistics gathered once. */
#include "alignment/federated_problem.h"
#include "check.h"

static federated_config_t config_of(federated_method_t method, bool wide, bool raw)
{
    federated_config_t c = FEDERATED_CONFIG_INIT;
    c.method = method;
    c.channel_uses = 3;
    c.power = 3;
    c.sigma2 = 0.02;
    c.rounds = 6;
    c.complexify = c.whiten = true;
    c.widely_linear = wide;
    c.domain = raw ? FEDERATED_RAW : FEDERATED_WHITENED;
    return c;
}

static double difference(const matrix_t *a, const matrix_t *b)
{
    double worst = 0.0;
    CHECK_INT(matrix_doubles(a), matrix_doubles(b));
    for (size_t i = 0; a->v && i < matrix_doubles(a); i++) {
        worst = fmax(worst, fabs(a->v[i] - b->v[i]));
    }
    return worst;
}

static void compare(const federated_t *x, const federated_t *y)
{
    const federated_result_t *a = federated_result(x), *b = federated_result(y);
    CHECK_INT(a->aligned, b->aligned);
    CHECK_INT(a->rounds, b->rounds);
    CHECK_NEAR(a->energy, b->energy, 1e-12);
    CHECK_NEAR(a->obj_dep[a->rounds - 1], b->obj_dep[b->rounds - 1], 1e-12);
    CHECK_AT_MOST(difference(&a->z, &b->z), 1e-12);
    for (int k = 0; k < a->users; k++) {
        CHECK_NEAR(a->user[k].nmse_raw, b->user[k].nmse_raw, 1e-12);
        CHECK_NEAR(a->user[k].bytes_up, b->user[k].bytes_up, 0.0);
        CHECK_AT_MOST(difference(&a->user[k].g_dep, &b->user[k].g_dep), 1e-12);
    }
}

static void one_case(federated_method_t method, bool wide, bool raw)
{
    err_t err = ERR_INIT;
    problem_t first, other;
    problem_create(&first, 1, 24, 120, 2);
    problem_create(&other, 2, 24, 120, 3); /* its channels */
    federated_config_t kept = config_of(FEDERATED_TOP_K, wide, raw),
                       wanted = config_of(method, wide, raw);
    federated_t *like = federated_create(&first.input, &kept, &err);
    federated_t *again = federated_again(like, other.h, &wanted, &err);
    first.input.h = other.h;
    federated_t *fresh = federated_create(&first.input, &wanted, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fresh);
    federated_destroy(like); /* need not outlive it */
    CHECK_INT(federated_run(again, &err), 0);
    CHECK_INT(federated_run(fresh, &err), 0);
    compare(again, fresh);
    federated_destroy(again);
    federated_destroy(fresh);
    first.input.h = first.h;
    problem_destroy(&first);
    problem_destroy(&other);
}

static void test_same(void)
{
    for (int method = 0; method < FEDERATED_METHODS; method++) {
        one_case((federated_method_t)method, false, false);
        one_case((federated_method_t)method, true, true);
    }
}

static void test_refusals(void)
{
    err_t err = ERR_INIT;
    problem_t p;
    problem_create(&p, 1, 24, 120, 2);
    federated_config_t c = config_of(FEDERATED_WIENER, false, false);
    federated_t *like = federated_create(&p.input, &c, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(like);
    c = config_of(FEDERATED_WIENER, true, false);
    CU_ASSERT_PTR_NULL(federated_again(like, p.h, &c, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "other transforms"));
    c = config_of(FEDERATED_TOP_K, false, false);
    CU_ASSERT_PTR_NULL(federated_again(like, p.h, &c, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "samples"));
    federated_tensor_t h[PROBLEM_USERS];
    memcpy(h, p.h, sizeof h);
    h[1].samples = 1;
    c = config_of(FEDERATED_WIENER, false, false);
    CU_ASSERT_PTR_NULL(federated_again(like, h, &c, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "user 1"));
    federated_destroy(like);
    problem_destroy(&p);
}

/* What the logits lose, relative to their energy; W without its mean over the classes. */
static double logit_nmse(problem_t *p, const double *w, double weight, double *nmse)
{
    enum { CLASSES = 4 };
    err_t err = ERR_INIT;
    federated_config_t c = config_of(FEDERATED_WIENER, true, true);
    federated_tensor_t task[PROBLEM_USERS];
    for (int k = 0; k < PROBLEM_USERS; k++) {
        task[k] = (federated_tensor_t){CLASSES, p->y[k].rows, false, w};
    }
    c.channel_uses = 1;
    c.power = 1;
    c.task_weight = weight;
    c.task = task;
    federated_t *f = federated_create(&p->input, &c, &err);
    if (!f || federated_run(f, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("no result");
    }
    const federated_result_t *r = federated_result(f);
    double raw = 0.0;
    for (int k = 0; k < PROBLEM_USERS; k++) {
        raw += r->user[k].nmse_raw / PROBLEM_USERS;
    }
    *nmse = raw;
    /* J = sum (raw + weight * logits) / (1 + weight) */
    double j = r->obj_dep[r->rounds - 1] / PROBLEM_USERS;
    federated_destroy(f);
    return weight > 0.0 ? (j * (1.0 + weight) - raw) / weight : 0.0;
}

static void test_task(void)
{
    problem_t p;
    rng_t rng;
    double nmse[4], logits[4];
    static const double weights[4] = {0.0, 0.01, 1.0, 100.0};
    rng_seed(&rng, 3, 3);
    problem_create(&p, 1, 24, 300, 2);
    double *w = problem_draw(&rng, 4 * 24);
    for (int i = 0; i < 4; i++) {
        logits[i] = logit_nmse(&p, w, weights[i], &nmse[i]);
    }
    CHECK_NEAR(nmse[1], nmse[0], 0.01);
    CHECK_AT_LEAST(nmse[3], nmse[1]);           /* latents lose */
    CHECK_AT_MOST(logits[3], logits[1] - 0.02); /* logits gain */
    CHECK_AT_LEAST(logits[3], 0.0);
    federated_config_t c = config_of(FEDERATED_WIENER, false, true);
    err_t err = ERR_INIT;
    c.task_weight = 1.0;
    CU_ASSERT_PTR_NULL(federated_create(&p.input, &c, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "task_weight"));
    free(w);
    problem_destroy(&p);
}

static const check_test_t tests[] = {
    {"statistics gathered once give every method the numbers that samples give", test_same},
    {"other transforms, missing samples, and a channel of another shape are refused by name",
     test_refusals},
    {"what errors of logits weigh, logits gain and latents lose", test_task},
};

int main(void)
{
    return check_run("federated_again", tests, CHECK_COUNT(tests));
}
