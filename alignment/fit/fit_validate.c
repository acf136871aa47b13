/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fit_validate: pilots left out.  Each group's moments are subtracted from those of all, the
 * method is fitted to the rest and measured on the group: no picture is gone through twice.  The
 * ridge is searched over decades and then half a decade to both sides of the best.
 */
#include "fit/fit_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_conv(fit_method_t method)
{
    return method == FIT_CONV || method == FIT_CONV_GRADIENT;
}

/* ---- sums ----------------------------------------------------------------- */

static int allocate(fit_sums_t *sums, int channels, int kernel, int folds, bool pictures,
                    err_t *err)
{
    *sums = (fit_sums_t){.kernel = kernel, .folds = folds};
    sums->all = moments_create(channels, kernel, pictures, err);
    sums->rest = sums->all ? moments_create(channels, kernel, false, err) : NULL;
    if (!sums->rest || fit_work_create(&sums->work, channels, kernel, err) < 0) {
        return -1;
    }
    for (int i = 0; i < folds; i++) {
        if (!(sums->fold[i] = moments_create(channels, kernel, pictures, err))) {
            return -1;
        }
    }
    size_t t = (size_t)sums->all->targets, map = t * (size_t)sums->all->features;
    sums->weight = calloc(3 * map + t, sizeof *sums->weight);
    if (!sums->weight) {
        return err_set(err, ERR_MEMORY, "no memory for a fit");
    }
    sums->prior = sums->weight + map;
    sums->scratch = sums->prior + map;
    sums->bias = sums->scratch + map;
    return 0;
}

int fit_sums_create(fit_sums_t *sums, const fit_pilots_t *p, int kernel, int folds, err_t *err)
{
    size_t one = (size_t)p->channels * (size_t)p->rows * (size_t)p->columns;
    if (allocate(sums, p->channels, kernel, folds, true, err) < 0) {
        fit_sums_destroy(sums);
        return -1;
    }
    for (int i = 0; i < p->pairs; i++) {
        moments_t *to = folds > 0 ? sums->fold[i % folds] : sums->all;
        moments_add_picture(to, p->x + (size_t)i * one, p->y + (size_t)i * one, p->rows,
                            p->columns);
    }
    for (int i = 0; i < folds; i++) {
        moments_add(sums->all, sums->fold[i], 1.0);
    }
    return 0;
}

int fit_sums_centre(fit_sums_t *sums, const fit_sums_t *from, err_t *err)
{
    if (allocate(sums, from->all->targets / 2, 1, from->folds, false, err) < 0) {
        fit_sums_destroy(sums);
        return -1;
    }
    moments_centre(sums->all, from->all);
    for (int i = 0; i < from->folds; i++) {
        moments_centre(sums->fold[i], from->fold[i]);
    }
    return 0;
}

void fit_sums_destroy(fit_sums_t *sums)
{
    moments_destroy(sums->all);
    moments_destroy(sums->rest);
    for (int i = 0; i < sums->folds; i++) {
        moments_destroy(sums->fold[i]);
    }
    fit_work_destroy(&sums->work);
    free(sums->weight);
    *sums = (fit_sums_t){0};
}

/* ---- one fit -------------------------------------------------------------- */

/* The widely linear map of the same pilots, at the kernel's centre, into sums->prior. */
static int make_prior(fit_sums_t *sums, const moments_t *moments, double ridge, fit_sums_t *centre,
                      err_t *err)
{
    size_t part = (size_t)(sums->kernel * sums->kernel), d = (size_t)moments->features;
    size_t t = (size_t)moments->targets;
    moments_centre(centre->rest, moments);
    if (fit_solve_ridge(centre->rest, ridge, false, NULL, centre->weight, centre->bias,
                        &centre->work, err) < 0) {
        return -1;
    }
    memset(sums->prior, 0, t * d * sizeof *sums->prior);
    for (size_t i = 0; i < t; i++) {
        for (size_t k = 0; k < t; k++) {
            sums->prior[i * d + k * part + part / 2] = centre->weight[i * t + k];
        }
    }
    return 0;
}

int fit_train(fit_sums_t *sums, const moments_t *moments, const fit_choice_t *choice,
              fit_sums_t *centre, err_t *err)
{
    fit_work_t *work = &sums->work;
    bool is_complex = choice->method == FIT_LINEAR || choice->method == FIT_UNITARY;
    if (is_conv(choice->method) &&
        make_prior(sums, moments, choice->prior_ridge, centre, err) < 0) {
        return -1;
    }
    switch (choice->method) {
    case FIT_UNITARY:
    case FIT_PROCRUSTES:
        return fit_solve_rotation(moments, is_complex, sums->weight, sums->bias, work, err);
    case FIT_CONV:
        return fit_solve_ridge(moments, choice->ridge, false, sums->prior, sums->weight, sums->bias,
                               work, err);
    case FIT_CONV_GRADIENT:
        memcpy(sums->weight, sums->prior,
               (size_t)moments->targets * (size_t)moments->features * sizeof *sums->weight);
        fit_solve_descent(moments, choice->steps, sums->weight, sums->bias, work);
        return 0;
    default:
        return fit_solve_ridge(moments, choice->ridge, is_complex, NULL, sums->weight, sums->bias,
                               work, err);
    }
}

/* ---- choosing ------------------------------------------------------------- */

/* NMSE over all groups, each fitted without itself; infinite where the rest is singular. */
static double left_out(fit_sums_t *sums, const fit_choice_t *choice, fit_sums_t *centre)
{
    double error = 0.0;
    for (int i = 0; i < sums->folds; i++) {
        moments_copy(sums->rest, sums->all);
        moments_add(sums->rest, sums->fold[i], -1.0);
        if (fit_train(sums, sums->rest, choice, centre, NULL) < 0) {
            return INFINITY;
        }
        error += moments_error(sums->fold[i], sums->weight, sums->bias, sums->scratch);
    }
    return error / sums->all->tt;
}

/* Keeps the better of the best so far and `choice`; equal errors keep the first. */
static void consider(fit_sums_t *sums, fit_choice_t *best, fit_choice_t choice, fit_sums_t *centre)
{
    choice.error = left_out(sums, &choice, centre);
    if (!(choice.error >= best->error)) {
        *best = choice;
    }
}

static int search_ridge(fit_sums_t *sums, fit_choice_t *choice, fit_sums_t *centre, err_t *err)
{
    fit_choice_t best = *choice, next = *choice;
    best.error = INFINITY;
    for (int decade = 1; decade >= -8; decade--) { /* from strong to weak: a tie takes the strong */
        next.ridge = pow(10.0, decade);
        consider(sums, &best, next, centre);
    }
    const double coarse = best.ridge;
    for (int side = -1; side <= 1; side += 2) {
        next.ridge = coarse * pow(10.0, 0.5 * side);
        consider(sums, &best, next, centre);
    }
    if (!(best.error < INFINITY)) {
        return err_set(err, ERR_ARGUMENT, "no ridge fits the pilots: x is the same everywhere");
    }
    *choice = best;
    return 0;
}

static void search_steps(fit_sums_t *sums, fit_choice_t *choice, fit_sums_t *centre)
{
    static const int steps[] = {1, 2, 5, 10, 20, 50, 100};
    fit_choice_t best = *choice, next = *choice;
    best.error = INFINITY;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        next.steps = steps[i];
        consider(sums, &best, next, centre);
    }
    *choice = best;
}

int fit_validate(fit_sums_t *sums, fit_sums_t *centre, const fit_options_t *options,
                 fit_choice_t *choice, err_t *err)
{
    bool rotation = choice->method == FIT_UNITARY || choice->method == FIT_PROCRUSTES;
    bool gradient = choice->method == FIT_CONV_GRADIENT;
    bool open = rotation ? false : gradient ? options->steps == 0 : isnan(options->ridge);
    choice->ridge = rotation || gradient ? NAN : options->ridge;
    choice->steps = gradient ? options->steps : 0;
    choice->error = NAN;
    if (sums->folds == 0) {
        return !open ? 0
                     : err_set(err, ERR_ARGUMENT,
                               "one pilot leaves none to choose the %s with: take two "
                               "or more, or give it",
                               gradient ? "steps" : "ridge");
    }
    if (!open) {
        double error = left_out(sums, choice, centre);
        choice->error = isfinite(error) ? error : NAN;
    } else if (gradient) {
        search_steps(sums, choice, centre);
    } else {
        return search_ridge(sums, choice, centre, err);
    }
    return 0;
}
