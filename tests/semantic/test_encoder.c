/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The encoders that the repository ships, and what describes no encoder. */
#include "check.h"
#include "encoder/encoder.h"
#include "images/dataset.h"

#include <stdlib.h>
#include <unistd.h>

#define CIFAR SEMRADIO_SOURCE_DIR "/../shared/data/cifar10/"

enum { BYTES = ENCODER_SIDE * ENCODER_SIDE * 3, PICTURES = 500 };

typedef struct {
    uint8_t rgb[PICTURES * BYTES];
    int label[PICTURES];
} pictures_t;

static pictures_t *read_pictures(const char *spec)
{
    err_t err = ERR_INIT;
    image_t image = IMAGE_EMPTY;
    pictures_t *p = malloc(sizeof *p);
    dataset_t *set = dataset_open(spec, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    for (int i = 0; i < PICTURES; i++) {
        CHECK_INT(dataset_get(set, (size_t)i, &image, &p->label[i], &err), 0);
        memcpy(p->rgb + i * BYTES, image.rgb, BYTES);
    }
    image_free(&image);
    dataset_close(set);
    return p;
}

static int best_of(const float *logits)
{
    int best = 0;
    for (int k = 1; k < ENCODER_CLASSES; k++) {
        best = logits[k] > logits[best] ? k : best;
    }
    return best;
}

/* Accuracy, of logits that are W features + b. */
static void check_encoder(const char *name, const pictures_t *p, int features, double least)
{
    err_t err = ERR_INIT;
    encoder_t *e = encoder_open(name, &err);
    if (!e) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("no encoder");
    }
    int d = encoder_shape(e)->features, right = 0;
    const float *weight, *bias;
    float *z = malloc((size_t)(PICTURES * d) * sizeof *z),
          *logits = malloc(PICTURES * ENCODER_CLASSES * sizeof *z);
    CHECK_INT(d, features);
    encoder_encode(e, p->rgb, PICTURES, z, logits);
    encoder_head(e, &weight, &bias);
    double worst = 0.0;
    for (int i = 0; i < PICTURES; i++) {
        right += best_of(logits + i * ENCODER_CLASSES) == p->label[i];
        for (int k = 0; k < ENCODER_CLASSES; k++) {
            double sum = (double)bias[k];
            for (int j = 0; j < d; j++) {
                sum += (double)weight[k * d + j] * (double)z[i * d + j];
            }
            worst = fmax(worst, fabs(sum - (double)logits[i * ENCODER_CLASSES + k]));
        }
    }
    CHECK_AT_MOST(worst, 1e-3);
    CHECK_AT_LEAST((double)right / PICTURES, least);
    free(z);
    free(logits);
    encoder_close(e);
}

static void test_cifar(void)
{
    if (access(CIFAR "test_dev.bin.xz", R_OK) != 0) {
        printf("(skipped: no CIFAR-10 in ../shared/data) ");
        return;
    }
    pictures_t *p = read_pictures("cifar10:" CIFAR "test_dev.bin.xz");
    check_encoder("cifar10-residual", p, 192, 0.78);
    check_encoder("cifar10-plain", p, 512, 0.72);
    check_encoder("cifar10-dense", p, 64, 0.60);
    check_encoder("cifar10-attention", p, 128, 0.52);
    check_encoder("judge-cifar10", p, 192, 0.87);
    free(p);
}

static void test_fashion(void)
{
    if (access("/usr/share/datasets/fashion-mnist", R_OK) != 0) {
        printf("(skipped: no dataset-fashion-mnist) ");
        return;
    }
    pictures_t *p = read_pictures("fashion-mnist:test");
    check_encoder("fashion-mnist-residual", p, 192, 0.84);
    check_encoder("fashion-mnist-plain", p, 512, 0.82);
    check_encoder("judge-fashion-mnist", p, 128, 0.90);
    free(p);
}

static void refuse(const char *kind, const char *widths, int features, const char *word)
{
    err_t err = ERR_INIT;
    encoder_shape_t shape;
    CHECK_INT(encoder_shape_parse(&shape, kind, widths, features, &err), -1);
    if (!strstr(err.text, word)) {
        fprintf(stderr, "\"%s\" does not say \"%s\"\n", err.text, word);
        CU_FAIL("the message");
    }
}

static void test_refusals(void)
{
    refuse("residue", "1,2,3,4", 64, "residue");
    refuse("residual", "16,32,64", 64, "widths");
    refuse("residual", "16,32,64,", 64, "widths");
    refuse("plain", "16,32,64,64,64,64,64", 64, "widths");
    refuse("plain", "16,513", 64, "widths");
    refuse("plain", "16;32", 64, "widths");
    refuse("dense", "24,16,13", 64, "13");
    refuse("attention", "96,5,3", 64, "heads");
    refuse("plain", "16,32", 1025, "features");
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(encoder_open("cifar11", &err));
    CU_ASSERT_PTR_NULL(encoder_open("latent", &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not that of an encoder"));
}

static const check_test_t tests[] = {
    {"CIFAR-10's encoders classify as their cards say, by a linear map of their features",
     test_cifar},
    {"Fashion-MNIST's too", test_fashion},
    {"shapes and files that are no encoder are refused with the reason", test_refusals},
};

int main(void)
{
    return check_run("encoder", tests, CHECK_COUNT(tests));
}
