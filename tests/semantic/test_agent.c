/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DeKAP's agent codec: codes as symbols and back, on a small network with random weights. */
#include "check.h"
#include "codec/agent.h"
#include "codec/agent_codes.h"
#include "codec/codec.h"
#include "codec/codec_variant.h"
#include "nn/codebook.h"
#include "rng.h"

#include <stdlib.h>
#include <unistd.h>

enum { WIDTH = 37, HEIGHT = 22, PLACES = 10 * 6, SIZE = 6, IMAGES = 5 };

static char path[] = "/tmp/semradio-agent-XXXXXX";
static const agent_shape_t shape = {
    .width = 8, .encoder_blocks = 1, .decoder_blocks = 1, .code_size = SIZE};

/* A codebook that is the encoder's own vectors, so that all codes are used. */
static int make_weights(const char *code_size)
{
    static const char *const keys[] = {"codec", "width", "encoder_blocks", "decoder_blocks",
                                       "code_size"};
    const char *const values[] = {"agent", "8", "1", "1", code_size};
    err_t err = ERR_INIT;
    const int channels = AGENT_CHANNELS;
    params_t *params = params_create(2, &err);
    graph_t *g = graph_create(params, GRAPH_TRAIN, 1, 1, &err);
    node_t image = graph_input(g, 128, 128, 3);
    node_t codes =
        graph_codebook(g, agent_net_encoder(g, image, &shape), AGENT_CODES_NAME, AGENT_CODES);
    agent_net_decoder(g, codes, &shape);
    param_t *power = params_add(params, AGENT_POWER_NAME, 1, &channels, PARAM_BUFFER,
                                PARAM_INIT_CONSTANT, 1.0f, &err);
    if (graph_finish(g, &err) < 0 || power == NULL) {
        return -1;
    }
    for (size_t i = 0; i < graph_count(g, image); i++) {
        graph_data(g, image)[i] = 0.5f + 0.4f * sinf((float)(i % 97) * (float)(i % 61));
    }
    for (int k = 0; k < 20; k++) {
        graph_forward(g);
    }
    agent_order_t order;
    agent_order(&order, params_find(params, "codes.codebook")->value, SIZE);
    power->value[0] = power->value[1] =
        agent_order_power(&order, params_find(params, "codes.usage")->value);
    int status = params_save(params, path, "", keys, values, 5, &err);
    graph_destroy(g);
    params_destroy(params);
    return status;
}

static void draw_pictures(uint8_t *rgb, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rgb[i] = (uint8_t)(128.0 + 100.0 * sin((double)(i % 97) * (double)(i % 61)));
    }
}

static codec_t *open_codec(void)
{
    err_t err = ERR_INIT;
    codec_t *codec = codec_open(path, &err);
    if (codec == NULL) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    return codec;
}

static void random_codebook(float *codebook, float *usage)
{
    rng_t rng;
    rng_seed(&rng, 8, 0);
    rng_normal(&rng, codebook, AGENT_CODES * SIZE);
    for (int k = 0; k < AGENT_CODES; k++) {
        usage[k] = 0.1f + rng_uniform(&rng);
    }
}

static void test_order(void)
{
    float codebook[AGENT_CODES * SIZE], usage[AGENT_CODES];
    random_codebook(codebook, usage);
    agent_order_t order;
    agent_order(&order, codebook, SIZE);
    int wrong = 0;
    double near = 0.0, all = 0.0;
    for (int k = 0; k < AGENT_CODES; k++) {
        wrong += order.place[order.code[k]] != k;
        for (int c = 0; c < SIZE; c++) { /* a step on the last axis, and any other code */
            const float *x = codebook + order.code[k] * SIZE;
            near += pow((double)(x[c] - codebook[order.code[k ^ 1] * SIZE + c]), 2);
            all +=
                pow((double)(x[c] - codebook[order.code[(k + 200) % AGENT_CODES] * SIZE + c]), 2);
        }
    }
    CHECK_INT(wrong, 0);
    CHECK_AT_MOST(near, 0.5 * all);
}

static void test_mean(void)
{
    float codebook[AGENT_CODES * SIZE], usage[AGENT_CODES], point[AGENT_AXES], vector[SIZE];
    random_codebook(codebook, usage);
    agent_order_t order;
    agent_order(&order, codebook, SIZE);
    const float weak[AGENT_AXES] = {1e-4f, 1e-4f, 1e-4f, 1e-4f};
    const float lost[AGENT_AXES] = {INFINITY, INFINITY, INFINITY, INFINITY};
    for (int k = 0; k < AGENT_CODES; k++) { /* hardly any noise: the code itself */
        agent_codes_point(&order, k, point);
        agent_codes_mean(&order, codebook, usage, SIZE, point, weak, vector);
        CHECK_AT_MOST(fabsf(vector[3] - codebook[k * SIZE + 3]), 1e-5);
    }
    agent_codes_mean(&order, codebook, usage, SIZE, point, lost, vector);
    double sum = 0.0, mean = 0.0; /* nothing known: the mean of all as they are used */
    for (int k = 0; k < AGENT_CODES; k++) {
        sum += (double)usage[k];
        mean += (double)(usage[k] * codebook[k * SIZE + 3]);
    }
    CHECK_NEAR(vector[3], mean / sum, 1e-4);
}

/* The mean under moderate noise has a smaller error than the likeliest code. */
static void test_soft(void)
{
    float codebook[AGENT_CODES * SIZE], usage[AGENT_CODES], soft[SIZE];
    random_codebook(codebook, usage);
    agent_order_t order;
    agent_order(&order, codebook, SIZE);
    rng_t rng;
    rng_seed(&rng, 9, 0);
    double soft_error = 0.0, hard_error = 0.0;
    for (int n = 0; n < 2000; n++) {
        int code = (int)rng_below(&rng, AGENT_CODES), place = 0;
        float x[AGENT_AXES], noise[AGENT_AXES], variance[AGENT_AXES];
        agent_codes_point(&order, code, x);
        rng_normal(&rng, noise, AGENT_AXES);
        for (int a = 0; a < AGENT_AXES; a++) {
            variance[a] = 0.05f;
            x[a] += sqrtf(0.05f) * noise[a];
        }
        agent_codes_mean(&order, codebook, usage, SIZE, x, variance, soft);
        float axis[3] = {0.5f * (x[0] + x[3]), x[1], x[2]};
        for (int a = 0; a < 3; a++) {
            int level = (int)lrintf((axis[a] * sqrtf(42.0f) + 7.0f) / 2.0f);
            place = 8 * place + (level < 0 ? 0 : level > 7 ? 7 : level);
        }
        for (int c = 0; c < SIZE; c++) {
            soft_error += pow((double)(soft[c] - codebook[code * SIZE + c]), 2);
            hard_error += pow(
                (double)(codebook[order.code[place] * SIZE + c] - codebook[code * SIZE + c]), 2);
        }
    }
    CHECK_AT_MOST(soft_error, 0.8 * hard_error);
}

static void test_round(void)
{
    err_t err = ERR_INIT;
    codec_t *codec = open_codec();
    static uint8_t rgb[WIDTH * HEIGHT * 3], direct[sizeof(rgb)], air[sizeof(rgb)];
    uint16_t code[PLACES];
    float complex symbols[2 * PLACES];
    float noise_var[2 * PLACES];
    draw_pictures(rgb, sizeof(rgb));
    CHECK_INT(agent_codes(codec, WIDTH, HEIGHT), PLACES);
    CHECK_INT(codec_symbols(codec, WIDTH, HEIGHT, 1), 2 * PLACES);
    CHECK_INT(codec_find_rate(codec, 1, 24, &err), 1);
    CHECK_INT(agent_encode(codec, rgb, WIDTH, HEIGHT, code, &err), 0);
    CHECK_INT(agent_decode(codec, code, WIDTH, HEIGHT, direct, &err), 0);
    CHECK_INT(codec_encode(codec, rgb, WIDTH, HEIGHT, 1, symbols, &err), 0);
    int used[AGENT_CODES] = {0}, kinds = 0;
    for (int i = 0; i < PLACES; i++) {
        kinds += used[code[i]]++ == 0;
    }
    CHECK_AT_LEAST(kinds, 20);
    for (int i = 0; i < 2 * PLACES; i++) {
        noise_var[i] = 1e-4f;
    }
    CHECK_INT(codec_decode(codec, symbols, noise_var, WIDTH, HEIGHT, 1, air, &err), 0);
    CHECK_INT(memcmp(direct, air, sizeof(air)), 0);
    code[3] = AGENT_CODES;
    CHECK_INT(agent_decode(codec, code, WIDTH, HEIGHT, direct, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "code 3 is 512"));
    codec_close(codec);
}

static void test_batches(void)
{
    err_t err = ERR_INIT;
    codec_t *codec = open_codec();
    static uint8_t rgb[IMAGES * WIDTH * HEIGHT * 3], one[WIDTH * HEIGHT * 3], many[sizeof(rgb)];
    static float complex symbols[IMAGES * 2 * PLACES], single[2 * PLACES];
    static float noise_var[IMAGES * 2 * PLACES];
    draw_pictures(rgb, sizeof(rgb));
    CHECK_INT(codec_prepare(codec, WIDTH, HEIGHT, IMAGES, &err), 0);
    CHECK_INT(codec_encode_batch(codec, IMAGES, rgb, WIDTH, HEIGHT, 1, symbols, &err), 0);
    for (int i = 0; i < IMAGES * 2 * PLACES; i++) {
        noise_var[i] = i % 7 == 0 ? NAN : 0.02f; /* some are lost */
    }
    CHECK_INT(codec_decode_batch(codec, IMAGES, symbols, noise_var, WIDTH, HEIGHT, 1, many, &err),
              0);
    int far = 0;
    for (int n = 0; n < IMAGES; n++) {
        CHECK_INT(codec_encode(codec, rgb + n * (int)sizeof(one), WIDTH, HEIGHT, 1, single, &err),
                  0);
        CHECK_INT(memcmp(single, symbols + n * 2 * PLACES, sizeof(single)), 0);
        CHECK_INT(
            codec_decode(codec, single, noise_var + n * 2 * PLACES, WIDTH, HEIGHT, 1, one, &err),
            0);
        for (size_t i = 0; i < sizeof(one); i++) {
            far += abs(one[i] - many[n * (int)sizeof(one) + (int)i]) > 1;
        }
    }
    CHECK_INT(far, 0);
    codec_close(codec);
}

/* E|s|^2 = 1 over the use of the codes that the file tells. */
static void test_power(void)
{
    codec_t *codec = open_codec();
    params_t *params = NULL;
    err_t err = ERR_INIT;
    params = params_open(path, &err);
    const param_t *usage = params_find(params, "codes.usage");
    agent_order_t order;
    agent_order(&order, params_find(params, "codes.codebook")->value, SIZE);
    double power = 0.0, sum = 0.0;
    for (int k = 0; k < AGENT_CODES; k++) {
        float point[AGENT_AXES];
        agent_codes_point(&order, k, point);
        for (int a = 0; a < AGENT_AXES; a++) {
            power +=
                (double)usage->value[k] * pow((double)(codec_scale(codec, 1) * point[a]), 2) / 2.0;
        }
        sum += (double)usage->value[k];
    }
    CHECK_NEAR(power / sum, 1.0, 1e-4);
    params_destroy(params);
    codec_close(codec);
}

static void test_refuses(void)
{
    err_t err = ERR_INIT;
    CHECK_INT(make_weights("7"), 0); /* the tensors have 6 */
    CU_ASSERT_PTR_NULL(codec_open(path, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "codes.codebook [512][7]"));
    CHECK_INT(make_weights("6"), 0);
    codec_t *image = codec_open("image32", &err);
    if (image != NULL) {
        CHECK_INT(agent_codes(image, 32, 32), 0);
    }
    codec_close(image);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"near codes have near places, each its own", test_order},
        {"without noise the mean is the code, with nothing known the mean of all", test_mean},
        {"with noise the mean is nearer than the likeliest code", test_soft},
        {"symbols without noise bring the picture that the codes bring", test_round},
        {"batches give what single pictures give, lost symbols or not", test_batches},
        {"symbols have the power 1 on average over the codes' use", test_power},
        {"a codebook of another size is refused by its name", test_refuses},
    };
    int file = mkstemp(path);
    if (file < 0 || make_weights("6") < 0) {
        return 1;
    }
    close(file);
    int status = check_run("agent", tests, CHECK_COUNT(tests));
    unlink(path);
    return status;
}
