/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "rng.h"
#include "waveform/fft.h"

#include <stdlib.h>

enum { SIZE = 256 };

static fft_t *filled(fft_direction_t direction)
{
    fft_t *fft = fft_create(SIZE, direction, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fft);
    rng_t rng;
    rng_seed(&rng, 1, 0);
    rng_complex_normal(&rng, 1.0f, fft_in(fft), SIZE);
    return fft;
}

static double distance_from_definition(const float complex *in, const float complex *out, int sign)
{
    double worst = 0.0;
    for (int k = 0; k < SIZE; k++) {
        double complex sum = 0.0;
        for (int n = 0; n < SIZE; n++) {
            sum += (double complex)in[n] * cexp(sign * 2.0 * I * M_PI * (k * n % SIZE) / SIZE);
        }
        worst = fmax(worst, cabs(sum - (double complex)out[k]));
    }
    return worst;
}

static void follows_the_definition(void)
{
    static const fft_direction_t directions[] = {FFT_FORWARD, FFT_BACKWARD};
    for (int i = 0; i < 2; i++) {
        fft_t *fft = filled(directions[i]);
        fft_execute(fft);
        CHECK_AT_MOST(distance_from_definition(fft_in(fft), fft_out(fft), (int)directions[i]),
                      2e-5);
        fft_destroy(fft);
    }
}

static void any_memory_gets_the_same_bits(void)
{
    fft_t *fft = filled(FFT_BACKWARD);
    float complex before[SIZE], *memory = calloc(SIZE + 8, sizeof(*memory));
    memcpy(before, fft_in(fft), sizeof(before));
    fft_execute(fft);
    for (int offset = 0; offset < 8; offset++) {
        memset(memory, 0, (SIZE + 8) * sizeof(*memory));
        fft_execute_to(fft, memory + offset);
        CU_ASSERT(memcmp(memory + offset, fft_out(fft), sizeof(before)) == 0);
        CU_ASSERT(memory[(offset + SIZE) % (SIZE + 8)] == 0.0f);
    }
    CU_ASSERT(memcmp(before, fft_in(fft), sizeof(before)) == 0);
    free(memory);
    fft_destroy(fft);
}

static const check_test_t tests[] = {
    {"both directions follow the definition", follows_the_definition},
    {"any memory gets the same bits, and the input stays", any_memory_gets_the_same_bits},
};

int main(void)
{
    return check_run("fft", tests, CHECK_COUNT(tests));
}
