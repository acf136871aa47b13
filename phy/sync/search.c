/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Overlap-save: one forward FFT of 2048 samples; for each offset tried the
 * spectrum is shifted by that many bins, multiplied with the segment's, folded
 * to 1024 bins and transformed back, which leaves every second one of 1792
 * outputs of the 256-sample filter.  Every second one is enough: the band is half
 * as wide as the sample rate.
 *
 * With q(n) the power summed over four segments, two statistics are compared
 * with their thresholds: q(n) + q(n+1), for a lone path, which may lie between two
 * outputs, and the sum over six, for many paths.  In white noise they follow gamma
 * laws of 8 and 24 degrees.  The thresholds are low: acquire.c decides, and its test
 * costs as much as searching 500 samples, so one candidate group in a hundred may pass.
 *
 * The offsets tried lie at most half a sub-carrier apart: a preamble between
 * two of them loses 0.9 dB at most.  The energy is taken over the 1088 samples
 * that hold the windows of a whole group of 64 candidates.  Behind silence a
 * candidate whole segments too early has as good a ratio to the energy of its samples
 * as the true one, so hits are ranked by what the ratio were if all four segments
 * were as strong as the strongest.
 */
#include "sync/search.h"

#include "sync/clip.h"
#include "sync/preamble.h"
#include "waveform/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_OFFSETS = 8,
    FINE = SEARCH_SPAN / PREAMBLE_SEGMENT,    /* bins per sub-carrier */
    REACH = (NUMEROLOGY_USED / 2 + 2) * FINE, /* the band with its skirts */
    HALF = SEARCH_SPAN / 2,
    /* Counted in every second sample: */
    SEG = PREAMBLE_SEGMENT / 2,
    BACK = SEARCH_BACK / 2,
    STEP = SEARCH_STEP / 2,
    GROUP = SEARCH_GROUP / 2,
    ROW = BACK + STEP,
    SUMS =
        ROW - 3 * SEG, /* of four segments; STEP are judged, the rest is for the wide statistic */
    WIDE = 6,
    /* Groups: */
    GROUPS = SEARCH_STEP / SEARCH_GROUP,
    WINDOW = NUMEROLOGY_PREAMBLE / SEARCH_GROUP + 1, /* that hold 64 windows */
    SEGMENT = PREAMBLE_SEGMENT / SEARCH_GROUP,
    BACK_GROUPS = SEARCH_BACK / SEARCH_GROUP,
    SPAN_GROUPS = SEARCH_SPAN / SEARCH_GROUP,
};

_Static_assert(SUMS >= STEP + WIDE, "the last candidate's statistic must be known");
_Static_assert(GROUPS + WINDOW <= BACK_GROUPS + SPAN_GROUPS, "and its energy");

#define SPACING     0.5
#define EVEN        ((float)WINDOW / (SEGMENT + 1))
#define LEAKAGE     1e-4f
#define NARROW_GATE (23.5f / NUMEROLOGY_PREAMBLE)
#define WIDE_GATE   (46.5f / NUMEROLOGY_PREAMBLE)

struct search {
    fft_t *forward, *backward;
    int offsets;
    int shift[MAX_OFFSETS]; /* in bins of the long FFT */
    bool fresh;
    float norm;                          /* filter's energy, all norms in */
    float complex filter[2 * REACH + 1]; /* conj of the segment's spectrum, from bin -REACH */
    float complex band[2 * (REACH + 2 * FINE) + 1];
    float past[MAX_OFFSETS][BACK]; /* the filter's power before the present position */
    float row[ROW];
    float sum[SUMS];
    float energy[BACK_GROUPS + SPAN_GROUPS];
    float total; /* of the last span */
    float value[STEP];
    float threshold[GROUPS]; /* grows with what was found */
    float
        even[GROUPS]; /* what the threshold were if all segments were as strong as the strongest */
    search_hit_t best[GROUPS];
};

static void make_filter(search_t *s)
{
    float complex used[NUMEROLOGY_USED], bins[NUMEROLOGY_FFT];
    preamble_spectrum(used);
    numerology_scatter(used, bins);
    /* The segment in time, by its definition; create may be slow. */
    float complex *in = fft_in(s->forward);
    memset(in, 0, SEARCH_SPAN * sizeof(*in));
    double energy = 0.0;
    for (int n = 0; n < PREAMBLE_SEGMENT; n++) {
        double complex sum = 0.0;
        for (int k = 0; k < NUMEROLOGY_FFT; k++) {
            sum += bins[k] * cexp(2.0 * I * M_PI * (k * n % NUMEROLOGY_FFT) / NUMEROLOGY_FFT);
        }
        in[n] = (float complex)(sum / 16.0);
        energy += creal(sum * conj(sum)) / 256.0;
    }
    fft_execute(s->forward);
    for (int k = -REACH; k <= REACH; k++) {
        s->filter[k + REACH] = conjf(fft_out(s->forward)[(k + SEARCH_SPAN) % SEARCH_SPAN]);
    }
    s->norm = (float)(energy * SEARCH_SPAN * SEARCH_SPAN);
}

search_t *search_create(double range, err_t *err)
{
    if (!(range >= 0.25 && range <= 2.0)) {
        err_set(err, ERR_ARGUMENT, "search: cfo_range = %g is not in 0.25 … 2 sub-carriers", range);
        return NULL;
    }
    search_t *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        err_set(err, ERR_MEMORY, "search: out of memory");
        return NULL;
    }
    s->forward = fft_create(SEARCH_SPAN, FFT_FORWARD, err);
    s->backward = fft_create(HALF, FFT_BACKWARD, err);
    if (s->forward == NULL || s->backward == NULL) {
        search_destroy(s);
        return NULL;
    }
    s->offsets = (int)ceil(2.0 * range / SPACING - 1e-9);
    double step = 2.0 * range / s->offsets;
    for (int i = 0; i < s->offsets; i++) {
        s->shift[i] = (int)lrint((-range + (i + 0.5) * step) * FINE);
    }
    make_filter(s);
    search_restart(s);
    return s;
}

void search_destroy(search_t *s)
{
    if (s != NULL) {
        fft_destroy(s->forward);
        fft_destroy(s->backward);
        free(s);
    }
}

void search_restart(search_t *s)
{
    s->total = 0.0f;
    s->fresh = true;
}

static void transform(search_t *s, const float complex *x)
{
    enum { EDGE = REACH + 2 * FINE };
    for (int i = 0; i < SEARCH_SPAN / CLIP_BLOCK; i++) {
        clip_block(x + i * CLIP_BLOCK, fft_in(s->forward) + i * CLIP_BLOCK,
                   s->energy + BACK_GROUPS + i * CLIP_GROUPS);
    }
    fft_execute(s->forward);
    const float complex *out = fft_out(s->forward);
    memcpy(s->band, out + SEARCH_SPAN - EDGE, EDGE * sizeof(*out));
    memcpy(s->band + EDGE, out, (EDGE + 1) * sizeof(*out));
}

static void find_thresholds(search_t *s)
{
    /* Beside a strong signal, of this span or the one before: the filter is cut to the band. */
    float total = 0.0f;
    for (int g = 0; g < SPAN_GROUPS; g++) {
        total += s->energy[BACK_GROUPS + g];
    }
    float floor = LEAKAGE * fmaxf(total, s->total);
    s->total = total;
    for (int g = 0; g < GROUPS; g++) {
        float energy = floor, most = 0.0f;
        for (int m = 0; m < PREAMBLE_SEGMENTS; m++) {
            const float *at = s->energy + g + m * SEGMENT;
            float quarter = (at[0] + at[1]) + (at[2] + at[3]);
            energy += quarter;
            most = fmaxf(most, quarter + at[SEGMENT]);
        }
        energy += s->energy[g + WINDOW - 1];
        s->threshold[g] = s->norm * energy;
        s->even[g] = s->norm * (floor + EVEN * most);
        s->best[g].ratio = 0.0f;
    }
}

/* Power of every second of the matched filter's 1792 outputs at offset number i. */
static void correlate(search_t *s, int i)
{
    enum { FOLD = REACH - HALF / 2 }; /* bins beyond the half rate's band, on either side */
    const float complex *band = s->band + 2 * FINE + s->shift[i];
    float complex *in = fft_in(s->backward);
    for (int k = 0; k < HALF / 2; k++) {
        in[k] = band[REACH + k] * s->filter[REACH + k];
        in[HALF / 2 + k] = band[REACH - HALF / 2 + k] * s->filter[REACH - HALF / 2 + k];
    }
    for (int k = 0; k <= FOLD; k++) {
        in[HALF / 2 + k] += band[REACH + HALF / 2 + k] * s->filter[REACH + HALF / 2 + k];
    }
    for (int k = 0; k < FOLD; k++) {
        in[HALF / 2 - FOLD + k] += band[k] * s->filter[k];
    }
    fft_execute(s->backward);
    const float complex *out = fft_out(s->backward);
    memcpy(s->row, s->past[i], sizeof(s->past[i]));
    for (int n = 0; n < STEP; n++) {
        s->row[BACK + n] = crealf(out[n]) * crealf(out[n]) + cimagf(out[n]) * cimagf(out[n]);
    }
    memcpy(s->past[i], s->row + STEP, sizeof(s->past[i]));
    for (int n = 0; n < SUMS; n++) {
        const float *at = s->row + n;
        s->sum[n] = (at[0] + at[SEG]) + (at[2 * SEG] + at[3 * SEG]);
    }
}

/* Both statistics over their gates, the greater one, for every candidate. */
static void combine(search_t *s)
{
    const float *sum = s->sum;
    for (int n = 0; n < STEP; n++) {
        float narrow = sum[n] + sum[n + 1];
        float wide = narrow + (sum[n + 2] + sum[n + 3]) + (sum[n + 4] + sum[n + 5]);
        narrow *= 1.0f / NARROW_GATE;
        wide *= 1.0f / WIDE_GATE;
        s->value[n] = narrow > wide ? narrow : wide;
    }
}

static bool any_above(const float value[GROUP], float threshold)
{
    int any = 0;
    for (int n = 0; n < GROUP; n++) {
        any |= value[n] > threshold;
    }
    return any != 0;
}

/* What offset number i adds to group g's best. */
static void judge(search_t *s, int i, int g)
{
    const float *value = s->value + g * GROUP;
    if (!any_above(value, s->threshold[g])) {
        return;
    }
    int best = 0;
    for (int n = 1; n < GROUP; n++) {
        best = value[n] > value[best] ? n : best;
    }
    s->best[g] = (search_hit_t){.offset = g * SEARCH_GROUP - SEARCH_BACK + 2 * best,
                                .cfo = (double)s->shift[i] / FINE,
                                .ratio = value[best] / s->even[g]};
    s->threshold[g] = value[best]; /* for the offsets to come */
}

static int weakest(const search_hit_t *hits)
{
    int least = 0;
    for (int i = 1; i < SEARCH_MAX_HITS; i++) {
        least = hits[i].ratio < hits[least].ratio ? i : least;
    }
    return least;
}

static int collect(const search_t *s, search_hit_t hits[SEARCH_MAX_HITS])
{
    int count = 0;
    for (int g = s->fresh ? BACK_GROUPS : 0; g < GROUPS; g++) {
        const search_hit_t *hit = &s->best[g];
        if (hit->ratio <= 0.0f) {
            continue;
        }
        if (count == SEARCH_MAX_HITS) {
            int out = weakest(hits);
            if (hits[out].ratio >= hit->ratio) {
                continue;
            }
            memmove(hits + out, hits + out + 1, (size_t)(--count - out) * sizeof(*hits));
        }
        hits[count++] = *hit;
    }
    return count;
}

int search_step(search_t *s, const float complex *x, search_hit_t hits[SEARCH_MAX_HITS])
{
    transform(s, x);
    find_thresholds(s);
    for (int i = 0; i < s->offsets; i++) {
        correlate(s, i);
        combine(s);
        for (int g = 0; g < GROUPS; g++) {
            judge(s, i, g);
        }
    }
    int count = collect(s, hits);
    s->fresh = false;
    memmove(s->energy, s->energy + GROUPS, BACK_GROUPS * sizeof(float));
    return count;
}
