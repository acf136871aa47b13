/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The body of kernel.h's loops, included once per instruction set with
 *     KERNEL_WIDTH    floats in a vector
 *     KERNEL_UNROLL   vectors of outputs at a time (2 accumulators each)
 *     KERNEL_NAME     the table to define
 *
 * Normal values: Box and Muller (Ann. Math. Stat. 29, 1958) on xoshiro256++
 * (Blackman and Vigna 2021).  The logarithm is the Cephes polynomial (Moshier);
 * sine and cosine are its polynomials within +-pi/4, and the rest of the circle
 * comes from random signs and a random exchange of the two: no range reduction,
 * and exactly symmetric.  31 bits of radius reach to 6.55 sigma.
 */
#include <math.h>
#include <string.h>

typedef float vf __attribute__((vector_size(4 * KERNEL_WIDTH)));
typedef int32_t vi __attribute__((vector_size(4 * KERNEL_WIDTH)));
typedef uint64_t vq __attribute__((vector_size(4 * KERNEL_WIDTH)));

#define KERNEL_INLINE static inline __attribute__((always_inline))
#define QUADS (16 / KERNEL_WIDTH) /* vectors that hold the eight streams */

KERNEL_INLINE void load(vf *to, const float *from)
{
    memcpy(to, from, sizeof *to);
}

static void fir(const float *hr, const float *hi, size_t taps, const float *xr, const float *xi,
                float *yr, float *yi, size_t count)
{
    enum { STEP = KERNEL_WIDTH * KERNEL_UNROLL };
    for (size_t n = 0; n < count; n += STEP) {
        vf sum_r[KERNEL_UNROLL] = {{0}};
        vf sum_i[KERNEL_UNROLL] = {{0}};
        for (size_t k = 0; k < taps; k++) {
            const vf gain_r = hr[k] - (vf){0};
            const vf gain_i = hi[k] - (vf){0};
            const float *from_r = xr + n - k;
            const float *from_i = xi + n - k;
#pragma GCC unroll 8
            for (int u = 0; u < KERNEL_UNROLL; u++) {
                vf re, im;
                load(&re, from_r + u * KERNEL_WIDTH);
                load(&im, from_i + u * KERNEL_WIDTH);
                sum_r[u] += gain_r * re - gain_i * im;
                sum_i[u] += gain_r * im + gain_i * re;
            }
        }
#pragma GCC unroll 8
        for (int u = 0; u < KERNEL_UNROLL; u++) {
            memcpy(yr + n + u * KERNEL_WIDTH, &sum_r[u], sizeof(vf));
            memcpy(yi + n + u * KERNEL_WIDTH, &sum_i[u], sizeof(vf));
        }
    }
}

/* `unroll` vectors of outputs, the first of them sample `first` of the ramp. */
KERNEL_INLINE void ramp_step(const kernel_ramp_t *h, size_t taps, size_t first, const float *xr,
                             const float *xi, float *yr, float *yi, const int unroll)
{
    vf sum_r[KERNEL_UNROLL] = {{0}};
    vf sum_i[KERNEL_UNROLL] = {{0}};
    vf at[KERNEL_UNROLL];
    for (int u = 0; u < unroll; u++) {
        for (int j = 0; j < KERNEL_WIDTH; j++) {
            at[u][j] = (float)((int)first + u * KERNEL_WIDTH + j);
        }
    }
    for (size_t k = 0; k < taps; k++) {
#pragma GCC unroll 8
        for (int u = 0; u < unroll; u++) {
            const vf gain_r = h->re[k] + h->re_step[k] * at[u];
            const vf gain_i = h->im[k] + h->im_step[k] * at[u];
            vf re, im;
            load(&re, xr - k + u * KERNEL_WIDTH);
            load(&im, xi - k + u * KERNEL_WIDTH);
            sum_r[u] += gain_r * re - gain_i * im;
            sum_i[u] += gain_r * im + gain_i * re;
        }
    }
#pragma GCC unroll 8
    for (int u = 0; u < unroll; u++) {
        memcpy(yr + u * KERNEL_WIDTH, &sum_r[u], sizeof(vf));
        memcpy(yi + u * KERNEL_WIDTH, &sum_i[u], sizeof(vf));
    }
}

/* As fir, with gains that move.  A short rest is done in a part of a step. */
static void fir_ramp(const kernel_ramp_t *h, size_t taps, size_t first, const float *xr,
                     const float *xi, float *yr, float *yi, size_t count)
{
    enum { STEP = KERNEL_WIDTH * KERNEL_UNROLL };
    size_t n = 0;
    for (; n < count && count - n > STEP / 2; n += STEP) {
        ramp_step(h, taps, first + n, xr + n, xi + n, yr + n, yi + n, KERNEL_UNROLL);
    }
    if (n < count && count - n > STEP / 4) {
        ramp_step(h, taps, first + n, xr + n, xi + n, yr + n, yi + n, KERNEL_UNROLL / 2);
    } else if (n < count) {
        ramp_step(h, taps, first + n, xr + n, xi + n, yr + n, yi + n, KERNEL_UNROLL / 4);
    }
}

/* A column of vectors at a time, so that the sums stay in registers; four of them, so that
   no addition waits for the one before. */
static void turn(kernel_bank_t *bank, float *sum_r, float *sum_i)
{
    for (size_t v = 0; v < bank->lanes; v += KERNEL_WIDTH) {
        vf total_r[4] = {{0}};
        vf total_i[4] = {{0}};
        for (size_t m = 0; m < bank->rows; m += 4) {
#pragma GCC unroll 4
            for (size_t a = 0; a < 4; a++) {
                const size_t at = (m + a) * bank->lanes + v;
                vf re, im, step_re, step_im;
                load(&re, bank->re + at);
                load(&im, bank->im + at);
                load(&step_re, bank->step_re + at);
                load(&step_im, bank->step_im + at);
                const vf next_re = re * step_re - im * step_im;
                const vf next_im = re * step_im + im * step_re;
                memcpy(bank->re + at, &next_re, sizeof next_re);
                memcpy(bank->im + at, &next_im, sizeof next_im);
                total_r[a] += next_re;
                total_i[a] += next_im;
            }
        }
        const vf all_r = (total_r[0] + total_r[1]) + (total_r[2] + total_r[3]);
        const vf all_i = (total_i[0] + total_i[1]) + (total_i[2] + total_i[3]);
        memcpy(sum_r + v, &all_r, sizeof all_r);
        memcpy(sum_i + v, &all_i, sizeof all_i);
    }
}

static void mix(const float *weights, size_t stride, size_t paths, const float *gr,
                const float *gi, float *hr, float *hi)
{
    for (size_t v = 0; v < stride; v += KERNEL_WIDTH) {
        vf sum_r = {0};
        vf sum_i = {0};
        for (size_t p = 0; p < paths; p++) {
            vf w;
            load(&w, weights + p * stride + v);
            sum_r += w * gr[p];
            sum_i += w * gi[p];
        }
        memcpy(hr + v, &sum_r, sizeof sum_r);
        memcpy(hi + v, &sum_i, sizeof sum_i);
    }
}

KERNEL_INLINE void rotate_left(vq *x, int k)
{
    *x = (*x << k) | (*x >> (64 - k));
}

/* One step of the streams in one vector. */
KERNEL_INLINE void next_bits(vq s[4], vi *out)
{
    vq result = s[0] + s[3];
    rotate_left(&result, 23);
    result += s[0];
    const vq t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    rotate_left(&s[3], 45);
    memcpy(out, &result, sizeof *out);
}

/* -2 ln(u) for u = (bits with the top one off, but not zero) / 2^31. */
KERNEL_INLINE void squared_radius(const vi *bits, vf *out)
{
    const vf u = __builtin_convertvector((*bits & 0x7fffffff) | 1, vf) * 0x1p-31f;
    vi ix;
    memcpy(&ix, &u, sizeof ix);
    ix -= 0x3f3504f3; /* sqrt(1/2): the mantissa lies in [sqrt(1/2), sqrt(2)) */
    const vf exponent = __builtin_convertvector(ix >> 23, vf);
    ix = (ix & 0x7fffff) + 0x3f3504f3;
    vf x;
    memcpy(&x, &ix, sizeof x);
    x -= 1.0f;
    const vf z = x * x;
    vf y = x * 7.0376836292e-2f - 1.1514610310e-1f;
    y = y * x + 1.1676998740e-1f;
    y = y * x - 1.2420140846e-1f;
    y = y * x + 1.4249322787e-1f;
    y = y * x - 1.6668057665e-1f;
    y = y * x + 2.0000714765e-1f;
    y = y * x - 2.4999993993e-1f;
    y = y * x + 3.3333331174e-1f;
    y = y * x * z - 0.5f * z;
    *out = -2.0f * (x + y + exponent * 0.693147180560f);
}

/* A point on the unit circle from 32 bits: 29 of angle, two signs, one exchange. */
KERNEL_INLINE void direction(const vi *bits, vf *a, vf *b)
{
    const vi angle = (*bits & 0x1fffffff) - 0x10000000;
    const vf x = __builtin_convertvector(angle, vf) * (0.785398163397f * 0x1p-28f);
    const vf z = x * x;
    const vf sine =
        x + x * z * ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f);
    const vf cosine = 1.0f - 0.5f * z +
                      z * z * ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z +
                               4.166664568298827e-2f);
    vi s, c;
    memcpy(&s, &sine, sizeof s);
    memcpy(&c, &cosine, sizeof c);
    const vi exchange = (s ^ c) & ((*bits << 2) >> 31);
    s = (s ^ exchange) ^ (*bits & (int32_t)0x80000000);
    c = (c ^ exchange) ^ ((*bits << 1) & (int32_t)0x80000000);
    memcpy(a, &c, sizeof c);
    memcpy(b, &s, sizeof s);
}

KERNEL_INLINE void square_root(vf *x)
{
    float v[KERNEL_WIDTH];
    memcpy(v, x, sizeof v);
    for (int j = 0; j < KERNEL_WIDTH; j++) {
        v[j] = __builtin_sqrtf(v[j]);
    }
    memcpy(x, v, sizeof v);
}

static void normal(kernel_rng_t *rng, float *out, size_t rounds)
{
    for (int q = 0; q < QUADS; q++) {
        vq s[4];
        for (int i = 0; i < 4; i++) {
            memcpy(&s[i], &rng->state[i][q * KERNEL_WIDTH / 2], sizeof s[i]);
        }
        float *to = out + q * KERNEL_WIDTH;
        for (size_t r = 0; r < rounds; r++, to += 32) {
            vi for_radius, for_direction;
            next_bits(s, &for_radius);
            next_bits(s, &for_direction);
            vf radius, a, b;
            squared_radius(&for_radius, &radius);
            square_root(&radius);
            direction(&for_direction, &a, &b);
            a *= radius;
            b *= radius;
            memcpy(to, &a, sizeof a);
            memcpy(to + 16, &b, sizeof b);
        }
        for (int i = 0; i < 4; i++) {
            memcpy(&rng->state[i][q * KERNEL_WIDTH / 2], &s[i], sizeof s[i]);
        }
    }
}

const kernel_t KERNEL_NAME = {KERNEL_LABEL, fir, fir_ramp, turn, mix, normal};
