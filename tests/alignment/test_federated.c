/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pre-equalisers for several users: the formulas, what each method promises, users left out. */
#include "alignment/federated_problem.h"
#include "alignment/test_federated_golden.h"
#include "check.h"
#include "federated/federated_adapter.h"
#include "federated/federated_split.h"
#include "fit/equaliser.h"

#include <pthread.h>

static federated_config_t config_of(federated_method_t method, int uses, double snr_db)
{
    federated_config_t c = FEDERATED_CONFIG_INIT;
    c.method = method;
    c.channel_uses = uses;
    c.power = uses;
    c.sigma2 = pow(10.0, -snr_db / 10.0);
    c.complexify = c.whiten = true;
    return c;
}

static federated_t *run(const federated_input_t *input, const federated_config_t *config)
{
    err_t err = ERR_INIT;
    federated_t *f = federated_create(input, config, &err);
    if (!f || federated_run(f, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("no result");
    }
    return f;
}

static double last(const federated_t *f)
{
    const federated_result_t *r = federated_result(f);
    return r->obj_dep[r->rounds - 1];
}

static double run_last(const federated_input_t *input, const federated_config_t *config)
{
    federated_t *f = run(input, config);
    double obj = last(f);
    federated_destroy(f);
    return obj;
}

/* ---- golden --------------------------------------------------------------- */

static void check_matrix(const matrix_t *m, const double *expected)
{
    double worst = 0.0;
    for (int i = 0; i < m->rows; i++) {
        for (int j = 0; j < m->cols; j++) {
            for (int p = 0; p < 2; p++) {
                worst = fmax(worst, fabs(matrix_at(m, i, j)[p] - *expected++));
            }
        }
    }
    CHECK_AT_MOST(worst, 1e-9);
}

static void golden_case(federated_method_t method, bool whiten, const double *f, const double *z,
                        const double *g, const double *obj_round, const double *obj_dep)
{
    const federated_tensor_t y[] = {{6, GOLDEN_N, false, golden_y0}, {3, GOLDEN_N, false, golden_y1},
                                    {2, GOLDEN_N, false, golden_y2}};
    const federated_tensor_t h[] = {{2, 2, true, golden_h0}, {3, 2, true, golden_h1}, {1, 2, true, golden_h2}};
    const federated_input_t input = {3, {GOLDEN_DX, GOLDEN_N, false, golden_x}, y, h, {4, 4, true, golden_f0}};
    federated_config_t c = FEDERATED_CONFIG_INIT;
    c.method = method;
    c.channel_uses = GOLDEN_K;
    c.sigma2 = golden_sigma2;
    c.power = golden_p;
    c.rho = golden_rho;
    c.rounds = GOLDEN_ROUNDS;
    c.complexify = true;
    c.whiten = whiten;
    federated_t *found = run(&input, &c);
    const federated_result_t *r = federated_result(found);
    check_matrix(&r->f, f);
    check_matrix(&r->z, z);
    check_matrix(&r->user[0].g, g);
    for (int i = 0; i < GOLDEN_ROUNDS; i++) {
        CHECK_NEAR(r->obj_round[i], obj_round[i], 1e-9);
        CHECK_NEAR(r->obj_dep[i], obj_dep[i], 1e-9);
    }
    federated_destroy(found);
}

#define GOLDEN(method, name, whiten)                                                               \
    golden_case(method, whiten, golden_##name##_f, golden_##name##_z, golden_##name##_g0,          \
                golden_##name##_round, golden_##name##_dep)

static void test_golden(void)
{
    GOLDEN(FEDERATED_MEAN, mean_white, true);
    GOLDEN(FEDERATED_JOINT, joint_white, true);
    GOLDEN(FEDERATED_WIENER, wiener_white, true);
    GOLDEN(FEDERATED_ONE_SHOT, wiener_white, true);
    GOLDEN(FEDERATED_MEAN, mean_plain, false);
    GOLDEN(FEDERATED_JOINT, joint_plain, false);
    GOLDEN(FEDERATED_WIENER, wiener_plain, false);
}

/* ---- promises ------------------------------------------------------------- */

static void test_monotone(void)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        problem_t p;
        problem_create(&p, seed, 32, 200, 2);
        federated_config_t c = config_of(FEDERATED_WIENER, 3, 10.0 * (double)seed - 30.0);
        c.widely_linear = seed % 2 == 0;
        c.domain = seed % 3 == 0 ? FEDERATED_RAW : FEDERATED_WHITENED;
        federated_t *f = run(&p.input, &c);
        const federated_result_t *r = federated_result(f);
        for (int i = 0; i < r->rounds; i++) {
            CHECK_AT_MOST(r->obj_dep[i], r->obj_round[i] + 1e-9);
            CHECK_AT_MOST(r->obj_round[i], i > 0 ? r->obj_dep[i - 1] + 1e-9 : r->energy);
        }
        federated_destroy(f);
        problem_destroy(&p);
    }
}

static void test_feasible(void)
{
    problem_t p;
    problem_create(&p, 11, 32, 200, 2);
    for (int m = 0; m < FEDERATED_TOP_K; m++) {
        for (int wide = 0; wide < 2; wide++) {
            federated_config_t c = config_of((federated_method_t)m, 3, 10.0);
            c.widely_linear = wide;
            c.rounds = 7;
            federated_t *f = run(&p.input, &c);
            const federated_result_t *r = federated_result(f);
            int links = r->z.rows / (3 * 2 * (wide + 1));
            CHECK_INT(links, m == FEDERATED_MULTI || m == FEDERATED_SVD_MMSE ? 3 : 1);
            CHECK_AT_MOST(matrix_dot(&r->z, &r->z), links * c.power * (1.0 + 1e-9));
            CHECK_AT_MOST(last(f), r->energy);
            federated_destroy(f);
        }
    }
    problem_destroy(&p);
}

static void test_joint(void)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        problem_t p;
        problem_create(&p, seed, 32, 200, 2);
        for (int snr_db = -20; snr_db <= 30; snr_db += 10) {
            federated_config_t mean = config_of(FEDERATED_MEAN, 2, snr_db);
            federated_config_t joint = config_of(FEDERATED_JOINT, 2, snr_db);
            CHECK_AT_MOST(run_last(&p.input, &joint), run_last(&p.input, &mean) * (1.0 + 1e-6));
        }
        problem_destroy(&p);
    }
}

/* The best of three starts and 600 rounds stands for the optimum of the shared F. */
static void test_captured(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        problem_t p;
        problem_create(&p, seed, 24, 150, 2);
        for (int snr_db = -20; snr_db <= 30; snr_db += 10) {
            federated_config_t c = config_of(FEDERATED_WIENER, 2, snr_db);
            federated_t *f = run(&p.input, &c);
            double energy = federated_result(f)->energy, ours = energy - last(f), best = 0.0;
            c.rounds = 600;
            c.start = FEDERATED_RANDOM;
            for (c.seed = 101; c.seed <= 103; c.seed++) {
                best = fmax(best, energy - run_last(&p.input, &c));
            }
            CHECK_AT_LEAST(ours, 0.99 * best);
            federated_destroy(f);
        }
        problem_destroy(&p);
    }
}

static void test_one_shot(void)
{
    problem_t p;
    problem_create(&p, 5, 48, 200, 2); /* user 2 has few features: its rounds go another way */
    for (int wide = 0; wide < 2; wide++) {
        federated_config_t c = config_of(FEDERATED_WIENER, 3, 15.0);
        c.widely_linear = wide;
        federated_t *rounds = run(&p.input, &c);
        c.method = FEDERATED_ONE_SHOT;
        federated_t *once = run(&p.input, &c);
        for (int i = 0; i < c.rounds; i++) {
            CHECK_NEAR(federated_result(once)->obj_dep[i], federated_result(rounds)->obj_dep[i], 1e-8);
        }
        federated_destroy(rounds);
        federated_destroy(once);
    }
    problem_destroy(&p);
}

static void test_multi(void)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        problem_t p;
        problem_create(&p, seed, 24, 150, 2);
        for (int snr_db = -20; snr_db <= 30; snr_db += 10) {
            federated_config_t multi = config_of(FEDERATED_MULTI, 2, snr_db);
            federated_config_t shared = config_of(FEDERATED_WIENER, 2, snr_db);
            federated_config_t svd = config_of(FEDERATED_SVD_MMSE, 2, snr_db);
            double best = run_last(&p.input, &multi), alone = 0.0;
            CHECK_AT_MOST(best, run_last(&p.input, &shared));
            CHECK_AT_MOST(best, run_last(&p.input, &svd) + 1e-9);
            shared.rounds = 1000;
            for (int k = 0; k < PROBLEM_USERS; k++) { /* each user by Wiener rounds of its own */
                federated_input_t one = p.input;
                one.users = 1;
                one.y = &p.y[k];
                one.h = &p.h[k];
                alone += run_last(&one, &shared);
            }
            CHECK_AT_MOST(best, alone + 1e-9);
            CHECK_AT_MOST(alone - best, 2e-3 * alone);
        }
        problem_destroy(&p);
    }
}

static void test_top(void)
{
    problem_t p;
    problem_create(&p, 8, 48, 300, 2);
    federated_config_t top = config_of(FEDERATED_TOP_K, 6, 20.0), once = config_of(FEDERATED_TOP_K_FREE, 6, 20.0);
    federated_t *paid = run(&p.input, &top), *not_paid = run(&p.input, &once);
    CHECK_INT(federated_result(not_paid)->kept, 12);
    /* 24 features: log2 binom(24, 8) = 19.5 bits, 4 symbols of 6; with 9 20.3 bits, 4 symbols: 13 > 12 */
    CHECK_INT(federated_result(paid)->kept, 8);
    CHECK_AT_MOST(last(not_paid), last(paid));
    CHECK_AT_MOST(last(paid), federated_result(paid)->energy);
    federated_destroy(paid);
    federated_destroy(not_paid);
    problem_destroy(&p);
}

static void test_wide(void)
{
    problem_t p;
    problem_create(&p, 9, 48, 400, 2);
    federated_config_t c = config_of(FEDERATED_WIENER, 2, 20.0);
    c.domain = FEDERATED_RAW;
    double narrow = run_last(&p.input, &c); /* both: sum of NMSE of the raw latents */
    c.widely_linear = true;
    federated_t *f = run(&p.input, &c);
    CHECK_AT_MOST(last(f), narrow);
    double sum = 0.0;
    for (int k = 0; k < PROBLEM_USERS; k++) {
        CHECK_NEAR(federated_result(f)->user[k].nmse, federated_result(f)->user[k].nmse_raw, 1e-9);
        sum += federated_result(f)->user[k].nmse_raw;
    }
    CHECK_NEAR(sum, last(f), 1e-9);
    federated_destroy(f);
    problem_destroy(&p);
}

/* ---- users left out ------------------------------------------------------- */

static void left_out(problem_t *p, const char *why, double others)
{
    err_t err = ERR_INIT;
    federated_config_t c = config_of(FEDERATED_WIENER, 2, 10.0);
    federated_t *f = run(&p->input, &c);
    const federated_result_t *r = federated_result(f);
    CHECK_INT(r->aligned, 2);
    CU_ASSERT(strstr(r->user[1].left_out, why) != NULL);
    CU_ASSERT(r->user[1].g.v == NULL && r->user[0].left_out[0] == 0 && r->user[2].left_out[0] == 0);
    CHECK_NEAR(last(f), others, 1e-12);
    federated_destroy(f);
    c.strict = true;
    CU_ASSERT_PTR_NULL(federated_create(&p->input, &c, &err));
    CHECK_ERROR_NAMES(&err, "user 1");
    CHECK_ERROR_NAMES(&err, why);
}

static void test_left_out(void)
{
    problem_t p;
    problem_create(&p, 3, 24, 100, 2);
    federated_tensor_t y = p.y[1], h = p.h[1];
    double *yv = (double *)y.v, *hv = (double *)h.v, kept = yv[305];
    federated_config_t c = config_of(FEDERATED_WIENER, 2, 10.0);
    p.y[1].v = NULL;
    federated_t *f = run(&p.input, &c);
    double others = last(f);
    federated_destroy(f);
    left_out(&p, "Y is missing", others);
    p.y[1] = y;
    yv[305] = (double)NAN;
    left_out(&p, "Y: feature 3 has a value that is not finite", others);
    yv[305] = kept;
    p.y[1].samples = 99;
    left_out(&p, "Y has 99 samples, X has 100", others);
    p.y[1] = y;
    p.y[1].rows = 300; /* 150 complex features of 100 samples */
    p.y[1].v = calloc(300 * 100, sizeof(double));
    left_out(&p, "100 samples of 150 features", others);
    free((void *)p.y[1].v);
    p.y[1] = y;
    double save[200];
    memcpy(save, yv, 100 * sizeof(double)); /* feature 0 (and its other half) becomes feature 1 */
    memcpy(save + 100, yv + 600, 100 * sizeof(double));
    memcpy(yv, yv + 100, 100 * sizeof(double));
    memcpy(yv + 600, yv + 700, 100 * sizeof(double));
    left_out(&p, "covariance is singular: feature 1", others);
    memcpy(yv, save, 100 * sizeof(double));
    memcpy(yv + 600, save + 100, 100 * sizeof(double));
    p.h[1].samples = 1;
    left_out(&p, "H is 2 x 1, but the AP has 2 antennas", others);
    p.h[1] = h;
    double first = hv[0];
    hv[0] = (double)INFINITY;
    left_out(&p, "H has a value that is not finite", others);
    hv[0] = first;
    memset(hv, 0, 8 * sizeof(double));
    left_out(&p, "H is all zero", others);
    problem_destroy(&p);
}

static void test_refused(void)
{
    problem_t p;
    err_t err = ERR_INIT;
    problem_create(&p, 3, 24, 100, 2);
    double *x = (double *)p.input.x.v, kept = x[0];
    federated_config_t c = config_of(FEDERATED_WIENER, 2, 10.0);
    x[0] = (double)NAN;
    CU_ASSERT_PTR_NULL(federated_create(&p.input, &c, &err));
    CHECK_ERROR_NAMES(&err, "X: feature 0");
    x[0] = kept;
    c.sigma2 = 0.0;
    CU_ASSERT_PTR_NULL(federated_create(&p.input, &c, &err));
    CHECK_ERROR_NAMES(&err, "sigma2");
    c = config_of(FEDERATED_WIENER, 2, 10.0);
    p.input.f0 = (federated_tensor_t){4, 11, false, x};
    CU_ASSERT_PTR_NULL(federated_create(&p.input, &c, &err));
    CHECK_ERROR_NAMES(&err, "F0 is 4 x 11, not 4 x 12");
    p.input.f0.v = NULL;
    p.input.users = 0;
    CU_ASSERT_PTR_NULL(federated_create(&p.input, &c, &err));
    CHECK_ERROR_NAMES(&err, "no user");
    problem_destroy(&p);
}

/* ---- adapters, and a channel that is another one ---------------------------- */

/* Complex channel c of sample s of real latents, by halves. */
static float complex by_halves(const federated_tensor_t *t, int c, int s)
{
    const int half = (t->rows + 1) / 2;
    const double im = c + half < t->rows ? t->v[(c + half) * t->samples + s] : 0.0;
    return CMPLXF((float)t->v[c * t->samples + s], (float)im);
}

/* symbols[C][samples] of what `adapter` makes of in. */
static void apply(const adapter_t *adapter, int samples, float complex *signal)
{
    err_t err = ERR_INIT;
    equaliser_t *e = equaliser_create(adapter, samples, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    const size_t count = (size_t)equaliser_channels(e) * (size_t)samples;
    float *v = malloc(count * sizeof *v);
    for (size_t i = 0; i < count; i++) {
        v[i] = 0.5f;
    }
    CHECK_INT(equaliser_process(e, 1, samples, signal, v, signal, v), 0);
    free(v);
    equaliser_destroy(e);
}

/* One antenna: latents -> adapter of Z -> h s + no noise -> adapter of G, against the NMSE that is told. */
static void through_adapters(bool wide)
{
    enum { ROOM = 64, N = 200 };
    static float complex signal[ROOM * N];
    problem_t p;
    err_t err = ERR_INIT;
    problem_create(&p, 8, 24, N, 1);
    federated_config_t c = FEDERATED_CONFIG_INIT;
    c.channel_uses = 5;
    c.power = 5.0;
    c.sigma2 = 1e-9; /* so that the error is the map's */
    c.rounds = 20;
    c.widely_linear = wide;
    c.complexify = !wide;
    c.whiten = true;
    federated_t *f = federated_create(&p.input, &c, &err);
    CU_ASSERT_FATAL(f != NULL && federated_run(f, &err) == 0);
    const federated_result_t *r = federated_result(f);
    const federated_adapter_info_t info = {7, "there", 1};
    adapter_t *z = federated_adapter_z(&r->z, r, &info, &err), *g = federated_adapter_g(&r->user[1], 1.0, &info, &err);
    CU_ASSERT_FATAL(z != NULL && g != NULL);
    CHECK_INT(adapter_info(z)->base, 7);
    memset(signal, 0, sizeof signal);
    for (int s = 0; s < N; s++) {
        for (int k = 0; k < 12; k++) {
            signal[k * N + s] = by_halves(&p.input.x, k, s);
        }
    }
    apply(z, N, signal);
    const float complex h = CMPLXF((float)p.h[1].v[0], (float)p.h[1].v[1]);
    double energy = 0.0, error = 0.0, sent = 0.0;
    for (int i = 0; i < 5 * N; i++) {
        sent += (double)(crealf(signal[i]) * crealf(signal[i]) + cimagf(signal[i]) * cimagf(signal[i])) / N;
        signal[i] *= h;
    }
    CHECK_NEAR(sent, 5.0, 0.05); /* (n - 1) / n of P, in floats */
    for (int i = 5 * N; i < ROOM * N; i++) {
        signal[i] = 0.0f;
    }
    apply(g, N, signal);
    for (int k = 0; k < 6; k++) {
        float complex mean = 0.0f;
        for (int s = 0; s < N; s++) {
            mean += by_halves(&p.y[1], k, s) / (float)N;
        }
        for (int s = 0; s < N; s++) {
            const float complex y = by_halves(&p.y[1], k, s), e = signal[k * N + s] - y;
            energy += (double)(crealf(y - mean) * crealf(y - mean) + cimagf(y - mean) * cimagf(y - mean));
            error += (double)(crealf(e) * crealf(e) + cimagf(e) * cimagf(e));
        }
    }
    CHECK_NEAR(error / energy, r->user[1].nmse_raw, 1e-4);
    adapter_destroy(z);
    adapter_destroy(g);
    federated_destroy(f);
    problem_destroy(&p);
}

static void test_adapters(void)
{
    through_adapters(false);
    through_adapters(true);
}

static void test_mismatch(void)
{
    problem_t p;
    err_t err = ERR_INIT;
    problem_create(&p, 8, 24, 80, 2);
    for (int wide = 0; wide < 2; wide++) {
        federated_config_t c = FEDERATED_CONFIG_INIT;
        c.widely_linear = wide;
        c.complexify = !wide;
        c.whiten = true;
        c.domain = wide ? FEDERATED_RAW : FEDERATED_WHITENED;
        c.channel_uses = 2;
        c.sigma2 = 0.1;
        federated_t *f = federated_create(&p.input, &c, &err);
        CU_ASSERT_FATAL(f != NULL && federated_run(f, &err) == 0);
        for (int k = 0; k < PROBLEM_USERS; k++) {
            double same, other;
            CHECK_INT(federated_mismatch(f, k, &p.h[k], &same, &err), 0);
            CHECK_NEAR(same, federated_result(f)->user[k].nmse_raw, 1e-9);
            CHECK_INT(federated_mismatch(f, k, &p.h[(k + 1) % PROBLEM_USERS], &other, &err), 0);
            CHECK_AT_LEAST(other, same);
        }
        federated_destroy(f);
    }
    problem_destroy(&p);
}

/* ---- threads --------------------------------------------------------------- */

enum { SIDE = 64, TIMES = 3000, THREADS = 4 };

typedef struct {
    int number;
    int wrong;
} worker_t;

static void *multiply_often(void *context)
{
    worker_t *w = context;
    matrix_t a, b, c, first;
    if (matrix_create(&a, SIDE, SIDE, false, NULL) < 0 || matrix_create(&b, SIDE, 8, false, NULL) < 0 ||
        matrix_create(&c, SIDE, 8, false, NULL) < 0 || matrix_create(&first, SIDE, 8, false, NULL) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < matrix_doubles(&a); i++) {
        a.v[i] = (double)((i * 7 + (size_t)w->number * 13) % 101) / 101.0;
        b.v[i % matrix_doubles(&b)] = (double)((i * 3 + (size_t)w->number) % 17) / 17.0;
    }
    matrix_multiply(1.0, &a, MATRIX_AS_IS, &b, MATRIX_AS_IS, 0.0, &first);
    for (int i = 0; i < TIMES; i++) {
        matrix_multiply(1.0, &a, MATRIX_AS_IS, &b, MATRIX_AS_IS, 0.0, &c);
        w->wrong += memcmp(c.v, first.v, matrix_doubles(&c) * sizeof *c.v) != 0;
    }
    matrix_destroy(&a);
    matrix_destroy(&b);
    matrix_destroy(&c);
    matrix_destroy(&first);
    return NULL;
}

static void test_threads(void)
{
    pthread_t thread[THREADS];
    worker_t worker[THREADS];
    for (int i = 0; i < THREADS; i++) {
        worker[i] = (worker_t){i, 0};
        pthread_create(&thread[i], NULL, multiply_often, &worker[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        CHECK_INT(worker[i].wrong, 0);
    }
}

int main(void)
{
    static const check_test_t tests[] = {
        {"rounds give numpy's F, Z, G and objectives, white and not", test_golden},
        {"Wiener rounds never raise the objective, in any variant", test_monotone},
        {"every method keeps its power", test_feasible},
        {"joint is never below mean", test_joint},
        {"30 Wiener rounds capture 99 % of the optimum from -20 to 30 dB", test_captured},
        {"one shot equals the rounds that it replaces", test_one_shot},
        {"multi-link beats shared, equal power, and each user's own rounds", test_multi},
        {"top-k pays for its indices", test_top},
        {"widely linear beats linear in the raw domain, whose objective is the NMSE", test_wide},
        {"a user of no use is named and left out, the others are aligned as without it", test_left_out},
        {"bad X, F0 and values are refused by name", test_refused},
        {"the adapters of Z and G do to latents and symbols what the algebra says", test_adapters},
        {"a channel measured wrongly costs; the right one gives the NMSE that was told", test_mismatch},
        {"threads may work on matrices of their own at once", test_threads},
    };
    return check_run("federated", tests, CHECK_COUNT(tests));
}
