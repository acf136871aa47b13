/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The judges that the repository ships, on the pictures that Debian ships. */
#include "check.h"
#include "images/dataset.h"
#include "quality/judge.h"

#include <stdlib.h>
#include <unistd.h>

#define CIFAR SEMRADIO_SOURCE_DIR "/../shared/data/cifar10/"

enum { BYTES = JUDGE_SIDE * JUDGE_SIDE * 3 };

/* Share of the first `count` pictures that the judge gets right. */
static double accuracy(const char *name, const char *spec, size_t count)
{
    err_t err = ERR_INIT;
    judge_t *judge = judge_open(name, &err);
    dataset_t *set = dataset_open(spec, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(judge);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    uint8_t *pictures = malloc(count * BYTES);
    int *labels = malloc(count * sizeof(int)), *predicted = malloc(count * sizeof(int));
    image_t image = IMAGE_EMPTY;
    size_t right = 0;
    for (size_t i = 0; i < count; i++) {
        CHECK_INT(dataset_get(set, i, &image, &labels[i], &err), 0);
        memcpy(pictures + i * BYTES, image.rgb, BYTES);
    }
    judge_classify_batch(judge, pictures, (int)count, predicted);
    for (size_t i = 0; i < count; i++) {
        right += predicted[i] == labels[i];
    }
    image_free(&image);
    free(pictures);
    free(labels);
    free(predicted);
    dataset_close(set);
    judge_close(judge);
    return (double)right / (double)count;
}

static void test_fashion(void)
{
    if (access("/usr/share/datasets/fashion-mnist", R_OK) != 0) {
        printf("(skipped: no dataset-fashion-mnist) ");
        return;
    }
    CHECK_AT_LEAST(accuracy("fashion-mnist", "fashion-mnist:test", 2000), 0.92);
}

static void test_cifar(void)
{
    if (access(CIFAR "test_dev.bin.xz", R_OK) != 0) {
        printf("(skipped: no CIFAR-10 in ../shared/data) ");
        return;
    }
    CHECK_AT_LEAST(accuracy("cifar10", "cifar10:" CIFAR "test_dev.bin.xz", 2000), 0.89);
}

static void test_probabilities(void)
{
    err_t err = ERR_INIT;
    judge_t *judge = judge_open("fashion-mnist", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(judge);
    judge_t *clone = judge_clone(judge, &err);
    judge_close(judge); /* the clone keeps the weights */
    CU_ASSERT_PTR_NOT_NULL_FATAL(clone);
    uint8_t picture[BYTES];
    float probability[JUDGE_CLASSES], sum = 0.0f;
    for (int i = 0; i < BYTES; i++) {
        picture[i] = (uint8_t)(i * 7);
    }
    int best = judge_classify(clone, picture, probability), batch;
    for (int k = 0; k < JUDGE_CLASSES; k++) {
        sum += probability[k];
        CU_ASSERT(probability[k] >= 0.0f && probability[k] <= probability[best]);
    }
    CHECK_NEAR(sum, 1.0, 1e-5);
    judge_classify_batch(clone, picture, 1, &batch);
    CHECK_INT(batch, best);
    judge_close(clone);
}

static void test_unknown(void)
{
    err_t err = ERR_INIT;
    CHECK_INT(judge_known("imagenet"), 0);
    CHECK_INT(judge_known("fashion-mnist"), 1);
    /* A folder of pictures in the current folder gives its name to a data set, not to a judge. */
    char folder[] = "known-XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CHECK_INT(judge_known(folder), 0);
    CHECK_INT(rmdir(folder), 0);
    CU_ASSERT_PTR_NULL(judge_open("imagenet", &err));
    CHECK_ERROR_NAMES(&err, "imagenet");
    CHECK_ERROR_NAMES(&err, "fashion-mnist");
    CU_ASSERT_PTR_NULL(judge_open(SEMRADIO_MODELS_DIR "/image32.safetensors", &err));
    CHECK_ERROR_NAMES(&err, "image32.safetensors");
}

static const check_test_t tests[] = {
    {"the Fashion-MNIST judge knows clothes", test_fashion},
    {"the CIFAR-10 judge knows its classes", test_cifar},
    {"probabilities sum to 1, alone and in a clone", test_probabilities},
    {"unknown judges and other weights are refused by name", test_unknown},
};

int main(void)
{
    return check_run("judge", tests, CHECK_COUNT(tests));
}
