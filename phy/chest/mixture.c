/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * h_ls is brought to power 1; selection.c tries profiles; the best one made of
 * separate paths is moved off the grid (paths.c); the likeliest few are mixed
 * by their likelihoods.  The expected error is that of the mixture: the
 * parts' own, and what they differ by.
 *
 * What h_ls holds beside that (paths far beyond the prefix, a channel like no
 * profile) is taken in as far as its energy exceeds the noise's by more than
 * chance: a Wiener gain with a threshold.  Without noise h is h_ls, then.
 */
#include "chest/mixture.h"

#include "chest/bank.h"
#include "chest/paths.h"
#include "chest/selection.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { N = NUMEROLOGY_USED, C = BANK_CARRIERS };

#define LEAST_NOISE 1e-10 /* of the power: the tables are floats */
#define WINDOW_NATS 5.0   /* parts less likely than the best by more than that weigh nothing */
#define CELL        0.15  /* samples that a grid's place and spread are off by */
#define STILL       0.01  /* samples: a step that needs no other after it */
/* Samples from which clusters leave the grid: it is fine enough for less, and with more noise. */
#define REFINE_SPREAD       0.6
#define REFINE_SPREAD_NOISY 1.5
#define NOISY               3e-3
#define CHANCE              1.4 /* noise energy of 80 dimensions or more exceeds its mean by less */

struct mixture {
    bank_t *bank;
    selection_t *selection;
    paths_t *paths;

    /* this call, at power 1 */
    double noise, power;
    float ls_re[C] BANK_ALIGNED, ls_im[C] BANK_ALIGNED; /* h_ls */
    float x_re[C] BANK_ALIGNED, x_im[C] BANK_ALIGNED;   /* the same in bank.h's coordinates */
    float h_re[C] BANK_ALIGNED, h_im[C] BANK_ALIGNED;   /* the estimate */
    profile_shape_t fit_shape;                          /* paths' last fit; PROFILE_SHAPES: none */
    paths_place_t fit_place;
};

mixture_t *mixture_create(int cp, err_t *err)
{
    mixture_t *e = aligned_alloc(64, (sizeof(*e) + 63) / 64 * 64);
    if (e == NULL) {
        err_set(err, ERR_MEMORY, "channel estimator: out of memory");
        return NULL;
    }
    memset(e, 0, sizeof(*e));
    e->bank = bank_create(cp, err);
    e->selection = e->bank != NULL ? selection_create(e->bank, err) : NULL;
    e->paths = e->selection != NULL ? paths_create(e->bank->reach, err) : NULL;
    if (e->paths == NULL) {
        mixture_destroy(e);
        return NULL;
    }
    return e;
}

void mixture_destroy(mixture_t *e)
{
    if (e != NULL) {
        paths_destroy(e->paths);
        selection_destroy(e->selection);
        bank_destroy(e->bank);
        free(e);
    }
}

bool mixture_begin(mixture_t *e, const float complex h_ls[NUMEROLOGY_USED], double power,
                   double noise_var)
{
    if (!(power > 0.0 && power < 1e30) || !isfinite(noise_var)) {
        return false;
    }
    double energy = 0.0;
    float scale = (float)(1.0 / sqrt(power));
    for (int u = 0; u < N; u++) {
        e->ls_re[u] = crealf(h_ls[u]) * scale;
        e->ls_im[u] = cimagf(h_ls[u]) * scale;
        energy += (double)(e->ls_re[u] * e->ls_re[u] + e->ls_im[u] * e->ls_im[u]);
    }
    e->power = power;
    e->noise = fmax(noise_var / power, LEAST_NOISE);
    e->fit_shape = PROFILE_SHAPES;
    /* Also false for what is not a number. */
    if (!(energy > 0.0 && energy < 1e12 && e->noise < 1e12)) {
        return false;
    }
    selection_begin(e->selection, e->ls_re, e->ls_im, e->noise);
    bank_fold(e->bank, e->ls_re, e->ls_im, 0, e->x_re, e->x_im);
    return true;
}

static int shift_of(const estimate_part_t *part)
{
    return (int)lround(part->origin_samples * BANK_STEPS);
}

/* Over the parts, by their weights, per carrier. */
typedef struct {
    double error;  /* of each part alone */
    double energy; /* of each part's estimate */
} sums_t;

/* Adds weight times a grid profile's estimate to c. */
static void add_entry(mixture_t *e, const estimate_part_t *part, float *cre, float *cim, sums_t *m)
{
    float dre[BANK_MAX_RANK] BANK_ALIGNED, dim[BANK_MAX_RANK] BANK_ALIGNED;
    const float *xre, *xim;
    int width;
    double sum = 0.0, energy = 0.0;
    float weight = (float)part->weight;
    const float *gain = selection_gains(e->selection, part->entry, &width);
    selection_projected(e->selection, shift_of(part), &xre, &xim);
    bank_analyse(e->bank, &e->bank->entry[part->entry], width, xre, xim, dre, dim);
    for (int i = 0; i < width; i++) {
        dre[i] *= gain[i];
        dim[i] *= gain[i];
        energy += (double)(dre[i] * dre[i] + dim[i] * dim[i]);
        sum += (double)gain[i];
        dre[i] *= weight;
        dim[i] *= weight;
    }
    bank_synthesise(e->bank, &e->bank->entry[part->entry], width, dre, dim, cre, cim);
    m->error += part->weight * e->noise * sum / N;
    m->energy += part->weight * energy / N;
}

static double fit(mixture_t *e, profile_shape_t shape, paths_place_t place, double noise)
{
    e->fit_shape = shape;
    e->fit_place = place;
    return paths_fit(e->paths, shape, place, e->x_re, e->x_im, noise);
}

/* Whether that was the last fit; a refinement ends with one at the true noise. */
static bool fitted(const mixture_t *e, const estimate_part_t *part)
{
    return part->shape == e->fit_shape && part->origin_samples == e->fit_place.origin &&
           part->scale_samples == e->fit_place.scale;
}

/* The same for separate paths, straight to the carriers. */
static void add_paths(mixture_t *e, const estimate_part_t *part, sums_t *m)
{
    float xre[C] BANK_ALIGNED, xim[C] BANK_ALIGNED;
    double energy = 0.0;
    float weight = (float)part->weight;
    if (!fitted(e, part)) {
        fit(e, part->shape, (paths_place_t){part->origin_samples, part->scale_samples},
            fmax(e->noise, PATHS_MIN_NOISE));
    }
    m->error += part->weight * paths_estimate(e->paths, xre, xim);
    for (int u = 0; u < N; u++) {
        energy += (double)(xre[u] * xre[u] + xim[u] * xim[u]);
        xre[u] *= weight;
        xim[u] *= weight;
    }
    bank_unfold(e->bank, xre, xim, 0, e->h_re, e->h_im);
    m->energy += part->weight * energy / N;
}

/*
 * Takes in what is left of h_ls, as far as it is not noise.  `kept`: the part
 * of the noise that h has kept already, 0 … 1.  Returns the error it brings.
 */
static double add_rest(mixture_t *e, double kept)
{
    double energy = 0.0, share = fmax(1.0 - kept, 0.1);
    for (int u = 0; u < N; u++) {
        float re = e->ls_re[u] - e->h_re[u], im = e->ls_im[u] - e->h_im[u];
        energy += (double)(re * re + im * im) / N;
    }
    double rest = energy / share; /* noise gives e->noise or a little less */
    double gain = rest > 0.0 ? 1.0 - CHANCE * e->noise / rest : 0.0;
    if (gain <= 0.0) {
        return 0.0;
    }
    for (int u = 0; u < N; u++) {
        e->h_re[u] += (float)gain * (e->ls_re[u] - e->h_re[u]);
        e->h_im[u] += (float)gain * (e->ls_im[u] - e->h_im[u]);
    }
    double signal = fmax(rest - e->noise, 0.0);
    return (gain * gain * e->noise + (1.0 - gain) * (1.0 - gain) * signal) * share;
}

/* The parts' estimates together; parts of one shift share the way back to the carriers. */
double mixture_estimate(mixture_t *e, const estimate_part_t *part, int parts,
                        float complex h[NUMEROLOGY_USED])
{
    sums_t m = {0.0, 0.0};
    double energy = 0.0;
    bool done[ESTIMATE_PARTS] = {false};
    memset(e->h_re, 0, sizeof(e->h_re));
    memset(e->h_im, 0, sizeof(e->h_im));
    for (int i = 0; i < parts; i++) {
        if (part[i].entry < 0) {
            add_paths(e, &part[i], &m);
        } else if (!done[i]) {
            float cre[BANK_MAX_RANK] BANK_ALIGNED = {0}, cim[BANK_MAX_RANK] BANK_ALIGNED = {0};
            int shift = shift_of(&part[i]);
            for (int k = i; k < parts; k++) {
                if (part[k].entry >= 0 && shift_of(&part[k]) == shift) {
                    add_entry(e, &part[k], cre, cim, &m);
                    done[k] = true;
                }
            }
            bank_expand(e->bank, cre, cim, shift, e->h_re, e->h_im);
        }
    }
    for (int u = 0; u < N; u++) {
        energy += (double)(e->h_re[u] * e->h_re[u] + e->h_im[u] * e->h_im[u]) / N;
    }
    /* What the parts differ by is error too. */
    double error = m.error + fmax(m.energy - energy, 0.0) + add_rest(e, m.error / e->noise);
    float scale = (float)sqrt(e->power);
    for (int u = 0; u < N; u++) {
        h[u] = CMPLXF(e->h_re[u] * scale, e->h_im[u] * scale);
    }
    return error * e->power;
}

/* Keeps the likeliest in part[], best first; part[].weight holds the log-likelihood until they are weighed. */
static int insert(estimate_part_t *part, int parts, const estimate_part_t *next)
{
    if (parts == ESTIMATE_PARTS && next->weight <= part[parts - 1].weight) {
        return parts;
    }
    int at = parts < ESTIMATE_PARTS ? parts++ : parts - 1;
    for (; at > 0 && part[at - 1].weight < next->weight; at--) {
        part[at] = part[at - 1];
    }
    part[at] = *next;
    return parts;
}

static estimate_part_t from_candidate(const mixture_t *e, const candidate_t *c)
{
    const bank_entry_t *entry = &e->bank->entry[c->entry];
    return (estimate_part_t){.weight = c->likelihood,
                             .shape = entry->shape,
                             .entry = c->entry,
                             .origin_samples = (double)c->shift / BANK_STEPS,
                             .scale_samples = entry->scale};
}

/*
 * Moves a profile of separate paths off the grid.  The first steps suppose
 * more noise than there is: with little, paths out of place fit h as well,
 * with amplitudes gone wild, and the way to the true places is lost.
 */
static estimate_part_t refine(mixture_t *e, estimate_part_t part, bool forgiven)
{
    static const double suppose[] = {1e-2, 1e-3, 0.0, 0.0};
    paths_place_t place = {part.origin_samples, part.scale_samples}, next = place;
    for (int i = forgiven ? 0 : 1; i < 4; i++) {
        if (suppose[i] == 0.0 || suppose[i] > e->noise) {
            fit(e, part.shape, place, fmax(suppose[i], e->noise));
            next = paths_step(e->paths, e->x_re, e->x_im, (paths_place_t){CELL, CELL});
            double moved = fmax(fabs(next.origin - place.origin), fabs(next.scale - place.scale));
            place = next;
            if (suppose[i] == 0.0 && moved < STILL) {
                break;
            }
        }
    }
    part.entry = -1;
    part.weight = fit(e, part.shape, place, e->noise);
    part.origin_samples = place.origin;
    part.scale_samples = place.scale;
    return part;
}

static bool separate(profile_shape_t shape)
{
    return shape == PROFILE_TDL_A || shape == PROFILE_TDL_C;
}

static const candidate_t *prefer(const candidate_t *a, const candidate_t *b)
{
    return a == NULL || b->rank_by > a->rank_by ? b : a;
}

/* Search and refinement: the likeliest parts, `weight` their log-likelihoods. */
static int collect(mixture_t *e, estimate_part_t *part)
{
    const candidate_t *list, *lone = NULL, *clusters = NULL;
    int count = selection_search(e->selection, &list), parts = 0;
    for (int i = 0; i < count; i++) {
        const bank_entry_t *entry = &e->bank->entry[list[i].entry];
        estimate_part_t next = from_candidate(e, &list[i]);
        parts = insert(part, parts, &next);
        if (entry->shape == PROFILE_LONE) {
            lone = prefer(lone, &list[i]);
        } else if (separate(entry->shape)) {
            clusters = prefer(clusters, &list[i]);
        }
    }
    if (e->noise < PATHS_MIN_NOISE) {
        return parts;
    }
    if (lone != NULL) {
        estimate_part_t next = refine(e, from_candidate(e, lone), false);
        parts = insert(part, parts, &next);
    }
    double least = e->noise > NOISY ? REFINE_SPREAD_NOISY : REFINE_SPREAD;
    if (clusters != NULL && e->bank->entry[clusters->entry].spread > least) {
        bool forgiven = clusters->likelihood == -INFINITY;
        estimate_part_t next = refine(e, from_candidate(e, clusters), forgiven);
        parts = insert(part, parts, &next);
    }
    return parts;
}

int mixture_choose(mixture_t *e, estimate_part_t part[ESTIMATE_PARTS], double *log_likelihood)
{
    int parts = collect(e, part), kept = 0;
    double best = part[0].weight, sum = 0.0;
    while (kept < parts && part[kept].weight > best - WINDOW_NATS) {
        part[kept].weight = exp(part[kept].weight - best);
        sum += part[kept++].weight;
    }
    for (int i = 0; i < kept; i++) {
        part[i].weight /= sum;
    }
    *log_likelihood = best;
    return kept;
}

void mixture_moments(mixture_t *e, const estimate_part_t *part, int parts, double *mean_samples,
                     double *spread_samples)
{
    double first = 0.0, second = 0.0;
    for (int i = 0; i < parts; i++) {
        const estimate_part_t *p = &part[i];
        double mean, spread;
        if (p->entry >= 0) {
            mean = e->bank->entry[p->entry].mean;
            spread = e->bank->entry[p->entry].spread;
        } else {
            paths_moments(e->paths, p->shape, p->scale_samples, &mean, &spread);
        }
        mean += p->origin_samples;
        first += p->weight * mean;
        second += p->weight * (mean * mean + spread * spread);
    }
    *mean_samples = first;
    *spread_samples = sqrt(fmax(second - first * first, 0.0));
}

void mixture_correlation(mixture_t *e, const estimate_part_t *part, int parts,
                         double complex r[NUMEROLOGY_USED + 1])
{
    memset(r, 0, (N + 1) * sizeof(*r));
    for (int i = 0; i < parts; i++) {
        const estimate_part_t *p = &part[i];
        if (p->entry < 0) {
            paths_correlation(e->paths, p->shape,
                              (paths_place_t){p->origin_samples, p->scale_samples}, p->weight, r);
            continue;
        }
        double complex turn = cexp(-2.0 * I * M_PI * p->origin_samples / NUMEROLOGY_FFT);
        double complex at = p->weight;
        for (int d = 0; d <= N; d++) {
            r[d] += at * e->bank->entry[p->entry].correlation[d];
            at *= turn;
        }
    }
}
