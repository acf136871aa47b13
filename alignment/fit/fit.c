/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fit: checks the pilots, gathers the moments once, lets the methods compete on pilots left out,
 * and fits the winner to all of them.
 */
#include "fit/fit.h"

#include "cmplx.h"
#include "fit/fit_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fit {
    fit_result_t result;
    int side; /* 2C */
    float *weight, *bias;
};

static const char *const names[FIT_METHODS] = {"linear", "widely_linear", "unitary", "procrustes",
                                               "conv",   "conv_gradient", "auto"};

const char *fit_method_name(fit_method_t method)
{
    return names[method];
}

/* ---- pilots --------------------------------------------------------------- */

static int check_finite(const fit_pilots_t *p, const float complex *values, const char *what,
                        err_t *err)
{
    size_t places = (size_t)p->rows * (size_t)p->columns, one = places * (size_t)p->channels;
    for (size_t i = 0; i < one * (size_t)p->pairs; i++) {
        if (!isfinite(crealf(values[i])) || !isfinite(cimagf(values[i]))) {
            size_t in = i % one, place = in % places;
            return err_set(err, ERR_ARGUMENT,
                           "pilot %zu: %s of channel %zu, row %zu, column %zu is not "
                           "a finite number",
                           i / one, what, in / places, place / (size_t)p->columns,
                           place % (size_t)p->columns);
        }
    }
    return 0;
}

static double distance(const float complex *a, const float complex *b, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        double re = (double)crealf(a[i]) - (b ? (double)crealf(b[i]) : 0.0);
        double im = (double)cimagf(a[i]) - (b ? (double)cimagf(b[i]) : 0.0);
        sum += re * re + im * im;
    }
    return sum;
}

static int check(const fit_pilots_t *p, const fit_options_t *o, fit_result_t *result, err_t *err)
{
    if (p->pairs < 1 || p->channels < 1 || p->rows < 1 || p->columns < 1 || p->pairs > 1000000 ||
        p->channels > 256 || p->rows > 4096 || p->columns > 4096) {
        return err_set(err, ERR_ARGUMENT,
                       "%d pilots of %d channels, %d x %d: none, or out of range", p->pairs,
                       p->channels, p->rows, p->columns);
    }
    if ((unsigned)o->method >= FIT_METHODS || o->kernel < 3 || o->kernel > 15 ||
        o->kernel % 2 == 0 || o->ridge < 0.0 || isinf(o->ridge) || o->steps < 0 ||
        o->steps > 100000) {
        return err_set(err, ERR_ARGUMENT,
                       "a kernel of %d (odd, 3 .. 15), a ridge of %g (0 or more) or "
                       "%d steps (0 .. 100000)",
                       o->kernel, o->ridge, o->steps);
    }
    if (check_finite(p, p->x, "x", err) < 0 || check_finite(p, p->y, "y", err) < 0) {
        return -1;
    }
    size_t count = (size_t)p->pairs * (size_t)p->channels * (size_t)p->rows * (size_t)p->columns;
    double energy = distance(p->y, NULL, count);
    if (!(energy > 0.0) || !(distance(p->x, NULL, count) > 0.0)) {
        return err_set(err, ERR_ARGUMENT, "%s of all %d pilots is nothing but zeros",
                       energy > 0.0 ? "x" : "y", p->pairs);
    }
    result->nmse_before = distance(p->x, p->y, count) / energy;
    return 0;
}

/* ---- fitting -------------------------------------------------------------- */

/* Chooses among methods and their regularisation; *sums is the winner's. */
static int choose(const fit_options_t *options, fit_sums_t *conv, fit_sums_t *centre,
                  fit_choice_t *best, err_t *err)
{
    bool all = options->method == FIT_AUTO, started = false;
    if (all && centre->folds == 0) {
        return err_set(err, ERR_ARGUMENT,
                       "one pilot leaves none to choose the method with: take two or "
                       "more, or name a method and its ridge");
    }
    fit_choice_t linear = {.method = FIT_WIDELY_LINEAR};
    best->error = INFINITY;
    for (int method = all ? 0 : (int)options->method;
         method <= (all ? FIT_CONV : (int)options->method); method++) {
        fit_choice_t choice = {.method = (fit_method_t)method};
        bool wide = method == FIT_CONV || method == FIT_CONV_GRADIENT;
        if (wide && !started) { /* where it starts from */
            started = true;
            fit_options_t start = *options;
            start.ridge = centre->folds > 0 ? (double)NAN : 1e-3;
            if (fit_validate(centre, NULL, &start, &linear, err) < 0) {
                return -1;
            }
        }
        choice.prior_ridge = linear.ridge;
        if (fit_validate(wide ? conv : centre, wide ? centre : NULL, options, &choice, err) < 0) {
            return -1;
        }
        if (!all || choice.error < best->error) {
            *best = choice;
        }
    }
    return 0;
}

static int keep(fit_t *fit, const fit_sums_t *sums)
{
    size_t t = (size_t)sums->all->targets, map = t * (size_t)sums->all->features;
    fit->side = (int)t;
    fit->weight = malloc((map + t) * sizeof *fit->weight);
    if (!fit->weight) {
        return -1;
    }
    fit->bias = fit->weight + map;
    for (size_t i = 0; i < map; i++) {
        fit->weight[i] = (float)sums->weight[i];
    }
    for (size_t i = 0; i < t; i++) {
        fit->bias[i] = (float)sums->bias[i];
    }
    return 0;
}

static int run(fit_t *fit, const fit_options_t *options, fit_sums_t *conv, fit_sums_t *centre,
               err_t *err)
{
    fit_choice_t best = {0};
    if (choose(options, conv, centre, &best, err) < 0) {
        return -1;
    }
    bool wide = best.method == FIT_CONV || best.method == FIT_CONV_GRADIENT;
    fit_sums_t *sums = wide ? conv : centre;
    if (fit_train(sums, sums->all, &best, wide ? centre : NULL, err) < 0) {
        return -1;
    }
    fit_result_t *r = &fit->result;
    r->method = best.method;
    r->kernel = sums->kernel;
    r->ridge = best.ridge;
    r->steps = best.steps;
    r->folds = sums->folds;
    r->nmse_validated = best.error;
    r->nmse_fit = moments_error(sums->all, sums->weight, sums->bias, sums->scratch) / sums->all->tt;
    return keep(fit, sums) < 0 ? err_set(err, ERR_MEMORY, "no memory for a fit") : 0;
}

fit_t *fit_create(const fit_pilots_t *pilots, const fit_options_t *options, err_t *err)
{
    fit_sums_t conv = {0}, centre = {0};
    fit_t *fit = calloc(1, sizeof *fit);
    if (!fit) {
        err_set(err, ERR_MEMORY, "no memory for a fit");
        return NULL;
    }
    int code = check(pilots, options, &fit->result, err);
    bool wide = options->method >= FIT_CONV;
    int folds = pilots->pairs < 2 ? 0 : pilots->pairs <= FIT_FOLDS_MAX ? pilots->pairs : 5;
    if (code == 0) {
        fit->result.pairs = pilots->pairs;
        fit->result.places = pilots->pairs * pilots->rows * pilots->columns;
        code =
            fit_sums_create(wide ? &conv : &centre, pilots, wide ? options->kernel : 1, folds, err);
    }
    if (code == 0 && wide) {
        code = fit_sums_centre(&centre, &conv, err);
    }
    if (code == 0) {
        code = run(fit, options, &conv, &centre, err);
    }
    fit_sums_destroy(&conv);
    fit_sums_destroy(&centre);
    if (code < 0) {
        fit_destroy(fit);
        return NULL;
    }
    return fit;
}

void fit_destroy(fit_t *fit)
{
    if (fit) {
        free(fit->weight);
        free(fit);
    }
}

const fit_result_t *fit_result(const fit_t *fit)
{
    return &fit->result;
}

/* ---- as an adapter -------------------------------------------------------- */

/* The fitted map in the leading block of `side` channels, the rest the identity.  free(). */
static float *widen(const fit_t *fit, int side)
{
    size_t k = (size_t)fit->result.kernel, part = k * k, wide = (size_t)side, t = (size_t)fit->side;
    float *weight = calloc(wide * wide * part + wide, sizeof *weight);
    if (!weight) {
        return NULL;
    }
    for (size_t i = 0; i < wide; i++) {
        float *row = weight + i * wide * part;
        if (i < t) {
            memcpy(row, fit->weight + i * t * part, t * part * sizeof *row);
            weight[wide * wide * part + i] = fit->bias[i];
        } else {
            row[i * part + part / 2] = 1.0f;
        }
    }
    return weight;
}

static int describe(const fit_result_t *r, adapter_note_t notes[5], char text[4][32])
{
    int count = 0;
    snprintf(text[0], sizeof text[0], "%d", r->pairs);
    snprintf(text[1], sizeof text[1], "%.2f", 10.0 * log10(r->nmse_before));
    snprintf(text[2], sizeof text[2], "%.2f", 10.0 * log10(r->nmse_validated));
    snprintf(text[3], sizeof text[3], "%.3g", r->ridge);
    notes[count++] = (adapter_note_t){"fit.method", names[r->method]};
    notes[count++] = (adapter_note_t){"fit.pilots", text[0]};
    notes[count++] = (adapter_note_t){"fit.nmse_before_db", text[1]};
    if (r->folds > 0) {
        notes[count++] = (adapter_note_t){"fit.nmse_db", text[2]};
    }
    if (!isnan(r->ridge)) {
        notes[count++] = (adapter_note_t){"fit.ridge", text[3]};
    }
    return count;
}

adapter_t *fit_adapter(const fit_t *fit, const adapter_info_t *info, int channels, err_t *err)
{
    const fit_result_t *r = &fit->result;
    int side = channels > 0 ? 2 * channels : fit->side;
    if (side < fit->side || channels > 256) {
        err_set(err, ERR_ARGUMENT, "a map of %d channels for a codec of %d", fit->side / 2,
                channels);
        return NULL;
    }
    float *weight = widen(fit, side);
    if (!weight) {
        err_set(err, ERR_MEMORY, "no memory for an adapter");
        return NULL;
    }
    char text[4][32];
    adapter_note_t notes[5];
    adapter_info_t mine = *info;
    bool rotation = r->method == FIT_UNITARY || r->method == FIT_PROCRUSTES;
    size_t elements = (size_t)side * (size_t)side * (size_t)(r->kernel * r->kernel);
    mine.kind = rotation ? ADAPTER_PROCRUSTES : r->kernel > 1 ? ADAPTER_CONV : ADAPTER_LINEAR;
    adapter_array_t arrays[] = {
        {"equaliser.weight", r->kernel > 1 ? 4 : 2, {side, side, r->kernel, r->kernel}, weight},
        {"equaliser.bias", 1, {side}, weight + elements}};
    adapter_t *adapter = adapter_build(&mine, arrays, 2, notes, describe(r, notes, text), err);
    free(weight);
    return adapter;
}
