/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The waveform's samples against the files in tests/phy/golden, little-endian
 * cf32, within 1e-5.  After a change that is meant, write them anew:
 *
 *     build/…/tests/phy_test_golden write
 */
#include "check.h"
#include "link.h"

enum { SYMBOLS = 130 }; /* two payload symbols, the second part filled */

#define FRAME_FILE SEMRADIO_SOURCE_DIR "/tests/phy/golden/nr5_frame.cf32"
#define EXTENDED_FILE SEMRADIO_SOURCE_DIR "/tests/phy/golden/nr5_extended_retrained.cf32"

static void golden_points(float complex points[SYMBOLS])
{
    for (int i = 0; i < SYMBOLS; i++) {
        int which = i * 37 % 64;
        points[i] = CMPLXF((float)(2 * (which % 8) - 7), (float)(2 * (which / 8) - 7)) / sqrtf(42.0f);
    }
}

/* A frame of 64-QAM points in a fixed order. */
static float complex *make_frame(numerology_t n, size_t *count)
{
    transmitter_t *tx = transmitter_create(&n, NULL);
    frame_header_t h = link_header(42, 1, SYMBOLS);
    float complex points[SYMBOLS];
    golden_points(points);
    *count = transmitter_frame_samples(tx, &h);
    float complex *samples = calloc(*count, sizeof(*samples));
    transmitter_modulate(tx, &h, points, samples);
    transmitter_destroy(tx);
    return samples;
}

static numerology_t retrained(void)
{
    numerology_t n = numerology_default();
    n.cp = NUMEROLOGY_CP_EXTENDED;
    n.retrain_every = 1;
    return n;
}

static void compare(const char *path, numerology_t n)
{
    size_t count, read = 0;
    float complex *samples = make_frame(n, &count), *golden = calloc(count + 1, sizeof(*golden));
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    read = fread(golden, sizeof(*golden), count + 1, file);
    fclose(file);
    CHECK_INT(read, count);
    double worst = 0.0;
    for (size_t i = 0; i < count; i++) {
        worst = fmax(worst, cabs((double complex)samples[i] - (double complex)golden[i]));
    }
    CHECK_AT_MOST(worst, 1e-5);
    free(samples);
    free(golden);
}

static void frame_is_the_golden_one(void)
{
    compare(FRAME_FILE, numerology_default());
}

static void extended_frame_is_the_golden_one(void)
{
    compare(EXTENDED_FILE, retrained());
}

static void levels_are_as_documented(void)
{
    size_t count;
    float complex *samples = make_frame(numerology_default(), &count);
    double peak = 0.0, power = 0.0;
    for (size_t i = 0; i < count; i++) {
        peak = fmax(peak, cabsf(samples[i]));
        power += creal(samples[i] * conjf(samples[i])) / (double)count;
    }
    CHECK_NEAR(sqrt(power), 0.18, 0.01);
    CHECK_AT_MOST(peak, 1.0);
    free(samples);
}

static void prefixes_repeat_the_ends(void)
{
    size_t count;
    float complex *samples = make_frame(numerology_default(), &count);
    for (size_t at = NUMEROLOGY_PREAMBLE; at < count; at += 274) {
        CU_ASSERT(memcmp(samples + at, samples + at + 256, 18 * sizeof(*samples)) == 0);
    }
    free(samples);
}

static void memory_does_not_matter(void)
{
    numerology_t n = retrained();
    size_t count;
    float complex *samples = make_frame(n, &count);
    float complex *elsewhere = calloc(count + 2, sizeof(*elsewhere));
    transmitter_t *tx = transmitter_create(&n, NULL);
    frame_header_t h = link_header(42, 1, SYMBOLS), other = link_header(43, 1, 7);
    float complex points[SYMBOLS];
    golden_points(points);
    for (size_t offset = 0; offset < 2; offset++) {
        /* A frame in between: nothing of it may stay. */
        transmitter_modulate(tx, &other, points, elsewhere);
        transmitter_modulate(tx, &h, points, elsewhere + offset);
        CU_ASSERT(memcmp(samples, elsewhere + offset, count * sizeof(*samples)) == 0);
    }
    transmitter_destroy(tx);
    free(elsewhere);
    free(samples);
}

static int write_one(const char *path, numerology_t n)
{
    size_t count;
    float complex *samples = make_frame(n, &count);
    FILE *file = fopen(path, "wb");
    int bad = file == NULL || fwrite(samples, sizeof(*samples), count, file) != count;
    bad |= file != NULL && fclose(file) != 0;
    fprintf(stderr, "%s: %s\n", path, bad ? "not written" : "written");
    free(samples);
    return bad;
}

static const check_test_t tests[] = {
    {"a frame's samples are the golden ones", frame_is_the_golden_one},
    {"so are those with extended prefix and retraining", extended_frame_is_the_golden_one},
    {"the level is 0.18 rms and peaks stay below 1", levels_are_as_documented},
    {"a frame has the same bits wherever its memory lies and whatever was sent before",
     memory_does_not_matter},
    {"every prefix repeats its symbol's end", prefixes_repeat_the_ends},
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "write") == 0) {
        return write_one(FRAME_FILE, numerology_default()) | write_one(EXTENDED_FILE, retrained());
    }
    return check_run("golden", tests, CHECK_COUNT(tests));
}
