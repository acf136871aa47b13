/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PyTorch trainer (semantic/torch) follows the engine's recipes, and either goes on from the
   other's checkpoints. */
#include "check.h"
#include "codec/codec.h"
#include "nn/params.h"
#include "quality/judge.h"
#include "safetensors.h"
#include "train/codec_trainer.h"
#include "train/train_notes.h"
#include "train/train_options.h"

#include <stdlib.h>
#include <unistd.h>

#define PYTHON "PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" SEMRADIO_SOURCE_DIR " /usr/bin/python3 "

static char folder[] = "/tmp/semradio-torch-XXXXXX";

static const char codec_recipe[] =
    "[data]\ntrain = fashion-mnist:test ; a comment\nmix = fashion-mnist:test\nmix_share = 0.3\n"
    "crop_pad = 2\n[train]\nepochs = 0.032\nbatch = 16\nworkers = 1\nema = 0.9\ndecay = 0.01\n"
    "optimizer = muon\nschedule = trapezoid\ndecline = 0.4\n"
    "[codec]\nwidth = 8\nencoder_blocks = 1\ndecoder_blocks = 1\nbound = 1.2\ncommitment = 0.5\n";
static const char judge_recipe[] =
    "[data]\ntrain = fashion-mnist:test\ntest = fashion-mnist:test\ncrop_pad = 2\n[train]\n"
    "epochs = 0.128\nbatch = 64\nworkers = 1\noptimizer = sgd\nschedule = triangle\npeak_lr = 0.2\n"
    "[judge]\nwidths = 4,8,8,8\n";

static const char *in_folder(const char *name, const char *kind)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s.%s", folder, name, kind);
    return path[turn];
}

static options_t *recipe(const char *name, const char *text)
{
    static const option_t *const tables[] = {train_options, network_options, evaluate_options,
                                             NULL};
    err_t err = ERR_INIT;
    options_t *options = options_create("test", "test", tables, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CHECK_INT(options_load_text(options, name, text, strlen(text), &err), 0);
    return options;
}

/* The engine's training of the codec, or what is left of it in `checkpoint`. */
static void train(const char *name, const char *checkpoint, const char *resume)
{
    err_t err = ERR_INIT;
    options_t *options = recipe("recipe", codec_recipe);
    CHECK_INT(options_set(options, "train.out", in_folder(name, "safetensors"), &err), 0);
    CHECK_INT(options_set(options, "train.log", in_folder(name, "log"), &err), 0);
    CHECK_INT(options_set(options, "train.checkpoint", in_folder(checkpoint, "checkpoint"), &err),
              0);
    CHECK_INT(options_set(options, "train.resume", resume, &err), 0);
    if (codec_trainer_command(options, &err) != 0) {
        CU_FAIL(err.text);
    }
    options_destroy(options);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    CHECK_INT(fclose(file), 0);
}

static void test_training(void)
{
    char command[1024];
    train("engine", "engine", "false");
    write_text(in_folder("codec", "conf"), codec_recipe);
    write_text(in_folder("judge", "conf"), judge_recipe);
    snprintf(command, sizeof(command),
             PYTHON SEMRADIO_SOURCE_DIR "/tests/semantic/torch_train.py %s %s %s >%s 2>&1", folder,
             in_folder("codec", "conf"), in_folder("judge", "conf"), in_folder("python", "log"));
    if (system(command) != 0) {
        snprintf(command, sizeof(command), "tail -n 20 %s", in_folder("python", "log"));
        CU_FAIL("torch_train.py failed");
        CHECK_INT(system(command), 0);
    }
    train("from_python", "whole", "true");
}

static void check_same(const char *left, const char *right)
{
    err_t err = ERR_INIT;
    params_t *a = params_open(in_folder(left, "safetensors"), &err);
    params_t *b = params_open(in_folder(right, "safetensors"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    CHECK_INT(params_count(a), params_count(b));
    for (int i = 0; i < params_count(a); i++) {
        const param_t *param = params_at(a, i), *other = params_find(b, param->name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(other);
        CHECK_INT(memcmp(param->value, other->value, param->count * sizeof(float)), 0);
    }
    params_destroy(a);
    params_destroy(b);
}

static void test_resume(void)
{
    check_same("whole", "stopped");
}

static void test_checkpoints(void)
{
    check_same("engine", "from_engine");
    check_same("whole", "from_python");
}

static void check_recipe(const char *name, const char *kind, const char *text)
{
    char wanted[8192];
    err_t err = ERR_INIT;
    options_t *options = recipe(kind, text);
    train_recipe(options, kind, wanted, sizeof(wanted));
    options_destroy(options);
    safetensors_t *file = safetensors_open(in_folder(name, "safetensors"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    const char *written = safetensors_note(file, "recipe");
    CU_ASSERT_PTR_NOT_NULL_FATAL(written);
    if (strcmp(written, wanted) != 0) {
        printf("the engine's recipe:\n%s\nPyTorch's:\n%s\n", wanted, written);
    }
    CU_ASSERT_STRING_EQUAL(written, wanted);
    safetensors_close(file);
}

static void test_recipes(void)
{
    check_recipe("whole", "codec", codec_recipe);
    check_recipe("judge", "judge", judge_recipe);
}

static void test_weights(void)
{
    err_t err = ERR_INIT;
    codec_t *codec = codec_open(in_folder("whole", "safetensors"), &err);
    judge_t *judge = judge_open(in_folder("judge", "safetensors"), &err);
    CU_ASSERT_PTR_NOT_NULL(codec);
    CU_ASSERT_PTR_NOT_NULL(judge);
    codec_close(codec);
    judge_close(judge);
}

static const check_test_t tests[] = {
    {"PyTorch trains by the engine's recipes and refuses bad ones by name", test_training},
    {"a run that was stopped and resumed ends as one that was not", test_resume},
    {"each goes on from the other's checkpoint", test_checkpoints},
    {"the weights carry the recipe that the engine would write: every option, every default",
     test_recipes},
    {"the weights open as codec and judge", test_weights},
};

int main(void)
{
    if (access("/usr/share/datasets/fashion-mnist", R_OK) != 0 ||
        system("/usr/bin/python3 -c 'import numpy, torch' 2>/dev/null") != 0) {
        puts("skipped: no python3-torch or no dataset-fashion-mnist");
        return CHECK_SKIP;
    }
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    int failed = check_run("torch train", tests, CHECK_COUNT(tests));
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 || failed;
}
