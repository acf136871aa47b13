/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the estimator finds in synthetic samples, and what is left after the correction. */
#include "check.h"
#include "estimate.h"
#include "pair.h"
#include "probe.h"
#include "radio/correction.h"
#include "tones.h"

enum { BEFORE = 20000, COUNT = PROBE_LENGTH + 3 * BEFORE };

static float complex *probe, *sent, *got;

static pair_t pair_asked(void)
{
    /* -25 dBc DC (of the stronger tone), 1 dB and 5 degrees on both sides, 2.5 ppm. */
    const double dc = pow(10.0, -25.0 / 20.0) * PROBE_LEVEL_A;
    return (pair_t){.tx_dc = dc * cexp(0.7 * I),
                    .tx_image = pair_image(1.0, 5.0),
                    .rx_dc = 0.5 * dc * cexp(-2.0 * I),
                    .rx_image = pair_image(-1.0, 5.0),
                    .carrier = 0.013,
                    .clock_ppm = 2.5,
                    .delay = BEFORE + 123.37,
                    .gain = 0.5 * cexp(1.1 * I),
                    .noise = 0.25 * 0.1225 * 1e-4};
}

/* The probe through the pair, with corrections where they are known. */
static void pass(const pair_t *p, const correction_t *c, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    correction_apply(&c->tx, probe, sent, PROBE_LENGTH);
    pair_send(p, sent, sent, PROBE_LENGTH);
    pair_receive(p, sent, PROBE_LENGTH, got, COUNT, &rng);
    correction_apply(&c->rx, got, got, COUNT);
}

static double error_of(double complex is, double complex should)
{
    return cabs(is - should);
}

static void test_finds_everything(void)
{
    const pair_t p = pair_asked();
    const correction_t none = {.serial = ""};
    estimate_t e;
    err_t err = ERR_INIT;
    pass(&p, &none, 1);
    CHECK_INT(estimate_probe(got, COUNT, &e, &err), 0);
    CHECK_NEAR(e.carrier, p.carrier, 1e-9);
    CHECK_NEAR(e.clock_ppm, p.clock_ppm, 0.005);
    CHECK_NEAR(e.delay, p.delay, 0.01);
    CHECK_NEAR(e.gain_db, -6.02, 0.02);
    CHECK_NEAR(e.snr_db, 40, 0.5);
    CHECK_AT_MOST(error_of(e.rx_image, p.rx_image), 1e-4);
    CHECK_AT_MOST(error_of(e.tx_image, p.tx_image), 2e-4);
    CHECK_AT_MOST(error_of(e.rx_dc, p.rx_dc), 1e-4);
    CHECK_AT_MOST(error_of(e.tx_dc, p.tx_dc), 1e-4);
    CHECK_NEAR(e.tx_dc_dbc, -25, 0.1);
}

static void test_residual(void)
{
    const pair_t p = pair_asked();
    const correction_t none = {.serial = ""};
    correction_t c = none;
    estimate_t before, after;
    err_t err = ERR_INIT;
    pass(&p, &none, 2);
    CHECK_INT(estimate_probe(got, COUNT, &before, &err), 0);
    c.rx = (correction_side_t){.known = true, .dc = before.rx_dc, .image = before.rx_image};
    c.tx = (correction_side_t){.known = true, .dc = before.tx_dc, .image = before.tx_image};
    pass(&p, &c, 3);
    CHECK_INT(estimate_probe(got, COUNT, &after, &err), 0);
    fprintf(stderr, "before: tx DC %.1f image %.1f, rx DC %.1f image %.1f dBc, clock %.4f ppm\n",
            before.tx_dc_dbc, before.tx_image_dbc, before.rx_dc_dbc, before.rx_image_dbc,
            before.clock_ppm);
    fprintf(stderr, "after:  tx DC %.1f image %.1f, rx DC %.1f image %.1f dBc\n", after.tx_dc_dbc,
            after.tx_image_dbc, after.rx_dc_dbc, after.rx_image_dbc);
    CHECK_NEAR(before.clock_ppm, 2.5, 0.05);
    CHECK_AT_MOST(after.tx_dc_dbc, -50);
    CHECK_AT_MOST(after.tx_image_dbc, -50);
    CHECK_AT_MOST(after.rx_dc_dbc, -50);
    CHECK_AT_MOST(after.rx_image_dbc, -50);
}

/* Other carriers, clocks, delays and phases; seeds 10 to 13. */
static void test_many(void)
{
    for (uint64_t seed = 10; seed < 14; seed++) {
        rng_t rng;
        rng_seed(&rng, seed, 1);
        pair_t p = pair_asked();
        p.carrier = (double)(rng_uniform(&rng) - 0.5f) * 0.1;
        p.carrier += p.carrier > 0 ? 0.002 : -0.002;
        p.clock_ppm = (double)(rng_uniform(&rng) - 0.5f) * 60.0;
        p.delay = BEFORE + (double)rng_uniform(&rng) * 10000.0;
        p.gain = 0.05 * cexp(2.0 * M_PI * I * (double)rng_uniform(&rng));
        p.noise = 0.0025 * 0.1225 * 1e-3; /* 30 dB */
        p.tx_image = 0.1 * cexp(2.0 * M_PI * I * (double)rng_uniform(&rng));
        p.rx_image = 0.1 * cexp(2.0 * M_PI * I * (double)rng_uniform(&rng));
        p.rx_dc *= 0.1;
        const correction_t none = {.serial = ""};
        estimate_t e;
        err_t err = ERR_INIT;
        pass(&p, &none, seed);
        CHECK_INT(estimate_probe(got, COUNT, &e, &err), 0);
        CHECK_NEAR(e.carrier, p.carrier, 1e-8);
        CHECK_NEAR(e.clock_ppm, p.clock_ppm, 0.02);
        CHECK_NEAR(e.delay, p.delay, 0.05);
        CHECK_AT_MOST(error_of(e.rx_image, p.rx_image), 1e-3);
        CHECK_AT_MOST(error_of(e.tx_image, p.tx_image), 2e-3);
        CHECK_AT_MOST(error_of(e.tx_dc, p.tx_dc), 1e-3);
    }
}

static void refuse(size_t count, err_code_t code, const char *names)
{
    estimate_t e;
    err_t err = ERR_INIT;
    CHECK_INT(estimate_probe(got, count, &e, &err), -1);
    CHECK_INT(err.code, code);
    CHECK_ERROR_NAMES(&err, names);
}

static void test_refusals(void)
{
    rng_t rng;
    pair_t p = pair_asked();
    const correction_t none = {.serial = ""};
    rng_seed(&rng, 4, 0);
    memset(got, 0, COUNT * sizeof *got);
    refuse(COUNT, ERR_FORMAT, "does not hear");
    refuse(0, ERR_FORMAT, "does not hear");
    rng_complex_normal(&rng, 0.01f, got, PROBE_TONES);
    refuse(COUNT, ERR_FORMAT, ""); /* noise as long as the probe */
    rng_complex_normal(&rng, 0.01f, got, COUNT);
    refuse(COUNT, ERR_FORMAT, "");
    p.carrier = 1e-6;
    pass(&p, &none, 5);
    refuse(COUNT, ERR_ARGUMENT, "carriers");
    p = pair_asked();
    p.noise = 1.0;
    pass(&p, &none, 6);
    refuse(COUNT, ERR_FORMAT, "");
    p = pair_asked();
    p.delay = -2000.0; /* its beginning is cut off */
    pass(&p, &none, 7);
    refuse(COUNT, ERR_FORMAT, "beginning");
}

static const check_test_t tests[] = {
    {"DC, images, carrier, clock and delay are found", test_finds_everything},
    {"-25 dBc, 1 dB / 5 degrees and 2.5 ppm: corrected below -50 dBc, clock within 0.05 ppm",
     test_residual},
    {"whatever the carrier, clock, delay and phases", test_many},
    {"what is no probe is refused, with the reason", test_refusals},
};

int main(void)
{
    probe = malloc(PROBE_LENGTH * sizeof *probe);
    sent = malloc(PROBE_LENGTH * sizeof *sent);
    got = malloc(COUNT * sizeof *got);
    probe_make(probe);
    const int failed = check_run("estimate", tests, CHECK_COUNT(tests));
    free(probe);
    free(sent);
    free(got);
    return failed;
}
