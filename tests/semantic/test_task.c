/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The task codec: what it sends, what it says, what its training refuses, what its search prefers.
 */
#include "check.h"
#include "codec/codec.h"
#include "codec/task_net.h"
#include "nn/params.h"
#include "rng.h"
#include "safetensors.h"
#include "train/task_measure.h"
#include "train/task_options.h"
#include "train/task_trainer.h"
#include "train/train_options.h"

#include <stdlib.h>
#include <unistd.h>

enum { CLASSES = 4, PICTURES = 128, FEATURES = 8, BYTES = TASK_SIDE * TASK_SIDE * 3 };

static char folder[] = "/tmp/semradio-task-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 256, "%s/%s", folder, name);
    return path;
}

/* ---- data: each class is a colour, in noise ---- */

static int class_of(int n)
{
    return n % CLASSES;
}

/* Labels are moved up by `shift`. */
static void write_pictures(const char *path, int shift)
{
    static const int colour[CLASSES][3] = {{90, 10, 10}, {10, 90, 10}, {10, 10, 90}, {80, 80, 10}};
    FILE *file = fopen(path, "wb");
    rng_t rng;
    rng_seed(&rng, 9, 0);
    for (int n = 0; n < PICTURES; n++) {
        fputc(class_of(n) + shift, file);
        for (int i = 0; i < BYTES; i++) {
            fputc(60 + colour[class_of(n)][i / 1024] + (int)rng_below(&rng, 60), file);
        }
    }
    fclose(file);
}

static float *fill(params_t *store, const char *name, int rank, const int *shape)
{
    err_t err = ERR_INIT;
    param_t *tensor = params_add(store, name, rank, shape, 0, PARAM_INIT_NORMAL, 1.0f, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tensor);
    return tensor->value;
}

/* A teacher whose feature is its class, and noise. */
static void write_teacher(const char *path, int pictures, int features, int classes, int shift)
{
    err_t err = ERR_INIT;
    params_t *store = params_create(3, &err);
    float *f = fill(store, "features", 3, (int[]){pictures, 2, features});
    fill(store, "logits", 3, (int[]){pictures, 2, classes});
    float *labels = fill(store, "labels", 1, &pictures);
    for (int n = 0; n < pictures; n++) {
        labels[n] = (float)((class_of(n) + shift) % CLASSES);
        for (int v = 0; v < 2; v++) {
            f[(2 * n + v) * features + class_of(n)] += 10.0f;
        }
    }
    CHECK_INT(params_save(store, path, "", NULL, NULL, 0, &err), 0);
    params_destroy(store);
}

/* ---- running the commands ---- */

static int run(int (*command)(const options_t *, err_t *), const char *more, err_t *err)
{
    static const option_t *const tables[] = {train_options, network_options, task_options,
                                             evaluate_options, NULL};
    char text[2048];
    snprintf(text, sizeof(text),
             "[data]\ntrain = cifar10:%s\nflip = true\n[train]\nbatch = 32\nworkers = 1\n"
             "epochs = 11\npeak_lr = 0.006\nout = %s\nlog = %s\ncheckpoint = %s\n"
             "[task]\nwidths = 8,8,8,8\ndepths = 1,1,1\nfeatures = 8\nclasses = 4\n%s",
             in_folder("set.bin"), in_folder("out.safetensors"), in_folder("log"),
             in_folder("checkpoint"), more);
    options_t *options = options_create("test", "test", tables, err);
    if (options == NULL || options_load_text(options, "recipe", text, strlen(text), err) < 0) {
        fprintf(stderr, "%s\n", err->text);
        return -2;
    }
    int status = command(options, err);
    options_destroy(options);
    return status;
}

static void refuses(int (*command)(const options_t *, err_t *), const char *more, const char *says)
{
    err_t err = ERR_INIT;
    unlink(in_folder("log"));
    CHECK_INT(run(command, more, &err), -1);
    CHECK_ERROR_NAMES(&err, says);
    CHECK_INT(access(in_folder("log"), F_OK), -1); /* before any training */
}

static const char *with_teacher(const char *file, const char *more)
{
    static char text[512];
    snprintf(text, sizeof(text), "teacher = %s\n%s", in_folder(file), more);
    return text;
}

/* ---- tests ---- */

static void test_refusals(void)
{
    write_teacher(in_folder("wide"), PICTURES, FEATURES + 1, CLASSES, 0);
    write_teacher(in_folder("classes"), PICTURES, FEATURES, CLASSES + 1, 0);
    write_teacher(in_folder("short"), PICTURES - 1, FEATURES, CLASSES, 0);
    write_teacher(in_folder("other"), PICTURES, FEATURES, CLASSES, 1);
    write_pictures(in_folder("late.bin"), 1);
    char late[512];
    snprintf(late, sizeof(late), "[data]\ntrain = cifar10:%s\n", in_folder("late.bin"));
    refuses(task_trainer_command, with_teacher("wide", ""),
            "the teacher has 9 features, the student 8");
    refuses(task_trainer_command, with_teacher("classes", ""),
            "the teacher has 5 logits, the student 4");
    refuses(task_trainer_command, with_teacher("short", ""), "127 pictures");
    refuses(task_trainer_command, with_teacher("other", ""), "made for other pictures");
    refuses(task_trainer_command, with_teacher("set.bin", ""), "set.bin");
    refuses(task_trainer_command, "classes = 3\n", "is of class 3, but task.classes is 3");
    refuses(task_trainer_command, "classes = 6\n", "no picture of class 4");
    refuses(task_trainer_command, late, "is of class 4");
    refuses(task_trainer_command, "depths = 1,6,1\n", "6 is more than 5");
    refuses(task_trainer_command, "depths = 1,1\n", "wanted are 3 numbers");
    refuses(task_trainer_command, "widths = 8,8,x\n", "task widths \"8,8,x\"");
    refuses(task_trainer_command, "widths = 8,10,8,8\n", "10 is no multiple of 4");
    refuses(task_search_command, "", "task.search");
}

static codec_t *train_small(const char *more)
{
    err_t err = ERR_INIT;
    CHECK_INT(run(task_trainer_command, more, &err), 0);
    codec_t *codec = codec_open(in_folder("out.safetensors"), &err);
    if (codec == NULL) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    return codec;
}

static double accuracy(codec_t *codec, double snr_db, bool rayleigh, double *power)
{
    err_t err = ERR_INIT;
    char spec[300];
    snprintf(spec, sizeof(spec), "cifar10:%s", in_folder("set.bin"));
    dataset_t *set = dataset_open(spec, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    task_point_t point = {
        .snr_db = snr_db, .rayleigh = rayleigh, .delay_spread_s = 100e-9, .seed = 1};
    task_result_t result = {.images = 1};
    CHECK_INT(task_measure_point(codec, set, &point, &result, &err), 0);
    dataset_close(set);
    *power = result.power;
    return (double)result.right / (double)result.images;
}

static void test_learns(void)
{
    double power;
    err_t err = ERR_INIT;
    write_teacher(in_folder("teacher"), PICTURES, FEATURES, CLASSES, 0);
    CHECK_INT(run(task_trainer_command, with_teacher("teacher", "stage = encoder\n"), &err), 0);
    CHECK_INT(rename(in_folder("out.safetensors"), in_folder("encoder.safetensors")), 0);
    char more[1024];
    snprintf(more, sizeof(more), "%s[train]\ninit = %s\n", with_teacher("teacher", ""),
             in_folder("encoder.safetensors"));
    codec_t *codec = train_small(more);
    CHECK_INT(codec_classes(codec), CLASSES);
    CHECK_INT(codec_symbols(codec, 32, 32, 1), 128);
    CHECK_AT_LEAST(accuracy(codec, 20, false, &power), 0.97);
    CHECK_NEAR(power, 1.0, 0.1);
    CHECK_AT_LEAST(accuracy(codec, 20, true, &power), 0.9);
    CHECK_AT_LEAST(accuracy(codec, -10, false, &power), 0.5); /* 0.25 is chance */
    CHECK_NEAR(power, 1.0, 0.1);
    codec_close(codec);
}

/* A joint stage with a frozen encoder changes the rest only. */
static void test_frozen(void)
{
    err_t err = ERR_INIT;
    char more[512];
    CHECK_INT(run(task_trainer_command, "stage = encoder\n[train]\nepochs = 2\n", &err), 0);
    CHECK_INT(rename(in_folder("out.safetensors"), in_folder("encoder.safetensors")), 0);
    snprintf(more, sizeof(more), "freeze_encoder = true\n[train]\nepochs = 2\ninit = %s\n",
             in_folder("encoder.safetensors"));
    CHECK_INT(run(task_trainer_command, more, &err), 0);
    params_t *before = params_open(in_folder("encoder.safetensors"), &err);
    params_t *after = params_open(in_folder("out.safetensors"), &err);
    CU_ASSERT_FATAL(before != NULL && after != NULL);
    for (int i = 0; i < params_count(before); i++) {
        const param_t *was = params_at(before, i), *is = params_find(after, was->name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(is);
        bool same = memcmp(was->value, is->value, was->count * sizeof(float)) == 0;
        bool encoder = strncmp(was->name, "head.", 5) != 0;
        if (encoder != same) {
            fprintf(stderr, "%s %s\n", was->name, same ? "did not change" : "changed");
        }
        CHECK_INT(same, encoder);
    }
    params_destroy(before);
    params_destroy(after);
}

/* Distance to the nearest 64-QAM point. */
static double off_point(double x, double scale)
{
    double level = (x / scale * sqrt(42.0) + 7.0) / 2.0;
    return fabs(level - round(level));
}

static void test_symbols(void)
{
    uint8_t rgb[2 * BYTES], other[2 * BYTES], pixels[BYTES];
    float complex a[256], b[256], one[128];
    float noise_var[256], confidence[2], alone;
    int predicted[2], single;
    err_t err = ERR_INIT;
    codec_t *codec = train_small("[train]\nepochs = 2\n");
    for (int i = 0; i < 2 * BYTES; i++) {
        rgb[i] = (uint8_t)(i * 7 + i / 96);
        other[i] = (uint8_t)(i < BYTES ? rgb[i] : 255 - i / 13);
    }
    int mode = codec_mode(codec, 1, 5);
    CHECK_NEAR(codec_mode_snr_db(codec, mode), 5, 0);
    CHECK_INT(codec_encode_batch(codec, 2, rgb, 32, 32, mode, a, &err), 0);
    CHECK_INT(codec_encode_batch(codec, 2, other, 32, 32, mode, b, &err), 0);
    double off = 0, different = 0, changed = 0;
    for (int k = 0; k < 128; k++) {
        off = fmax(off, off_point((double)crealf(a[k]), (double)codec_scale(codec, mode)));
        off = fmax(off, off_point((double)cimagf(a[k]), (double)codec_scale(codec, mode)));
        different = fmax(different, (double)cabsf(a[k] - b[k]));
        changed = fmax(changed, (double)cabsf(a[128 + k] - b[128 + k]));
    }
    CHECK_AT_MOST(off, 1e-4);
    CHECK_NEAR(different, 0, 0); /* attention sees the tokens of one picture */
    CHECK_AT_LEAST(changed, 0.1);
    for (int k = 0; k < 256; k++) {
        noise_var[k] = 0.05f;
    }
    CHECK_INT(
        codec_classify_batch(codec, 2, a, noise_var, 32, 32, mode, predicted, confidence, &err), 0);
    memcpy(one, a + 128, sizeof(one));
    CHECK_INT(codec_classify_batch(codec, 1, one, noise_var, 32, 32, mode, &single, &alone, &err),
              0);
    CHECK_INT(single, predicted[1]);
    CHECK_NEAR(alone, confidence[1], 1e-4);
    CHECK_AT_LEAST(confidence[0], 0.25);
    one[3] = NAN; /* a lost symbol is no reason to fall silent */
    noise_var[4] = INFINITY;
    CHECK_INT(codec_classify_batch(codec, 1, one, noise_var, 32, 32, mode, &single, &alone, &err),
              0);
    CU_ASSERT(alone >= 0.25f && alone <= 1.0f);
    CHECK_INT(codec_decode(codec, a, noise_var, 32, 32, mode, pixels, &err), -1);
    CHECK_ERROR_NAMES(&err, "classes, no pictures");
    CHECK_INT(codec_encode(codec, rgb, 64, 48, mode, a, &err), -1);
    CHECK_ERROR_NAMES(&err, "up to 32 x 32");
    codec_close(codec);
    codec = codec_open("image32", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    CHECK_INT(codec_classes(codec), 0);
    CHECK_INT(codec_classify_batch(codec, 1, one, noise_var, 32, 32, 1, &single, &alone, &err), -1);
    CHECK_ERROR_NAMES(&err, "pictures, no classes");
    codec_close(codec);
}

/* PyTorch's twin of the same weights; a system without torch skips. */
static void test_torch(void)
{
    enum { COUNT = 4, SYMBOLS = 128 };
    static float pictures[COUNT * BYTES];
    uint8_t rgb[COUNT * BYTES];
    float complex symbols[COUNT * SYMBOLS];
    float noise_var[COUNT * SYMBOLS], confidence[COUNT], snr_db = 7;
    int predicted[COUNT];
    err_t err = ERR_INIT;
    if (system("/usr/bin/python3 -c 'import torch' 2> /dev/null") != 0) {
        printf("(skipped: no torch) ");
        return;
    }
    codec_t *codec = train_small("[train]\nepochs = 3\n");
    rng_t rng;
    rng_seed(&rng, 6, 0);
    for (int i = 0; i < COUNT * BYTES; i++) {
        rgb[i] = (uint8_t)rng_below(&rng, 256);
        pictures[i] = (float)rgb[i] / 255.0f;
    }
    int mode = codec_mode(codec, 1, (double)snr_db);
    CHECK_INT(codec_encode_batch(codec, COUNT, rgb, 32, 32, mode, symbols, &err), 0);
    for (int k = 0; k < COUNT * SYMBOLS; k++) {
        noise_var[k] = rng_uniform(&rng);
    }
    CHECK_INT(codec_classify_batch(codec, COUNT, symbols, noise_var, 32, 32, mode, predicted,
                                   confidence, &err),
              0);
    const safetensors_tensor_t tensors[] = {
        {.name = "pictures",
         .rank = 4,
         .shape = {COUNT, 32, 32, 3},
         .count = COUNT * BYTES,
         .data = pictures},
        {.name = "snr_db", .rank = 1, .shape = {1}, .count = 1, .data = &snr_db},
        {.name = "symbols",
         .rank = 3,
         .shape = {COUNT, SYMBOLS, 2},
         .count = COUNT * SYMBOLS * 2,
         .data = (const float *)symbols},
        {.name = "noise_var",
         .rank = 2,
         .shape = {COUNT, SYMBOLS},
         .count = COUNT * SYMBOLS,
         .data = noise_var},
        {.name = "confidence", .rank = 1, .shape = {COUNT}, .count = COUNT, .data = confidence}};
    CHECK_INT(safetensors_write(in_folder("case"), tensors, 5, NULL, NULL, 0, &err), 0);
    char command[1024];
    snprintf(command, sizeof(command),
             "cd " SEMRADIO_SOURCE_DIR " && PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m "
             "semantic.torch.task check %s %s",
             in_folder("out.safetensors"), in_folder("case"));
    CHECK_INT(system(command), 0);
    codec_close(codec);
}

static void test_ratio(void)
{
    codec_t *codec = train_small("ratio = 0.8125\nquantised = false\n[train]\nepochs = 1\n");
    err_t err = ERR_INIT;
    CHECK_INT(codec_symbols(codec, 32, 32, 1), 48);
    CHECK_INT(codec_find_rate(codec, 1, 64, &err), 1);
    uint8_t rgb[BYTES] = {0};
    float complex s[48];
    double off = 0;
    CHECK_INT(codec_encode(codec, rgb, 32, 32, 1, s, &err), 0);
    for (int k = 0; k < 48; k++) {
        off = fmax(off, off_point((double)crealf(s[k]), (double)codec_scale(codec, 1)));
    }
    CHECK_AT_LEAST(off, 0.1);
    codec_close(codec);
}

/* With a penalty that outweighs the loss, each layer's weights fall with the depth, most in the
   widest; without (DARTS) the same run does not know sizes. */
static void test_search(void)
{
    err_t err = ERR_INIT;
    char more[1024];
    write_teacher(in_folder("teacher"), PICTURES, FEATURES, CLASSES, 0);
    snprintf(more, sizeof(more),
             "%swidths = 4,8,16,64\nsearch = cifar10:%s\nsearch_teacher = %s\npenalty = 10\n"
             "alpha_lr = 0.3\n[train]\nepochs = 1\n",
             with_teacher("teacher", ""), in_folder("set.bin"), in_folder("teacher"));
    CHECK_INT(run(task_search_command, more, &err), 0);
    params_t *found = params_open(in_folder("out.safetensors"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    const float *narrow = params_find(found, "layer.0.mix.alpha")->value;
    const float *wide = params_find(found, "layer.2.mix.alpha")->value;
    for (int k = 1; k < TASK_DEPTH_MAX; k++) {
        CU_ASSERT(wide[k] < wide[k - 1]);
    }
    CHECK_AT_LEAST(wide[0] - wide[4], 2 * (narrow[0] - narrow[4]));
    params_destroy(found);
    size_t used = strlen(more);
    snprintf(more + used, sizeof(more) - used, "[task]\nmethod = darts\n");
    CHECK_INT(run(task_search_command, more, &err), 0);
    found = params_open(in_folder("out.safetensors"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    wide = params_find(found, "layer.2.mix.alpha")->value;
    CHECK_AT_MOST(fabs((double)(wide[0] - wide[4])), 1.0);
    params_destroy(found);
}

static void test_candidate(void)
{
    err_t err = ERR_INIT;
    task_shape_t shape = {.features = 8, .classes = 4, .kept = 16};
    size_t count[2];
    for (int i = 0; i < 2; i++) {
        CHECK_INT(task_shape_parse(&shape, "4,8,32", i == 0 ? "1,1" : "1,4", &err), 0);
        params_t *params = params_create(1, &err);
        graph_t *graph = graph_create(params, GRAPH_TRAIN, 1, 1, &err);
        task_net_encoder(graph, graph_input(graph, 32, 32, 3), &shape);
        CHECK_INT(graph_finish(graph, &err), 0);
        count[i] = params_trainable(params);
        graph_destroy(graph);
        params_destroy(params);
    }
    CHECK_INT(count[1] - count[0], task_net_candidate(32, 4) - task_net_candidate(32, 1));
}

static const check_test_t tests[] = {
    {"a teacher, classes or shape that do not fit are refused before training", test_refusals},
    {"both stages learn: classes come through noise and fading at unit power", test_learns},
    {"a frozen encoder keeps its weights and statistics, the rest learns", test_frozen},
    {"symbols are 64-QAM points, one picture's do not depend on another's", test_symbols},
    {"PyTorch's twin sends and decides the same", test_torch},
    {"the compression ratio sets the number of symbols; unquantised ones lie anywhere", test_ratio},
    {"KDL-DARTS shrinks what is large, DARTS does not look", test_search},
    {"the size of a candidate is what it adds to the network", test_candidate},
};

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    write_pictures(in_folder("set.bin"), 0);
    int failed = check_run("task", tests, CHECK_COUNT(tests));
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 || failed;
}
