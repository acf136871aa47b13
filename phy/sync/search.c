/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Overlap-save: one forward FFT of 2048 samples; for each offset tried the
 * spectrum is shifted by that many bins, multiplied with the segment's, and
 * transformed back, which leaves 1792 outputs of the 256-sample filter.
 *
 * The offsets tried lie at most 2/3 of a sub-carrier apart: a preamble between
 * two of them loses 1.7 dB at most.  The gate's threshold is low (about 1e-7
 * per candidate in white noise, and 1e-4 inside a foreign signal of our own
 * spectrum); acquire.c makes the decision.  The energy is taken over the 1088
 * samples that hold the windows of a whole group of 64 candidates.
 */
#include "sync/search.h"

#include "sync/preamble.h"
#include "waveform/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_OFFSETS = 8,
    FINE = SEARCH_SPAN / PREAMBLE_SEGMENT,    /* bins per sub-carrier */
    REACH = (NUMEROLOGY_USED / 2 + 2) * FINE, /* the band with its skirts */
    ROW = SEARCH_BACK + SEARCH_STEP,
    WINDOW = NUMEROLOGY_PREAMBLE / SEARCH_GROUP + 1, /* groups that hold 64 windows */
    BACK_GROUPS = SEARCH_BACK / SEARCH_GROUP,
    SPAN_GROUPS = SEARCH_SPAN / SEARCH_GROUP,
};

#define SPACING (2.0 / 3.0)
#define ROUNDING 1e-9f
#define GATE (28.0f / NUMEROLOGY_PREAMBLE)

struct search {
    fft_t *forward, *backward;
    int offsets;
    int shift[MAX_OFFSETS]; /* in bins of the long FFT */
    bool fresh;
    float scale;                        /* threshold over energy, all norms in */
    float complex filter[2 * REACH + 1]; /* conj of the segment's spectrum, from bin -REACH */
    float complex band[2 * (REACH + 2 * FINE) + 1];
    float row[MAX_OFFSETS][ROW];
    float energy[BACK_GROUPS + SPAN_GROUPS];
    float floor; /* of the energy: rounding errors of the FFT beside a strong signal */
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
    s->scale = (float)(GATE * energy * SEARCH_SPAN * SEARCH_SPAN);
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
    s->backward = fft_create(SEARCH_SPAN, FFT_BACKWARD, err);
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
    s->fresh = true;
}

static void transform(search_t *s, const float complex *x)
{
    enum { EDGE = REACH + 2 * FINE };
    memcpy(fft_in(s->forward), x, SEARCH_SPAN * sizeof(*x));
    fft_execute(s->forward);
    const float complex *out = fft_out(s->forward);
    memcpy(s->band, out + SEARCH_SPAN - EDGE, EDGE * sizeof(*out));
    memcpy(s->band + EDGE, out, (EDGE + 1) * sizeof(*out));
}

/* Power of the matched filter's 1792 outputs at offset number i. */
static void correlate(search_t *s, int i)
{
    const float complex *band = s->band + 2 * FINE + s->shift[i];
    float complex *in = fft_in(s->backward);
    for (int k = 0; k < REACH; k++) {
        in[SEARCH_SPAN - REACH + k] = band[k] * s->filter[k];
    }
    for (int k = 0; k <= REACH; k++) {
        in[k] = band[REACH + k] * s->filter[REACH + k];
    }
    fft_execute(s->backward);
    const float complex *out = fft_out(s->backward);
    float *row = s->row[i] + SEARCH_BACK;
    for (int n = 0; n < SEARCH_STEP; n++) {
        row[n] = crealf(out[n]) * crealf(out[n]) + cimagf(out[n]) * cimagf(out[n]);
    }
}

static void measure(search_t *s, const float complex *x)
{
    float total = 0.0f;
    for (int g = 0; g < SPAN_GROUPS; g++) {
        float lane[8] = {0};
        const float complex *at = x + g * SEARCH_GROUP;
        for (int n = 0; n < SEARCH_GROUP; n += 8) {
            for (int l = 0; l < 8; l++) {
                lane[l] += crealf(at[n + l]) * crealf(at[n + l]) +
                           cimagf(at[n + l]) * cimagf(at[n + l]);
            }
        }
        float sum = 0.0f;
        for (int l = 0; l < 8; l++) {
            sum += lane[l];
        }
        s->energy[BACK_GROUPS + g] = sum;
        total += sum;
    }
    s->floor = ROUNDING * total;
}

/* The largest sum over four segments among a group's 64 candidates. */
static float largest(const float *row)
{
    float lane[8] = {0};
    for (int n = 0; n < SEARCH_GROUP; n += 8) {
        for (int l = 0; l < 8; l++) {
            const float *at = row + n + l;
            float sum = at[0] + at[PREAMBLE_SEGMENT] + at[2 * PREAMBLE_SEGMENT] +
                        at[3 * PREAMBLE_SEGMENT];
            lane[l] = sum > lane[l] ? sum : lane[l];
        }
    }
    float most = 0.0f;
    for (int l = 0; l < 8; l++) {
        most = lane[l] > most ? lane[l] : most;
    }
    return most;
}

static int where(const float *row, float value)
{
    for (int n = 0; n < SEARCH_GROUP; n++) {
        const float *at = row + n;
        float sum = at[0] + at[PREAMBLE_SEGMENT] + at[2 * PREAMBLE_SEGMENT] +
                    at[3 * PREAMBLE_SEGMENT];
        if (sum >= value) {
            return n;
        }
    }
    return 0;
}

static bool judge_group(const search_t *s, int g, search_hit_t *hit)
{
    float energy = s->floor;
    for (int i = 0; i < WINDOW; i++) {
        energy += s->energy[g + i];
    }
    float best = s->scale * energy;
    int which = -1;
    for (int i = 0; i < s->offsets; i++) {
        float most = largest(s->row[i] + g * SEARCH_GROUP);
        if (most > best) {
            best = most;
            which = i;
        }
    }
    if (which < 0) {
        return false;
    }
    hit->offset = g * SEARCH_GROUP - SEARCH_BACK + where(s->row[which] + g * SEARCH_GROUP, best);
    hit->cfo = (double)s->shift[which] / FINE;
    hit->ratio = best / (s->scale * energy);
    return true;
}

int search_step(search_t *s, const float complex *x, search_hit_t hits[SEARCH_MAX_HITS])
{
    transform(s, x);
    measure(s, x);
    for (int i = 0; i < s->offsets; i++) {
        correlate(s, i);
    }
    int count = 0;
    for (int g = s->fresh ? BACK_GROUPS : 0; g < SEARCH_MAX_HITS; g++) {
        count += judge_group(s, g, &hits[count]);
    }
    s->fresh = false;
    for (int i = 0; i < s->offsets; i++) {
        memmove(s->row[i], s->row[i] + SEARCH_STEP, SEARCH_BACK * sizeof(float));
    }
    memmove(s->energy, s->energy + SEARCH_MAX_HITS, BACK_GROUPS * sizeof(float));
    return count;
}
