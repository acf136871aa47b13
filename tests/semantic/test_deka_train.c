/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Training of DeKA-g's codec: every objective and order runs, runs repeat, adapters fit their base.
 */
#include "check.h"
#include "semantic/photos.h"
#include "codec/codec.h"
#include "codec/codec_variant.h"
#include "images/image.h"
#include "nn/params.h"
#include "safetensors.h"
#include "train/deka_options.h"
#include "train/deka_trainer.h"
#include "train/train_options.h"

#include <stdlib.h>
#include <unistd.h>

enum { SIDE = 96, PHOTOS = 3, TEXT = 4096 };

static char folder[] = "/tmp/semradio-deka-XXXXXX";

/* A tiny network for a few steps; `more` are further lines of [deka].  What the command returned.
 */
static int train(const char *name, double epochs, const char *more, err_t *err)
{
    static const option_t *const tables[] = {train_options, deka_options, NULL};
    char text[TEXT];
    snprintf(
        text, sizeof(text),
        "[data]\ntrain = photos:%s/photos\n[train]\nepochs = %g\nbatch = 2\npeak_lr = 0.005\n"
        "out = %s/%s.safetensors\nlog = %s/%s.log\ncheckpoint = %s/%s.checkpoint\nresume = true\n"
        "[deka]\nwidth = 8\nencoder_blocks = 1\ndecoder_blocks = 1\ncrop = 8\nepoch = 10\n%s",
        folder, epochs, folder, name, folder, name, folder, name, more);
    options_t *options = options_create("test", "test", tables, err);
    if (options == NULL || options_load_text(options, "recipe", text, strlen(text), err) < 0) {
        options_destroy(options);
        return -1;
    }
    int status = deka_trainer_command(options, err);
    options_destroy(options);
    return status;
}

static void expect(const char *name, double epochs, const char *more)
{
    err_t err = ERR_INIT;
    int status = train(name, epochs, more, &err);
    if (status != 0) {
        fprintf(stderr, "%s: %s\n", name, err.text);
    }
    CHECK_INT(status, 0);
}

static const char *path_of(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s.safetensors", folder, name);
    return path;
}

/* The two runs ended with the same bits. */
static bool equal(const char *one, const char *two)
{
    char path[2][256];
    err_t err = ERR_INIT;
    params_t *a = params_open(path_of(one, path[0], sizeof(path[0])), &err);
    params_t *b = params_open(path_of(two, path[1], sizeof(path[1])), &err);
    bool same = a != NULL && b != NULL && params_count(a) == params_count(b);
    for (int i = 0; same && i < params_count(a); i++) {
        const param_t *x = params_at(a, i), *y = params_find(b, x->name);
        same = y != NULL && memcmp(x->value, y->value, x->count * sizeof(float)) == 0;
    }
    params_destroy(a);
    params_destroy(b);
    return same;
}

static void test_objectives(void)
{
    static const char *const objectives[] = {"commitment", "lmse", "kl", "jsccq", "unquantised"};
    for (int i = 0; i < 5; i++) {
        char more[128];
        snprintf(more, sizeof(more), "pair = none\nobjective = %s\n", objectives[i]);
        expect(objectives[i], 0.5, more);
    }
    CU_ASSERT_FALSE(equal("commitment", "lmse"));
    CU_ASSERT_FALSE(equal("kl", "lmse"));
    CU_ASSERT_FALSE(equal("kl", "jsccq"));
    CU_ASSERT_FALSE(equal("unquantised", "lmse"));
}

static void test_repeats(void)
{
    expect("once", 2, "");
    expect("again", 2, "");
    expect("seeded", 2, "delay_spread_ns = 30\n");
    CU_ASSERT_TRUE(equal("once", "again"));
    CU_ASSERT_FALSE(equal("once", "seeded"));
}

static void test_orders(void)
{
    expect("joint", 2, "order = joint\n");
    expect("pcgrad", 2, "order = pcgrad\n");
    expect("independent", 2, "pair = independent\n");
    CU_ASSERT_FALSE(equal("joint", "once"));
    CU_ASSERT_FALSE(equal("joint", "pcgrad"));
    char path[256];
    err_t err = ERR_INIT;
    params_t *params = params_open(path_of("independent", path, sizeof(path)), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(params);
    for (int i = 2; i <= 6; i++) { /* 8 -> 2i and back */
        char name[64];
        snprintf(name, sizeof(name), "adapter.%d.encoder.weight", i);
        const param_t *param = params_find(params, name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(param);
        CHECK_INT(param->shape[0], 2 * i);
    }
    params_destroy(params);
}

/* An adapter fits the codec it was trained on, changes it, and no other. */
static void test_adapter(void)
{
    char more[512], base[256], other[256], adapter[256];
    err_t err = ERR_INIT;
    snprintf(more, sizeof(more), "rank = 3\nsnr_db = 0,5\ninit = %s/once.safetensors\n", folder);
    expect("adapter", 2, more);
    expect("adapter2", 2, more);
    CU_ASSERT_TRUE(equal("adapter", "adapter2"));
    const char *path = path_of("adapter", adapter, sizeof(adapter));
    codec_t *codec = codec_open(path_of("once", base, sizeof(base)), &err);
    codec_t *foreign = codec_open(path_of("seeded", other, sizeof(other)), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    CU_ASSERT_PTR_NOT_NULL_FATAL(foreign);
    CU_ASSERT_PTR_NULL(codec_variant_open(foreign, &path, 1, &err));
    CHECK_ERROR_NAMES(&err, "made for the base");
    codec_variant_t *variant = codec_variant_open(codec, &path, 1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(variant);
    static uint8_t rgb[64 * 64 * 3];
    static float complex before[96], after[96];
    for (size_t i = 0; i < sizeof(rgb); i++) {
        rgb[i] = (uint8_t)(100.0 + 60.0 * sin(0.02 * (double)i));
    }
    CHECK_INT(codec_symbols(codec, 64, 64, 5), 96);
    CHECK_INT(codec_encode(codec, rgb, 64, 64, 5, before, &err), 0);
    codec_use(codec, variant);
    CHECK_INT(codec_encode(codec, rgb, 64, 64, 5, after, &err), 0);
    CU_ASSERT(memcmp(before, after, sizeof(before)) != 0);
    safetensors_t *file = safetensors_open(path, &err);
    CU_ASSERT_STRING_EQUAL(safetensors_note(file, "adapter.rank"), "3");
    CU_ASSERT_STRING_EQUAL(safetensors_note(file, "adapter.snr_group"), "0:5");
    CU_ASSERT_STRING_EQUAL(safetensors_note(file, "adapter.name"), "adapter");
    CHECK_INT(safetensors_find(file, "encoder.stem.lora_A")->dtype, SAFETENSORS_F16);
    safetensors_close(file);
    codec_variant_release(variant);
    codec_close(codec);
    codec_close(foreign);
}

static void test_refusals(void)
{
    static const struct {
        const char *more, *names;
    } bad[] = {{"crop = 40\n", "deka.crop = 40"},
               {"crop = 7\n", "deka.crop = 7"},
               {"rank = 4\n", "deka.init"},
               {"latent = no-such-latents\n", "no-such-latents"},
               {"init = no-such-weights\n", "no-such-weights"},
               {"objective = magic\n", "magic"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err_t err = ERR_INIT;
        CHECK_INT(train("bad", 0.1, bad[i].more, &err), -1);
        CHECK_ERROR_NAMES(&err, bad[i].names);
    }
}

static const check_test_t tests[] = {
    {"every objective trains, each in its own way", test_objectives},
    {"the same recipe gives the same bits", test_repeats},
    {"rates in turn, together, and with conflicts removed; pairs of their own", test_orders},
    {"an adapter fits its base only, and repeats", test_adapter},
    {"recipes that cannot work are refused by name", test_refusals},
};

int main(void)
{
    char command[64];
    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || system("mkdir photos") != 0 ||
        photos_make(folder, PHOTOS, SIDE) < 0) {
        return 1;
    }
    int status = check_run("deka_train", tests, CHECK_COUNT(tests));
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? status : 1;
}
