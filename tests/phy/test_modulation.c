/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mapper and the soft demapper. */
#include "check.h"
#include "eq/mmse.h"
#include "modem/demapper.h"
#include "rng.h"

#include <stdlib.h>

enum { COUNT = 20000 };

static uint8_t bits[COUNT * MODULATION_MAX_BITS];
static float complex symbols[COUNT], noise[COUNT], channel[COUNT];
static float noise_var[COUNT], llr[COUNT * MODULATION_MAX_BITS], other[COUNT * MODULATION_MAX_BITS];

static void random_symbols(rng_t *rng, modulation_t m, size_t count)
{
    for (size_t i = 0; i < count * (size_t)modulation_bits(m); i++) {
        bits[i] = (uint8_t)rng_below(rng, 2);
    }
    modulation_map(m, bits, count, symbols);
}

/* All points of a modulation; point[label], first bit highest. */
static int constellation(modulation_t m, float complex *point)
{
    int count = 1 << modulation_bits(m);
    for (int label = 0; label < count; label++) {
        uint8_t b[MODULATION_MAX_BITS];
        for (int i = 0; i < modulation_bits(m); i++) {
            b[i] = label >> (modulation_bits(m) - 1 - i) & 1;
        }
        modulation_map(m, b, 1, &point[label]);
    }
    return count;
}

static void check_point(const char *text, modulation_t m, float re, float im, float energy)
{
    uint8_t b[MODULATION_MAX_BITS];
    float complex s;
    for (int i = 0; text[i] != '\0'; i++) {
        b[i] = text[i] == '1';
    }
    modulation_map(m, b, 1, &s);
    CHECK_NEAR(crealf(s), re / sqrtf(energy), 1e-6);
    CHECK_NEAR(cimagf(s), im / sqrtf(energy), 1e-6);
}

/* By hand from the formulas of TS 38.211 sections 5.1.2 to 5.1.6. */
static void standard_points(void)
{
    check_point("0", MODULATION_BPSK, 1, 1, 2);
    check_point("1", MODULATION_BPSK, -1, -1, 2);
    check_point("01", MODULATION_QPSK, 1, -1, 2);
    check_point("0000", MODULATION_QAM16, 1, 1, 10);
    check_point("1011", MODULATION_QAM16, -3, 3, 10);
    check_point("0110", MODULATION_QAM16, 3, -1, 10);
    check_point("000000", MODULATION_QAM64, 3, 3, 42);
    check_point("001011", MODULATION_QAM64, 7, 1, 42);
    check_point("110010", MODULATION_QAM64, -1, -3, 42);
    check_point("00000000", MODULATION_QAM256, 5, 5, 170);
    check_point("10101010", MODULATION_QAM256, -15, 5, 170);
    check_point("01010101", MODULATION_QAM256, 5, -15, 170);
}

static void gray_and_unit_energy(void)
{
    float complex point[256];
    for (int m = 0; m < MODULATION_COUNT; m++) {
        int count = constellation((modulation_t)m, point);
        float energy = 0.0f, least = 9.0f;
        for (int a = 0; a < count; a++) {
            energy += crealf(point[a] * conjf(point[a])) / (float)count;
            for (int b = 0; b < a; b++) {
                least = fminf(least, cabsf(point[a] - point[b]));
            }
        }
        CHECK_NEAR(energy, 1.0, 1e-5);
        for (int a = 0; a < count; a++) {
            for (int b = 0; b < a; b++) {
                int neighbours = cabsf(point[a] - point[b]) < 1.01f * least;
                CU_ASSERT(!neighbours || __builtin_popcount((unsigned)(a ^ b)) == 1);
            }
        }
        CHECK_INT(modulation_find(modulation_name((modulation_t)m)), m);
    }
    CHECK_INT(modulation_find("64qam"), MODULATION_QAM64);
    CHECK_INT(modulation_find("8PSK"), -1);
}

static void signs_name_the_nearest(void)
{
    float complex point[256];
    rng_t rng;
    rng_seed(&rng, 1, 0);
    for (int m = 0; m < MODULATION_COUNT; m++) {
        int count = constellation((modulation_t)m, point), width = modulation_bits((modulation_t)m);
        rng_complex_normal(&rng, 1.5f, symbols, COUNT);
        for (int i = 0; i < COUNT; i++) {
            noise_var[i] = 0.3f * rng_uniform(&rng) + 0.001f;
        }
        demapper_unbiased((modulation_t)m, DEMAPPER_MAX_LOG, symbols, noise_var, COUNT, llr);
        int wrong = 0;
        for (int i = 0; i < COUNT; i++) {
            int best = 0, decided = 0;
            for (int p = 1; p < count; p++) {
                best = cabsf(symbols[i] - point[p]) < cabsf(symbols[i] - point[best]) ? p : best;
            }
            for (int b = 0; b < width; b++) {
                decided = decided << 1 | (llr[i * width + b] < 0.0f);
            }
            wrong += decided != best;
        }
        CHECK_AT_MOST(wrong, 2); /* ties within rounding */
    }
}

/* The definition, summed over all points in double precision. */
static double exact_llr(const float complex *point, int count, int mask, float complex y, float n0)
{
    double sum[2] = {0.0, 0.0};
    for (int p = 0; p < count; p++) {
        double d = cabs((double complex)y - (double complex)point[p]);
        sum[(p & mask) != 0] += exp(-d * d / (double)n0);
    }
    return log(sum[0] / sum[1]);
}

static void log_map_is_exact(void)
{
    float complex point[256];
    rng_t rng;
    rng_seed(&rng, 2, 0);
    for (int m = 0; m < MODULATION_COUNT; m++) {
        int count = constellation((modulation_t)m, point), width = modulation_bits((modulation_t)m);
        rng_complex_normal(&rng, 1.2f, symbols, 200);
        for (int i = 0; i < 200; i++) {
            noise_var[i] = 0.03f + rng_uniform(&rng);
        }
        demapper_unbiased((modulation_t)m, DEMAPPER_LOG_MAP, symbols, noise_var, 200, llr);
        for (int i = 0; i < 200; i++) {
            for (int b = 0; b < width; b++) {
                int mask = 1 << (width - 1 - b);
                double expected = exact_llr(point, count, mask, symbols[i], noise_var[i]);
                CHECK_NEAR(llr[i * width + b], expected, 1e-3 * (1.0 + fabs(expected)));
            }
        }
    }
}

/*
 * Of all bits whose LLR is near L, the share 1 / (1 + e^L) must be ones.  Returns the largest
 * departure, in standard deviations, over the bins from -4 to 4.
 */
static double miscalibration(size_t count)
{
    enum { BINS = 16 };
    double expected[BINS] = {0}, variance[BINS] = {0}, worst = 0.0;
    long ones[BINS] = {0};
    for (size_t i = 0; i < count; i++) {
        int bin = (int)floorf((llr[i] + 4.0f) * 2.0f);
        if (bin >= 0 && bin < BINS) {
            double p = 1.0 / (1.0 + exp((double)llr[i]));
            expected[bin] += p;
            variance[bin] += p * (1.0 - p);
            ones[bin] += bits[i];
        }
    }
    for (int b = 0; b < BINS; b++) {
        if (variance[b] > 20.0) {
            worst = fmax(worst, fabs((double)ones[b] - expected[b]) / sqrt(variance[b]));
        }
    }
    return worst;
}

/* y = h s + w, each symbol with its own h, then what the receiver's equaliser makes of it. */
static void equalised(rng_t *rng, modulation_t m, float n0)
{
    static float complex weight[COUNT];
    random_symbols(rng, m, COUNT);
    rng_complex_normal(rng, 1.0f, channel, COUNT);
    rng_complex_normal(rng, n0, noise, COUNT);
    for (int i = 0; i < COUNT; i++) {
        symbols[i] = channel[i] * symbols[i] + noise[i];
    }
    mmse_weights(channel, (double)n0, COUNT, weight, noise_var);
    mmse_apply(weight, 1.0f, symbols, COUNT, symbols);
}

static void llrs_are_calibrated(void)
{
    rng_t rng;
    rng_seed(&rng, 3, 0);
    for (int m = 0; m < MODULATION_COUNT; m++) {
        modulation_t mod = (modulation_t)m;
        size_t all = (size_t)(COUNT * modulation_bits(mod));
        for (int step = 0; step < 4; step++) {
            float n0 = powf(10.0f, -0.1f * (float)(4 * m - 6 + 4 * step));
            random_symbols(&rng, mod, COUNT);
            rng_complex_normal(&rng, n0, noise, COUNT);
            for (int i = 0; i < COUNT; i++) {
                symbols[i] += noise[i];
                noise_var[i] = n0;
            }
            demapper_unbiased(mod, DEMAPPER_LOG_MAP, symbols, noise_var, COUNT, llr);
            CHECK_AT_MOST(miscalibration(all), 4.0);
            equalised(&rng, mod, n0);
            demapper_mmse(mod, DEMAPPER_LOG_MAP, symbols, noise_var, COUNT, llr);
            CHECK_AT_MOST(miscalibration(all), 4.0);
        }
    }
    /* The way in matters: 16QAM from the equaliser, taken as unbiased, is not calibrated. */
    equalised(&rng, MODULATION_QAM16, 0.1f);
    demapper_unbiased(MODULATION_QAM16, DEMAPPER_LOG_MAP, symbols, noise_var, COUNT, llr);
    CHECK_AT_LEAST(miscalibration(COUNT * 4), 6.0);
}

static void mmse_is_rescaled(void)
{
    rng_t rng;
    rng_seed(&rng, 4, 0);
    equalised(&rng, MODULATION_QAM64, 0.05f);
    demapper_mmse(MODULATION_QAM64, DEMAPPER_LOG_MAP, symbols, noise_var, COUNT, llr);
    for (int i = 0; i < COUNT; i++) {
        symbols[i] /= 1.0f - noise_var[i];
        noise_var[i] /= 1.0f - noise_var[i];
    }
    demapper_unbiased(MODULATION_QAM64, DEMAPPER_LOG_MAP, symbols, noise_var, COUNT, other);
    for (int i = 0; i < COUNT * 6; i++) {
        CU_ASSERT(fabsf(llr[i] - other[i]) <= 1e-3f * (1.0f + fabsf(other[i])));
    }
}

static void any_float_is_taken(void)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 0.0f, -1.0f, 1e-45f, 1.0f};
    enum { ODD = (int)(sizeof(odd) / sizeof(odd[0])) };
    for (int m = 0; m < MODULATION_COUNT; m++) {
        for (int k = 0; k < 4 * ODD * ODD * ODD; k++) {
            int a = k % ODD, b = k / ODD % ODD, c = k / ODD / ODD % ODD, way = k / ODD / ODD / ODD;
            float complex y = CMPLXF(odd[a], odd[b]);
            (way & 1 ? demapper_mmse : demapper_unbiased)(
                (modulation_t)m, way & 2 ? DEMAPPER_MAX_LOG : DEMAPPER_LOG_MAP, &y, &odd[c], 1,
                llr);
            for (int i = 0; i < modulation_bits((modulation_t)m); i++) {
                CU_ASSERT(isfinite(llr[i]));
                CU_ASSERT(llr[i] == 0.0f || (isfinite(odd[a]) && isfinite(odd[b])));
            }
        }
    }
}

static const check_test_t tests[] = {
    {"points are where TS 38.211 puts them", standard_points},
    {"neighbours differ in one bit, and the mean energy is one", gray_and_unit_energy},
    {"max-log signs name the nearest point", signs_name_the_nearest},
    {"log-MAP is the exact likelihood ratio", log_map_is_exact},
    {"of the bits with LLR L the share 1/(1+e^L) is one, unbiased and from the equaliser",
     llrs_are_calibrated},
    {"equaliser output equals the unbiased symbol after rescaling", mmse_is_rescaled},
    {"any float gives finite LLRs, and no opinion where nothing was received", any_float_is_taken},
};

int main(void)
{
    return check_run("modulation", tests, CHECK_COUNT(tests));
}
