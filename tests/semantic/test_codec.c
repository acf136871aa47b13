/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The image32 codec with the weights that the repository ships. */
#include "check.h"
#include "codec/codec.h"
#include "file.h"
#include "images/dataset.h"
#include "quality/quality.h"
#include "rng.h"
#include "train/evaluate.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIDE = 32, BYTES = SIDE * SIDE * 3, SYMBOLS_MAX = 16384 };

static codec_t *codec;

/* Smooth shapes, edges, and a little texture: what a photo has. */
static void paint(uint8_t *rgb, int width, int height, unsigned seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    float cx = rng_uniform(&rng) * (float)width, cy = rng_uniform(&rng) * (float)height;
    float radius = 0.3f * (float)(width < height ? width : height), tone[6];
    for (int i = 0; i < 6; i++) {
        tone[i] = 40.0f + 150.0f * rng_uniform(&rng);
    }
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            float dx = (float)x - cx, dy = (float)y - cy;
            bool inside = dx * dx + dy * dy < radius * radius;
            for (int c = 0; c < 3; c++) {
                float value = tone[inside ? c : c + 3] + 40.0f * (float)y / (float)height +
                              6.0f * sinf((float)(x + 2 * y + c));
                rgb[(y * width + x) * 3 + c] = (uint8_t)value;
            }
        }
    }
}

/* AWGN and the MMSE estimate, in place. */
static void transmit(float complex *symbols, float *noise_var, size_t count, double snr_db,
                     uint64_t seed)
{
    static float complex noise[4 * SYMBOLS_MAX];
    float n0 = (float)pow(10.0, -snr_db / 10.0);
    rng_t rng;
    rng_seed(&rng, seed, 1);
    rng_complex_normal(&rng, n0, noise, count);
    for (size_t k = 0; k < count; k++) {
        symbols[k] = (symbols[k] + noise[k]) / (1.0f + n0);
        noise_var[k] = n0 / (1.0f + n0);
    }
}

static void test_rates(void)
{
    const codec_rate_t *rates;
    err_t err = ERR_INIT;
    CHECK_INT(codec_rates(codec, &rates), 4);
    const int expected[4] = {12, 6, 4, 3};
    for (int p = 1; p <= 4; p++) {
        CHECK_INT(rates[p - 1].numerator, 1);
        CHECK_INT(rates[p - 1].denominator, expected[p - 1]);
        CHECK_INT(codec_find_rate(codec, 2, 2 * expected[p - 1], &err), p);
        CHECK_INT(codec_symbols(codec, SIDE, SIDE, p) * (size_t)expected[p - 1], BYTES);
    }
    CHECK_INT(codec_find_rate(codec, 1, 5, &err), -1);
    CHECK_ERROR_NAMES(&err, "1/5");
    CHECK_INT(codec_symbols(codec, 33, 47, 2), 8 * 9 * 12);
    CHECK_INT(codec_symbols(codec, 1, 1, 1), 4);
    CHECK_INT(codec_symbols(codec, 0, 1, 1), 0);
    CHECK_INT(codec_symbols(codec, 1, 1, 0), 0);
    CHECK_INT(codec_symbols(codec, 1, 1, 121), 0);
    CHECK_INT(codec_symbols(codec, CODEC_SIDE_MAX + 1, 1, 1), 0);
    CHECK_AT_LEAST(codec_id(codec), 1);
}

static void test_modes(void)
{
    for (int p = 1; p <= 4; p++) {
        CHECK_INT(codec_mode_rate(codec, p), p);
        CHECK_NEAR(codec_mode_snr_db(codec, p), 10.0, 0.0);
        for (int snr_db = -1; snr_db <= 26; snr_db++) {
            int mode = codec_mode(codec, p, snr_db + 0.4);
            CHECK_AT_LEAST(255, mode);
            CHECK_INT(codec_mode_rate(codec, mode), p);
            CHECK_NEAR(codec_mode_snr_db(codec, mode), (double)snr_db, 0.0);
            CHECK_INT(codec_symbols(codec, SIDE, SIDE, mode), codec_symbols(codec, SIDE, SIDE, p));
        }
        CHECK_NEAR(codec_mode_snr_db(codec, codec_mode(codec, p, -300.0)), -1.0, 0.0);
        CHECK_NEAR(codec_mode_snr_db(codec, codec_mode(codec, p, 1e9)), 26.0, 0.0);
        CHECK_NEAR(codec_mode_snr_db(codec, codec_mode(codec, p, (double)NAN)), -1.0, 0.0);
    }
    CHECK_INT(codec_mode_rate(codec, 0), 0);
    CHECK_INT(codec_mode_rate(codec, 121), 0);
}

static void test_points(void)
{
    uint8_t rgb[BYTES];
    float complex symbols[1024];
    paint(rgb, SIDE, SIDE, 3);
    for (int p = 1; p <= 4; p++) {
        size_t count = codec_symbols(codec, SIDE, SIDE, p);
        float unit = codec_scale(codec, p) / sqrtf(42.0f), worst = 0.0f;
        CHECK_INT(codec_encode(codec, rgb, SIDE, SIDE, p, symbols, NULL), 0);
        for (size_t k = 0; k < count; k++) {
            float axis[2] = {crealf(symbols[k]) / unit, cimagf(symbols[k]) / unit};
            for (int i = 0; i < 2; i++) {
                float odd = 2.0f * roundf((axis[i] - 1.0f) / 2.0f) + 1.0f;
                worst = fmaxf(worst, fabsf(axis[i] - odd));
                CU_ASSERT(fabsf(odd) <= 7.0f);
            }
        }
        CHECK_AT_MOST(worst, 1e-4);
    }
}

static void test_any_size(void)
{
    static const int sizes[][2] = {{1, 1}, {33, 47}, {4, 4}, {31, 32}, {2, 70}, {64, 48}};
    static uint8_t rgb[64 * 48 * 3], back[64 * 48 * 3 + 1];
    static float complex symbols[SYMBOLS_MAX];
    static float noise_var[SYMBOLS_MAX];
    err_t err = ERR_INIT;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int width = sizes[i][0], height = sizes[i][1];
        size_t bytes = (size_t)width * (size_t)height * 3;
        size_t count = codec_symbols(codec, width, height, 4);
        paint(rgb, width, height, (unsigned)i);
        symbols[count] = 77.0f;
        back[bytes] = 77;
        CHECK_INT(codec_encode(codec, rgb, width, height, 4, symbols, &err), 0);
        CHECK_INT(crealf(symbols[count]), 77); /* nothing written beyond the end */
        transmit(symbols, noise_var, count, 25.0, i);
        CHECK_INT(codec_decode(codec, symbols, noise_var, width, height, 4, back, &err), 0);
        CHECK_INT(back[bytes], 77);
        CHECK_AT_LEAST(quality_psnr_db(quality_mse(rgb, back, bytes)), 20.0);
    }
    CHECK_INT(codec_encode(codec, rgb, 0, 5, 1, symbols, &err), -1);
    CHECK_INT(codec_decode(codec, symbols, noise_var, 5, 5, 121, back, &err), -1);
    CHECK_ERROR_NAMES(&err, "mode 121");
}

/*
 * A batch gives what single calls give, up to the last bit of a float: the
 * library may add in another order for another batch size.  Seldom, that
 * moves a value that lies between two points or two bytes.
 */
static void test_batch(void)
{
    enum { COUNT = 43 }; /* 32 + 8 + 2 + 1 */
    static uint8_t rgb[COUNT * BYTES], together[COUNT * BYTES], alone[BYTES];
    static float complex all[COUNT * 512], one[512];
    static float noise_var[COUNT * 512];
    int moved_points = 0, moved_bytes = 0, worst = 0;
    for (int n = 0; n < COUNT; n++) {
        paint(rgb + n * BYTES, SIDE, SIDE, (unsigned)n);
    }
    CHECK_INT(codec_encode_batch(codec, COUNT, rgb, SIDE, SIDE, 2, all, NULL), 0);
    for (int n = 0; n < COUNT; n++) {
        CHECK_INT(codec_encode(codec, rgb + n * BYTES, SIDE, SIDE, 2, one, NULL), 0);
        for (int k = 0; k < 512; k++) {
            moved_points += one[k] != all[n * 512 + k];
        }
    }
    transmit(all, noise_var, COUNT * 512, 10.0, 5);
    CHECK_INT(codec_decode_batch(codec, COUNT, all, noise_var, SIDE, SIDE, 2, together, NULL), 0);
    for (int n = 0; n < COUNT; n++) {
        CHECK_INT(
            codec_decode(codec, all + n * 512, noise_var + n * 512, SIDE, SIDE, 2, alone, NULL), 0);
        for (int i = 0; i < BYTES; i++) {
            int d = abs(alone[i] - together[n * BYTES + i]);
            moved_bytes += d > 0;
            worst = d > worst ? d : worst;
        }
    }
    CHECK_AT_MOST(moved_points, COUNT * 512 / 5000);
    CHECK_AT_MOST(moved_bytes, COUNT * BYTES / 5000);
    CHECK_AT_MOST(worst, 1);
}

/* Lost and insane symbols count as not received, and more loss means less quality. */
static void test_lost(void)
{
    uint8_t rgb[BYTES], back[2][BYTES];
    float complex symbols[512];
    float noise_var[512];
    paint(rgb, SIDE, SIDE, 11);
    CHECK_INT(codec_encode(codec, rgb, SIDE, SIDE, 2, symbols, NULL), 0);
    transmit(symbols, noise_var, 512, 20.0, 2);
    CHECK_INT(codec_decode(codec, symbols, noise_var, SIDE, SIDE, 2, back[0], NULL), 0);
    double whole_db = quality_psnr_db(quality_mse(rgb, back[0], BYTES));
    for (int k = 0; k < 128; k++) {
        symbols[4 * k] = 0.0f;
        noise_var[4 * k] = 1.0f;
    }
    CHECK_INT(codec_decode(codec, symbols, noise_var, SIDE, SIDE, 2, back[0], NULL), 0);
    double lossy_db = quality_psnr_db(quality_mse(rgb, back[0], BYTES));
    CHECK_AT_LEAST(whole_db, lossy_db);
    CHECK_AT_LEAST(lossy_db, 12.0);
    for (int k = 0; k < 128; k++) {
        symbols[4 * k] = k % 2 == 0 ? CMPLXF(NAN, 3.0f) : CMPLXF(5.0f, INFINITY);
        noise_var[4 * k] = k % 3 == 0 ? NAN : 1e9f;
    }
    CHECK_INT(codec_decode(codec, symbols, noise_var, SIDE, SIDE, 2, back[1], NULL), 0);
    CHECK_INT(memcmp(back[0], back[1], BYTES), 0);
}

static double fashion_db(const dataset_t *set, int p, double snr_db, double *power)
{
    evaluate_point_t point = {.mode = p, .snr_db = snr_db, .seed = 1, .images = 500};
    quality_sum_t sum = QUALITY_SUM_INIT;
    CHECK_INT(evaluate_point(codec, set, NULL, &point, &sum, power, NULL), 0);
    return quality_sum_psnr_db(&sum);
}

static void test_fashion(void)
{
    err_t err = ERR_INIT;
    dataset_t *set = dataset_open("fashion-mnist:test", &err);
    if (set == NULL) {
        printf("(skipped: %s) ", err.text);
        return;
    }
    CHECK_AT_LEAST(fashion_db(set, 2, 20.0, NULL), 29.5);
    CHECK_AT_LEAST(fashion_db(set, 2, 5.0, NULL), 26.0);
    CHECK_AT_LEAST(fashion_db(set, 4, 20.0, NULL), fashion_db(set, 1, 20.0, NULL));
    double last_db = fashion_db(set, 2, 25.0, NULL);
    for (double snr_db = 24.0; snr_db >= 0.0; snr_db -= 1.0) { /* no cliff */
        double now_db = fashion_db(set, 2, snr_db, NULL);
        CHECK_AT_MOST(last_db - now_db, 1.2);
        last_db = now_db;
    }
    dataset_close(set);
}

static void test_painted(void)
{
    static uint8_t rgb[BYTES], back[BYTES];
    float complex symbols[512];
    float noise_var[512];
    double mse = 0.0;
    for (unsigned n = 0; n < 64; n++) {
        paint(rgb, SIDE, SIDE, 100 + n);
        CHECK_INT(codec_encode(codec, rgb, SIDE, SIDE, 2, symbols, NULL), 0);
        transmit(symbols, noise_var, 512, 15.0, n);
        CHECK_INT(codec_decode(codec, symbols, noise_var, SIDE, SIDE, 2, back, NULL), 0);
        mse += quality_mse(rgb, back, BYTES) / 64;
    }
    CHECK_AT_LEAST(quality_psnr_db(mse), 27.0);
}

static double painted_db(codec_t *with)
{
    static float complex symbols[512];
    static float noise_var[512];
    quality_sum_t sum = QUALITY_SUM_INIT;
    uint8_t rgb[BYTES], back[BYTES];
    for (int k = 0; k < 512; k++) {
        noise_var[k] = 1e-3f;
    }
    for (int n = 0; n < 100; n++) {
        paint(rgb, SIDE, SIDE, (uint32_t)n);
        CHECK_INT(codec_encode(with, rgb, SIDE, SIDE, 2, symbols, NULL), 0);
        CHECK_INT(codec_decode(with, symbols, noise_var, SIDE, SIDE, 2, back, NULL), 0);
        quality_sum_add(&sum, rgb, back, SIDE, SIDE);
    }
    return quality_sum_psnr_db(&sum);
}

static void test_bf16(void)
{
    err_t err = ERR_INIT;
    codec_t *half = codec_clone(codec, NULL);
    if (codec_set_precision(half, CODEC_BF16, &err) < 0) {
        fprintf(stderr, "not tested: %s\n", err.text);
        CHECK_INT(codec_set_precision(half, CODEC_AUTO, &err), 0);
        CHECK_INT(codec_get_precision(half), CODEC_FP32);
    } else {
        CHECK_NEAR(painted_db(half), painted_db(codec), 0.05);
    }
    CHECK_INT(codec_set_precision(half, CODEC_FP32, &err), 0);
    CHECK_NEAR(painted_db(half), painted_db(codec), 0.0);
    codec_close(half);
}

typedef struct {
    codec_t *codec;
    float complex symbols[512];
} job_t;

static void *encode_job(void *argument)
{
    job_t *job = argument;
    uint8_t rgb[BYTES];
    paint(rgb, SIDE, SIDE, 42);
    for (int i = 0; i < 50; i++) {
        codec_encode(job->codec, rgb, SIDE, SIDE, 2, job->symbols, NULL);
    }
    return NULL;
}

static void test_threads(void)
{
    job_t job[3];
    pthread_t thread[3];
    for (int i = 0; i < 3; i++) {
        job[i].codec = codec_clone(codec, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(job[i].codec);
        CHECK_INT(codec_prepare(job[i].codec, SIDE, SIDE, 4, NULL), 0);
        CHECK_INT(pthread_create(&thread[i], NULL, encode_job, &job[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], NULL);
        codec_close(job[i].codec);
        CHECK_INT(memcmp(job[i].symbols, job[0].symbols, sizeof(job[0].symbols)), 0);
    }
}

static void refuse_bytes(const uint8_t *bytes, size_t size)
{
    char path[] = "/tmp/semradio-weights-XXXXXX";
    err_t err = ERR_INIT;
    int file = mkstemp(path);
    CHECK_INT(write(file, bytes, size), size);
    close(file);
    codec_t *broken = codec_open(path, &err);
    CU_ASSERT_PTR_NULL(broken);
    CHECK_ERROR_NAMES(&err, path);
    codec_close(broken);
    unlink(path);
}

static void test_hostile_weights(void)
{
    uint8_t *bytes;
    size_t size;
    err_t err = ERR_INIT;
    CU_ASSERT_EQUAL_FATAL(
        file_read_all(SEMRADIO_MODELS_DIR "/image32.safetensors", 1 << 28, &bytes, &size, &err), 0);
    refuse_bytes(bytes, 0);
    refuse_bytes(bytes, 7);
    refuse_bytes(bytes, 1000);
    refuse_bytes(bytes, size - 4);
    char *width = memmem(bytes, 8192, "\"width\":\"", 9);
    CU_ASSERT_PTR_NOT_NULL_FATAL(width);
    width[10] = '1'; /* 128 -> 118: every tensor now has the wrong shape */
    refuse_bytes(bytes, size);
    width[10] = 'x';
    refuse_bytes(bytes, size);
    free(bytes);
    CU_ASSERT_PTR_NULL(codec_open("no-such-codec", &err));
    CHECK_ERROR_NAMES(&err, "no-such-codec");
}

/* The same weights without the note of what each mode sends: symbols are larger or smaller by one
   factor per mode, and what is decoded is the same picture. */
static void test_mode_power(void)
{
    char path[] = "/tmp/semradio-weights-XXXXXX";
    uint8_t *bytes, rgb[BYTES], back[2][BYTES];
    size_t size;
    err_t err = ERR_INIT;
    static float complex symbols[2][512];
    static float noise_var[512];
    CU_ASSERT_EQUAL_FATAL(
        file_read_all(SEMRADIO_MODELS_DIR "/image32.safetensors", 1 << 28, &bytes, &size, &err), 0);
    char *note = memmem(bytes, 8192, "\"mode_power\"", 12);
    CU_ASSERT_PTR_NOT_NULL_FATAL(note);
    note[1] = 'M';
    int file = mkstemp(path);
    CHECK_INT(write(file, bytes, size), size);
    close(file);
    free(bytes);
    codec_t *plain = codec_open(path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plain);
    paint(rgb, SIDE, SIDE, 5);
    for (int snr_db = -1; snr_db <= 26; snr_db += 9) {
        int mode = codec_mode(codec, 2, snr_db);
        float ratio = codec_scale(codec, mode) / codec_scale(plain, mode);
        CHECK_INT(codec_encode(codec, rgb, SIDE, SIDE, mode, symbols[0], &err), 0);
        CHECK_INT(codec_encode(plain, rgb, SIDE, SIDE, mode, symbols[1], &err), 0);
        CU_ASSERT(fabsf(ratio - 1.0f) > 0.01f);
        for (int k = 0; k < 512; k++) {
            CHECK_NEAR(cabsf(symbols[0][k] - ratio * symbols[1][k]), 0.0, 1e-5);
            noise_var[k] = 1e-7f;
        }
        CHECK_INT(codec_decode(codec, symbols[0], noise_var, SIDE, SIDE, mode, back[0], &err), 0);
        CHECK_INT(codec_decode(plain, symbols[1], noise_var, SIDE, SIDE, mode, back[1], &err), 0);
        for (int i = 0; i < BYTES; i++) {
            CHECK_NEAR((double)back[0][i], (double)back[1][i], 1.0);
        }
    }
    codec_close(plain);
    unlink(path);
}

static const check_test_t tests[] = {
    {"rates, symbols, and sizes agree", test_rates},
    {"a mode is a rate and a design SNR", test_modes},
    {"every mode sends the same mean power, and the decoder undoes its factor", test_mode_power},
    {"what is sent are scaled 64-QAM points", test_points},
    {"pictures of any size go through", test_any_size},
    {"a batch gives what single calls give", test_batch},
    {"lost and insane symbols are filled in", test_lost},
    {"Fashion-MNIST arrives, without a cliff", test_fashion},
    {"painted pictures arrive", test_painted},
    {"bfloat16 costs no quality", test_bf16},
    {"clones in several threads agree", test_threads},
    {"damaged weights are refused by name", test_hostile_weights},
};

int main(void)
{
    err_t err = ERR_INIT;
    codec = codec_open("image32", &err);
    if (codec == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    int failed = check_run("codec", tests, CHECK_COUNT(tests));
    codec_close(codec);
    return failed;
}
