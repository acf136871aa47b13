/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clip and segments: what tames impulses and levels the spectrum before the detector looks. */
#include "check.h"
#include "link.h"
#include "sync/clip.h"
#include "sync/segments.h"

static float complex x[CLIP_BLOCK], y[CLIP_BLOCK];
static float energy[CLIP_GROUPS];

static double power_of(const float complex *z, int count)
{
    double sum = 0.0;
    for (int n = 0; n < count; n++) {
        sum += creal(z[n] * conjf(z[n]));
    }
    return sum;
}

static void noise_passes_unchanged(void)
{
    rng_t rng;
    rng_seed(&rng, 1, 0);
    int changed = 0;
    for (int block = 0; block < 20000; block++) {
        rng_complex_normal(&rng, 1e-20f, x, CLIP_BLOCK);
        clip_block(x, y, energy);
        for (int n = 0; n < CLIP_BLOCK; n++) {
            changed += x[n] != y[n];
        }
        for (int g = 0; g < CLIP_GROUPS; g++) {
            CHECK_NEAR(energy[g] / power_of(y + 64 * g, 64), 1.0, 1e-5);
        }
    }
    CHECK_AT_MOST(changed,
                  10); /* of 5 million, those beyond twelve times the mean: 30, seldom looked at */
}

static void impulses_come_down_to_the_noise(void)
{
    rng_t rng;
    rng_seed(&rng, 2, 0);
    for (int trial = 0; trial < 2000; trial++) {
        float gain = trial % 3 == 0 ? 1e-12f : trial % 3 == 1 ? 1.0f : 1e7f;
        rng_complex_normal(&rng, 1.0f, x, CLIP_BLOCK);
        int hits = trial % 8, burst = trial % 2 ? 16 : 1;
        for (int i = 0; i < hits; i++) {
            int at = 16 * (int)rng_below(&rng, 16);
            for (int k = 0; k < burst; k++) {
                x[at + k] *= 200.0f;
            }
        }
        for (int n = 0; n < CLIP_BLOCK; n++) {
            x[n] *= gain;
        }
        clip_block(x, y, energy);
        /* A hit sample keeps at most twelve times the median part's power, which with seven parts
           hit is that of the strongest clean ones. */
        double most = CLIP_BLOCK * 1.3 + hits * burst * 12.0 * 2.0;
        CHECK_AT_MOST(power_of(y, CLIP_BLOCK) / pow((double)gain, 2.0), most);
        for (int n = 0; n < CLIP_BLOCK; n++) {
            CHECK_NEAR(cabs((double complex)y[n] * conj((double complex)x[n])),
                       creal((double complex)y[n] * conj((double complex)x[n])),
                       1e-6 * cabs((double complex)y[n] * conj((double complex)x[n])));
        }
    }
}

static void silence_and_full_scale_are_no_trouble(void)
{
    memset(x, 0, sizeof(x));
    clip_block(x, y, energy);
    CHECK_NEAR(power_of(y, CLIP_BLOCK) + (double)energy[0], 0.0, 0.0);
    x[77] = 1e9f; /* an impulse in silence is all impulse */
    clip_block(x, y, energy);
    CHECK_NEAR(power_of(y, CLIP_BLOCK), 0.0, 0.0);
    for (int n = 0; n < CLIP_BLOCK; n++) {
        x[n] = CMPLXF(1e9f, -1e9f);
    }
    clip_block(x, x, energy); /* in place */
    CU_ASSERT(x[255] == CMPLXF(1e9f, -1e9f) && isfinite(energy[3]));
}

static float complex preamble[NUMEROLOGY_PREAMBLE];

static void make_preamble(void)
{
    numerology_t n = numerology_default();
    transmitter_t *tx = transmitter_create(&n, NULL);
    frame_header_t h = link_header(1, 1, 1);
    float complex *samples = malloc(transmitter_frame_samples(tx, &h) * sizeof(*samples));
    float complex one = 1.0f;
    transmitter_modulate(tx, &h, &one, samples);
    memcpy(preamble, samples, sizeof(preamble));
    free(samples);
    transmitter_destroy(tx);
}

static void segments_show_the_channel(void)
{
    segments_t *s = segments_create(NULL);
    static float complex in[2048];
    rng_t rng;
    rng_seed(&rng, 3, 0);
    link_channel_t c = link_clean();
    c.tap[5] = CMPLXF(0.0f, 0.5f);
    c.cfo = 0.7;
    link_pass(&c, preamble, NUMEROLOGY_PREAMBLE, 300, &rng, in, 2048);
    segments_take(s, in + 300, 0.7, false);
    float complex r[PREAMBLE_SEGMENTS], first[PREAMBLE_SEGMENTS];
    segments_at(s, 0, first);
    segments_at(s, 5, r);
    for (int m = 0; m < PREAMBLE_SEGMENTS; m++) {
        CHECK_NEAR(cabsf(first[m] / first[1] - 1.0f), 0.0, 0.1);
        CHECK_NEAR(cabsf(r[m] / first[m]), 0.5, 0.15);
    }
    segments_take(s, in + 300, 0.7, true);
    double sum = 0.0;
    for (int d = -128; d < 128; d++) { /* 528 cells of energy 1, each over 256 delays */
        segments_at(s, d, r);
        sum += power_of(r, PREAMBLE_SEGMENTS);
    }
    CHECK_NEAR(sum / 528.0 / 256.0, 1.0, 1e-3);
    segments_destroy(s);
}

/* A tone on a carrier and a step of the gain between segments, both 40 dB: noise keeps its law.
   (Elsewhere they leak: acquire.c looks where no path can be.) */
static void levelled_noise_has_energy_528(void)
{
    segments_t *s = segments_create(NULL);
    static float complex in[NUMEROLOGY_PREAMBLE];
    rng_t rng;
    rng_seed(&rng, 4, 0);
    double mean = 0.0, over = 0.0;
    enum { TRIALS = 400 };
    for (int trial = 0; trial < TRIALS; trial++) {
        rng_complex_normal(&rng, 1.0f, in, NUMEROLOGY_PREAMBLE);
        for (int n = 0; n < NUMEROLOGY_PREAMBLE; n++) {
            in[n] +=
                (float complex)(100.0 * cexp(2.0 * I * M_PI * (20.0 * n / 256.0 + trial * 0.37)));
            in[n] *= n < 512 ? 1.0f : 100.0f;
        }
        segments_take(s, in, 0.0, true);
        for (int d = -100; d < 100; d += 10) {
            float complex r[PREAMBLE_SEGMENTS];
            segments_at(s, d, r);
            float complex sum = r[0] + r[1] + r[2] + r[3];
            double power = power_of(&sum, 1) / 528.0;
            mean += power / (20.0 * TRIALS);
            over += (power > 4.0) / (20.0 * TRIALS);
        }
    }
    CHECK_NEAR(mean, 1.0, 0.1);
    CHECK_AT_MOST(over, 1.5 * exp(-4.0));
    segments_destroy(s);
}

static const check_test_t tests[] = {
    {"noise passes the clipper unchanged", noise_passes_unchanged},
    {"impulses and short bursts come down to the noise, phase kept",
     impulses_come_down_to_the_noise},
    {"silence, an impulse in silence, full scale", silence_and_full_scale_are_no_trouble},
    {"segments show the channel", segments_show_the_channel},
    {"levelled, noise beside a tone and a step keeps its law", levelled_noise_has_energy_528},
};

int main(void)
{
    make_preamble();
    return check_run("clip", tests, CHECK_COUNT(tests));
}
