/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DeKA-g's codec as it is shipped, and what its training is made of. */
#include "check.h"
#include "codec/codec.h"
#include "codec/codec_variant.h"
#include "codec/deka.h"
#include "codec/deka_net.h"
#include "nn/constellation.h"
#include "nn/gradient_surgery.h"
#include "quality/quality.h"
#include "rng.h"
#include "safetensors.h"
#include "train/fading.h"

#include <stdlib.h>
#include <unistd.h>

enum { ROWS = 12, COLUMNS = 10, LATENT = ROWS * COLUMNS * 4, PLACES = 6 * 5 };
enum { SYMBOLS_MAX = PLACES * DEKA_CHANNELS };

static codec_t *codec;

static void fill(float *values, size_t count, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 3);
    rng_normal(&rng, values, count);
}

static double energy(const float complex *symbols, size_t count)
{
    double sum = 0.0;
    for (size_t k = 0; k < count; k++) {
        sum += (double)(crealf(symbols[k]) * crealf(symbols[k]) +
                        cimagf(symbols[k]) * cimagf(symbols[k]));
    }
    return sum / (double)count;
}

/* ---- the codec ------------------------------------------------------------------- */

static void test_rates(void)
{
    const codec_rate_t *rates;
    err_t err = ERR_INIT;
    CHECK_INT(codec_rates(codec, &rates), 5);
    for (int p = 1; p <= 5; p++) {
        int i = p + 1; /* the paper's */
        CHECK_INT(codec_symbols(codec, 512, 512, p), 1024 * i);
        CHECK_INT(rates[p - 1].numerator * 512 * 512 * 3, 1024 * i * rates[p - 1].denominator);
        CHECK_INT(codec_find_rate(codec, i, 768, &err), p);
        CHECK_INT(codec_symbols(codec, 513, 17, p), 33 * 2 * i);
        CHECK_INT(codec_symbols(codec, 1, 1, p), i);
        CHECK_INT(deka_symbols(codec, 64, 64, p), 1024 * i);
        CHECK_INT(deka_symbols(codec, 63, 1, p), 32 * i);
    }
    CHECK_INT(codec_symbols(codec, 512, 512, 6), 0);
    CHECK_INT(codec_symbols(codec, 512, 512, 0), 0);
    CHECK_INT(deka_symbols(codec, 0, 64, 1), 0);
    CHECK_INT(codec_find_rate(codec, 1, 6, &err), -1);
    CHECK_ERROR_NAMES(&err, "1/384, 1/256, 1/192, 5/768, 1/128");
}

/* A rate's symbols are the first channels of the highest rate's points, scaled alike within a rate.
 */
static void test_prefix(void)
{
    static float z[LATENT];
    static float complex all[SYMBOLS_MAX], few[SYMBOLS_MAX];
    err_t err = ERR_INIT;
    fill(z, LATENT, 1);
    CHECK_INT(deka_encode(codec, z, ROWS, COLUMNS, 5, all, &err), 0);
    float unit = codec_scale(codec, 5) / sqrtf(42.0f), worst = 0.0f;
    for (int k = 0; k < SYMBOLS_MAX; k++) {
        float level = crealf(all[k]) / unit;
        worst = fmaxf(worst, fabsf(level - (2.0f * floorf(0.5f * level) + 1.0f)));
        CHECK_AT_MOST(fabsf(level), 7.001);
    }
    CHECK_AT_MOST(worst, 1e-3);
    for (int p = 1; p < 5; p++) {
        CHECK_INT(deka_encode(codec, z, ROWS, COLUMNS, p, few, &err), 0);
        float ratio = codec_scale(codec, p) / codec_scale(codec, 5);
        for (size_t k = 0; k < deka_symbols(codec, ROWS, COLUMNS, p); k++) {
            CHECK_NEAR(crealf(few[k]), ratio * crealf(all[k]), 1e-5);
            CHECK_NEAR(cimagf(few[k]), ratio * cimagf(all[k]), 1e-5);
        }
    }
}

/* Channels that were not sent count as zeros: rate p decodes as the highest rate with zeros there.
 */
static void test_padding(void)
{
    static float z[LATENT], a[LATENT], b[LATENT];
    static float complex symbols[SYMBOLS_MAX];
    static float noise_var[SYMBOLS_MAX];
    err_t err = ERR_INIT;
    fill(z, LATENT, 2);
    CHECK_INT(deka_encode(codec, z, ROWS, COLUMNS, 2, symbols, &err), 0);
    size_t sent = deka_symbols(codec, ROWS, COLUMNS, 2);
    for (size_t k = sent; k < SYMBOLS_MAX; k++) {
        symbols[k] = CMPLXF(NAN, 3.0f); /* lost: whatever is there */
        noise_var[k] = 1.0f;
    }
    CHECK_INT(deka_decode(codec, symbols, noise_var, ROWS, COLUMNS, 2, a, &err), 0);
    CHECK_INT(deka_decode(codec, symbols, noise_var, ROWS, COLUMNS, 5, b, &err), 0);
    CHECK_INT(memcmp(a, b, sizeof(a)), 0);
    symbols[3] = CMPLXF(0.0f, 0.0f);
    CHECK_INT(deka_decode(codec, symbols, noise_var, ROWS, COLUMNS, 2, a, &err), 0);
    symbols[3] = CMPLXF(0.5f, 0.5f);
    noise_var[3] = NAN;
    CHECK_INT(deka_decode(codec, symbols, noise_var, ROWS, COLUMNS, 2, b, &err), 0);
    CHECK_INT(memcmp(a, b, sizeof(a)), 0);
}

static uint8_t *painted(int width, int height)
{
    uint8_t *rgb = malloc((size_t)(width * height * 3));
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            bool inside = (x - width / 2) * (x - width / 2) + (y - height / 2) * (y - height / 2) <
                          width * height / 12;
            for (int c = 0; c < 3; c++) {
                double shade = inside ? 170.0 - 30.0 * c : 90.0 + 20.0 * c + 40.0 * y / height;
                rgb[(y * width + x) * 3 + c] = (uint8_t)(shade + 8.0 * sin(0.1 * x));
            }
        }
    }
    return rgb;
}

static double psnr_of(int width, int height, int p, double snr_db)
{
    uint8_t *rgb = painted(width, height), *back = malloc((size_t)(width * height * 3));
    size_t count = codec_symbols(codec, width, height, p);
    float complex *symbols = malloc(count * sizeof(*symbols)),
                  *noise = malloc(count * sizeof(*noise));
    float *noise_var = malloc(count * sizeof(*noise_var));
    float n0 = (float)pow(10.0, -snr_db / 10.0);
    err_t err = ERR_INIT;
    rng_t rng;
    rng_seed(&rng, 5, 5);
    rng_complex_normal(&rng, n0, noise, count);
    CHECK_INT(codec_encode(codec, rgb, width, height, p, symbols, &err), 0);
    for (size_t k = 0; k < count; k++) {
        symbols[k] = (symbols[k] + noise[k]) / (1.0f + n0);
        noise_var[k] = n0 / (1.0f + n0);
    }
    CHECK_INT(codec_decode(codec, symbols, noise_var, width, height, p, back, &err), 0);
    double psnr_db = quality_psnr_db(quality_mse(rgb, back, (size_t)(width * height * 3)));
    free(rgb);
    free(back);
    free(symbols);
    free(noise);
    free(noise_var);
    return psnr_db;
}

static void test_pictures(void)
{
    double good = psnr_of(128, 96, 5, 25.0), fair = psnr_of(128, 96, 3, 15.0);
    double poor = psnr_of(128, 96, 1, 5.0);
    CHECK_AT_LEAST(good, 22.0);
    CHECK_AT_LEAST(good, fair);
    CHECK_AT_LEAST(fair, poor);
    CHECK_AT_LEAST(poor, 12.0);
    CHECK_AT_LEAST(psnr_of(67, 43, 4, 25.0), 17.0);
    CHECK_AT_LEAST(psnr_of(1, 1, 1, 25.0), 5.0);
}

/* ---- shipped adapters -------------------------------------------------------------- */

/* "Dead leaves": discs of all sizes over each other have the statistics of photos. */
static void paint_leaves(int width, int height, uint64_t seed, uint8_t *rgb)
{
    rng_t rng;
    rng_seed(&rng, 21, seed);
    for (int disc = 0; disc < 300; disc++) {
        float radius = 3.0f / sqrtf(rng_uniform(&rng) + 0.002f);
        float cx = rng_uniform(&rng) * (float)width, cy = rng_uniform(&rng) * (float)height;
        float grey = 30.0f + 190.0f * rng_uniform(&rng), tone[3];
        for (int c = 0; c < 3; c++) {
            tone[c] = grey + 40.0f * (rng_uniform(&rng) - 0.5f);
        }
        for (int i = 0; i < width * height; i++) {
            float dx = (float)(i % width) - cx, dy = (float)(i / width) - cy;
            for (int c = 0; c < 3 && (disc == 0 || dx * dx + dy * dy < radius * radius); c++) {
                rgb[3 * i + c] = (uint8_t)tone[c];
            }
        }
    }
}

/* Sum of squared errors of such pictures over Rayleigh fading, the same in every call. */
static double faded_error(double snr_db, int p)
{
    enum { WIDTH = 128, HEIGHT = 96, DRAWS = 12 };
    static uint8_t back[WIDTH * HEIGHT * 3], pictures[DRAWS][WIDTH * HEIGHT * 3];
    static bool painted_already;
    static float complex symbols[48 * DEKA_CHANNELS], noise[48 * DEKA_CHANNELS];
    static float noise_var[48 * DEKA_CHANNELS];
    float n0 = (float)pow(10.0, -snr_db / 10.0);
    size_t count = codec_symbols(codec, WIDTH, HEIGHT, p);
    double sum = 0.0;
    for (int draw = 0; draw < DRAWS; draw++) {
        uint8_t *rgb = pictures[draw];
        if (!painted_already) {
            paint_leaves(WIDTH, HEIGHT, (uint64_t)draw, rgb);
        }
        float complex h[FADING_CARRIERS];
        rng_t rng;
        rng_seed(&rng, 9, (uint64_t)draw);
        fading_draw(&rng, 300e-9, h);
        rng_complex_normal(&rng, n0, noise, count);
        CHECK_INT(codec_encode(codec, rgb, WIDTH, HEIGHT, p, symbols, NULL), 0);
        CHECK_AT_LEAST(energy(symbols, count), 0.3); /* 1 over the training data */
        CHECK_AT_MOST(energy(symbols, count), 2.5);
        for (size_t k = 0; k < count; k++) {
            float complex gain = h[k % FADING_CARRIERS];
            float power = crealf(gain) * crealf(gain) + cimagf(gain) * cimagf(gain);
            symbols[k] = conjf(gain) * (gain * symbols[k] + noise[k]) / (power + n0);
            noise_var[k] = n0 / (power + n0);
        }
        CHECK_INT(codec_decode(codec, symbols, noise_var, WIDTH, HEIGHT, p, back, NULL), 0);
        sum += quality_mse(rgb, back, sizeof(back));
    }
    painted_already = true;
    return sum;
}

static void test_adapters(void)
{
    static const struct {
        const char *file;
        double snr_db;
        long bytes_max; /* of the matrices, as the paper gives: .09 and .17 MiB */
    } shipped[] = {
        {SEMRADIO_MODELS_DIR "/deka-snr0-5-rank4.safetensors", 0.0, 94372},
        {SEMRADIO_MODELS_DIR "/deka-snr0-5-rank8.safetensors", 0.0, 178258},
        {SEMRADIO_MODELS_DIR "/deka-snr10-15-rank4.safetensors", 10.0, 94372},
        {SEMRADIO_MODELS_DIR "/deka-snr10-15-rank8.safetensors", 10.0, 178258},
    };
    for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++) {
        err_t err = ERR_INIT;
        double before = faded_error(shipped[i].snr_db, 3);
        codec_variant_t *variant = codec_variant_open(codec, &shipped[i].file, 1, &err);
        if (variant == NULL) {
            fprintf(stderr, "%s\n", err.text);
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(variant);
        codec_use(codec, variant);
        CHECK_AT_MOST(faded_error(shipped[i].snr_db, 3), before);
        codec_use(codec, NULL);
        CHECK_NEAR(faded_error(shipped[i].snr_db, 3), before, 0.0);
        codec_variant_release(variant);
        safetensors_t *file = safetensors_open(shipped[i].file, &err);
        long bytes = 0;
        for (int k = 0; k < safetensors_count(file); k++) {
            const safetensors_tensor_t *tensor = safetensors_at(file, k);
            bytes += (long)tensor->count * (tensor->dtype == SAFETENSORS_F16 ? 2 : 4);
        }
        CHECK_AT_MOST(bytes, shipped[i].bytes_max);
        safetensors_close(file);
    }
}

static void test_refusals(void)
{
    static float z[LATENT];
    static float complex symbols[SYMBOLS_MAX];
    char path[64];
    err_t err = ERR_INIT;
    CHECK_INT(deka_encode(codec, z, ROWS, 0, 1, symbols, &err), -1);
    CHECK_ERROR_NAMES(&err, "0 x 12");
    CHECK_INT(deka_encode(codec, z, ROWS, COLUMNS, 6, symbols, &err), -1);
    snprintf(path, sizeof(path), "/tmp/test_deka.%d.safetensors", (int)getpid());
    safetensors_t *file = safetensors_open(SEMRADIO_MODELS_DIR "/deka.safetensors", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    static const struct {
        const char *key, *value, *names;
    } bad[] = {{"latent_hash", "0123456789abcdef", "0123456789abcdef"},
               {"latent", "no-such-latents", "no-such-latents"},
               {"width", "88", "needs 88x16x3x3"},
               {"decoder_blocks", "9", "decoder.blocks.3.conv1.weight"},
               {"bound", "-1", "bound"}};
    for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
        safetensors_tensor_t tensors[128];
        const char *keys[64], *values[64];
        int count = safetensors_count(file), notes = safetensors_notes(file);
        for (int i = 0; i < count; i++) {
            tensors[i] = *safetensors_at(file, i);
        }
        for (int i = 0; i < notes; i++) {
            keys[i] = safetensors_note_at(file, i, &values[i]);
            values[i] = strcmp(keys[i], bad[b].key) == 0 ? bad[b].value : values[i];
        }
        CHECK_INT(safetensors_write(path, tensors, count, keys, values, notes, &err), 0);
        CU_ASSERT_PTR_NULL(codec_open(path, &err));
        CHECK_ERROR_NAMES(&err, bad[b].names);
        CHECK_ERROR_NAMES(&err, path);
    }
    safetensors_close(file);
    unlink(path);
}

/* ---- halves ------------------------------------------------------------------------- */

static void test_halves(void)
{
    int wrong = 0;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        uint16_t half = (uint16_t)bits, back = 0;
        float value = 0.0f;
        safetensors_tensor_t tensor = {
            .dtype = SAFETENSORS_F16, .rank = 1, .count = 1, .data = &half};
        safetensors_to_float(&tensor, &value);
        safetensors_to_half(&value, 1, &back);
        wrong +=
            isnan(value) ? !((back & 0x7c00u) == 0x7c00u && (back & 0x3ffu) != 0) : back != half;
    }
    CHECK_INT(wrong, 0);
    static const struct {
        double value;
        unsigned half;
    } rounded[] = {{1.0 + 0x1p-11, 0x3c00}, {1.0 + 3 * 0x1p-11, 0x3c02},
                   {65519.0, 0x7bff},       {65520.0, 0x7c00},
                   {-1e9, 0xfc00},          {0x1p-25, 0x0000},
                   {0x1.8p-25, 0x0001},     {-0x1.8p-24, 0x8002},
                   {1e-30, 0x0000}};
    for (size_t i = 0; i < sizeof(rounded) / sizeof(rounded[0]); i++) {
        float value = (float)rounded[i].value;
        uint16_t half = 0;
        safetensors_to_half(&value, 1, &half);
        CHECK_INT(half, rounded[i].half);
    }
}

/* ---- objectives ---------------------------------------------------------------------- */

typedef struct {
    params_t *params;
    graph_t *graph;
    node_t in, points, kl;
} toy_t;

static toy_t make_toy(float sharpness)
{
    err_t err = ERR_INIT;
    toy_t toy = {.params = params_create(1, &err)};
    toy.graph = graph_create(toy.params, GRAPH_TRAIN, 2, 1, &err);
    toy.in = graph_input_with_gradient(toy.graph, 3, 2, 6);
    toy.points = graph_quantise_soft(toy.graph, toy.in, sharpness);
    toy.kl = graph_constellation_kl(toy.graph, toy.in, sharpness);
    node_t target = graph_input(toy.graph, 3, 2, 6);
    graph_add_loss(toy.graph, graph_mse(toy.graph, toy.points, target), 1.0f);
    graph_add_loss(toy.graph, toy.kl, 0.3f);
    CHECK_INT(graph_finish(toy.graph, &err), 0);
    graph_set_prefix(toy.graph, 2);
    fill(graph_data(toy.graph, toy.in), 72, 4);
    return toy;
}

static void toy_free(toy_t *toy)
{
    graph_destroy(toy->graph);
    params_destroy(toy->params);
}

static void test_objective_gradients(void)
{
    toy_t toy = make_toy(9.0f);
    float *x = graph_data(toy.graph, toy.in);
    graph_forward(toy.graph);
    graph_backward(toy.graph);
    float grad[72];
    memcpy(grad, graph_grad(toy.graph, toy.in), sizeof(grad));
    for (int i = 0; i < 72; i++) {
        const float before = x[i], step = 2e-3f;
        x[i] = before + step;
        graph_forward(toy.graph);
        double up = graph_total_loss(toy.graph);
        x[i] = before - step;
        graph_forward(toy.graph);
        double down = graph_total_loss(toy.graph);
        x[i] = before;
        CHECK_NEAR(grad[i], (up - down) / (2.0 * (double)step), 2e-3);
    }
    toy_free(&toy);
}

static void test_objective_limits(void)
{
    toy_t toy = make_toy(1e5f);
    const float *x = graph_data(toy.graph, toy.in), *y = graph_data(toy.graph, toy.points);
    graph_forward(toy.graph);
    for (int i = 0; i < 72; i++) {
        float level = (x[i] * sqrtf(42.0f) + 7.0f) / 2.0f;
        float nearest = fminf(fmaxf(floorf(level + 0.5f), 0.0f), 7.0f);
        CHECK_NEAR(y[i], i % 6 < 4 ? (2.0f * nearest - 7.0f) / sqrtf(42.0f) : 0.0f, 1e-3);
    }
    /* All symbols on one point: log 64 nats from uniform. */
    for (int i = 0; i < 72; i++) {
        graph_data(toy.graph, toy.in)[i] = 1.0f / sqrtf(42.0f);
    }
    graph_forward(toy.graph);
    CHECK_NEAR(graph_mean(toy.graph, toy.kl), log(64.0), 1e-4);
    toy_free(&toy);
}

static void test_surgery(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(1, &err);
    param_t *a = params_add(params, "a", 1, (int[]){2}, 0, PARAM_INIT_CONSTANT, 0.0f, &err);
    param_t *b = params_add(params, "b", 1, (int[]){1}, 0, PARAM_INIT_CONSTANT, 0.0f, &err);
    CHECK_INT(params_need_gradients(params, &err), 0);
    gradient_surgery_t *surgery = gradient_surgery_create(params, 2, &err);
    rng_t rng;
    rng_seed(&rng, 1, 1);
    const float conflict[2][3] = {{1.0f, 0.0f, 0.0f}, {-1.0f, 1.0f, 0.0f}};
    const float agree[2][3] = {{1.0f, 0.0f, 2.0f}, {1.0f, 1.0f, 0.0f}};
    for (int t = 0; t < 2; t++) {
        memcpy(a->grad, conflict[t], 8);
        b->grad[0] = conflict[t][2];
        gradient_surgery_take(surgery, t);
    }
    gradient_surgery_finish(surgery, &rng);
    CHECK_NEAR(a->grad[0], 0.25, 1e-6); /* (1, 0) -> (.5, .5); (-1, 1) -> (0, 1) */
    CHECK_NEAR(a->grad[1], 0.75, 1e-6);
    for (int t = 0; t < 2; t++) {
        memcpy(a->grad, agree[t], 8);
        b->grad[0] = agree[t][2];
        gradient_surgery_take(surgery, t);
    }
    gradient_surgery_finish(surgery, &rng);
    CHECK_NEAR(a->grad[0], 1.0, 1e-6);
    CHECK_NEAR(a->grad[1], 0.5, 1e-6);
    CHECK_NEAR(b->grad[0], 1.0, 1e-6);
    gradient_surgery_destroy(surgery);
    params_destroy(params);
}

static const check_test_t tests[] = {
    {"rates are the paper's, at any size", test_rates},
    {"a rate sends the first channels, as 64-QAM points", test_prefix},
    {"what was not sent or lost counts as zero", test_padding},
    {"pictures of any size arrive, better at higher rate and SNR", test_pictures},
    {"shipped adapters help where they were trained, at the paper's sizes", test_adapters},
    {"other latents, sizes, and damaged files are refused by name", test_refusals},
    {"halves are written as they are read, rounded to nearest", test_halves},
    {"gradients of soft points and divergence agree with differences", test_objective_gradients},
    {"sharp points are the nearest ones; one point only is log 64 away", test_objective_limits},
    {"gradient surgery removes conflicts and keeps agreement", test_surgery},
};

int main(void)
{
    err_t err = ERR_INIT;
    codec = codec_open("deka", &err);
    if (codec == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    int status = check_run("deka", tests, CHECK_COUNT(tests));
    codec_close(codec);
    return status;
}
