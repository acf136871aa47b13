/* SPDX-License-Identifier: GPL-3.0-or-later */
/* search and acquire: what they find, how well they measure it, and what they leave alone. */
#include "check.h"
#include "link.h"
#include "sync/acquire.h"
#include "sync/preamble.h"
#include "sync/rotor.h"
#include "sync/search.h"

enum { LENGTH = 4096 };

static float complex preamble[NUMEROLOGY_PREAMBLE];

static void make_preamble(void)
{
    numerology_t n = numerology_default();
    transmitter_t *tx = transmitter_create(&n, NULL);
    frame_header_t h = link_header(1, 1, 1);
    float complex *samples = malloc(transmitter_frame_samples(tx, &h) * sizeof(*samples));
    float complex one = 1.0f;
    transmitter_modulate(tx, &h, &one, samples);
    memcpy(preamble, samples, sizeof(preamble));
    free(samples);
    transmitter_destroy(tx);
}

static void preamble_is_flat_and_signed(void)
{
    double peak = 0.0, mean = 0.0;
    for (int i = 0; i < NUMEROLOGY_PREAMBLE; i++) {
        double power = creal(preamble[i] * conjf(preamble[i]));
        peak = fmax(peak, power);
        mean += power / NUMEROLOGY_PREAMBLE;
        CHECK_NEAR(cabsf(preamble[i] - preamble_sign[i / 256] * preamble[i % 256]), 0.0, 1e-6);
    }
    CHECK_NEAR(mean, 132.0 / 256.0 / 16.0, 1e-5); /* as strong as the payload */
    CHECK_AT_MOST(10.0 * log10(peak / mean), 1.5);
}

static void rotor_turns(void)
{
    float complex table[ROTOR_SIZE];
    rotor_fill(table, -1.37);
    for (int n = 0; n < ROTOR_SIZE; n++) {
        double complex want = cexp(2.0 * I * M_PI * 1.37 * n / 256.0);
        CHECK_NEAR(cabs(table[n] - want), 0.0, 2e-7);
    }
}

/* One search step over x; the hit nearest to `offset`, or -10000. */
static int nearest_hit(search_t *s, const float complex *x, int offset, double *cfo)
{
    search_hit_t hits[SEARCH_MAX_HITS];
    search_restart(s);
    int count = search_step(s, x, hits), best = -10000;
    for (int i = 0; i < count; i++) {
        if (abs(hits[i].offset - offset) < abs(best - offset)) {
            best = hits[i].offset;
            *cfo = hits[i].cfo;
        }
    }
    return best;
}

static void search_finds_any_offset_at_any_gain(void)
{
    search_t *s = search_create(2.0, NULL);
    float complex x[LENGTH];
    rng_t rng;
    rng_seed(&rng, 2, 0);
    for (int trial = 0; trial < 200; trial++) {
        link_channel_t c = link_awgn(-5.0);
        c.cfo = -2.0 + 4.0 * trial / 199.0;
        c.gain = trial % 3 == 0 ? 1e-12f : trial % 3 == 1 ? 1.0f : 1e8f;
        int offset = 20 + (int)rng_below(&rng, 900);
        double cfo = 99.0;
        link_pass(&c, preamble, NUMEROLOGY_PREAMBLE, (size_t)offset, &rng, x, LENGTH);
        int found = nearest_hit(s, x, offset, &cfo);
        CU_ASSERT(found <= offset && offset <= found + 3);
        CHECK_AT_MOST(fabs(cfo - c.cfo), 0.75);
    }
    search_destroy(s);
}

static void search_goes_on_across_steps(void)
{
    /* The same preamble at every position relative to the steps. */
    search_t *s = search_create(0.5, NULL);
    static float complex x[3 * SEARCH_STEP + SEARCH_SPAN];
    search_hit_t hits[SEARCH_MAX_HITS];
    for (int offset = 0; offset < 2 * SEARCH_STEP; offset += 37) {
        memset(x, 0, sizeof(x));
        memcpy(x + offset, preamble, sizeof(preamble));
        bool found = false;
        search_restart(s);
        for (int step = 0; step < 4; step++) {
            int count = search_step(s, x + step * SEARCH_STEP, hits);
            for (int i = 0; i < count; i++) {
                int from = hits[i].offset + step * SEARCH_STEP;
                found |= from <= offset && offset <= from + 3;
            }
        }
        CU_ASSERT(found);
    }
    search_destroy(s);
}

static void search_refuses_a_range_by_name(void)
{
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(search_create(3.0, &err));
    CHECK_ERROR_NAMES(&err, "cfo_range");
    CU_ASSERT_PTR_NULL(search_create(NAN, &err));
}

/* Mean of (error / bound)^2 of the offset that the preamble alone gives. */
static double offset_error(acquire_t *a, double snr_db, int taps, int trials, rng_t *rng)
{
    float complex x[LENGTH];
    double sum = 0.0;
    for (int i = 0; i < trials; i++) {
        link_channel_t c = taps > 1 ? link_equal(snr_db, taps, rng) : link_awgn(snr_db);
        c.cfo = 3.0 * (double)rng_uniform(rng) - 1.5;
        link_pass(&c, preamble, NUMEROLOGY_PREAMBLE, 100, rng, x, LENGTH);
        double near = c.cfo + 0.5 * (double)rng_uniform(rng) - 0.25;
        acquire_result_t r = acquire_test(a, x + 100, near);
        CU_ASSERT(r.strength > 1.0);
        CHECK_AT_MOST(abs(r.offset), taps > 1 ? taps : snr_db > 0.0 ? 0 : 1);
        double cfo = acquire_refine(a, x + 100 + r.offset, r.cfo);
        /* Cramer-Rao, one tone of N = 1024 unit samples spread over the band, phase unknown:
           var = 6 / ((2 pi)^2 snr N (N^2 - 1)) cycles per sample squared. */
        double snr = pow(10.0, snr_db / 10.0) * 132.0 / 256.0 * link_power(&c), n = 1024.0;
        double bound = 256.0 * sqrt(6.0 / (4.0 * M_PI * M_PI * snr * n * (n * n - 1.0)));
        sum += pow((cfo - c.cfo) / bound, 2.0) / trials;
    }
    return sum;
}

static void offset_is_measured_near_the_bound(void)
{
    acquire_t *a = acquire_create(NULL);
    rng_t rng;
    rng_seed(&rng, 6, 0);
    for (double snr_db = -5.0; snr_db <= 20.0; snr_db += 5.0) {
        double lone = sqrt(offset_error(a, snr_db, 1, 400, &rng));
        double many = snr_db < 0.0 ? NAN : sqrt(offset_error(a, snr_db, 8, 400, &rng));
        printf("\n    %5.1f dB: offset error over the bound %.3f; 8 Rayleigh taps %.3f", snr_db,
               lone, many);
        CHECK_AT_MOST(lone, 1.15);
        CU_ASSERT(isnan(many) || many <= 1.5);
    }
    acquire_destroy(a);
}

static void time_zero_precedes_the_first_path(void)
{
    acquire_t *a = acquire_create(NULL);
    float complex x[LENGTH];
    rng_t rng;
    rng_seed(&rng, 7, 0);
    for (double snr_db = -3.0; snr_db <= 30.0; snr_db += 11.0) {
        int early = 0, late = 0, trials = 200;
        for (int i = 0; i < trials; i++) {
            link_channel_t c = link_rayleigh(snr_db, 300.0, &rng);
            int strongest = 0;
            for (int k = 1; k < LINK_TAPS; k++) {
                strongest = cabsf(c.tap[k]) > cabsf(c.tap[strongest]) ? k : strongest;
            }
            link_pass(&c, preamble, NUMEROLOGY_PREAMBLE, 100, &rng, x, LENGTH);
            int start = acquire_timing(a, x + 100 + strongest, 0.0, 18) + strongest;
            /* Paths arrive at 0 … 18 after time zero: the prefix covers them. */
            early += start < -7;
            late += start > 0;
        }
        CHECK_INT(early, 0);
        CHECK_AT_MOST(late, 2); /* a first path lost in noise */
    }
    acquire_destroy(a);
}

/* exp(-t) sum_{k < n} t^k / k! */
static double gamma_tail(int n, double t)
{
    double term = 1.0, sum = 0.0;
    for (int k = 0; k < n; k++) {
        sum += term;
        term *= t / (k + 1);
    }
    return exp(-t) * sum;
}

/*
 * Positions without a preamble whose strength passes s, against acquire.c's
 * laws.  One test looks at 21 delays (11 independent), 19 windows of 19 (4),
 * four offsets, and four times as many for what lies between.
 */
static void check_false_alarms(const char *name, const float complex *x, int trials)
{
    acquire_t *a = acquire_create(NULL);
    const double s[] = {0.40, 0.48};
    int over[2] = {0};
    for (int i = 0; i < trials; i++) {
        double strength = acquire_test(a, x + 64 + 30 * i, 0.3).strength;
        over[0] += strength > s[0];
        over[1] += strength > s[1];
    }
    for (int i = 0; i < 2; i++) {
        double law = 176.0 * gamma_tail(1, 31.0 * s[i]) + 64.0 * gamma_tail(10, 51.0 * s[i]);
        printf("\n    %s: %.5f above %.2f, law %.5f", name, (double)over[i] / trials, s[i], law);
        CHECK_AT_MOST((double)over[i] / trials, 1.2 * law);
        if (name[0] == 'w') {
            CHECK_AT_LEAST((double)over[i] / trials, 0.05 * law);
        }
    }
    acquire_destroy(a);
}

static void false_alarms_follow_the_formula(void)
{
    enum { TRIALS = 10000, COUNT = 30 * TRIALS + 4096 };
    float complex *x = malloc(COUNT * sizeof(*x));
    rng_t rng;
    rng_seed(&rng, 8, 0);
    rng_complex_normal(&rng, 3.0f, x, COUNT);
    check_false_alarms("white", x, TRIALS);
    /* Coloured: 20 dB less beyond a third of the band. */
    float complex past = 0.0f;
    for (int i = 0; i < COUNT; i++) {
        past = 0.8f * past + x[i];
        x[i] = past;
    }
    check_false_alarms("coloured", x, TRIALS);
    for (int i = 0; i < COUNT; i++) {
        x[i] *= i / 700 % 2 ? 1.0f : 300.0f;
    }
    check_false_alarms("coloured and gated", x, TRIALS);
    free(x);
}

static const check_test_t tests[] = {
    {"the preamble is flat, signed and as strong as the payload", preamble_is_flat_and_signed},
    {"the rotor turns", rotor_turns},
    {"found at -5 dB with any offset within two sub-carriers, at any gain",
     search_finds_any_offset_at_any_gain},
    {"found wherever it lies between the steps", search_goes_on_across_steps},
    {"a range out of range is refused by name", search_refuses_a_range_by_name},
    {"the offset's error is within 1.5 of the Cramer-Rao bound", offset_is_measured_near_the_bound},
    {"time zero lies before the first path and not far", time_zero_precedes_the_first_path},
    {"false alarms follow the laws, whatever the spectrum and the gain do",
     false_alarms_follow_the_formula},
};

int main(void)
{
    make_preamble();
    return check_run("sync", tests, CHECK_COUNT(tests));
}
