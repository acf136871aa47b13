/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our own latent codec: shapes, sizes, padding, threads, errors, and how good it is. */
#include "check.h"
#include "images/dataset.h"
#include "latent/latent.h"
#include "safetensors.h"
#include "quality/quality.h"
#include "rng.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define KODAK  SEMRADIO_SOURCE_DIR "/../shared/data/kodak/kodim01.png"
#define MODELS SEMRADIO_SOURCE_DIR "/semantic/models"

static latent_t *latent; /* opened once: most tests use it */

/* A smooth picture with an edge in it. */
static uint8_t *make_picture(int width, int height)
{
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3);
    for (int i = 0; i < width * height * 3; i++) {
        int x = i / 3 % width, y = i / 3 / width, c = i % 3;
        rgb[i] = (uint8_t)(x + 2 * y < width ? 40 + x * 2 % 64 + 30 * c : 200 - 40 * c);
    }
    return rgb;
}

static float *encode(latent_t *with, const uint8_t *rgb, int width, int height)
{
    err_t err = ERR_INIT;
    float *z = malloc(latent_count(with, width, height) * sizeof(*z));
    CHECK_INT(latent_encode(with, rgb, width, height, z, &err), 0);
    return z;
}

static void test_shapes(void)
{
    CU_ASSERT_STRING_EQUAL(latent_name(latent), "latent");
    CHECK_INT(latent_stride(latent), 8);
    CHECK_INT(latent_channels(latent), 4);
    CHECK_INT(latent_count(latent, 512, 512), 64 * 64 * 4);
    CHECK_INT(latent_count(latent, 9, 8), 2 * 4);
    CHECK_INT(latent_count(latent, 4096, 4096), 512 * 512 * 4);
}

static void test_sizes(void)
{
    static const int sizes[][2] = {{1, 1}, {7, 13}, {64, 64}, {4096, 8}, {3, 4096}};
    err_t err = ERR_INIT;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int width = sizes[i][0], height = sizes[i][1];
        uint8_t *rgb = make_picture(width, height);
        uint8_t *back = malloc((size_t)width * (size_t)height * 3);
        float *z = encode(latent, rgb, width, height);
        CHECK_INT(latent_decode(latent, z, width, height, back, &err), 0);
        double mse = quality_mse(rgb, back, (size_t)width * (size_t)height * 3);
        CHECK_AT_LEAST(quality_psnr_db(mse), 15.0);
        free(z);
        free(back);
        free(rgb);
    }
}

/* 13x7 is 16x8 with the last column and row repeated. */
static void test_padding(void)
{
    enum { W = 13, H = 7, PW = 16, PH = 8 };
    uint8_t *rgb = make_picture(W, H), padded[PW * PH * 3];
    for (int i = 0; i < PW * PH * 3; i++) {
        int x = i / 3 % PW, y = i / 3 / PW;
        padded[i] = rgb[((y < H ? y : H - 1) * W + (x < W ? x : W - 1)) * 3 + i % 3];
    }
    float *small = encode(latent, rgb, W, H), *large = encode(latent, padded, PW, PH);
    CHECK_INT(memcmp(small, large, latent_count(latent, W, H) * sizeof(float)), 0);
    uint8_t out[W * H * 3], wide[PW * PH * 3];
    err_t err = ERR_INIT;
    CHECK_INT(latent_decode(latent, small, W, H, out, &err), 0);
    CHECK_INT(latent_decode(latent, small, PW, PH, wide, &err), 0);
    for (int y = 0; y < H; y++) {
        CHECK_INT(memcmp(out + y * W * 3, wide + y * PW * 3, (size_t)W * 3), 0);
    }
    free(small);
    free(large);
    free(rgb);
}

static void test_bad_sizes(void)
{
    static const int sizes[][2] = {{0, 8}, {8, 0}, {-1, 8}, {4097, 1}, {20000, 20000}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        err_t err = ERR_INIT;
        float z[4];
        uint8_t rgb[3] = {0};
        CHECK_INT(latent_count(latent, sizes[i][0], sizes[i][1]), 0);
        CHECK_INT(latent_encode(latent, rgb, sizes[i][0], sizes[i][1], z, &err), -1);
        CHECK_ERROR_NAMES(&err, "outside 1 .. 4096 a side");
        CHECK_INT(latent_decode(latent, z, sizes[i][0], sizes[i][1], rgb, &err), -1);
        CHECK_INT(latent_prepare(latent, sizes[i][0], sizes[i][1], &err), -1);
    }
}

static void test_not_finite(void)
{
    float z[16] = {(float)NAN, (float)INFINITY, -(float)INFINITY, 0.5f}, zero[16] = {0, 0, 0, 0.5f};
    uint8_t a[16 * 16 * 3], b[16 * 16 * 3];
    err_t err = ERR_INIT;
    CHECK_INT(latent_decode(latent, z, 16, 16, a, &err), 0);
    CHECK_INT(latent_decode(latent, zero, 16, 16, b, &err), 0);
    CHECK_INT(memcmp(a, b, sizeof(a)), 0);
}

typedef struct {
    latent_t *latent;
    const uint8_t *rgb;
    float *z;
} job_t;

static void *run_job(void *context)
{
    job_t *job = context;
    for (int i = 0; i < 3; i++) { /* small, large, small: from the cache */
        free(job->z);
        job->z = encode(job->latent, job->rgb, i == 1 ? 48 : 64, 40);
    }
    return NULL;
}

static void test_clones(void)
{
    err_t err = ERR_INIT;
    uint8_t *rgb = make_picture(64, 40);
    float *want = encode(latent, rgb, 64, 40);
    job_t jobs[2] = {{.rgb = rgb}, {.rgb = rgb}};
    pthread_t threads[2];
    latent_t *first = latent_open("latent", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_EQUAL(latent_hash(first), latent_hash(latent));
    for (int i = 0; i < 2; i++) {
        jobs[i].latent = latent_clone(first, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(jobs[i].latent);
    }
    latent_close(first); /* clones keep the weights */
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, run_job, &jobs[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(memcmp(jobs[i].z, want, latent_count(latent, 64, 40) * sizeof(float)), 0);
        latent_close(jobs[i].latent);
        free(jobs[i].z);
    }
    free(want);
    free(rgb);
}

/* More sizes than are kept, then the first again. */
static void test_cache(void)
{
    uint8_t *rgb = make_picture(128, 8);
    float *want = encode(latent, rgb, 8, 8);
    for (int width = 16; width <= 128; width += 16) {
        free(encode(latent, rgb, width, 8));
    }
    float *again = encode(latent, rgb, 8, 8);
    CHECK_INT(memcmp(want, again, 4 * sizeof(float)), 0);
    free(want);
    free(again);
    free(rgb);
}

/* A photo comes back; noise of a tenth of the latents' deviation costs little. */
static void test_photo(void)
{
    enum { SIDE = 256 };
    if (access(KODAK, R_OK) != 0) {
        printf("(skipped: no Kodak pictures beside the checkout) ");
        return;
    }
    err_t err = ERR_INIT;
    image_t photo = IMAGE_EMPTY;
    CU_ASSERT_EQUAL_FATAL(image_load(KODAK, &photo, &err), 0);
    size_t bytes = SIDE * SIDE * 3;
    uint8_t *rgb = malloc(bytes), *back = malloc(bytes);
    for (int y = 0; y < SIDE; y++) {
        memcpy(rgb + y * SIDE * 3, photo.rgb + (size_t)(y + 100) * (size_t)photo.width * 3,
               SIDE * 3);
    }
    float *z = encode(latent, rgb, SIDE, SIDE);
    size_t count = latent_count(latent, SIDE, SIDE);
    CHECK_INT(latent_decode(latent, z, SIDE, SIDE, back, &err), 0);
    double clean_db = quality_psnr_db(quality_mse(rgb, back, bytes));
    CHECK_AT_LEAST(clean_db, 20.0);
    float *noise = malloc(count * sizeof(*noise));
    rng_t rng;
    rng_seed(&rng, 1, 0);
    rng_normal(&rng, noise, count);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT(fabsf(z[i]) < 10.0f);
        z[i] += 0.1f * noise[i];
    }
    CHECK_INT(latent_decode(latent, z, SIDE, SIDE, back, &err), 0);
    CHECK_AT_LEAST(quality_psnr_db(quality_mse(rgb, back, bytes)), clean_db - 1.0);
    free(noise);
    free(z);
    free(rgb);
    free(back);
    image_free(&photo);
}

static void refuse(const char *path, const char *part)
{
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(latent_open(path, &err));
    CHECK_ERROR_NAMES(&err, part);
}

/* Writes our weights with one tensor's element (or one key's text) changed. */
static void write_changed(const char *path, const char *tensor, float value, const char *width)
{
    err_t err = ERR_INIT;
    safetensors_t *file = safetensors_open(MODELS "/latent.safetensors", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    int count = safetensors_count(file);
    safetensors_tensor_t *tensors = calloc((size_t)count, sizeof(*tensors));
    float **values = calloc((size_t)count, sizeof(*values));
    for (int i = 0; i < count; i++) {
        tensors[i] = *safetensors_at(file, i);
        values[i] = malloc(tensors[i].count * sizeof(float));
        safetensors_to_float(&tensors[i], values[i]);
        tensors[i].data = values[i];
        if (strcmp(tensors[i].name, tensor) == 0) {
            values[i][1] = value;
        }
    }
    const char *keys[] = {"latent", "width", "encoder_blocks", "decoder_blocks"};
    const char *notes[] = {"blocks8", width, safetensors_note(file, "encoder_blocks"),
                           safetensors_note(file, "decoder_blocks")};
    CHECK_INT(safetensors_write(path, tensors, count, keys, notes, 4, &err), 0);
    for (int i = 0; i < count; i++) {
        free(values[i]);
    }
    free(values);
    free(tensors);
    safetensors_close(file);
}

static void test_bad_files(void)
{
    char path[] = "/tmp/semradio-latent-XXXXXX";
    close(mkstemp(path));
    refuse("/nonexistent/file", "/nonexistent/file");
    refuse(path, path); /* empty */
    refuse(MODELS "/image32.safetensors", "neither the weights of a latent codec");
    write_changed(path, "decoder.head.weight", (float)NAN, "96");
    refuse(path, "tensor decoder.head.weight: element 1 is not finite");
    write_changed(path, "encoder.standard.running_var", 0.0f, "96");
    refuse(path, "running_var: element 1 is not a positive number");
    write_changed(path, "", 0.0f, "64");
    refuse(path, "encoder.stem.weight");
    write_changed(path, "", 0.0f, "many");
    refuse(path, "metadata \"width\" is \"many\"");
    write_changed(path, "", 0.0f, "96");
    err_t err = ERR_INIT;
    latent_t *same = latent_open(path, &err);
    CU_ASSERT_PTR_NOT_NULL(same);
    latent_close(same);
    unlink(path);
}

static const check_test_t tests[] = {
    {"stride 8, 4 channels: 512x512x3 is 64x64x4", test_shapes},
    {"pictures of 1x1, odd and extreme sizes come back", test_sizes},
    {"a side that 8 does not divide is padded by its edge and cropped", test_padding},
    {"sizes out of range are refused by name", test_bad_sizes},
    {"numbers that are not finite count as 0", test_not_finite},
    {"clones share weights and agree in two threads", test_clones},
    {"a size that was given up is made again", test_cache},
    {"a photo comes back, and small noise on its latent costs little", test_photo},
    {"damaged and foreign files are refused by name", test_bad_files},
};

int main(void)
{
    err_t err = ERR_INIT;
    latent = latent_open("latent", &err);
    if (latent == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    int status = check_run("latent", tests, CHECK_COUNT(tests));
    latent_close(latent);
    return status;
}
