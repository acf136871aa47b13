/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PyTorch twins (semantic/torch) against the engine.  The engine writes weights, inputs,
 * outputs, and gradients of small networks into a folder; torch_parity.py compares them with
 * its own and leaves weights that PyTorch made, which are opened here.
 */
#include "check.h"
#include "codec/codec.h"
#include "codec/codec_net.h"
#include "codec/deepjscc.h"
#include "images/dataset.h"
#include "nn/op.h"
#include "nn/optimizer.h"
#include "quality/judge.h"
#include "quality/judge_net.h"
#include "quality/quality.h"
#include "rng.h"
#include "safetensors.h"
#include "train/crops.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PYTHON "PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" SEMRADIO_SOURCE_DIR " /usr/bin/python3 "

enum { REALS = 2 * CODEC_CHANNELS, ROWS = 2, COLUMNS = 3, BATCH = 3, RATE = 3, ENTRIES = 128 };
enum { SQUARES = 4, SIDE = 32, ODD_WIDTH = 30, ODD_HEIGHT = 21, ODDS = 2, NOISE = 1024 };

static char folder[] = "/tmp/semradio-torch-XXXXXX";
static const codec_shape_t shape = {
    .width = 12, .encoder_blocks = 2, .decoder_blocks = 1, .bound = 1.15f};

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
    return path[turn];
}

/* ---- a case: named arrays for the other side ------------------------------- */

typedef struct {
    safetensors_tensor_t tensor[ENTRIES];
    char name[ENTRIES][PARAM_NAME_MAX + 16];
    int count;
} case_t;

static void put(case_t *c, const char *name, const float *data, int rank, const int *sides)
{
    CU_ASSERT_FATAL(c->count < ENTRIES && data != NULL);
    safetensors_tensor_t *tensor = &c->tensor[c->count];
    snprintf(c->name[c->count], sizeof(c->name[0]), "%s", name);
    *tensor = (safetensors_tensor_t){.name = c->name[c->count], .rank = rank, .count = 1};
    for (int i = 0; i < rank; i++) {
        tensor->shape[i] = sides[i];
        tensor->count *= (size_t)sides[i];
    }
    tensor->data = data;
    c->count++;
}

static void put_number(case_t *c, const char *name, const float *value)
{
    put(c, name, value, 1, (const int[]){1});
}

static void put_array(case_t *c, const char *name, graph_t *graph, node_t node, const float *data)
{
    graph_shape_t s = graph_shape(graph, node);
    put(c, name, data, 4, (const int[]){s.n, s.h, s.w, s.c});
}

static void put_node(case_t *c, const char *name, graph_t *graph, node_t node)
{
    put_array(c, name, graph, node, graph_data(graph, node));
}

static void put_gradients(case_t *c, const params_t *params, const char *prefix)
{
    for (int i = 0; i < params_count(params); i++) {
        const param_t *param = params_at(params, i);
        char name[PARAM_NAME_MAX + 16];
        snprintf(name, sizeof(name), "gradient.%s", param->name);
        if (param->grad != NULL && strncmp(param->name, prefix, strlen(prefix)) == 0) {
            put(c, name, param->grad, param->rank, param->shape);
        }
    }
}

static void write_case(const case_t *c, const char *name)
{
    err_t err = ERR_INIT;
    CHECK_INT(safetensors_write(in_folder(name), c->tensor, c->count, NULL, NULL, 0, &err), 0);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

/* ---- networks --------------------------------------------------------------- */

/* Nothing at zero, or what it multiplies would not be compared. */
static void shake(params_t *params)
{
    rng_t rng;
    rng_seed(&rng, 3, 0);
    for (int i = 0; i < params_count(params); i++) {
        param_t *param = params_at(params, i);
        for (size_t k = 0; k < param->count; k++) {
            float u = rng_uniform(&rng);
            param->value[k] += param->flags & PARAM_BUFFER ? 0.5f + u : 0.2f * (u - 0.5f);
        }
    }
    params_changed(params);
}

static float *random_values(float *out, size_t count, float low, float high, uint64_t stream)
{
    rng_t rng;
    rng_seed(&rng, 4, stream);
    for (size_t i = 0; i < count; i++) {
        out[i] = low + (high - low) * rng_uniform(&rng);
    }
    return out;
}

static void fill(graph_t *graph, node_t node, float low, float high, uint64_t stream)
{
    random_values(graph_data(graph, node), graph_count(graph, node), low, high, stream);
}

/* Makes a picture, which is an ordinary input, one whose gradient is computed. */
static void want_gradient(graph_t *graph, node_t input)
{
    graph->nodes[input]->source = true;
}

/* Design SNRs on both sides of where the features are clamped, and one between. */
static const float design_snr_db[BATCH] = {-40.0f, 3.7f, 31.0f};

static void set_mode(graph_t *graph, node_t mode)
{
    for (int n = 0; n < BATCH; n++) {
        codec_net_mode(RATE, (double)design_snr_db[n],
                       graph_data(graph, mode) + n * CODEC_MODE_FEATURES);
    }
    graph_set_prefix(graph, RATE * CODEC_CHANNELS_PER_RATE);
}

static void put_mode(case_t *c, graph_t *graph, node_t mode)
{
    static const float rate = RATE;
    put_number(c, "p", &rate);
    put(c, "snr_db", design_snr_db, 1, (const int[]){BATCH});
    put_node(c, "mode", graph, mode);
}

static params_t *make_params(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_create(5, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(params);
    return params;
}

static graph_t *make_graph(params_t *params)
{
    err_t err = ERR_INIT;
    graph_t *graph = graph_create(params, GRAPH_TRAIN, BATCH, 1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(graph);
    return graph;
}

static void finish(graph_t *graph)
{
    err_t err = ERR_INIT;
    if (graph_finish(graph, &err) < 0) {
        CU_FAIL_FATAL(err.text);
    }
}

/* The weights as they are before the case runs; the same seed makes them for every case. */
static void write_codec(const params_t *params)
{
    char width[16], encoder[16], decoder[16], bound[16];
    const char *keys[] = {"codec", "width", "encoder_blocks", "decoder_blocks", "bound"};
    const char *values[] = {"image32", width, encoder, decoder, bound};
    err_t err = ERR_INIT;
    snprintf(width, sizeof(width), "%d", shape.width);
    snprintf(encoder, sizeof(encoder), "%d", shape.encoder_blocks);
    snprintf(decoder, sizeof(decoder), "%d", shape.decoder_blocks);
    snprintf(bound, sizeof(bound), "%g", (double)shape.bound);
    CHECK_INT(params_save(params, in_folder("codec.safetensors"), "", keys, values, 5, &err), 0);
}

/* ---- the cases --------------------------------------------------------------- */

/* Two steps with the gradients that the store holds, and the average of the weights. */
static void optimizer_case(params_t *params, optimizer_options_t options, const char *name)
{
    static case_t c;
    err_t err = ERR_INIT;
    c.count = 0;
    options.decay = 0.1f;
    options.clip_norm = 5.0f;
    options.ema = 0.9f;
    CHECK_AT_LEAST(params_load(params, in_folder("codec.safetensors"), "", PARAMS_EXACT, &err), 1);
    optimizer_t *optimizer = optimizer_create(params, &options, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(optimizer);
    float norm = optimizer_step(optimizer, 0.02f);
    optimizer_step(optimizer, 0.01f);
    put_number(&c, "norm", &norm);
    put_gradients(&c, params, "");
    for (int i = 0; i < params_count(params); i++) {
        const param_t *param = params_at(params, i);
        char key[PARAM_NAME_MAX + 16];
        snprintf(key, sizeof(key), "value.%s", param->name);
        put(&c, key, param->value, param->rank, param->shape);
    }
    write_case(&c, name);
    optimizer_swap_ema(optimizer);
    CHECK_INT(params_save(params, in_folder("average.safetensors"), "", NULL, NULL, 0, &err), 0);
    optimizer_swap_ema(optimizer);
    optimizer_destroy(optimizer);
}

/* Encoder, channel, decoder, and both losses. */
static void step_case(void)
{
    static case_t c;
    static const float eta = 10.0f;
    params_t *params = make_params();
    graph_t *g = make_graph(params);
    codec_encoder_nodes_t in;
    codec_net_encoder(g, ROWS * CODEC_STRIDE, COLUMNS * CODEC_STRIDE, &shape, &in);
    node_t h = graph_input(g, ROWS, COLUMNS, REALS), noise = graph_input(g, ROWS, COLUMNS, REALS);
    node_t n0 = graph_input(g, 1, 1, 1), weight = graph_input(g, 1, 1, 1);
    node_t soft = graph_channel(g, in.symbols, h, noise, n0);
    node_t mode = graph_input(g, 1, 1, CODEC_MODE_FEATURES);
    node_t picture = codec_net_decoder(g, soft, mode, &shape);
    graph_add_loss(g, graph_mse_weighted(g, picture, in.image, weight), 1.0f);
    graph_add_loss(g, graph_commitment(g, in.bounded, in.points), eta);
    finish(g);
    shake(params);
    write_codec(params);
    fill(g, in.image, 0.0f, 1.0f, 1);
    fill(g, h, -1.5f, 1.5f, 2);
    fill(g, noise, -0.5f, 0.5f, 3);
    fill(g, n0, 0.01f, 0.5f, 4);
    fill(g, weight, 100.0f, 1000.0f, 5);
    set_mode(g, in.mode);
    set_mode(g, mode);
    params_zero_gradients(params);
    graph_forward(g);
    graph_backward(g);
    float loss = (float)graph_total_loss(g);
    put_number(&c, "eta", &eta);
    put_number(&c, "loss", &loss);
    put_node(&c, "image", g, in.image);
    put_node(&c, "h", g, h);
    put_node(&c, "noise", g, noise);
    put_node(&c, "n0", g, n0);
    put_node(&c, "weight", g, weight);
    put_node(&c, "soft", g, soft);
    put_mode(&c, g, mode);
    put_gradients(&c, params, "");
    write_case(&c, "step.case");
    optimizer_case(params, (optimizer_options_t)OPTIMIZER_SGD, "sgd.case");
    optimizer_case(params, (optimizer_options_t)OPTIMIZER_ADAMW, "adamw.case");
    optimizer_case(params, (optimizer_options_t)OPTIMIZER_MUON, "muon.case");
    graph_destroy(g);
    params_destroy(params);
}

/* The whole codec's store, so that both halves start from codec.safetensors. */
static params_t *codec_params(void)
{
    err_t err = ERR_INIT;
    params_t *params = params_open(in_folder("codec.safetensors"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(params);
    return params;
}

static void encoder_case(void)
{
    static case_t c;
    static float seed[BATCH * ROWS * COLUMNS * REALS];
    params_t *params = codec_params();
    params_find(params, CODEC_POWER_NAME)->flags |= PARAM_BUFFER;
    graph_t *g = make_graph(params);
    codec_encoder_nodes_t in;
    codec_net_encoder(g, ROWS * CODEC_STRIDE, COLUMNS * CODEC_STRIDE, &shape, &in);
    want_gradient(g, in.image);
    finish(g);
    fill(g, in.image, 0.0f, 1.0f, 1);
    set_mode(g, in.mode);
    params_zero_gradients(params);
    graph_forward(g);
    graph_backward_from(g, in.symbols, random_values(seed, CHECK_COUNT(seed), -1.0f, 1.0f, 6));
    put_node(&c, "image", g, in.image);
    put_mode(&c, g, in.mode);
    put_node(&c, "bounded", g, in.bounded);
    put_node(&c, "points", g, in.points);
    put_node(&c, "symbols", g, in.symbols);
    put_array(&c, "seed", g, in.symbols, seed);
    put_array(&c, "image_gradient", g, in.image, graph_grad(g, in.image));
    put(&c, "running_power", params_find(params, CODEC_POWER_NAME)->value, 1,
        (const int[]){CODEC_CHANNELS});
    put_gradients(&c, params, "encoder.");
    write_case(&c, "encoder.case");
    graph_destroy(g);
    params_destroy(params);
}

static void decoder_case(void)
{
    static case_t c;
    static float seed[BATCH * ROWS * COLUMNS * CODEC_STRIDE * CODEC_STRIDE * 3];
    params_t *params = codec_params();
    graph_t *g = make_graph(params);
    node_t soft = graph_input_with_gradient(g, ROWS, COLUMNS, REALS + CODEC_CHANNELS);
    node_t mode = graph_input(g, 1, 1, CODEC_MODE_FEATURES);
    node_t picture = codec_net_decoder(g, soft, mode, &shape);
    finish(g);
    set_mode(g, mode);
    fill(g, soft, 0.0f, 1.0f, 7); /* the last third are noise variances */
    graph_data(g, soft)[REALS] = 1e-6f;
    params_zero_gradients(params);
    graph_forward(g);
    graph_backward_from(g, picture, random_values(seed, CHECK_COUNT(seed), -1.0f, 1.0f, 8));
    put_node(&c, "soft", g, soft);
    put_mode(&c, g, mode);
    put_node(&c, "picture", g, picture);
    put_array(&c, "seed", g, picture, seed);
    put_array(&c, "soft_gradient", g, soft, graph_grad(g, soft));
    put_gradients(&c, params, "decoder.");
    write_case(&c, "decoder.case");
    graph_destroy(g);
    params_destroy(params);
}

static void judge_case(void)
{
    static case_t c;
    const char *keys[] = {"judge", "widths"}, *values[] = {"resnet", "8,12,16,20"};
    judge_shape_t widths;
    err_t err = ERR_INIT;
    params_t *params = make_params();
    graph_t *g = make_graph(params);
    CHECK_INT(judge_shape_parse(&widths, values[1], &err), 0);
    node_t image = graph_input_with_gradient(g, JUDGE_SIDE, JUDGE_SIDE, 3);
    node_t label = graph_input(g, 1, 1, 1);
    node_t logits = judge_net(g, image, &widths);
    graph_add_loss(g, graph_cross_entropy(g, logits, label, 0.1f), 1.0f);
    finish(g);
    shake(params);
    CHECK_INT(params_save(params, in_folder("judge.safetensors"), "", keys, values, 2, &err), 0);
    fill(g, image, 0.0f, 1.0f, 9);
    for (int n = 0; n < BATCH; n++) {
        graph_data(g, label)[n] = (float)(3 * n);
    }
    params_zero_gradients(params);
    graph_forward(g);
    graph_backward(g);
    float loss = (float)graph_total_loss(g);
    put_number(&c, "loss", &loss);
    put_node(&c, "image", g, image);
    put_node(&c, "label", g, label);
    put_node(&c, "logits", g, logits);
    put_array(&c, "image_gradient", g, image, graph_grad(g, image));
    for (int i = 0; i < params_count(params); i++) {
        const param_t *param = params_at(params, i);
        if (param->flags & PARAM_BUFFER) {
            put(&c, param->name, param->value, param->rank, param->shape);
        }
    }
    put_gradients(&c, params, "");
    write_case(&c, "judge.case");
    graph_destroy(g);
    params_destroy(params);
}

/* ---- what PyTorch wrote ------------------------------------------------------ */

static uint8_t odd[ODDS * ODD_HEIGHT * ODD_WIDTH * 3], square[SQUARES * SIDE * SIDE * 3];
static float complex noise[NOISE];

static float *paint(uint8_t *rgb, size_t count, int width)
{
    float *values = malloc(count * sizeof(*values));
    for (size_t i = 0; i < count; i++) {
        size_t x = i / 3 % (size_t)width, y = i / 3 / (size_t)width;
        double wave = sin(0.3 * (double)x + (double)(i % 3)) + cos(0.011 * (double)(y * y));
        rgb[i] = (uint8_t)(127.0 + 60.0 * wave);
        values[i] = (float)rgb[i];
    }
    return values;
}

static void write_pictures(void)
{
    static case_t c;
    rng_t rng;
    rng_seed(&rng, 6, 0);
    rng_complex_normal(&rng, 1.0f, noise, NOISE);
    float *odds = paint(odd, sizeof(odd), ODD_WIDTH),
          *squares = paint(square, sizeof(square), SIDE);
    put(&c, "odd", odds, 4, (const int[]){ODDS, ODD_HEIGHT, ODD_WIDTH, 3});
    put(&c, "square", squares, 4, (const int[]){SQUARES, SIDE, SIDE, 3});
    put(&c, "noise", (const float *)noise, 2, (const int[]){NOISE, 2});
    write_case(&c, "pictures.safetensors");
    free(odds);
    free(squares);
}

static const float *expected(const char *name, size_t count)
{
    static params_t *params;
    err_t err = ERR_INIT;
    if (name == NULL) { /* the last call */
        params_destroy(params);
        return NULL;
    }
    if (params == NULL) {
        params = params_open(in_folder("python_expected.safetensors"), &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(params);
    }
    const param_t *param = params_find(params, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(param);
    CHECK_INT(param->count, count);
    return param->value;
}

/* Symbols that differ by more than rounding: a value within rounding of a boundary may. */
static int differing(const float complex *a, const float *b, size_t count)
{
    int found = 0;
    for (size_t k = 0; k < count; k++) {
        found += cabsf(a[k] - CMPLXF(b[2 * k], b[2 * k + 1])) > 1e-4f;
    }
    return found;
}

/* Two files in CIFAR-10's layout and a list of rows to leave out; what the engine makes of them. */
static void dataset_case(void)
{
    enum { ROWS_A = 5, ROWS_B = 3, LEFT = 6, PIXELS = SIDE * SIDE * 3 };
    static case_t c;
    static float pictures[LEFT * PIXELS], labels[LEFT];
    char spec[1024];
    err_t err = ERR_INIT;
    image_t image = IMAGE_EMPTY;
    rng_t rng;
    rng_seed(&rng, 8, 0);
    FILE *a = fopen(in_folder("a.bin"), "wb"), *b = fopen(in_folder("b.bin"), "wb");
    CU_ASSERT_FATAL(a != NULL && b != NULL);
    for (int i = 0; i < (ROWS_A + ROWS_B) * (PIXELS + 1); i++) {
        bool label = i % (PIXELS + 1) == 0;
        fputc((int)rng_below(&rng, label ? 10 : 256), i < ROWS_A * (PIXELS + 1) ? a : b);
    }
    fclose(a);
    fclose(b);
    write_text("skip.txt", "# rows\na.bin 1\nb.bin 0 inexact\nother.bin 2\n");
    snprintf(spec, sizeof(spec), "cifar10:%s,%s,skip=%s", in_folder("a.bin"), in_folder("b.bin"),
             in_folder("skip.txt"));
    dataset_t *set = dataset_open(spec, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(dataset_count(set), LEFT);
    for (int n = 0; n < LEFT; n++) {
        int label = -1;
        CHECK_INT(dataset_get(set, (size_t)n, &image, &label, &err), 0);
        labels[n] = (float)label;
        for (int i = 0; i < PIXELS; i++) {
            pictures[n * PIXELS + i] = (float)image.rgb[i];
        }
    }
    put(&c, "pictures", pictures, 4, (const int[]){LEFT, SIDE, SIDE, 3});
    put(&c, "labels", labels, 1, (const int[]){LEFT});
    write_case(&c, "dataset.case");
    image_free(&image);
    dataset_close(set);
}

enum { CUT = 8, CUTS = 64, CUT_STEPS = 32, PHOTOS = 3 };

/* Photos that tell of each pixel which photo (blue) and where in it (red: x, green: y), and one
   that is reduced; the cuts that the engine makes of them. */
static void crops_case(void)
{
    static const int sizes[PHOTOS][2] = {{20, 40}, {100, 17}, {12, 12}}; /* one has no half */
    static case_t c;
    static float cuts[CUT_STEPS * CUTS * CUT * CUT * 3];
    err_t err = ERR_INIT;
    image_t photo = IMAGE_EMPTY;
    char name[32], spec[512];
    mkdir(in_folder("photos"), 0700);
    for (int i = 0; i < PHOTOS; i++) {
        CHECK_INT(image_resize(&photo, sizes[i][0], sizes[i][1], &err), 0);
        for (int k = 0; k < sizes[i][0] * sizes[i][1]; k++) {
            photo.rgb[3 * k] = (uint8_t)(2 * (k % sizes[i][0]));
            photo.rgb[3 * k + 1] = (uint8_t)(2 * (k / sizes[i][0]));
            photo.rgb[3 * k + 2] = (uint8_t)(80 * i);
        }
        snprintf(name, sizeof(name), "photos/%d.png", i);
        CHECK_INT(image_save_png(in_folder(name), &photo, &err), 0);
    }
    image_free(&photo);
    write_text("list.txt", "# the last\nphotos/2.png\n");
    snprintf(spec, sizeof(spec), "photos:%s,%s", in_folder("photos"), in_folder("list.txt"));
    crops_options_t options = {.spec = spec, .side = CUT, .flip = true, .seed = 1};
    crops_t *crops = crops_create(&options, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(crops);
    CHECK_INT(crops_photos(crops), PHOTOS + 1);
    for (int step = 0; step < CUT_STEPS; step++) {
        crops_fill(crops, step, 0, CUTS, cuts + step * CUTS * CUT * CUT * 3);
    }
    put(&c, "cuts", cuts, 4, (const int[]){CUT_STEPS * CUTS, CUT, CUT, 3});
    write_case(&c, "crops.case");
    crops_destroy(crops);
}

/* A camera's photo: three times too large, so the engine holds its means over 3 x 3 pixels. */
static void large_case(void)
{
    enum { HEIGHT = 1920, WIDTH = 1921, SEEN = 640 };
    static case_t c;
    static float cut[SEEN * SEEN * 3];
    err_t err = ERR_INIT;
    image_t photo = IMAGE_EMPTY;
    rng_t rng;
    rng_seed(&rng, 9, 0);
    CHECK_INT(image_resize(&photo, WIDTH, HEIGHT, &err), 0);
    for (size_t i = 0; i < image_bytes(&photo); i++) {
        photo.rgb[i] = (uint8_t)rng_below(&rng, 256);
    }
    CHECK_INT(image_save_png(in_folder("large.png"), &photo, &err), 0);
    image_free(&photo);
    crops_t *crops = crops_create(
        &(crops_options_t){.spec = in_folder("large.png"), .side = SEEN, .seed = 1}, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(crops);
    crops_fill(crops, 0, 0, 1, cut);
    put(&c, "cut", cut, 4, (const int[]){1, SEEN, SEEN, 3});
    write_case(&c, "large.case");
    crops_destroy(crops);
}

static void test_parity(void)
{
    step_case(); /* first: it writes the weights */
    encoder_case();
    decoder_case();
    judge_case();
    dataset_case();
    crops_case();
    large_case();
    write_pictures();
    char command[512];
    snprintf(command, sizeof(command),
             PYTHON SEMRADIO_SOURCE_DIR "/tests/semantic/torch_parity.py %s", folder);
    CHECK_INT(system(command), 0);
}

static void test_codec(void)
{
    static float complex sent[ODDS * NOISE];
    static float noise_var[ODDS * NOISE];
    static uint8_t got[sizeof(odd)];
    const float n0 = 0.1f;
    char name[32];
    err_t err = ERR_INIT;
    codec_t *codec = codec_open(in_folder("python_codec.safetensors"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    static const double wanted_db[CODEC_RATES] = {10.0, -0.5, 17.6, 99.0}; /* as in Python */
    for (int p = 1; p <= CODEC_RATES; p++) {
        int mode = p == 1 ? p : codec_mode(codec, p, wanted_db[p - 1]); /* a plain p: 10 dB */
        size_t count = codec_symbols(codec, ODD_WIDTH, ODD_HEIGHT, mode);
        CHECK_INT(codec_encode_batch(codec, ODDS, odd, ODD_WIDTH, ODD_HEIGHT, mode, sent, &err), 0);
        snprintf(name, sizeof(name), "symbols.%d", p);
        CHECK_AT_MOST(differing(sent, expected(name, 2 * ODDS * count), ODDS * count), 1);
        for (size_t k = 0; k < ODDS * count; k++) {
            sent[k] = (sent[k] + noise[k % count] * sqrtf(n0)) / (1.0f + n0);
            noise_var[k] = n0 / (1.0f + n0);
        }
        CHECK_INT(codec_decode_batch(codec, ODDS, sent, noise_var, ODD_WIDTH, ODD_HEIGHT, mode, got,
                                     &err),
                  0);
        double mse = quality_mse(odd, got, sizeof(odd));
        snprintf(name, sizeof(name), "psnr.%d", p);
        CHECK_NEAR(quality_psnr_db(mse), *expected(name, 1), 0.01);
    }
    codec_close(codec);
}

static void test_deepjscc(void)
{
    static float complex sent[SQUARES * NOISE];
    static uint8_t got[sizeof(square)];
    err_t err = ERR_INIT;
    deepjscc_t *codec = deepjscc_open(in_folder("python_deepjscc.safetensors"), SQUARES, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    size_t count = deepjscc_symbols(codec);
    deepjscc_encode(codec, square, sent);
    const float *symbols = expected("deepjscc.symbols", 2 * SQUARES * count);
    CHECK_INT(differing(sent, symbols, SQUARES * count), 0);
    for (size_t k = 0; k < SQUARES * count; k++) {
        sent[k] += noise[k % count] * 0.3f;
    }
    deepjscc_decode(codec, sent, got);
    const float *pictures = expected("deepjscc.pictures", sizeof(square));
    for (size_t i = 0; i < sizeof(square); i++) {
        CHECK_NEAR(got[i], pictures[i], 1.0);
    }
    deepjscc_close(codec);
}

static void test_judge(void)
{
    err_t err = ERR_INIT;
    judge_t *judge = judge_open(in_folder("python_judge.safetensors"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(judge);
    const float *wanted = expected("judge.probability", SQUARES * JUDGE_CLASSES);
    for (int n = 0; n < SQUARES; n++) {
        float probability[JUDGE_CLASSES];
        judge_classify(judge, square + n * SIDE * SIDE * 3, probability);
        for (int k = 0; k < JUDGE_CLASSES; k++) {
            CHECK_NEAR(probability[k], wanted[n * JUDGE_CLASSES + k], 1e-4);
        }
    }
    judge_close(judge);
}

static void test_notes(void)
{
    err_t err = ERR_INIT;
    safetensors_t *file = safetensors_open(in_folder("python_codec.safetensors"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_STRING_EQUAL(safetensors_note(file, "recipe"), "[data]\ntrain = \"ümlaut\\\"\n");
    safetensors_close(file);
}

static const check_test_t tests[] = {
    {"outputs and gradients of the twins are the engine's to 1e-4", test_parity},
    {"a codec that PyTorch wrote gives here what it gives there", test_codec},
    {"a DeepJSCC that PyTorch wrote gives here what it gives there", test_deepjscc},
    {"a judge that PyTorch wrote gives here what it gives there", test_judge},
    {"notes that PyTorch wrote are read as they were", test_notes},
};

int main(void)
{
    if (system("/usr/bin/python3 -c 'import numpy, torch' 2>/dev/null") != 0) {
        puts("skipped: /usr/bin/python3 has no torch (package python3-torch)");
        return CHECK_SKIP;
    }
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    int failed = check_run("torch parity", tests, CHECK_COUNT(tests));
    char command[64];
    expected(NULL, 0);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 || failed;
}
