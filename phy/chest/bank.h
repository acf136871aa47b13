/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bank: the delay profiles an estimator chooses from, decomposed once.
 *
 * Everything is counted from a supposed first path: whoever uses the bank
 * turns the carriers by that path's delay first (bank_project does).  Then a
 * channel h of a profile is h = B Q a, with B[132][rank] an orthonormal basis
 * of all channels within the prefix and a little around it, Q the profile's
 * eigenvectors in that basis, and E|a_i|^2 = eigenvalue_i * power.  A profile
 * with a short spread has few eigenvalues worth the name, and small matrices.
 *
 * The carriers lie evenly about DC, so a path's response has conjugate values
 * at carriers k and -k.  In the coordinates (h[k] + h[-k]) / sqrt 2 and
 * i (h[k] - h[-k]) / sqrt 2 every response is real, and so are B and Q: a
 * product takes half the work.  Complex vectors are split into real and
 * imaginary planes, rows padded with zeros to whole vectors of 16 floats, and
 * planes must be aligned to 64 bytes.
 */
#ifndef CHEST_BANK_H
#define CHEST_BANK_H

#include "chest/profile.h"
#include "err.h"
#include "waveform/numerology.h"

enum {
    BANK_LANES = 16,
    BANK_CARRIERS = 144, /* NUMEROLOGY_USED in whole vectors */
    BANK_MAX_RANK = 64,
    BANK_STEPS = 8, /* shifts are counted in 1 / BANK_STEPS of a sample */
};

#define BANK_ALIGNED __attribute__((aligned(64)))

/*
 * What the processor adds at once.  The compiler makes poor code of vectors
 * longer than that.  Results are the same for all: sums across a vector are
 * taken over BANK_LANES floats in one order (bank_sum).
 */
#if defined(__AVX512F__)
#define BANK_VECTOR 64
#elif defined(__AVX__)
#define BANK_VECTOR 32
#else
#define BANK_VECTOR 16
#endif
enum { BANK_FLOATS = BANK_VECTOR / 4, BANK_DOUBLES = BANK_VECTOR / 8 };
typedef float bank_vector_t __attribute__((vector_size(BANK_VECTOR), aligned(BANK_VECTOR)));
typedef double bank_double_t __attribute__((vector_size(BANK_VECTOR), aligned(BANK_VECTOR)));

static inline double bank_sum(const float lane[BANK_LANES])
{
    float part[8];
    for (int i = 0; i < 8; i++) {
        part[i] = lane[i] + lane[8 + i];
    }
    return (double)((part[0] + part[4]) + (part[1] + part[5])) +
           (double)((part[2] + part[6]) + (part[3] + part[7]));
}

typedef struct {
    profile_shape_t shape;
    double mean, spread; /* of the paths, in samples, from the first */
    double scale;        /* the spread that profile_make was asked for */
    int rank, width;     /* eigenvalues kept (down to 1e-10 of the largest), and with pads */
    float *eigenvalue;   /* [width], falling; they add up to 132 */
    float *q;            /* Q as [bank rank][width] */
    float *qt;           /* Q as [width][bank width] */
    double complex correlation[NUMEROLOGY_USED + 1]; /* E h[k + d] conj(h[k]) at power 1 */
} bank_entry_t;

typedef struct {
    int cp;
    double reach; /* samples; profiles have no later paths, see profile_make */
    int rank, width;
    float *basis;  /* B as [132][width] */
    float *basist; /* B as [width][BANK_CARRIERS] */
    int count;
    bank_entry_t *entry;
    int first[PROFILE_SHAPES +
              1]; /* shape s: entries first[s] … first[s + 1] - 1, spreads
                                      rising; the last uniform one fills all of `reach` */
    float *store;
    float root_re[NUMEROLOGY_FFT * BANK_STEPS], root_im[NUMEROLOGY_FFT * BANK_STEPS];
} bank_t;

/* For a prefix of `cp` samples, 18 or 64.  Takes tens of milliseconds. */
bank_t *bank_create(int cp, err_t *err);
void bank_destroy(bank_t *b); /* NULL is fine */

/* x[132] = h[132] in the coordinates above, turned so that a path at shift / BANK_STEPS comes to 0.
 */
void bank_fold(const bank_t *b, const float *hre, const float *him, int shift, float *xre,
               float *xim);

/* h[132] += x turned back. */
void bank_unfold(const bank_t *b, const float *xre, const float *xim, int shift, float *hre,
                 float *him);

/* c[width] = B^T h, h[132] turned so that a path at shift / BANK_STEPS samples comes to 0. */
void bank_project(const bank_t *b, const float *hre, const float *him, int shift, float *cre,
                  float *cim);

/* h[132] += B c, turned back. */
void bank_expand(const bank_t *b, const float *cre, const float *cim, int shift, float *hre,
                 float *him);

/* d = Q^T c, the first `width` places, a multiple of 16 up to e->width. */
void bank_analyse(const bank_t *b, const bank_entry_t *e, int width, const float *cre,
                  const float *cim, float *dre, float *dim);

/* c[width of b] += Q d, of d the first `width` places. */
void bank_synthesise(const bank_t *b, const bank_entry_t *e, int width, const float *dre,
                     const float *dim, float *cre, float *cim);

/* Carrier number -66 … 66 of used carrier u. */
static inline int bank_carrier(int u)
{
    return u < NUMEROLOGY_USED / 2 ? u - NUMEROLOGY_USED / 2 : u - NUMEROLOGY_USED / 2 + 1;
}

#endif
