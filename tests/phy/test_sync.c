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
        CHECK_AT_MOST(abs(found - offset), 1);
        CHECK_AT_MOST(fabs(cfo - c.cfo), 0.67);
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
                found |= hits[i].offset + step * SEARCH_STEP == offset;
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

static void offset_is_measured_near_the_bound(void)
{
    acquire_t *a = acquire_create(NULL);
    float complex x[LENGTH];
    rng_t rng;
    rng_seed(&rng, 6, 0);
    for (double snr_db = -6.0; snr_db <= 20.0; snr_db += 6.5) {
        double sum = 0.0;
        int trials = 200;
        for (int i = 0; i < trials; i++) {
            link_channel_t c = link_awgn(snr_db);
            c.cfo = 3.0 * (double)rng_uniform(&rng) - 1.5;
            link_pass(&c, preamble, NUMEROLOGY_PREAMBLE, 100, &rng, x, LENGTH);
            double start = c.cfo + 0.6 * (double)rng_uniform(&rng) - 0.3;
            acquire_result_t r = acquire_test(a, x + 100, start);
            CU_ASSERT(r.metric > ACQUIRE_THRESHOLD);
            r = acquire_refine(a, x + 100, r.cfo);
            sum += (r.cfo - c.cfo) * (r.cfo - c.cfo) / trials;
        }
        /* Cramer-Rao, one tone of N = 1024 unit samples spread over the band:
           var = 6 / ((2 pi)^2 snr N (N^2 - 1)) cycles per sample squared. */
        double snr = pow(10.0, snr_db / 10.0) * 132.0 / 256.0, n = 1024.0;
        double bound = 256.0 * sqrt(6.0 / (4.0 * M_PI * M_PI * snr * n * (n * n - 1.0)));
        printf("\n    %5.1f dB: offset error %.5f sub-carriers, bound %.5f", snr_db, sqrt(sum), bound);
        CHECK_AT_MOST(sqrt(sum) / bound, 1.5);
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
        CHECK_AT_MOST(late, snr_db > 10.0 ? 2 : 30); /* a first path lost in noise harms little */
    }
    acquire_destroy(a);
}

/* Part of noise positions whose metric passes t, and what theory says for `cells` offsets. */
static void false_alarms_follow_the_formula(void)
{
    acquire_t *a = acquire_create(NULL);
    static float complex x[65536];
    rng_t rng;
    rng_seed(&rng, 8, 0);
    int trials = 4000, over = 0;
    double t = 0.011;
    rng_complex_normal(&rng, 3.0f, x, 65536);
    for (int i = 0; i < trials; i++) {
        over += acquire_test(a, x + 15 * i, 0.3).metric > t;
    }
    /* One hypothesis of the search: offsets within +- 1/2, about four independent ones, and what
       lies between: at most ten times one.  Ten hypotheses' worth is what acquire.c allows for. */
    double one = pow(1.0 - t, 539.0);
    CHECK_AT_MOST((double)over / trials, 10.0 * one);
    CHECK_AT_LEAST((double)over / trials, 1.0 * one);
    CHECK_AT_MOST(40.0 * pow(1.0 - ACQUIRE_THRESHOLD, 539.0), 1e-9);
    acquire_destroy(a);
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
    {"false alarms follow the formula", false_alarms_follow_the_formula},
};

int main(void)
{
    make_preamble();
    return check_run("sync", tests, CHECK_COUNT(tests));
}
