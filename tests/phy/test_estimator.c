/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Without arguments: the tests.  With:
 *
 *     phy_test_estimator PROFILE SPREAD_NS CP ESN0_DB SYMBOLS COUNT
 *     phy_test_estimator table COUNT        TDL-A and -C, 12 and 22 known symbols
 *     phy_test_estimator others COUNT       channels that are in no profile of the bank
 *     phy_test_estimator time COUNT         microseconds of a call
 *
 * print mean square errors per carrier in dB with their 95 % intervals.
 */
#include "check.h"
#include "chest/estimator.h"
#include "phy/channels.h"

#include <stdlib.h>
#include <time.h>

enum { N = NUMEROLOGY_USED, P = NUMEROLOGY_PILOTS, ERRORS = 5 };

enum { LS, DFT, GENERIC, LMMSE, BOUND };
static const char *const names[ERRORS] = {"ls", "dft", "generic", "lmmse", "bound"};

typedef struct {
    double mse[ERRORS], half[ERRORS]; /* mean, and half a 95 % interval, relative */
    double gap_db, gap_half_db;       /* lmmse over bound, the pairs' own interval */
    double promised_db;               /* mean error_var over mean error */
} result_t;

typedef struct {
    estimator_t *lmmse, *dft;
    channels_model_t generic;
    double complex filter[N][N]; /* of the generic profile */
} bench_t;

static bench_t *bench_create(int cp)
{
    bench_t *b = calloc(1, sizeof(*b));
    b->lmmse = estimator_create(cp, ESTIMATOR_LMMSE, NULL);
    b->dft = estimator_create(cp, ESTIMATOR_DFT, NULL);
    channels_generic(&b->generic, cp);
    return b;
}

static void bench_destroy(bench_t *b)
{
    estimator_destroy(b->lmmse);
    estimator_destroy(b->dft);
    free(b);
}

static double distance(const float complex *a, const double complex *h)
{
    double sum = 0.0;
    for (int u = 0; u < N; u++) {
        sum += creal((a[u] - h[u]) * conj(a[u] - h[u])) / N;
    }
    return sum;
}

static double in_db(double x)
{
    return 10.0 * log10(x);
}

static void all_carriers(int *at)
{
    for (int u = 0; u < N; u++) {
        at[u] = u;
    }
}

/* First paths lie where acquire_timing leaves them: 1 … 5 samples into the window. */
static double random_origin(rng_t *rng)
{
    return 1.0 + 4.0 * (double)rng_uniform(rng);
}

static void filter(const bench_t *b, const float complex *ls, float complex *out)
{
    double complex sum[N] = {0};
    for (int v = 0; v < N; v++) {
        for (int u = 0; u < N; u++) {
            sum[u] += b->filter[v][u] * ls[v];
        }
    }
    for (int u = 0; u < N; u++) {
        out[u] = (float complex)sum[u];
    }
}

static void one(bench_t *b, const channels_model_t *m, double noise, rng_t *rng, double *error,
                double *promised)
{
    double complex h[N], bound[N];
    float complex ls[N], out[N];
    estimate_t estimate;
    int at[N];
    double origin = random_origin(rng);
    channels_draw(m, origin, rng, h);
    double power = channels_observe(h, noise, rng, ls);
    error[LS] = distance(ls, h);
    estimator_apply(b->dft, ls, power, noise, &estimate);
    error[DFT] = distance(estimate.h, h);
    filter(b, ls, out);
    error[GENERIC] = distance(out, h);
    estimator_apply(b->lmmse, ls, power, noise, &estimate);
    error[LMMSE] = distance(estimate.h, h);
    *promised = estimate.error_var;
    all_carriers(at);
    channels_bound(m, origin, noise, at, N, ls, bound);
    for (int u = 0; u < N; u++) {
        out[u] = (float complex)bound[u];
    }
    error[BOUND] = distance(out, h);
}

/* es_n0_db per symbol, averaged over `symbols` known ones. */
static result_t measure(bench_t *b, const char *profile, double spread_ns, double es_n0_db,
                        int symbols, int count)
{
    channels_model_t m;
    rng_t rng;
    result_t r = {{0}, {0}, 0, 0, 0};
    double square[ERRORS] = {0}, cross = 0.0, promised = 0.0;
    double noise = pow(10.0, -es_n0_db / 10.0) / symbols;
    channels_make(&m, profile, spread_ns);
    channels_filter(&b->generic, 0.0, noise, b->filter);
    rng_seed(&rng, 31, (uint64_t)(spread_ns + 1e4 * (es_n0_db + 50.0)));
    for (int i = 0; i < count; i++) {
        double error[ERRORS], says;
        one(b, &m, noise, &rng, error, &says);
        promised += says / count;
        cross += error[LMMSE] * error[BOUND] / count;
        for (int k = 0; k < ERRORS; k++) {
            r.mse[k] += error[k] / count;
            square[k] += error[k] * error[k] / count;
        }
    }
    for (int k = 0; k < ERRORS; k++) {
        double var = square[k] / (r.mse[k] * r.mse[k]) - 1.0;
        r.half[k] = 1.96 * sqrt(fmax(var, 0.0) / count);
    }
    double ratio = r.mse[LMMSE] / r.mse[BOUND];
    double var = square[LMMSE] - 2.0 * ratio * cross + ratio * ratio * square[BOUND];
    double half = 1.96 * sqrt(fmax(var, 0.0) / count) / r.mse[LMMSE];
    r.gap_db = in_db(ratio);
    r.gap_half_db = in_db(1.0 + half);
    r.promised_db = in_db(promised / r.mse[LMMSE]);
    return r;
}

static void print_head(void)
{
    printf("%-8s %6s %3s %6s %4s %6s", "profile", "ns", "cp", "Es/N0", "sym", "count");
    for (int k = 0; k < ERRORS; k++) {
        printf(" %15s", names[k]);
    }
    printf(" %14s %8s\n", "lmmse-bound", "promised");
}

static void print_line(bench_t *b, const char *profile, double ns, int cp, double db, int symbols,
                       int count)
{
    result_t r = measure(b, profile, ns, db, symbols, count);
    printf("%-8s %6.0f %3d %6.1f %4d %6d", profile, ns, cp, db, symbols, count);
    for (int k = 0; k < ERRORS; k++) {
        printf("  %7.2f +- %.2f", in_db(r.mse[k]), in_db(1.0 + r.half[k]));
    }
    printf("  %5.2f +- %.2f %8.2f\n", r.gap_db, r.gap_half_db, r.promised_db);
    fflush(stdout);
}

static void within_one_db_of_the_bound(void)
{
    static const struct {
        const char *profile;
        double ns, es_n0_db;
        int cp;
    } points[] = {{"A", 30, 0, 18},    {"C", 30, 20, 18},   {"A", 100, 25, 18}, {"C", 100, 10, 18},
                  {"A", 300, 15, 18},  {"C", 300, 5, 18},   {"A", 1000, 0, 64}, {"C", 1000, 10, 64},
                  {"A", 1000, 25, 64}, {"C", 1000, 20, 64}, {"A", 620, 15, 64}, {"C", 77, 15, 18}};
    bench_t *normal = bench_create(18), *extended = bench_create(64);
    for (int i = 0; i < CHECK_COUNT(points); i++) {
        bench_t *b = points[i].cp == 18 ? normal : extended;
        result_t r = measure(b, points[i].profile, points[i].ns, points[i].es_n0_db, 12, 200);
        printf("\n    TDL-%s %4.0f ns, %2.0f dB: %.2f dB, the bound %.2f: %.2f +- %.2f over; "
               "promised %.2f",
               points[i].profile, points[i].ns, points[i].es_n0_db, in_db(r.mse[LMMSE]),
               in_db(r.mse[BOUND]), r.gap_db, r.gap_half_db, r.promised_db);
        CHECK_AT_MOST(r.gap_db, 1.0);
        CHECK_NEAR(r.promised_db, 0.0, 1.2);
        CHECK_AT_MOST(r.mse[LMMSE], r.mse[GENERIC]);
        CHECK_AT_MOST(r.mse[LMMSE], r.mse[DFT]);
    }
    bench_destroy(normal);
    bench_destroy(extended);
}

static void unknown_channels_come_out_well(void)
{
    static const struct {
        const char *profile;
        double ns, most_db;
        int cp;
    } points[] = {{"exp", 85, 1.0, 18},  {"exp", 210, 1.0, 18}, {"exp", 700, 1.0, 64},
                  {"B", 100, 1.5, 18},   {"B", 300, 2.5, 18},   {"uniform", 0, 2.5, 18},
                  {"two", 250, 6.0, 18}, {"lone", 0, 3.0, 18}};
    bench_t *normal = bench_create(18), *extended = bench_create(64);
    for (int i = 0; i < CHECK_COUNT(points); i++) {
        bench_t *b = points[i].cp == 18 ? normal : extended;
        result_t r = measure(b, points[i].profile, points[i].ns, 15.0, 12, 200);
        printf("\n    %s %.0f ns: %.2f dB, the bound %.2f; promised %.2f", points[i].profile,
               points[i].ns, in_db(r.mse[LMMSE]), in_db(r.mse[BOUND]), r.promised_db);
        CHECK_AT_MOST(r.gap_db, points[i].most_db);
        CHECK_NEAR(r.promised_db, 0.0, 1.2);
        CHECK_AT_MOST(r.mse[LMMSE], r.mse[GENERIC]);
    }
    bench_destroy(normal);
    bench_destroy(extended);
}

static void no_floor_without_noise(void)
{
    static const int prefixes[] = {18, 64};
    for (int k = 0; k < 2; k++) {
        estimator_t *e = estimator_create(prefixes[k], ESTIMATOR_LMMSE, NULL);
        rng_t rng;
        rng_seed(&rng, 5, 0);
        for (int i = 0; i < 40; i++) {
            static const char *const profile[] = {"lone", "A", "C", "two", "uniform"};
            channels_model_t m;
            double complex h[N];
            float complex ls[N];
            estimate_t out;
            channels_make(&m, profile[i % 5], 100.0 + 10.0 * i);
            channels_draw(&m, 6.0 * (double)rng_uniform(&rng), &rng, h);
            double power = channels_observe(h, 0.0, &rng, ls);
            estimator_apply(e, ls, power, 0.0, &out);
            CHECK_AT_MOST(in_db(distance(out.h, h) / power), -90.0);
            /* And it stays so when a noise is named that is not there. */
            for (double noise = 1e-7; noise < 1e-2; noise *= 10.0) {
                estimator_apply(e, ls, power, noise * power, &out);
                CHECK_AT_MOST(distance(out.h, h), 1.2 * noise * power);
            }
        }
        estimator_destroy(e);
    }
}

static void the_same_profile_again(void)
{
    estimator_t *e = estimator_create(18, ESTIMATOR_LMMSE, NULL);
    channels_model_t m;
    rng_t rng;
    rng_seed(&rng, 6, 0);
    channels_make(&m, "C", 300.0);
    double first = 0.0, second = 0.0, promised = 0.0;
    for (int i = 0; i < 100; i++) {
        double complex h[N];
        float complex ls[N];
        estimate_t a, b;
        double noise = 1e-3;
        channels_draw(&m, random_origin(&rng), &rng, h);
        double power = channels_observe(h, noise, &rng, ls);
        estimator_apply(e, ls, power, noise, &a);
        estimator_again(e, &a, ls, power, noise, &b);
        for (int u = 0; u < N; u++) {
            CHECK_NEAR(cabsf(a.h[u] - b.h[u]), 0.0, 1e-4);
        }
        CHECK_NEAR(b.error_var, a.error_var, 0.02 * a.error_var);
        /* A symbol of its own, ten times the noise. */
        power = channels_observe(h, 10.0 * noise, &rng, ls);
        estimator_again(e, &a, ls, power, 10.0 * noise, &b);
        first += distance(a.h, h);
        second += distance(b.h, h);
        promised += b.error_var;
    }
    CHECK_AT_MOST(in_db(second / first), 10.0);
    CHECK_NEAR(in_db(promised / second), 0.0, 1.0);
    estimator_destroy(e);
}

static void pilots_tell_all_carriers(void)
{
    static const double spreads[] = {30, 100, 300};
    estimator_t *e = estimator_create(18, ESTIMATOR_LMMSE, NULL);
    int at[P];
    rng_t rng;
    rng_seed(&rng, 7, 0);
    for (int p = 0; p < P; p++) {
        at[p] = numerology_pilot(p);
    }
    for (int k = 0; k < 3; k++) {
        channels_model_t m;
        double ours = 0.0, bound = 0.0, promised = 0.0;
        channels_make(&m, "A", spreads[k]);
        for (int i = 0; i < 150; i++) {
            static estimator_interpolator_t w;
            double complex h[N], best[N];
            float complex ls[N], z[P], out[N];
            estimate_t estimate;
            double noise = 0.01, origin = random_origin(&rng);
            channels_draw(&m, origin, &rng, h);
            double power = channels_observe(h, noise / 12.0, &rng, ls);
            estimator_apply(e, ls, power, noise / 12.0, &estimate);
            promised += estimator_interpolator(e, &estimate, 0.0, power, noise, &w);
            /* A later symbol: the same channel here, other noise. */
            channels_observe(h, noise, &rng, ls);
            for (int p = 0; p < P; p++) {
                z[p] = ls[at[p]];
            }
            estimator_interpolate(&w, z, out);
            ours += distance(out, h);
            channels_bound(&m, origin, noise, at, P, z, best);
            for (int u = 0; u < N; u++) {
                out[u] = (float complex)best[u];
            }
            bound += distance(out, h);
        }
        printf("\n    %.0f ns: %.2f dB, the bound %.2f, promised %.2f", spreads[k],
               in_db(ours / 150), in_db(bound / 150), in_db(promised / 150));
        CHECK_AT_MOST(in_db(ours / bound), 1.0);
        CHECK_NEAR(in_db(promised / ours), 0.0, 1.2);
    }
    estimator_destroy(e);
}

static void place_phase_and_scale_stay(void)
{
    estimator_t *e = estimator_create(18, ESTIMATOR_LMMSE, NULL);
    channels_model_t m;
    double complex h[N];
    float complex ls[N], other[N];
    estimate_t a, b;
    rng_t rng;
    rng_seed(&rng, 8, 0);
    channels_make(&m, "A", 200.0);
    channels_draw(&m, 2.3, &rng, h);
    double power = channels_observe(h, 1e-3, &rng, ls);
    estimator_apply(e, ls, power, 1e-3, &a);
    /* The spread is that of the channel, not of the window. */
    CHECK_NEAR(a.delay_spread_samples, 200.0 * 7.68e-3, 1.5);
    CHECK_NEAR(a.delay_samples, 2.3 + 200.0 * 7.68e-3, 1.5);
    for (double size = 1e-6; size < 1e7; size *= 1e4) {
        float complex factor = (float complex)(size * cexp(1.1 * I));
        for (int u = 0; u < N; u++) {
            other[u] = ls[u] * factor;
        }
        estimator_apply(e, other, power * size * size, 1e-3 * size * size, &b);
        for (int u = 0; u < N; u++) {
            CHECK_NEAR(cabsf(b.h[u] / factor - a.h[u]), 0.0, 1e-3);
        }
        CHECK_NEAR(b.error_var / (size * size), a.error_var, 0.05 * a.error_var);
    }
    estimator_destroy(e);
}

static bool all_finite(const estimate_t *out)
{
    bool finite = isfinite(out->error_var) && out->error_var >= 0.0 &&
                  isfinite(out->delay_samples) && isfinite(out->delay_spread_samples);
    for (int u = 0; u < N; u++) {
        finite = finite && isfinite(crealf(out->h[u])) && isfinite(cimagf(out->h[u]));
    }
    return finite;
}

static void bad_numbers_do_no_harm(void)
{
    static const double values[] = {0.0,   1.0,  -1.0,     1e-30,     1e-12,      1e12,
                                    1e300, 1e30, INFINITY, -INFINITY, (double)NAN};
    static const estimator_method_t methods[] = {ESTIMATOR_LS, ESTIMATOR_DFT, ESTIMATOR_LMMSE};
    for (int k = 0; k < 3; k++) {
        estimator_t *e = estimator_create(18, methods[k], NULL);
        static estimator_interpolator_t w;
        float complex ls[N];
        estimate_t out;
        rng_t rng;
        rng_seed(&rng, 9, 0);
        for (int i = 0; i < CHECK_COUNT(values); i++) {
            for (int j = 0; j < CHECK_COUNT(values); j++) {
                rng_complex_normal(&rng, 1.0f, ls, N);
                estimator_apply(e, ls, values[i], values[j], &out);
                CU_ASSERT(all_finite(&out));
                estimator_again(e, &out, ls, values[j], values[i], &out);
                CU_ASSERT(all_finite(&out));
                if (methods[k] == ESTIMATOR_LMMSE) {
                    CU_ASSERT(isfinite(estimator_interpolator(e, &out, 0.0, values[i], values[j], &w)));
                }
                ls[i] = CMPLXF(values[j], values[i]);
                estimator_apply(e, ls, 1.0, 0.1, &out);
                CU_ASSERT(all_finite(&out));
            }
        }
        memset(ls, 0, sizeof(ls));
        estimator_apply(e, ls, 0.0, 0.0, &out);
        CHECK_NEAR(distance(out.h, (double complex[N]){0}), 0.0, 0.0);
        CHECK_NEAR(out.error_var, 0.0, 0.0);
        estimator_destroy(e);
    }
}

static void noise_alone_gives_little(void)
{
    /* Power 1 is promised, but there is only noise: the estimate is far below it. */
    estimator_t *e = estimator_create(18, ESTIMATOR_LMMSE, NULL);
    rng_t rng;
    rng_seed(&rng, 10, 0);
    double energy = 0.0;
    for (int i = 0; i < 50; i++) {
        float complex ls[N];
        estimate_t out;
        rng_complex_normal(&rng, 10.0f, ls, N);
        estimator_apply(e, ls, 0.1, 10.0, &out);
        energy += distance(out.h, (double complex[N]){0}) / 50.0;
    }
    CHECK_AT_MOST(energy, 0.5);
    estimator_destroy(e);
}

static void simple_methods(void)
{
    estimator_t *e = estimator_create(18, ESTIMATOR_LS, NULL);
    bench_t *b = bench_create(18);
    float complex ls[N];
    estimate_t out;
    rng_t rng;
    rng_seed(&rng, 11, 0);
    rng_complex_normal(&rng, 1.0f, ls, N);
    estimator_apply(e, ls, 0.9, 0.1, &out);
    CU_ASSERT(memcmp(out.h, ls, sizeof(ls)) == 0);
    CHECK_NEAR(out.error_var, 0.1, 0.0);
    CHECK_INT(out.parts, 0);
    result_t r = measure(b, "A", 100, 5, 12, 200);
    CHECK_AT_MOST(in_db(r.mse[DFT] / r.mse[LS]), -8.0);
    bench_destroy(b);
    estimator_destroy(e);
}

static void another_prefix_is_refused(void)
{
    err_t err = ERR_INIT;
    CU_ASSERT(estimator_create(20, ESTIMATOR_LMMSE, &err) == NULL);
    CHECK_ERROR_NAMES(&err, "20");
    CHECK_INT(err.code, ERR_ARGUMENT);
    estimator_destroy(NULL);
}

static const check_test_t tests[] = {
    {"within 1 dB of the LMMSE bound, error as promised", within_one_db_of_the_bound},
    {"channels that are in no profile come out well", unknown_channels_come_out_well},
    {"no floor without noise", no_floor_without_noise},
    {"a profile serves again, for other noise", the_same_profile_again},
    {"pilots tell all carriers, within 1 dB of the bound", pilots_tell_all_carriers},
    {"place, phase and scale stay", place_phase_and_scale_stay},
    {"bad numbers do no harm", bad_numbers_do_no_harm},
    {"noise alone gives little", noise_alone_gives_little},
    {"LS is handed through, DFT takes noise off", simple_methods},
    {"another prefix is refused by name", another_prefix_is_refused},
};

static void print_table(int count)
{
    static const struct {
        double ns;
        int cp;
    } rows[] = {{30, 18}, {100, 18}, {300, 18}, {1000, 64}};
    print_head();
    for (int symbols = 12; symbols <= 22; symbols += 10) {
        for (int i = 0; i < CHECK_COUNT(rows); i++) {
            bench_t *b = bench_create(rows[i].cp);
            for (int db = 0; db <= 25; db += 5) {
                print_line(b, "A", rows[i].ns, rows[i].cp, db, symbols, count);
                print_line(b, "C", rows[i].ns, rows[i].cp, db, symbols, count);
            }
            bench_destroy(b);
        }
    }
}

static void print_others(int count)
{
    static const struct {
        const char *profile;
        double ns;
        int cp;
    } rows[] = {{"lone", 0, 18},  {"exp", 45, 18},  {"exp", 85, 18},   {"exp", 210, 18},
                {"exp", 700, 64}, {"B", 30, 18},    {"B", 100, 18},    {"B", 300, 18},
                {"B", 1000, 64},  {"two", 100, 18}, {"two", 250, 18},  {"two", 1000, 64},
                {"A", 55, 18},    {"A", 175, 18},   {"A", 620, 64},    {"C", 55, 18},
                {"C", 175, 18},   {"C", 620, 64},   {"uniform", 0, 18}};
    print_head();
    for (int i = 0; i < CHECK_COUNT(rows); i++) {
        bench_t *b = bench_create(rows[i].cp);
        for (int db = 0; db <= 20; db += 10) {
            print_line(b, rows[i].profile, rows[i].ns, rows[i].cp, db, 12, count);
        }
        bench_destroy(b);
    }
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* The least of five calls with the same input, mean over `count` channels: processor time. */
static void print_time(const char *profile, double ns, int cp, double db, int count)
{
    static estimator_interpolator_t w;
    channels_model_t m;
    rng_t rng;
    double took[3] = {0};
    estimator_t *e = estimator_create(cp, ESTIMATOR_LMMSE, NULL);
    channels_make(&m, profile, ns);
    rng_seed(&rng, 12, 0);
    for (int i = 0; i < count; i++) {
        double complex h[N];
        float complex ls[N];
        double noise = pow(10.0, -db / 10.0) / 12.0, least[3] = {1e9, 1e9, 1e9};
        estimate_t a, b;
        channels_draw(&m, random_origin(&rng), &rng, h);
        double power = channels_observe(h, noise, &rng, ls);
        for (int k = 0; k < 5; k++) {
            double t0 = now_us();
            estimator_apply(e, ls, power, noise, &a);
            double t1 = now_us();
            estimator_again(e, &a, ls, power, noise, &b);
            double t2 = now_us();
            estimator_interpolator(e, &a, 0.0, power, 12.0 * noise, &w);
            double t3 = now_us();
            least[0] = fmin(least[0], t1 - t0);
            least[1] = fmin(least[1], t2 - t1);
            least[2] = fmin(least[2], t3 - t2);
        }
        for (int k = 0; k < 3; k++) {
            took[k] += least[k] / count;
        }
    }
    printf("TDL-%s %4.0f ns, cp %d, %2.0f dB: apply %.1f us, again %.1f us, interpolator %.1f us\n",
           profile, ns, cp, db, took[0], took[1], took[2]);
    estimator_destroy(e);
}

static void print_times(int count)
{
    for (int db = 0; db <= 20; db += 20) {
        print_time("A", 30, 18, db, count);
        print_time("C", 100, 18, db, count);
        print_time("C", 300, 18, db, count);
        print_time("A", 100, 64, db, count);
        print_time("C", 1000, 64, db, count);
    }
}

int main(int argc, char **argv)
{
    int count = argc == 3 ? atoi(argv[2]) : argc == 7 ? atoi(argv[6]) : 0;
    channels_model_t m;
    if (argc == 1) {
        return check_run("estimator", tests, CHECK_COUNT(tests));
    }
    if (count > 0 && argc == 3 && strcmp(argv[1], "table") == 0) {
        print_table(count);
    } else if (count > 0 && argc == 3 && strcmp(argv[1], "others") == 0) {
        print_others(count);
    } else if (count > 0 && argc == 3 && strcmp(argv[1], "time") == 0) {
        print_times(count);
    } else if (count > 0 && argc == 7 && channels_make(&m, argv[1], atof(argv[2])) &&
               (atoi(argv[3]) == 18 || atoi(argv[3]) == 64) && atoi(argv[5]) > 0) {
        bench_t *b = bench_create(atoi(argv[3]));
        print_head();
        print_line(b, argv[1], atof(argv[2]), atoi(argv[3]), atof(argv[4]), atoi(argv[5]), count);
        bench_destroy(b);
    } else {
        fprintf(stderr, "usage: see the top of test_estimator.c\n");
        return 2;
    }
    return 0;
}
