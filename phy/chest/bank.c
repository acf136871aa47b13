/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The products with the bank's tables, in GCC's vectors.  Every sum runs over
 * the same terms in the same order whatever the vectors' length.
 * (bank_build.c makes the tables.)
 */
#include "chest/bank.h"

enum {
    N = NUMEROLOGY_USED,
    HALF = NUMEROLOGY_USED / 2,
    F = BANK_FLOATS,
    C = BANK_CARRIERS,
    ROOTS = NUMEROLOGY_FFT * BANK_STEPS
};

typedef bank_vector_t vector_t;

#define ROOT_HALF 0.70710678f

/* Used carriers k and -k, k = 1 … 66. */
static int above(int k)
{
    return HALF - 1 + k;
}

static int below(int k)
{
    return HALF - k;
}

/* B^T x for a basis of `vectors` vectors: a constant, so that the sums stay in registers. */
static inline __attribute__((always_inline)) void correlate(const float *basis, const float *xre,
                                                            const float *xim, int vectors,
                                                            float *cre, float *cim)
{
    vector_t re[BANK_MAX_RANK / F] = {{0}}, im[BANK_MAX_RANK / F] = {{0}};
    for (int u = 0; u < N; u++) {
        const vector_t *a = (const vector_t *)basis + u * vectors;
        for (int k = 0; k < vectors; k++) {
            re[k] += a[k] * xre[u];
            im[k] += a[k] * xim[u];
        }
    }
    for (int k = 0; k < vectors; k++) {
        ((vector_t *)cre)[k] = re[k];
        ((vector_t *)cim)[k] = im[k];
    }
}

void bank_fold(const bank_t *b, const float *hre, const float *him, int shift, float *xre,
               float *xim)
{
    float pr[HALF], pi[HALF], mr[HALF], mi[HALF], wr[HALF], wi[HALF];
    for (int k = 0; k < HALF; k++) {
        int at = (int)((unsigned)((k + 1) * shift) % ROOTS);
        pr[k] = hre[above(k + 1)];
        pi[k] = him[above(k + 1)];
        mr[k] = hre[below(k + 1)];
        mi[k] = him[below(k + 1)];
        wr[k] = b->root_re[at] * ROOT_HALF;
        wi[k] = b->root_im[at] * ROOT_HALF;
    }
    for (int k = 0; k < HALF; k++) {
        float ar = pr[k] * wr[k] - pi[k] * wi[k], ai = pr[k] * wi[k] + pi[k] * wr[k];
        float br = mr[k] * wr[k] + mi[k] * wi[k], bi = mi[k] * wr[k] - mr[k] * wi[k];
        xre[k] = ar + br;
        xim[k] = ai + bi;
        xre[HALF + k] = bi - ai;
        xim[HALF + k] = ar - br;
    }
}

void bank_project(const bank_t *b, const float *hre, const float *him, int shift, float *cre,
                  float *cim)
{
    float xre[N], xim[N];
    bank_fold(b, hre, him, shift, xre, xim);
    if (b->width == BANK_MAX_RANK / 2) {
        correlate(b->basis, xre, xim, BANK_MAX_RANK / 2 / F, cre, cim);
    } else {
        correlate(b->basis, xre, xim, BANK_MAX_RANK / F, cre, cim);
    }
}

void bank_unfold(const bank_t *b, const float *xre, const float *xim, int shift, float *hre,
                 float *him)
{
    for (int k = 1; k <= HALF; k++) {
        int at = (int)((unsigned)(k * shift) % ROOTS);
        float wr = b->root_re[at] * ROOT_HALF, wi = b->root_im[at] * ROOT_HALF;
        float er = xre[k - 1], ei = xim[k - 1], or = xre[HALF + k - 1], oi = xim[HALF + k - 1];
        float ar = er + oi, ai = ei - or, br = er - oi, bi = ei + or ;
        hre[above(k)] += ar * wr + ai * wi;
        him[above(k)] += ai * wr - ar * wi;
        hre[below(k)] += br * wr - bi * wi;
        him[below(k)] += bi * wr + br * wi;
    }
}

void bank_expand(const bank_t *b, const float *cre, const float *cim, int shift, float *hre,
                 float *him)
{
    vector_t re[C / F] = {{0}}, im[C / F] = {{0}};
    for (int j = 0; j < b->rank; j++) {
        const vector_t *a = (const vector_t *)(b->basist + j * C);
        for (int k = 0; k < C / F; k++) {
            re[k] += a[k] * cre[j];
            im[k] += a[k] * cim[j];
        }
    }
    bank_unfold(b, (const float *)re, (const float *)im, shift, hre, him);
}

void bank_analyse(const bank_t *b, const bank_entry_t *e, int width, const float *cre,
                  const float *cim, float *dre, float *dim)
{
    int row = e->width / F;
    for (int k = 0; k < width / F; k++) {
        const vector_t *q = (const vector_t *)e->q + k;
        vector_t re[2] = {{0}}, im[2] = {{0}};
        /* The basis' width is even, and its pads are zero. */
        for (int j = 0; j < b->rank; j += 2) {
            re[0] += q[j * row] * cre[j];
            im[0] += q[j * row] * cim[j];
            re[1] += q[(j + 1) * row] * cre[j + 1];
            im[1] += q[(j + 1) * row] * cim[j + 1];
        }
        ((vector_t *)dre)[k] = re[0] + re[1];
        ((vector_t *)dim)[k] = im[0] + im[1];
    }
}

void bank_synthesise(const bank_t *b, const bank_entry_t *e, int width, const float *dre,
                     const float *dim, float *cre, float *cim)
{
    vector_t *re = (vector_t *)cre, *im = (vector_t *)cim;
    int row = b->width / F;
    for (int i = 0; i < width; i++) {
        const vector_t *q = (const vector_t *)e->qt + i * row;
        for (int k = 0; k < row; k++) {
            re[k] += q[k] * dre[i];
            im[k] += q[k] * dim[i];
        }
    }
}
