/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Viterbi's algorithm, 256 states in 16-bit integers.  A state is the last
 * eight bits, the newest lowest: the two ways into states 2i and 2i + 1 come
 * from i and i + 128.  All generators have their first and last tap set, so
 * the four branches of that butterfly carry +m, -m, -m, +m for one m: the loop
 * over i is four adds, two maxima and two comparisons, which vectorises.
 */
#include "coding/convolutional.h"

#include <assert.h>
#include <string.h>

enum { STATES = 256, HALF = STATES / 2, RESCALE = 16, UNLIKELY = -12000 };

static const unsigned generators[CONVOLUTIONAL_RATE] = {0557, 0663, 0711};

static uint8_t output_bit(unsigned window, int branch)
{
    return (uint8_t)__builtin_parity(window & generators[branch]);
}

void convolutional_encode(const uint8_t *bits, size_t count, uint8_t *coded)
{
    assert(count <= CONVOLUTIONAL_MAX_BITS);
    unsigned window = 0;
    for (size_t i = 0; i < count + CONVOLUTIONAL_TAIL; i++) {
        window = (window << 1 | (i < count ? bits[i] & 1u : 0u)) & 0x1ff;
        for (int branch = 0; branch < CONVOLUTIONAL_RATE; branch++) {
            *coded++ = output_bit(window, branch);
        }
    }
}

/* Sign of each branch bit on the way from state i with a zero bit. */
static void branch_signs(int16_t sign[CONVOLUTIONAL_RATE][HALF])
{
    for (int branch = 0; branch < CONVOLUTIONAL_RATE; branch++) {
        for (unsigned i = 0; i < HALF; i++) {
            sign[branch][i] = (int16_t)(output_bit(i << 1, branch) ? 1 : -1);
        }
    }
}

static void step(const int16_t *restrict from, int16_t *restrict to, int16_t (*restrict sign)[HALF],
                 const int8_t *soft, uint8_t *restrict from_upper)
{
    int16_t even[HALF], odd[HALF], even_up[HALF], odd_up[HALF];
    int16_t s0 = soft[0], s1 = soft[1], s2 = soft[2];
    for (int i = 0; i < HALF; i++) {
        int16_t m = (int16_t)(s0 * sign[0][i] + s1 * sign[1][i] + s2 * sign[2][i]);
        int16_t a = (int16_t)(from[i] + m), b = (int16_t)(from[i + HALF] - m);
        int16_t c = (int16_t)(from[i] - m), d = (int16_t)(from[i + HALF] + m);
        even[i] = a >= b ? a : b;
        odd[i] = c >= d ? c : d;
        even_up[i] = (int16_t)(b > a);
        odd_up[i] = (int16_t)(d > c);
    }
    for (int i = 0; i < HALF; i++) {
        to[2 * i] = even[i];
        to[2 * i + 1] = odd[i];
        from_upper[2 * i] = (uint8_t)even_up[i];
        from_upper[2 * i + 1] = (uint8_t)odd_up[i];
    }
}

static void rescale(int16_t *metric)
{
    int16_t most = metric[0];
    for (int i = 1; i < STATES; i++) {
        most = metric[i] > most ? metric[i] : most;
    }
    for (int i = 0; i < STATES; i++) {
        int m = metric[i] - most;
        metric[i] = (int16_t)(m < UNLIKELY ? UNLIKELY : m);
    }
}

void convolutional_decode(const int8_t *soft, size_t count, uint8_t *bits)
{
    assert(count <= CONVOLUTIONAL_MAX_BITS);
    /* On the stack: as thread-local data it would be part of every thread, those of libraries with
       small stacks too, which then cannot start. */
    uint8_t from_upper[CONVOLUTIONAL_MAX_BITS + CONVOLUTIONAL_TAIL][STATES];
    int16_t sign[CONVOLUTIONAL_RATE][HALF], metric[2][STATES];
    branch_signs(sign);
    for (int i = 1; i < STATES; i++) {
        metric[0][i] = UNLIKELY;
    }
    metric[0][0] = 0;
    size_t steps = count + CONVOLUTIONAL_TAIL;
    for (size_t t = 0; t < steps; t++) {
        step(metric[t & 1], metric[(t + 1) & 1], sign, soft + CONVOLUTIONAL_RATE * t,
             from_upper[t]);
        if (t % RESCALE == RESCALE - 1) {
            rescale(metric[(t + 1) & 1]);
        }
    }
    unsigned state = 0;
    for (size_t t = steps; t-- > 0;) {
        if (t < count) {
            bits[t] = (uint8_t)(state & 1);
        }
        state = state >> 1 | (from_upper[t][state] ? (unsigned)HALF : 0u);
    }
}
