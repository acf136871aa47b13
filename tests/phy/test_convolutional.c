/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "coding/convolutional.h"
#include "rng.h"

enum { BITS = 192, CODED = 3 * (BITS + CONVOLUTIONAL_TAIL) };

static void random_bits(rng_t *rng, uint8_t *bits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bits[i] = (uint8_t)rng_below(rng, 2);
    }
}

static void impulse_response_is_the_generators(void)
{
    uint8_t one[1] = {1}, coded[27];
    const unsigned generators[3] = {0557, 0663, 0711};
    convolutional_encode(one, 1, coded);
    for (int t = 0; t < 9; t++) {
        for (int branch = 0; branch < 3; branch++) {
            /* The bit wanders from the lowest tap to the highest. */
            CHECK_INT(coded[3 * t + branch], generators[branch] >> t & 1);
        }
    }
}

static void free_distance_is_eighteen(void)
{
    /* Every word of up to 12 bits that starts with a one: weight 18 at least, 18 reached. */
    int least = 1000;
    for (unsigned word = 1; word < 4096; word += 2) {
        uint8_t bits[12], coded[3 * 20];
        int weight = 0;
        for (int i = 0; i < 12; i++) {
            bits[i] = word >> i & 1;
        }
        convolutional_encode(bits, 12, coded);
        for (int i = 0; i < 60; i++) {
            weight += coded[i];
        }
        least = weight < least ? weight : least;
    }
    CHECK_INT(least, 18);
}

static void corrects_eight_wrong_bits_anywhere(void)
{
    rng_t rng;
    rng_seed(&rng, 1, 0);
    for (int trial = 0; trial < 200; trial++) {
        uint8_t bits[BITS], coded[CODED], out[BITS];
        int8_t soft[CODED];
        random_bits(&rng, bits, BITS);
        convolutional_encode(bits, BITS, coded);
        for (int i = 0; i < CODED; i++) {
            soft[i] = coded[i] ? 127 : -127;
        }
        int first = (int)rng_below(&rng, CODED - 24);
        for (int i = 0; i < 8; i++) {
            soft[first + 3 * i] = (int8_t)-soft[first + 3 * i];
        }
        convolutional_decode(soft, BITS, out);
        CU_ASSERT(memcmp(bits, out, BITS) == 0);
    }
}

static void full_scale_never_overflows(void)
{
    /* All-equal soft bits drive the metrics as far as they go; any length. */
    static int8_t soft[3 * (CONVOLUTIONAL_MAX_BITS + CONVOLUTIONAL_TAIL)];
    static uint8_t out[CONVOLUTIONAL_MAX_BITS];
    for (int value = -127; value <= 127; value += 127) {
        memset(soft, value, sizeof(soft));
        convolutional_decode(soft, CONVOLUTIONAL_MAX_BITS, out);
        convolutional_decode(soft, 1, out);
        convolutional_decode(soft, 0, out);
    }
    memset(soft, -127, sizeof(soft));
    convolutional_decode(soft, CONVOLUTIONAL_MAX_BITS, out);
    for (int i = 0; i < CONVOLUTIONAL_MAX_BITS; i++) {
        CHECK_INT(out[i], 0);
    }
}

static const check_test_t tests[] = {
    {"the impulse response is 557, 663, 711", impulse_response_is_the_generators},
    {"the free distance is 18", free_distance_is_eighteen},
    {"eight wrong bits close together are corrected", corrects_eight_wrong_bits_anywhere},
    {"full-scale input does not overflow", full_scale_never_overflows},
};

int main(void)
{
    return check_run("convolutional", tests, CHECK_COUNT(tests));
}
