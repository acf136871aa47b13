/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layered belief propagation (Hocevar 2004): one row of the base graph after
 * the other, each with the newest posteriors, `lifting` parity checks side by
 * side in one vector.  Check nodes:
 *
 * - min-sum, normalised (Chen and Fossorier 2002): magnitude 3/4 of the least of
 *   the others.
 * - A-min* (Jones, Valles, Smith, Villasenor 2003) with the logarithms of
 *
 *       box(a, b) = min(a, b) + f(a + b) - f(|a - b|),  f(x) = ln(1 + exp(-x))
 *
 *   as straight lines, f(x) = max(0, 0.594 - x / 4) (after Hu and others 2001; the constant
 *   is the one of fewest block errors at rates 1/3, 1/2 and 2/3).  The edge of the least
 *   magnitude gets the box-sum of the others, every other edge the box-sum of all: one
 *   pass over the row, as in min-sum.
 *
 * Rows from the last to the first: those of few edges and a parity bit of their own tell
 * the two columns that are never sent before the dense core rows ask for them.
 *
 * All in 16-bit integers of 1/32 neper, which vectorise and give the same bits on
 * every machine.  No sum leaves the range: |posterior| <= 16383, |message| <= 1023,
 * and 0 <= box(a, b) <= min(a, b).
 */
#include "coding/ldpc_private.h"

#include <string.h>

enum {
    SCALE = 32, /* steps per neper */
    MOST_INPUT = 1023,
    MOST_MESSAGE = 1023,
    MOST_POSTERIOR = 16383,
    CORRECTION = 19, /* f(0), in steps */
};

typedef struct {
    const ldpc_t *ldpc;
    const float *llr;
} load_t;

static int16_t clip(int value, int most)
{
    return (int16_t)(value > most ? most : value < -most ? -most : value);
}

/* Without branches, so that it vectorises. */
static int quantise(float llr)
{
    float x = llr == llr ? llr * SCALE : 0.0f;
    x = x < MOST_INPUT ? x : MOST_INPUT;
    x = x > -MOST_INPUT ? x : -MOST_INPUT;
    return (int)(x + (x < 0.0f ? -0.5f : 0.5f));
}

static void add_quantised(int16_t *restrict posterior, const float *restrict llr, int n)
{
    for (int i = 0; i < n; i++) {
        posterior[i] = clip(posterior[i] + quantise(llr[i]), MOST_POSTERIOR);
    }
}

/* Soft bits to where they belong; a place that was sent twice gets the sum. */
static void load(void *context, int place, int count)
{
    load_t *c = context;
    int z = c->ldpc->lifting, column = place / z, from = place % z;
    while (count > 0) {
        int16_t *p = c->ldpc->posterior + column * c->ldpc->stride + from;
        int n = z - from < count ? z - from : count;
        add_quantised(p, c->llr, n);
        c->llr += n;
        count -= n;
        column++;
        from = 0;
    }
}

static void start(ldpc_t *l, const float *llr)
{
    size_t stride = (size_t)l->stride;
    memset(l->posterior, 0, (size_t)l->columns * stride * sizeof(*l->posterior));
    memset(l->message, 0, (size_t)l->row_start[l->rows] * stride * sizeof(*l->message));
    for (int i = l->config.info_bits; i < l->info_columns * l->lifting; i++) {
        l->posterior[i / l->lifting * l->stride + i % l->lifting] = MOST_POSTERIOR;
    }
    ldpc_rate_match(l, load, &(load_t){l, llr});
}

static int16_t box(int16_t a, int16_t b)
{
    int16_t low = a < b ? a : b, sum = (int16_t)(a + b);
    int16_t difference = (int16_t)(a > b ? a - b : b - a);
    int16_t plus = (int16_t)(CORRECTION - (sum >> 2));
    int16_t minus = (int16_t)(CORRECTION - (difference >> 2));
    plus = plus > 0 ? plus : 0;
    minus = minus > 0 ? minus : 0;
    return (int16_t)(low + plus - minus);
}

static int16_t magnitude(int16_t t)
{
    int16_t negative = (int16_t)(t >> 15);
    return (int16_t)((t ^ negative) - negative);
}

/*
 * Variable to check, one edge: posterior less the check's own last message.  `least`,
 * `rest` and `sign` gather the row: the least magnitude, the sum of the others, the sign.
 */
static void gather_star(int16_t *restrict extrinsic, const int16_t *restrict message,
                        int16_t *restrict least, int16_t *restrict rest, int16_t *restrict sign,
                        int n)
{
    for (int z = 0; z < n; z++) {
        int16_t t = (int16_t)(extrinsic[z] - message[z]), v = magnitude(t);
        int16_t high = v > least[z] ? v : least[z];
        extrinsic[z] = t;
        sign[z] ^= t;
        least[z] = v < least[z] ? v : least[z];
        rest[z] = box(rest[z], high);
    }
}

static void gather_least(int16_t *restrict extrinsic, const int16_t *restrict message,
                         int16_t *restrict least, int16_t *restrict rest, int16_t *restrict sign,
                         int n)
{
    for (int z = 0; z < n; z++) {
        int16_t t = (int16_t)(extrinsic[z] - message[z]), v = magnitude(t);
        int16_t high = v > least[z] ? v : least[z];
        extrinsic[z] = t;
        sign[z] ^= t;
        least[z] = v < least[z] ? v : least[z];
        rest[z] = high < rest[z] ? high : rest[z];
    }
}

/* Check to variable, one edge: the message, and `extrinsic` becomes the new posterior. */
static void scatter(int16_t *restrict extrinsic, int16_t *restrict message,
                    const int16_t *restrict least, const int16_t *restrict for_least,
                    const int16_t *restrict for_others, const int16_t *restrict sign, int n)
{
    for (int z = 0; z < n; z++) {
        int16_t t = extrinsic[z], negative = (int16_t)((sign[z] ^ t) >> 15);
        int16_t a = for_least[z], b = for_others[z]; /* both read: then it vectorises anywhere */
        int16_t size = magnitude(t) == least[z] ? a : b;
        int16_t m = (int16_t)((size ^ negative) - negative), p = (int16_t)(t + m);
        p = p < MOST_POSTERIOR ? p : MOST_POSTERIOR;
        message[z] = m;
        extrinsic[z] = p > -MOST_POSTERIOR ? p : -MOST_POSTERIOR;
    }
}

/* What the row's edges get: rest for the least, all for the others. */
static void finish_star(const int16_t *restrict least, const int16_t *restrict rest,
                        int16_t *restrict all, int n)
{
    for (int z = 0; z < n; z++) {
        all[z] = box(rest[z], least[z]);
    }
}

static void finish_least(const int16_t *restrict least, int16_t *restrict rest,
                         int16_t *restrict all, int n)
{
    for (int z = 0; z < n; z++) {
        all[z] = (int16_t)((3 * least[z]) >> 2);
        rest[z] = (int16_t)((3 * rest[z]) >> 2);
    }
}

static void copy(int16_t *restrict to, const int16_t *restrict from, int count)
{
    memcpy(to, from, (size_t)count * sizeof(*to));
}

/*
 * The columns are turned into step with the row by copying, so that all arithmetic runs over
 * whole aligned vectors: `stride` places, the last of which nobody reads.
 */
static void update_row(ldpc_t *l, int row)
{
    int n = l->lifting, stride = l->stride;
    const ldpc_edge_t *edge = l->edge + l->row_start[row];
    int degree = l->row_start[row + 1] - l->row_start[row];
    bool star = l->config.algorithm == LDPC_MIN_STAR;
    int16_t *message = l->message + l->row_start[row] * stride;
    for (int z = 0; z < stride; z++) {
        l->least[z] = MOST_MESSAGE;
        l->rest[z] = MOST_MESSAGE;
        l->sign[z] = 0;
    }
    for (int i = 0; i < degree; i++) {
        const int16_t *p = l->posterior + edge[i].column * stride;
        int16_t *t = l->extrinsic + i * stride;
        copy(t, p + edge[i].shift, n - edge[i].shift);
        copy(t + n - edge[i].shift, p, edge[i].shift);
        (star ? gather_star : gather_least)(t, message + i * stride, l->least, l->rest, l->sign,
                                            stride);
    }
    if (star) {
        finish_star(l->least, l->rest, l->all, stride);
    } else {
        finish_least(l->least, l->rest, l->all, stride);
    }
    for (int i = 0; i < degree; i++) {
        int16_t *p = l->posterior + edge[i].column * stride, *t = l->extrinsic + i * stride;
        scatter(t, message + i * stride, l->least, l->rest, l->all, l->sign, stride);
        copy(p + edge[i].shift, t, n - edge[i].shift);
        copy(p, t + n - edge[i].shift, edge[i].shift);
    }
}

/* Hard decisions into `word`; false when an information bit is undecided. */
static bool decide(ldpc_t *l)
{
    int n = l->lifting, undecided = 0;
    for (int column = 0; column < l->columns; column++) {
        const int16_t *restrict p = l->posterior + column * l->stride;
        uint8_t *restrict word = l->word + column * n;
        int zeros = 0;
        for (int z = 0; z < n; z++) {
            word[z] = p[z] < 0;
            zeros |= p[z] == 0;
        }
        undecided |= column < l->info_columns ? zeros : 0;
    }
    return undecided == 0;
}

static bool row_holds(ldpc_t *l, int row)
{
    int n = l->lifting;
    uint8_t *restrict parity = l->parity;
    memset(parity, 0, (size_t)n);
    for (int e = l->row_start[row]; e < l->row_start[row + 1]; e++) {
        const uint8_t *restrict bit = l->word + l->edge[e].column * n;
        int shift = l->edge[e].shift;
        for (int z = 0; z < n - shift; z++) {
            parity[z] ^= bit[z + shift];
        }
        for (int z = n - shift; z < n; z++) {
            parity[z] ^= bit[z + shift - n];
        }
    }
    unsigned odd = 0;
    for (int z = 0; z < n; z++) {
        odd |= parity[z];
    }
    return odd == 0;
}

static bool all_hold(ldpc_t *l)
{
    bool holds = decide(l);
    for (int row = 0; holds && row < l->rows; row++) {
        holds = row_holds(l, row);
    }
    return holds;
}

bool ldpc_decode(ldpc_t *l, const float *llr, uint8_t *info, int *iterations)
{
    bool whole = false;
    int count = 0;
    start(l, llr);
    while (!whole && count < l->config.iterations) {
        for (int row = l->rows; row-- > 0;) {
            update_row(l, row);
        }
        whole = all_hold(l);
        count++;
    }
    memcpy(info, l->word, (size_t)l->config.info_bits);
    if (iterations != NULL) {
        *iterations = count;
    }
    return whole;
}
