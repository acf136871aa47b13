/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * coded: block errors of one LDPC code over white noise, as the published curves count
 * them: random information bits, no CRC, NR's bit interleaver, exact LLRs; a block is
 * wrong when one information bit is.
 */
#ifndef TESTS_PHY_CODED_H
#define TESTS_PHY_CODED_H

#include "check.h"
#include "coding/ldpc.h"
#include "modem/demapper.h"
#include "rng.h"

#include <stdlib.h>
#include <time.h>

typedef struct {
    ldpc_config_t code;
    modulation_t modulation;
    demapper_algorithm_t demapper;
    double es_n0_db;
    int frames;
    uint64_t seed;
} coded_setup_t;

typedef struct {
    int frames, block_errors, undetected;
    long long bit_errors;
    double iterations; /* mean */
    double decode_s, encode_s, demap_s;
} coded_result_t;

static inline double coded_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The 95 % interval of a share k of n (Wilson 1927). */
static inline void coded_interval(int k, int n, double *low, double *high)
{
    double z = 1.96, p = (double)k / n, d = 1.0 + z * z / n, centre = (p + z * z / (2.0 * n)) / d;
    double half = z / d * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * (double)n));
    *low = fmax(0.0, centre - half);
    *high = centre + half;
}

static inline void coded_random_bits(rng_t *rng, uint8_t *bits, int count)
{
    for (int i = 0; i < count; i++) {
        bits[i] = (uint8_t)(rng_bits(rng) >> 63);
    }
}

typedef struct {
    uint8_t *info, *decoded, *coded, *mapped;
    float *llr, *ordered, *noise_var;
    float complex *symbols, *noise;
} coded_buffers_t;

static inline coded_buffers_t coded_buffers(int info_bits, int coded_bits, int symbols)
{
    size_t k = (size_t)info_bits, n = (size_t)coded_bits, s = (size_t)symbols;
    return (coded_buffers_t){malloc(k),
                             malloc(k),
                             malloc(n),
                             malloc(n),
                             malloc(n * sizeof(float)),
                             malloc(n * sizeof(float)),
                             malloc(s * sizeof(float)),
                             malloc(s * sizeof(float complex)),
                             malloc(s * sizeof(float complex))};
}

static inline void coded_free(coded_buffers_t *b)
{
    free(b->info);
    free(b->decoded);
    free(b->coded);
    free(b->mapped);
    free(b->llr);
    free(b->ordered);
    free(b->noise_var);
    free(b->symbols);
    free(b->noise);
}

static inline void coded_frame(const coded_setup_t *s, ldpc_t *code, coded_buffers_t *b, rng_t *rng,
                               coded_result_t *r)
{
    int n = s->code.coded_bits, bits = modulation_bits(s->modulation), symbols = n / bits;
    float noise_var = (float)pow(10.0, -s->es_n0_db / 10.0);
    coded_random_bits(rng, b->info, s->code.info_bits);
    double t0 = coded_seconds();
    ldpc_encode(code, b->info, b->coded);
    double t1 = coded_seconds();
    for (int i = 0; i < n; i++) {
        b->mapped[i] = b->coded[i % bits * symbols + i / bits];
    }
    modulation_map(s->modulation, b->mapped, (size_t)symbols, b->symbols);
    rng_complex_normal(rng, noise_var, b->noise, (size_t)symbols);
    for (int i = 0; i < symbols; i++) {
        b->symbols[i] += b->noise[i];
        b->noise_var[i] = noise_var;
    }
    double t2 = coded_seconds();
    demapper_unbiased(s->modulation, s->demapper, b->symbols, b->noise_var, (size_t)symbols,
                      b->llr);
    double t3 = coded_seconds();
    for (int i = 0; i < n; i++) {
        b->ordered[i % bits * symbols + i / bits] = b->llr[i];
    }
    int iterations, wrong = 0;
    double t4 = coded_seconds();
    bool whole = ldpc_decode(code, b->ordered, b->decoded, &iterations);
    r->decode_s += coded_seconds() - t4;
    r->demap_s += t3 - t2;
    r->encode_s += t1 - t0;
    for (int i = 0; i < s->code.info_bits; i++) {
        wrong += b->info[i] != b->decoded[i];
    }
    r->bit_errors += wrong;
    r->block_errors += wrong > 0;
    r->undetected += whole && wrong > 0;
    r->iterations += iterations;
}

static inline coded_result_t coded_measure(const coded_setup_t *s)
{
    coded_result_t r = {.frames = s->frames};
    err_t err = ERR_INIT;
    ldpc_t *code = ldpc_create(&s->code, &err);
    if (code == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    coded_buffers_t b = coded_buffers(s->code.info_bits, s->code.coded_bits,
                                      s->code.coded_bits / modulation_bits(s->modulation));
    rng_t rng;
    rng_seed(&rng, s->seed, (uint64_t)s->code.info_bits);
    for (int i = 0; i < s->frames; i++) {
        coded_frame(s, code, &b, &rng, &r);
    }
    r.iterations /= s->frames;
    coded_free(&b);
    ldpc_destroy(code);
    return r;
}

#endif
