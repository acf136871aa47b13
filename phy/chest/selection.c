/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With d = Q^T B^T h and l the eigenvalues of a profile,
 *
 *     log p(h | profile) - log p(h | noise) =
 *         sum |d_i|^2 l_i / (l_i + noise) / noise - log(1 + l_i / noise).
 *
 * Few eigenvalues matter, and an entry's gains and determinant serve all its
 * shifts; a shift's projection serves all entries.  Both are made when first
 * asked for.
 *
 * The search: the mean delay of h (from the correlation of neighbouring
 * carriers) ties each spread to a shift, so a ladder over the exponential
 * spreads finds the scale; from there each shape climbs its grid of spread and
 * shift, steps halving, to its own top.  TDL profiles of a large spread have
 * many tops: a coarse sweep of their grid comes first.  What was tried on the
 * way is kept: the neighbourhood of the tops is the mixture.
 */
#include "chest/selection.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    N = NUMEROLOGY_USED,
    LOW = SELECTION_FIRST * BANK_STEPS,
    SHIFTS = (SELECTION_LAST - SELECTION_FIRST) * BANK_STEPS + 1,
    CLIMB = 24, /* moves at most */
    STARTS = 3, /* tops of a sweep that are climbed */
    ROWS = 48,  /* spreads of a sweep at most */
};

#define NEGLIGIBLE 1e-3f /* a gain that changes nothing */

/*
 * Clusters apart (TDL-A, TDL-C of a large spread) make needles of the
 * likelihood at high SNR, finer than the grid.  They are ranked as if there
 * was more noise, which finds the neighbourhood; paths.c finds the needle.
 */
#define FORGIVING       3e-2  /* that noise */
#define FORGIVING_GAIN  0.03f /* smaller gains do not rank */
#define FORGIVEN_SPREAD 2.5   /* samples of the exponential's spread, in the extended prefix */

/* From this spread on clusters are searched by sweeping the grid, not only by climbing. */
#define SWEPT_SPREAD 1.5
#define SWEEP_FROM   0.55 /* of the exponential's spread: what a fading channel shows is less */
#define SWEEP_TO     3.5

typedef struct {
    unsigned made; /* in this call */
    int width;
    double log_det;
    float gain[BANK_MAX_RANK] BANK_ALIGNED;
} gains_t;

typedef struct {
    float re[BANK_MAX_RANK], im[BANK_MAX_RANK];
} BANK_ALIGNED projection_t;

struct selection {
    const bank_t *bank;
    double sweep_ratio; /* of spreads */
    int sweep_step;     /* of shifts */
    bool forgive;       /* in this call, from the sweeps on */
    const float *hre, *him;
    double noise, centre; /* centre: h's mean delay in samples */
    unsigned call;
    gains_t *gains, *soft; /* by entry; soft: for noise FORGIVING, in all calls */
    projection_t projection[SHIFTS];
    unsigned projected[SHIFTS];
    int count;
    candidate_t list[SELECTION_MAX];
    unsigned *seen; /* [entry][shift]: call * SELECTION_MAX + number in the list */
};

selection_t *selection_create(const bank_t *bank, err_t *err)
{
    selection_t *s = aligned_alloc(64, (sizeof(*s) + 63) / 64 * 64);
    size_t count = (size_t)bank->count;
    if (s != NULL) {
        memset(s, 0, sizeof(*s));
        s->bank = bank;
        /* Late clusters move more: a finer sweep where the prefix holds them. */
        s->sweep_ratio = bank->cp > NUMEROLOGY_CP_NORMAL ? 1.06 : 1.15;
        s->sweep_step = bank->cp > NUMEROLOGY_CP_NORMAL ? 8 : 16;
        s->gains = aligned_alloc(64, count * sizeof(*s->gains));
        s->soft = aligned_alloc(64, count * sizeof(*s->soft));
        s->seen = calloc(count * SHIFTS, sizeof(*s->seen));
    }
    if (s == NULL || s->gains == NULL || s->soft == NULL || s->seen == NULL) {
        err_set(err, ERR_MEMORY, "channel estimator: out of memory");
        selection_destroy(s);
        return NULL;
    }
    memset(s->gains, 0, count * sizeof(*s->gains));
    memset(s->soft, 0, count * sizeof(*s->soft));
    return s;
}

void selection_destroy(selection_t *s)
{
    if (s != NULL) {
        free(s->gains);
        free(s->soft);
        free(s->seen);
        free(s);
    }
}

/* Forgets what earlier calls computed, once their numbers would repeat. */
static void next_call(selection_t *s)
{
    if (++s->call > 0xffffffffu / SELECTION_MAX - 1) {
        s->call = 1;
        memset(s->seen, 0, (size_t)s->bank->count * SHIFTS * sizeof(*s->seen));
        memset(s->projected, 0, sizeof(s->projected));
        for (int i = 0; i < s->bank->count; i++) {
            s->gains[i].made = 0;
        }
    }
}

void selection_begin(selection_t *s, const float *hre, const float *him, double noise)
{
    next_call(s);
    s->hre = hre;
    s->him = him;
    s->noise = noise;
    s->count = 0;
}

void selection_projected(selection_t *s, int shift, const float **cre, const float **cim)
{
    projection_t *p = &s->projection[shift - LOW];
    if (s->projected[shift - LOW] != s->call) {
        s->projected[shift - LOW] = s->call;
        bank_project(s->bank, s->hre, s->him, shift, p->re, p->im);
    }
    *cre = p->re;
    *cim = p->im;
}

/*
 * lambda / (lambda + noise) into gain[]; returns sum log(1 + lambda / noise).
 * *width: whole vectors with a gain of `least` or more; the rest counts as 0.
 */
static double make_gains(const bank_entry_t *e, double noise, float least, float *gain, int *width)
{
    double log_det = 0.0;
    float part = (float)(1.0 / noise);
    memset(gain, 0, (size_t)e->width * sizeof(*gain));
    for (*width = 0; *width < e->width; *width += BANK_LANES) {
        const float *value = e->eigenvalue + *width;
        float x[BANK_LANES];
        if (*width > 0 && value[0] * part < least) {
            break;
        }
        for (int i = 0; i < BANK_LANES; i++) {
            x[i] = value[i] * part;
            gain[*width + i] = x[i] / (1.0f + x[i]);
        }
        double a = 1.0, b = 1.0;
        for (int i = 0; i < BANK_LANES; i += 2) {
            a *= 1.0 + (double)x[i];
            b *= 1.0 + (double)x[i + 1];
        }
        log_det += log(a) + log(b);
    }
    return log_det;
}

static bool clusters(profile_shape_t shape)
{
    return shape == PROFILE_TDL_A || shape == PROFILE_TDL_C;
}

static gains_t *gains_of(selection_t *s, int entry)
{
    gains_t *g = &s->gains[entry];
    if (g->made != s->call) {
        g->made = s->call;
        g->log_det = make_gains(&s->bank->entry[entry], s->noise, NEGLIGIBLE, g->gain, &g->width);
    }
    return g;
}

/* The same for the noise that clusters are ranked by. */
static gains_t *soft_gains_of(selection_t *s, int entry)
{
    gains_t *g = &s->soft[entry];
    if (g->width == 0) {
        g->log_det =
            make_gains(&s->bank->entry[entry], FORGIVING, FORGIVING_GAIN, g->gain, &g->width);
    }
    return g;
}

const float *selection_gains(selection_t *s, int entry, int *width)
{
    gains_t *g = gains_of(s, entry);
    *width = g->width;
    return g->gain;
}

/* sum gain |d|^2 */
static double weigh(const float *gain, const float *dre, const float *dim, int width)
{
    enum { STEP = BANK_LANES / BANK_FLOATS };
    const bank_vector_t *g = (const bank_vector_t *)gain;
    const bank_vector_t *re = (const bank_vector_t *)dre, *im = (const bank_vector_t *)dim;
    bank_vector_t sum[STEP] = {{0}};
    for (int k = 0; k < width / BANK_FLOATS; k += STEP) {
        for (int i = 0; i < STEP; i++) {
            sum[i] += g[k + i] * (re[k + i] * re[k + i] + im[k + i] * im[k + i]);
        }
    }
    return bank_sum((const float *)sum);
}

static int within(int shift)
{
    return shift < LOW ? LOW : shift >= LOW + SHIFTS ? LOW + SHIFTS - 1 : shift;
}

/* Returns the candidate's number in the list; what was tried before is not tried again. */
static int try(selection_t *s, int entry, int shift)
{
    shift = within(shift);
    unsigned *seen = &s->seen[entry * SHIFTS + shift - LOW];
    if (*seen / SELECTION_MAX == s->call) {
        return (int)(*seen % SELECTION_MAX);
    }
    if (s->count == SELECTION_MAX) {
        return 0; /* more than a search ever tries */
    }
    float dre[BANK_MAX_RANK] BANK_ALIGNED, dim[BANK_MAX_RANK] BANK_ALIGNED;
    const float *cre, *cim;
    const bank_entry_t *e = &s->bank->entry[entry];
    bool soft = s->forgive && clusters(e->shape);
    const gains_t *g = soft ? soft_gains_of(s, entry) : gains_of(s, entry);
    double noise = soft ? FORGIVING : s->noise;
    selection_projected(s, shift, &cre, &cim);
    bank_analyse(s->bank, e, g->width, cre, cim, dre, dim);
    candidate_t *c = &s->list[s->count];
    c->entry = entry;
    c->shift = shift;
    c->rank_by = weigh(g->gain, dre, dim, g->width) / noise - g->log_det;
    c->likelihood = soft ? -INFINITY : c->rank_by;
    *seen = s->call * SELECTION_MAX + (unsigned)s->count;
    return s->count++;
}

/* The shift that puts an entry's mean delay where h's is. */
static int centred(const selection_t *s, int entry)
{
    double first = s->centre - s->bank->entry[entry].mean;
    return within((int)lround(fmax(-99.0, fmin(99.0, first)) * BANK_STEPS));
}

static int better(const selection_t *s, int a, int b)
{
    return s->list[b].rank_by > s->list[a].rank_by ? b : a;
}

/* From candidate `best` uphill among the entries of its shape. */
static void climb(selection_t *s, int best)
{
    const bank_t *b = s->bank;
    profile_shape_t shape = b->entry[s->list[best].entry].shape;
    int step = (int)lround(0.5 * BANK_STEPS * b->entry[s->list[best].entry].spread);
    step = step < 1 ? 1 : step > BANK_STEPS ? BANK_STEPS : step;
    int finest = b->entry[s->list[best].entry].spread > SWEPT_SPREAD ? 2 : 1;
    for (int move = 0; move < CLIMB && step >= finest; move++) {
        candidate_t at = s->list[best];
        int top = best;
        top = better(s, top, try(s, at.entry, at.shift - step));
        top = better(s, top, try(s, at.entry, at.shift + step));
        for (int side = -1; side <= 1; side += 2) {
            int next = at.entry + side;
            if (next >= b->first[shape] && next < b->first[shape + 1]) {
                double later = b->entry[next].mean - b->entry[at.entry].mean;
                int shift = at.shift - (int)lround(later * BANK_STEPS);
                top = better(s, top, try(s, next, shift));
            }
        }
        step = top == best ? step / 2 : step;
        best = top;
    }
}

/* The last entry of a shape with no more than that spread (or its first). */
static int entry_of(const bank_t *b, int shape, double spread)
{
    int at = b->first[shape];
    while (at + 1 < b->first[shape + 1] && b->entry[at + 1].spread <= spread) {
        at++;
    }
    return at;
}

/* From the phase that neighbouring carriers differ by (the pair about DC left out). */
static double mean_delay(const float *hre, const float *him)
{
    float re = 0.0f, im = 0.0f;
    for (int u = 0; u + 1 < N; u++) {
        if (u + 1 != N / 2) {
            re += hre[u + 1] * hre[u] + him[u + 1] * him[u];
            im += him[u + 1] * hre[u] - hre[u + 1] * him[u];
        }
    }
    double turn = -atan2((double)im, (double)re) / (2.0 * M_PI);
    return NUMEROLOGY_FFT * (turn < -0.1 ? turn + 1.0 : turn);
}

/* Climbs from the best few of row[]: of neighbours, which share a top, only from the best. */
static void climb_rows(selection_t *s, const int *row, int rows)
{
    bool used[ROWS] = {false};
    for (int start = 0; start < STARTS; start++) {
        int best = -1;
        for (int i = 0; i < rows; i++) {
            bool peak = (i == 0 || better(s, row[i], row[i - 1]) == row[i]) &&
                        (i == rows - 1 || better(s, row[i], row[i + 1]) == row[i]);
            if (peak && !used[i] && (best < 0 || better(s, row[best], row[i]) == row[i])) {
                best = i;
            }
        }
        if (best < 0) {
            return;
        }
        used[best] = true;
        climb(s, row[best]);
    }
}

/* Tries a coarse grid of the spreads within from … to, at all shifts, and climbs from there. */
static void sweep(selection_t *s, int shape, double from, double to)
{
    int row[ROWS], rows = 0;
    double next = from;
    for (int e = s->bank->first[shape]; e < s->bank->first[shape + 1] && rows < ROWS; e++) {
        double spread = s->bank->entry[e].spread;
        if (spread > to) {
            break;
        }
        if (spread < next) {
            continue;
        }
        next = spread * s->sweep_ratio;
        row[rows] = try(s, e, LOW);
        for (int shift = LOW + s->sweep_step; shift < LOW + SHIFTS; shift += s->sweep_step) {
            row[rows] = better(s, row[rows], try(s, e, shift));
        }
        rows++;
    }
    climb_rows(s, row, rows);
}

/* The same from the entries about a spread, h's mean delay kept. */
static void climb_from(selection_t *s, int shape, double spread)
{
    int start = -1;
    for (double part = 0.8; part < 1.3; part *= 1.25) {
        int entry = entry_of(s->bank, shape, part * spread);
        int at = try(s, entry, centred(s, entry));
        start = start < 0 ? at : better(s, start, at);
    }
    climb(s, start);
}

int selection_search(selection_t *s, const candidate_t **list)
{
    const bank_t *b = s->bank;
    s->centre = mean_delay(s->hre, s->him);
    s->forgive = false;
    int ladder = -1;
    for (int e = b->first[PROFILE_EXPONENTIAL]; e < b->first[PROFILE_EXPONENTIAL + 1]; e++) {
        int at = try(s, e, centred(s, e));
        ladder = ladder < 0 ? at : better(s, ladder, at);
    }
    double spread = b->entry[s->list[ladder].entry].spread;
    climb(s, ladder);
    s->forgive = b->cp > NUMEROLOGY_CP_NORMAL && spread > FORGIVEN_SPREAD && s->noise < FORGIVING;
    if (ladder <= 2) {
        climb(s, try(s, b->first[PROFILE_LONE], centred(s, b->first[PROFILE_LONE])));
    }
    for (int shape = PROFILE_UNIFORM; shape < PROFILE_SHAPES; shape++) {
        if (clusters((profile_shape_t)shape) && spread > SWEPT_SPREAD) {
            sweep(s, shape, SWEEP_FROM * spread, SWEEP_TO * spread);
        } else {
            climb_from(s, shape, spread);
        }
    }
    /* Whatever the channel is: all of the bank's reach, from a little early. */
    int all = b->first[PROFILE_UNIFORM + 1] - 1;
    try(s, all, LOW);
    *list = s->list;
    return s->count;
}
