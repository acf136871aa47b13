/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fits: known maps come back, rotations are optimal, pilots left out choose well, errors name. */
#include "alignment/fits.h"

static void recover(fit_method_t method, int channels, int kernel, int pairs, bool is_complex,
                    double db)
{
    rng_t rng;
    rng_seed(&rng, 100, (uint64_t)method);
    fits_map_t truth = fits_map(&rng, channels, kernel);
    if (is_complex) {
        fits_make_complex(&truth);
    }
    fit_pilots_t pilots = fits_pilots(&rng, &truth, pairs, 8, 0.0f);
    fit_t *fit = fits_run(&pilots, method);
    fits_map_t found = fits_of(fit);
    CHECK_INT(found.kernel, kernel);
    size_t count = 4 * (size_t)(channels * channels * kernel * kernel);
    double worst = 0.0;
    for (size_t i = 0; i < count; i++) {
        worst = fmax(worst, fabs((double)(found.weight[i] - truth.weight[i])));
    }
    CHECK_AT_MOST(worst, 1e-4);
    for (int i = 0; i < 2 * channels; i++) {
        CHECK_NEAR(found.bias[i], truth.bias[i], 1e-4);
    }
    CHECK_AT_MOST(fits_db(fits_nmse(&found, &pilots)), db);
    CHECK_AT_MOST(fits_db(fit_result(fit)->nmse_validated), db);
    fits_map_free(&found);
    fits_map_free(&truth);
    fits_free(&pilots);
    fit_destroy(fit);
}

static void test_known(void)
{
    recover(FIT_LINEAR, 4, 1, 3, true, -100.0);
    recover(FIT_WIDELY_LINEAR, 4, 1, 3, false, -100.0);
    recover(FIT_CONV, 2, 5, 20, false, -80.0);
}

static void test_complex_structure(void)
{
    rng_t rng;
    rng_seed(&rng, 101, 0);
    fits_map_t truth = fits_map(&rng, 3, 1); /* not complex */
    fit_pilots_t pilots = fits_pilots(&rng, &truth, 4, 6, 0.1f);
    static const fit_method_t methods[] = {FIT_LINEAR, FIT_UNITARY};
    for (int k = 0; k < 2; k++) {
        fit_t *fit = fits_run(&pilots, methods[k]);
        fits_map_t found = fits_of(fit);
        for (int m = 0; m < 6; m += 2) {
            for (int n = 0; n < 6; n += 2) {
                const float *w = &found.weight[m * 6 + n];
                CHECK_NEAR(w[0], w[7], 1e-6);
                CHECK_NEAR(w[1], -w[6], 1e-6);
            }
        }
        fits_map_free(&found);
        fit_destroy(fit);
    }
    fit_t *linear = fits_run(&pilots, FIT_LINEAR), *wide = fits_run(&pilots, FIT_WIDELY_LINEAR);
    CHECK_AT_MOST(fit_result(wide)->nmse_validated, 0.6 * fit_result(linear)->nmse_validated);
    fit_destroy(linear);
    fit_destroy(wide);
    fits_free(&pilots);
    fits_map_free(&truth);
}

/* ---- rotations ------------------------------------------------------------ */

/* Turns a map into a random product of plane rotations; complex ones when asked. */
static void make_rotation(fits_map_t *map, rng_t *rng, bool is_complex)
{
    int t = 2 * map->channels;
    for (int i = 0; i < t; i++) {
        map->bias[i] = 0.0f;
        for (int j = 0; j < t; j++) {
            map->weight[i * t + j] = i == j;
        }
    }
    for (int turn = 0; turn < 40; turn++) {
        int a = (int)rng_below(rng, (uint32_t)t), b = (int)rng_below(rng, (uint32_t)t - 1);
        b += b >= a;
        if (is_complex) {
            a = a / 2 * 2;
            b = b / 2 * 2;
        }
        float angle = 6.2832f * rng_uniform(rng), cosine = cosf(angle), sine = sinf(angle);
        for (int part = 0; part < (is_complex ? 2 : 1) && a != b; part++) {
            for (int j = 0; j < t; j++) {
                float *p = &map->weight[(a + part) * t + j], *q = &map->weight[(b + part) * t + j];
                float u = *p, v = *q;
                *p = cosine * u - sine * v;
                *q = sine * u + cosine * v;
            }
        }
    }
}

static double rotation_error(const fits_map_t *map)
{
    int t = 2 * map->channels;
    double worst = 0.0;
    for (int i = 0; i < t; i++) {
        for (int j = 0; j < t; j++) {
            double sum = i == j ? -1.0 : 0.0;
            for (int k = 0; k < t; k++) {
                sum += (double)map->weight[i * t + k] * (double)map->weight[j * t + k];
            }
            worst = fmax(worst, fabs(sum));
        }
    }
    return worst;
}

/* No rotation nearby or anywhere is better: W Q for random Q, small ones too. */
static void test_procrustes(void)
{
    rng_t rng;
    rng_seed(&rng, 102, 0);
    fits_map_t truth = fits_map(&rng, 3, 1), turn = fits_map(&rng, 3, 1),
               other = fits_map(&rng, 3, 1);
    fit_pilots_t pilots = fits_pilots(&rng, &truth, 5, 6, 0.2f); /* not a rotation */
    for (int k = 0; k < 2; k++) {
        fit_t *fit = fits_run(&pilots, k ? FIT_UNITARY : FIT_PROCRUSTES);
        fits_map_t found = fits_of(fit);
        double best = fits_nmse(&found, &pilots);
        CHECK_AT_MOST(rotation_error(&found), 1e-5);
        CHECK_NEAR(fits_db(best), fits_db(fit_result(fit)->nmse_fit), 1e-4);
        for (int trial = 0; trial < 60; trial++) {
            make_rotation(&turn, &rng, k == 1);
            for (int i = 0; i < 36 && trial % 2 == 0;
                 i++) { /* near the identity, made orthogonal below */
                turn.weight[i] = (i % 7 == 0 ? 1.0f : 0.0f) + 0.0f;
            }
            if (trial % 2 == 0) {
                int a = 2 * (int)rng_below(&rng, 3), b = (a + 2) % 6;
                float s = 0.05f * (rng_uniform(&rng) - 0.5f), c = sqrtf(1.0f - s * s);
                for (int part = 0; part < 2; part++) {
                    turn.weight[(a + part) * 7] = turn.weight[(b + part) * 7] = c;
                    turn.weight[(a + part) * 6 + b + part] = -s;
                    turn.weight[(b + part) * 6 + a + part] = s;
                }
            }
            for (int i = 0; i < 6; i++) {
                for (int j = 0; j < 6; j++) {
                    double sum = 0.0;
                    for (int n = 0; n < 6; n++) {
                        sum += (double)found.weight[i * 6 + n] * (double)turn.weight[n * 6 + j];
                    }
                    other.weight[i * 6 + j] = (float)sum;
                }
                other.bias[i] = found.bias[i];
            }
            CHECK_AT_LEAST(fits_nmse(&other, &pilots), best * (1.0 - 1e-6));
        }
        fits_map_free(&found);
        fit_destroy(fit);
    }
    fits_free(&pilots);
    fits_map_free(&truth);
    fits_map_free(&turn);
    fits_map_free(&other);
}

static void test_rotation_found(void)
{
    rng_t rng;
    rng_seed(&rng, 103, 0);
    for (int k = 0; k < 2; k++) {
        fits_map_t truth = fits_map(&rng, 4, 1);
        make_rotation(&truth, &rng, k == 1);
        fit_pilots_t pilots = fits_pilots(&rng, &truth, 6, 8, 0.01f);
        fit_t *fit = fits_run(&pilots, k ? FIT_UNITARY : FIT_PROCRUSTES);
        fits_map_t found = fits_of(fit);
        for (int i = 0; i < 64; i++) {
            CHECK_NEAR(found.weight[i], truth.weight[i], 0.03);
        }
        CHECK_NEAR(fits_db(fit_result(fit)->nmse_validated), -20.0, 0.5); /* the noise is left */
        fits_map_free(&found);
        fits_map_free(&truth);
        fits_free(&pilots);
        fit_destroy(fit);
    }
}

/* A channel that is always silent has no direction: the rotation is still one. */
static void test_silent(void)
{
    rng_t rng;
    rng_seed(&rng, 113, 0);
    fits_map_t truth = fits_map(&rng, 4, 1);
    make_rotation(&truth, &rng, true);
    fit_pilots_t pilots = fits_pilots(&rng, &truth, 4, 4, 0.0f);
    float complex *x = (float complex *)pilots.x, *y = (float complex *)pilots.y;
    for (size_t i = 0; i < 4; i++) {
        memset(x + i * 64 + 16, 0, 16 * sizeof *x); /* channel 1 of each pilot */
        fits_apply(&truth, x + i * 64, y + i * 64, 4, 4);
    }
    for (int k = 0; k < 2; k++) {
        fit_t *fit = fits_run(&pilots, k ? FIT_UNITARY : FIT_PROCRUSTES);
        fits_map_t found = fits_of(fit);
        CHECK_AT_MOST(rotation_error(&found), 1e-4);
        CHECK_AT_MOST(fits_db(fits_nmse(&found, &pilots)), -80.0);
        fits_map_free(&found);
        fit_destroy(fit);
    }
    fits_map_free(&truth);
    fits_free(&pilots);
}

/* ---- noise, few pilots ---------------------------------------------------- */

/* y = x without its noise: the best linear map is 1/(1 + s), its NMSE s/(1 + s). */
static void test_wiener(void)
{
    rng_t rng;
    rng_seed(&rng, 104, 0);
    fits_map_t truth = fits_map(&rng, 4, 1);
    make_rotation(&truth, &rng, false);
    const float noise_var = 0.25f;
    fit_pilots_t pilots = fits_pilots(&rng, &truth, 40, 8, noise_var);
    fit_pilots_t fresh = fits_pilots(&rng, &truth, 40, 8, noise_var);
    fit_t *fit = fits_run(&pilots, FIT_WIDELY_LINEAR);
    fits_map_t found = fits_of(fit);
    double measured = fits_nmse(&found, &fresh);
    CHECK_NEAR(fits_db(measured), fits_db(0.25 / 1.25), 0.15);
    CHECK_NEAR(fits_db(fit_result(fit)->nmse_validated), fits_db(measured), 0.15);
    CHECK_NEAR(
        fits_db(fit_result(fit)->nmse_before),
        fits_db(fits_nmse(
            &(fits_map_t){
                4, 1,
                (float[64]){
                    [0] = 1, [9] = 1, [18] = 1, [27] = 1, [36] = 1, [45] = 1, [54] = 1, [63] = 1},
                (float[8]){0}},
            &pilots)),
        1e-3);
    fits_map_free(&found);
    fits_map_free(&truth);
    fits_free(&pilots);
    fits_free(&fresh);
    fit_destroy(fit);
}

static double fresh_error(const fit_pilots_t *pilots, const fit_pilots_t *fresh,
                          fit_options_t options)
{
    err_t err = ERR_INIT;
    fit_t *fit = fit_create(pilots, &options, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fit);
    fits_map_t found = fits_of(fit);
    double error = fits_nmse(&found, fresh);
    fits_map_free(&found);
    fit_destroy(fit);
    return error;
}

/* 6 pilots, more unknowns than a plain fit can bear: 200 inputs, 216 places, noise. */
static void test_few(void)
{
    rng_t rng;
    rng_seed(&rng, 105, 0);
    fits_map_t truth = fits_map(&rng, 4, 1);
    fit_pilots_t pilots = fits_pilots(&rng, &truth, 6, 6, 0.1f);
    fit_pilots_t fresh = fits_pilots(&rng, &truth, 30, 6, 0.1f);
    fit_options_t options = {FIT_CONV, 5, 1e-6, 0};
    double weak = fresh_error(&pilots, &fresh, options);
    options.ridge = NAN;
    double chosen = fresh_error(&pilots, &fresh, options);
    options.method = FIT_WIDELY_LINEAR;
    double linear = fresh_error(&pilots, &fresh, options);
    options.method = FIT_AUTO;
    double automatic = fresh_error(&pilots, &fresh, options);
    CHECK_AT_MOST(chosen, 0.5 * weak);
    CHECK_AT_MOST(fits_db(chosen), fits_db(linear) + 0.3);
    CHECK_AT_MOST(fits_db(automatic), fits_db(linear) + 0.3);
    /* the ridge chosen is near the best of a scan that sees the fresh pilots */
    double best = INFINITY;
    options.method = FIT_CONV;
    for (double exponent = -4; exponent <= 1; exponent += 0.5) {
        options.ridge = pow(10.0, exponent);
        best = fmin(best, fresh_error(&pilots, &fresh, options));
    }
    CHECK_AT_MOST(fits_db(chosen), fits_db(best) + 0.3);
    fits_map_free(&truth);
    fits_free(&pilots);
    fits_free(&fresh);
}

static void test_conv_beats_gradient(void)
{
    rng_t rng;
    rng_seed(&rng, 106, 0);
    fits_map_t truth = fits_map(&rng, 3, 5);
    fit_pilots_t pilots = fits_pilots(&rng, &truth, 12, 8, 0.05f);
    fit_pilots_t fresh = fits_pilots(&rng, &truth, 20, 8, 0.05f);
    fit_options_t options = {FIT_CONV, 5, NAN, 0};
    double closed = fresh_error(&pilots, &fresh, options), last = INFINITY;
    options.method = FIT_CONV_GRADIENT;
    CHECK_AT_MOST(closed, 1.02 * fresh_error(&pilots, &fresh, options)); /* steps chosen likewise */
    for (int steps = 1; steps <= 16; steps *= 4) {                       /* a few steps */
        options.steps = steps;
        err_t err = ERR_INIT;
        fit_t *fit = fit_create(&pilots, &options, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(fit);
        CHECK_AT_MOST(fit_result(fit)->nmse_fit, last); /* each step goes down */
        last = fit_result(fit)->nmse_fit;
        CHECK_INT(fit_result(fit)->steps, steps);
        fit_destroy(fit);
    }
    options = (fit_options_t){FIT_CONV, 5, 1e-9, 0};
    err_t err = ERR_INIT;
    fit_t *least = fit_create(&pilots, &options, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(least);
    CHECK_AT_MOST(fit_result(least)->nmse_fit, last);
    fit_destroy(least);
    fits_map_free(&truth);
    fits_free(&pilots);
    fits_free(&fresh);
}

/* In worlds of every kind, on pilots it has not seen, auto is as good as the kind that made them:
   several may look alike, so the kind itself is only asked for where the others can't follow. */
static void test_auto(void)
{
    static const struct {
        fit_method_t method;
        int kernel, pairs, side;
        bool is_complex, rotation, alone;
    } worlds[] = {{FIT_UNITARY, 1, 6, 4, true, true, false},
                  {FIT_LINEAR, 1, 8, 6, true, false, false},
                  {FIT_WIDELY_LINEAR, 1, 8, 6, false, false, true},
                  {FIT_CONV, 5, 8, 6, false, false, true}};
    for (uint64_t turn = 0; turn < 16; turn++) {
        rng_t rng;
        int w = (int)turn % 4;
        rng_seed(&rng, 107, turn);
        fits_map_t truth = fits_map(&rng, 2, worlds[w].kernel);
        if (worlds[w].is_complex) {
            fits_make_complex(&truth);
        }
        if (worlds[w].rotation) {
            make_rotation(&truth, &rng, true);
        }
        fit_pilots_t pilots = fits_pilots(&rng, &truth, worlds[w].pairs, worlds[w].side, 0.003f);
        fit_pilots_t fresh = fits_pilots(&rng, &truth, 20, worlds[w].side, 0.003f);
        fit_t *fit = fits_run(&pilots, FIT_AUTO);
        fits_map_t found = fits_of(fit);
        fit_options_t own = {worlds[w].method, 5, NAN, 0};
        CHECK_AT_MOST(fits_db(fits_nmse(&found, &fresh)),
                      fits_db(fresh_error(&pilots, &fresh, own)) + 0.5);
        for (int method = 0; method <= FIT_CONV; method++) { /* what it chose had the least error */
            fit_t *other = fits_run(&pilots, (fit_method_t)method);
            CHECK_AT_LEAST(fit_result(other)->nmse_validated, fit_result(fit)->nmse_validated);
            fit_destroy(other);
        }
        if (worlds[w].alone) {
            CHECK_INT(fit_result(fit)->method, worlds[w].method);
        }
        CHECK_INT(fit_result(fit)->folds, worlds[w].pairs);
        fit_destroy(fit);
        fits_map_free(&found);
        fits_map_free(&truth);
        fits_free(&pilots);
        fits_free(&fresh);
    }
}

/* Pilots of a low rate: the codec's other channels are left as they are. */
static void test_widen(void)
{
    static const fit_method_t methods[] = {FIT_WIDELY_LINEAR, FIT_PROCRUSTES, FIT_CONV};
    rng_t rng;
    rng_seed(&rng, 109, 0);
    fits_map_t truth = fits_map(&rng, 2, 1);
    fit_pilots_t pilots = fits_pilots(&rng, &truth, 6, 6, 0.1f);
    for (int m = 0; m < 3; m++) {
        err_t err = ERR_INIT;
        fit_t *fit = fits_run(&pilots, methods[m]);
        fits_map_t narrow = fits_of(fit);
        adapter_info_t info = ADAPTER_INFO_INIT;
        adapter_t *adapter = fit_adapter(fit, &info, 5, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(adapter);
        const float *w = adapter_find(adapter, "equaliser.weight")->data;
        const float *bias = adapter_find(adapter, "equaliser.bias")->data;
        int part = narrow.kernel * narrow.kernel;
        for (int i = 0; i < 10; i++) {
            for (int j = 0; j < 10; j++) {
                for (int k = 0; k < part; k++) {
                    bool inside = i < 4 && j < 4;
                    float expected = inside ? narrow.weight[(i * 4 + j) * part + k]
                                     : i == j && k == part / 2 ? 1.0f
                                                               : 0.0f;
                    CU_ASSERT(w[(i * 10 + j) * part + k] == expected);
                }
            }
            CU_ASSERT(bias[i] == (i < 4 ? narrow.bias[i] : 0.0f));
        }
        CU_ASSERT_PTR_NULL(fit_adapter(fit, &info, 1, &err));
        CHECK_ERROR_NAMES(&err, "2 channels for a codec of 1");
        adapter_destroy(adapter);
        fits_map_free(&narrow);
        fit_destroy(fit);
    }
    fits_map_free(&truth);
    fits_free(&pilots);
}

/* ---- refusals ------------------------------------------------------------- */

static void refuse(const fit_pilots_t *pilots, fit_options_t options, const char *names)
{
    err_t err = ERR_INIT;
    fit_t *fit = fit_create(pilots, &options, &err);
    CU_ASSERT_PTR_NULL(fit);
    CHECK_INT(err.code, ERR_ARGUMENT);
    CHECK_ERROR_NAMES(&err, names);
    fit_destroy(fit);
}

static void test_refusals(void)
{
    rng_t rng;
    rng_seed(&rng, 108, 0);
    fits_map_t truth = fits_map(&rng, 4, 1);
    fit_pilots_t p = fits_pilots(&rng, &truth, 5, 4, 0.1f), one = p, none = p, tiny = p;
    const fit_options_t open = FIT_OPTIONS_INIT;
    float complex *x = (float complex *)p.x, *y = (float complex *)p.y;
    size_t at = ((size_t)(3 * 4 + 2) * 4 + 1) * 4 + 3; /* pilot 3, channel 2, row 1, column 3 */
    float complex was = x[at];
    x[at] = CMPLXF(0, NAN);
    refuse(&p, open, "pilot 3: x of channel 2, row 1, column 3");
    x[at] = was;
    was = y[at];
    y[at] = CMPLXF(INFINITY, 0);
    refuse(&p, open, "pilot 3: y of channel 2, row 1, column 3");
    y[at] = was;
    none.pairs = 0;
    refuse(&none, open, "0 pilots");
    one.pairs = 1;
    refuse(&one, open, "choose the method");
    refuse(&one, (fit_options_t){FIT_LINEAR, 5, NAN, 0}, "choose the ridge");
    refuse(&one, (fit_options_t){FIT_CONV_GRADIENT, 5, NAN, 0}, "choose the steps");
    refuse(&p, (fit_options_t){FIT_CONV, 4, NAN, 0}, "kernel");
    refuse(&p, (fit_options_t){FIT_CONV, 5, -1.0, 0}, "ridge");
    tiny.pairs = 1;
    tiny.rows = 1;
    tiny.columns = 3; /* 3 places, 8 unknowns */
    refuse(&tiny, (fit_options_t){FIT_WIDELY_LINEAR, 5, 0.0, 0},
           "singular: 3 places do not determine 8");
    err_t err = ERR_INIT;
    fit_options_t ridge = {FIT_WIDELY_LINEAR, 5, 0.1, 0};
    fit_t *fit = fit_create(&tiny, &ridge, &err); /* with a ridge it is a fit, unvalidated */
    CU_ASSERT_PTR_NOT_NULL_FATAL(fit);
    CU_ASSERT(isnan(fit_result(fit)->nmse_validated));
    CHECK_INT(fit_result(fit)->folds, 0);
    fit_destroy(fit);
    size_t all = 5 * 4 * 16;
    memset(x, 0, all * sizeof *x);
    refuse(&p, open, "x of all 5 pilots");
    for (size_t i = 0; i < all; i++) {
        x[i] = 1.0f;
    }
    refuse(&p, (fit_options_t){FIT_LINEAR, 5, NAN, 0}, "the same everywhere");
    memset(y, 0, all * sizeof *y);
    refuse(&p, open, "y of all 5 pilots");
    fit_pilots_t wide = {2, 200, 4, 4, x, y};
    float complex *big = calloc(2 * 200 * 16, sizeof *big);
    big[0] = 1.0f;
    wide.x = wide.y = big;
    refuse(&wide, (fit_options_t){FIT_CONV, 5, NAN, 0}, "10000 unknowns");
    free(big);
    fits_map_free(&truth);
    fits_free(&p);
}

static const check_test_t tests[] = {
    {"known linear, widely linear and 5x5 maps come back", test_known},
    {"complex methods give complex maps, widely linear ones can do more", test_complex_structure},
    {"no rotation is better than Procrustes' one", test_procrustes},
    {"a known rotation is found in noise", test_rotation_found},
    {"a silent channel leaves the rotation a rotation", test_silent},
    {"noisy pilots give the Wiener filter; pilots left out foretell the error on new ones",
     test_wiener},
    {"6 pilots: the ridge chosen on pilots left out is near the best there is", test_few},
    {"closed-form convolution is no worse than steps of descent, each step goes down",
     test_conv_beats_gradient},
    {"auto is as good as the kind of map that made the pilots", test_auto},
    {"a map for fewer channels than the codec's leaves the others alone", test_widen},
    {"what can't be fitted is named, not-numbers by pilot and place", test_refusals},
};

int main(void)
{
    return check_run("fit", tests, CHECK_COUNT(tests));
}
