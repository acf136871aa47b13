/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores of held-out latents: the closed forms against sending every sample. */
#include "alignment/federated_problem.h"
#include "check.h"
#include "federated/federated_score.h"

enum { FEATURES = 24, ALIGNED = 400, TESTED = 3000, CLASSES = 5, ANTENNAS = 2 };

/* A problem whose samples beyond ALIGNED are the test. */
typedef struct {
    problem_t all;
    federated_tensor_t x, x_test, y[PROBLEM_USERS];
    federated_party_t user[PROBLEM_USERS];
    int label[TESTED];
    rng_t rng;
} bench_t;

static federated_tensor_t cut(const federated_tensor_t *t, int first, int count)
{
    double *v = malloc((size_t)(t->rows * count) * sizeof *v);
    for (int i = 0; i < t->rows; i++) {
        memcpy(v + i * count, t->v + i * t->samples + first, (size_t)count * sizeof *v);
    }
    return (federated_tensor_t){t->rows, count, false, v};
}

static int best_of(const federated_party_t *user, const double *y, int stride)
{
    int best = 0;
    double most = -INFINITY;
    for (int c = 0; c < user->classes; c++) {
        double sum = user->bias[c];
        for (int i = 0; i < user->x.rows; i++) {
            sum += user->weight[c * user->x.rows + i] * y[i * stride];
        }
        best = sum > most ? c : best;
        most = sum > most ? sum : most;
    }
    return best;
}

static void bench_create(bench_t *b)
{
    problem_create(&b->all, 5, FEATURES, ALIGNED + TESTED, ANTENNAS);
    rng_seed(&b->rng, 9, 9);
    b->x = cut(&b->all.input.x, 0, ALIGNED);
    b->x_test = cut(&b->all.input.x, ALIGNED, TESTED);
    for (int k = 0; k < PROBLEM_USERS; k++) {
        b->y[k] = cut(&b->all.y[k], 0, ALIGNED);
        b->user[k] =
            (federated_party_t){.x = cut(&b->all.y[k], ALIGNED, TESTED), .classes = CLASSES};
        b->user[k].weight = problem_draw(&b->rng, (size_t)(CLASSES * b->y[k].rows));
        b->user[k].bias = problem_draw(&b->rng, CLASSES);
    }
    for (int s = 0; s < TESTED; s++) { /* what user 0 would say of its own latents */
        b->label[s] = best_of(&b->user[0], b->user[0].x.v + s, TESTED);
    }
}

static void bench_destroy(bench_t *b)
{
    free((void *)b->x.v);
    free((void *)b->x_test.v);
    for (int k = 0; k < PROBLEM_USERS; k++) {
        free((void *)b->y[k].v);
        free((void *)b->user[k].x.v);
        free((void *)b->user[k].weight);
        free((void *)b->user[k].bias);
    }
    problem_destroy(&b->all);
}

static federated_config_t config_of(federated_method_t method, bool wide, double snr_db)
{
    federated_config_t c = FEDERATED_CONFIG_INIT;
    c.method = method;
    c.channel_uses = 2;
    c.power = 2;
    c.sigma2 = pow(10.0, -snr_db / 10.0);
    c.complexify = c.whiten = true;
    c.widely_linear = wide;
    c.domain = wide ? FEDERATED_RAW : FEDERATED_WHITENED;
    return c;
}

static federated_t *run(bench_t *b, const federated_config_t *config)
{
    err_t err = ERR_INIT;
    federated_input_t input = {.users = PROBLEM_USERS, .x = b->x, .y = b->y, .h = b->all.h};
    federated_t *f = federated_create(&input, config, &err);
    if (!f || federated_run(f, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("no result");
    }
    return f;
}

static void score(bench_t *b, federated_t *f, bool points, federated_score_t *out)
{
    err_t err = ERR_INIT;
    federated_score_set_t *set = federated_score_create(f, &b->x_test, b->user, b->label, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(federated_score(f, set, points, 1, out, &err), 0);
    federated_score_destroy(set);
}

/* One sample of user k, widely linear (all real): over the air and back. */
static void send_one(bench_t *b, const federated_t *f, int k, int s, double *y)
{
    const federated_result_t *r = federated_result(f);
    const federated_user_result_t *u = &r->user[k];
    const federated_tensor_t *h = &b->all.h[k];
    enum { USES = 2, N = 2 * ANTENNAS };
    double x[FEATURES], sent[USES * N] = {0}, heard[USES * N];
    for (int i = 0; i < FEATURES; i++) { /* L^-1 (x - mean) */
        x[i] = b->x_test.v[i * TESTED + s] - *matrix_at(&r->x_mean, i, 0);
        for (int j = 0; j < i; j++) {
            x[i] -= *matrix_at(&r->x_lower, i, j) * x[j];
        }
        x[i] /= *matrix_at(&r->x_lower, i, i);
    }
    for (int i = 0; i < USES * N; i++) {
        for (int j = 0; j < FEATURES; j++) {
            sent[i] += *matrix_at(&r->z, i, j) * x[j];
        }
    }
    double size = sqrt(0.5 * pow(10.0, -1.0)); /* 10 dB, an axis */
    for (int use = 0; use < USES; use++) {
        for (int a = 0; a < ANTENNAS; a++) {
            float n[2];
            rng_normal(&b->rng, n, 2);
            double re = size * (double)n[0], im = size * (double)n[1];
            for (int t = 0; t < ANTENNAS; t++) {
                double hr = h->v[2 * (a * ANTENNAS + t)], hi = h->v[2 * (a * ANTENNAS + t) + 1];
                double sr = sent[use * N + t], si = sent[use * N + ANTENNAS + t];
                re += hr * sr - hi * si;
                im += hr * si + hi * sr;
            }
            heard[use * N + a] = re;
            heard[use * N + ANTENNAS + a] = im;
        }
    }
    for (int i = 0; i < b->y[k].rows; i++) {
        double sum = 0.0;
        for (int j = 0; j < USES * N; j++) {
            sum += *matrix_at(&u->g_dep, i, j) * heard[j];
        }
        y[i] = sum * *matrix_at(&u->lower, i, i) +
               *matrix_at(&u->mean, i, 0); /* raw: lower is a scale */
    }
}

static void test_sent(void)
{
    bench_t b;
    bench_create(&b);
    federated_config_t c = config_of(FEDERATED_WIENER, true, 10.0);
    federated_t *f = run(&b, &c);
    federated_score_t out[PROBLEM_USERS];
    score(&b, f, false, out);
    for (int k = 0; k < 1; k++) {
        double wrong = 0.0, energy = 0.0, y[FEATURES];
        int right = 0;
        for (int s = 0; s < TESTED; s++) {
            send_one(&b, f, k, s, y);
            for (int i = 0; i < b.y[k].rows; i++) {
                double want = b.user[k].x.v[i * TESTED + s];
                double mean = *matrix_at(&federated_result(f)->user[k].mean, i, 0);
                wrong += (y[i] - want) * (y[i] - want);
                energy += (want - mean) * (want - mean);
            }
            right += best_of(&b.user[k], y, 1) == b.label[s];
        }
        CHECK_NEAR(out[k].nmse, wrong / energy, 0.03 * out[k].nmse);
        CHECK_NEAR(out[k].accuracy, (double)right / TESTED, 0.025);
        CHECK_INT(out[k].count, TESTED);
    }
    federated_destroy(f);
    bench_destroy(&b);
}

/* On the samples that it was made from, the score is what the alignment itself says. */
static void test_own(void)
{
    static const federated_method_t methods[] = {FEDERATED_MEAN, FEDERATED_WIENER, FEDERATED_MULTI,
                                                 FEDERATED_FIRST_K};
    for (int i = 0; i < 8; i++) {
        err_t err = ERR_INIT;
        bench_t b;
        bench_create(&b);
        federated_config_t c = config_of(methods[i / 2], i % 2 == 1, 10.0);
        federated_t *f = run(&b, &c);
        federated_party_t own[PROBLEM_USERS] = {{.x = b.y[0]}, {.x = b.y[1]}, {.x = b.y[2]}};
        federated_score_t out[PROBLEM_USERS];
        federated_score_set_t *set = federated_score_create(f, &b.x, own, NULL, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(set);
        CHECK_INT(federated_score(f, set, false, 1, out, &err), 0);
        for (int k = 0; k < PROBLEM_USERS; k++) {
            CHECK_NEAR(out[k].nmse, federated_result(f)->user[k].nmse_raw, 1e-9);
            CU_ASSERT(isnan(out[k].accuracy));
        }
        federated_score_destroy(set);
        federated_destroy(f);
        bench_destroy(&b);
    }
}

static void test_top(void)
{
    bench_t b;
    bench_create(&b);
    federated_score_t free_indices[PROBLEM_USERS], paid[PROBLEM_USERS];
    federated_config_t c = config_of(FEDERATED_TOP_K_FREE, false, 20.0);
    federated_t *f = run(&b, &c);
    score(&b, f, false, free_indices);
    /* Held-out samples: a little worse than those of the fit. */
    for (int k = 0; k < PROBLEM_USERS; k++) {
        CHECK_NEAR(free_indices[k].nmse, federated_result(f)->user[k].nmse_raw, 0.08);
    }
    federated_destroy(f);
    c = config_of(FEDERATED_TOP_K, false, 20.0);
    f = run(&b, &c);
    score(&b, f, false, paid);
    CHECK_AT_LEAST(paid[0].nmse, free_indices[0].nmse + 0.02);
    federated_destroy(f);
    bench_destroy(&b);
}

static void test_points(void)
{
    bench_t b;
    bench_create(&b);
    for (int wide = 0; wide < 2; wide++) {
        federated_score_t smooth[PROBLEM_USERS], points[PROBLEM_USERS];
        federated_config_t c = config_of(FEDERATED_WIENER, wide, 30.0);
        federated_t *f = run(&b, &c);
        score(&b, f, false, smooth);
        score(&b, f, true, points);
        for (int k = 0; k < PROBLEM_USERS; k++) {
            CHECK_AT_LEAST(points[k].nmse, smooth[k].nmse - 0.02);
            CHECK_AT_MOST(points[k].nmse, smooth[k].nmse + 0.06);
            CHECK_INT(points[k].count, FEDERATED_SCORE_SENT);
        }
        federated_destroy(f);
    }
    bench_destroy(&b);
}

static const check_test_t tests[] = {
    {"NMSE and accuracy in closed form are those of samples that were sent", test_sent},
    {"on its own samples the score is the alignment's own NMSE, complex and widely linear",
     test_own},
    {"top-k is scored with its indices' cost, near its fit", test_top},
    {"64-QAM points cost something, and little", test_points},
};

int main(void)
{
    return check_run("federated_score", tests, CHECK_COUNT(tests));
}
