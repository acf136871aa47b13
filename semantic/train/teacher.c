/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/teacher.h"

#include "nn/params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct teacher {
    params_t *file;
    size_t count, width; /* pictures, numbers of each view */
    float *features;     /* inside the file's tensor, standardised */
};

static int check_shape(const params_t *file, const char *name, size_t count, int width, err_t *err)
{
    const param_t *tensor = params_find(file, name);
    if (tensor == NULL || tensor->rank != 3 || tensor->shape[1] != 2) {
        return err_set(err, ERR_FORMAT,
                       "no tensor %s of [pictures][2][numbers]: not a teacher's cache", name);
    }
    if ((size_t)tensor->shape[0] != count) {
        return err_set(err, ERR_ARGUMENT, "%s of %d pictures, but data.train has %zu", name,
                       tensor->shape[0], count);
    }
    if (tensor->shape[2] != width) {
        return err_set(err, ERR_ARGUMENT, "the teacher has %d %s, the student %d (%s)",
                       tensor->shape[2], name, width,
                       strcmp(name, "features") == 0 ? "task.features" : "task.classes");
    }
    return 0;
}

static int check_labels(const params_t *file, const batches_t *batches, err_t *err)
{
    const param_t *labels = params_find(file, "labels");
    if (labels == NULL || labels->count != batches_count(batches)) {
        return err_set(err, ERR_FORMAT, "no tensor labels of %zu numbers", batches_count(batches));
    }
    for (size_t i = 0; i < labels->count; i++) {
        if ((int)labels->value[i] != batches_label(batches, i)) {
            return err_set(
                err, ERR_ARGUMENT,
                "picture %zu is of class %d here and of class %d in the cache: it was made "
                "for other pictures",
                i, batches_label(batches, i), (int)labels->value[i]);
        }
    }
    return 0;
}

static void standardise(teacher_t *teacher)
{
    size_t rows = 2 * teacher->count, width = teacher->width;
    for (size_t c = 0; c < width; c++) {
        double sum = 0.0, sum2 = 0.0;
        for (size_t r = 0; r < rows; r++) {
            double x = (double)teacher->features[r * width + c];
            sum += x;
            sum2 += x * x;
        }
        double mean = sum / (double)rows, variance = sum2 / (double)rows - mean * mean;
        double inverse = 1.0 / sqrt(fmax(variance, 1e-12));
        for (size_t r = 0; r < rows; r++) {
            float *x = &teacher->features[r * width + c];
            *x = (float)(((double)*x - mean) * inverse);
        }
    }
}

static int check_file(const params_t *file, const batches_t *batches, int features, int classes,
                      err_t *err)
{
    size_t count = batches_count(batches);
    if (check_shape(file, "features", count, features, err) < 0 ||
        (params_find(file, "logits") != NULL &&
         check_shape(file, "logits", count, classes, err) < 0)) {
        return -1;
    }
    return check_labels(file, batches, err);
}

teacher_t *teacher_open(const char *path, const batches_t *batches, int features, int classes,
                        err_t *err)
{
    teacher_t *teacher = calloc(1, sizeof(*teacher));
    if (teacher == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a teacher");
        return NULL;
    }
    teacher->file = params_open(path, err);
    if (teacher->file == NULL) {
        teacher_close(teacher);
        return NULL;
    }
    if (check_file(teacher->file, batches, features, classes, err) < 0) {
        err_prefix(err, "%s", path);
        teacher_close(teacher);
        return NULL;
    }
    teacher->count = batches_count(batches);
    teacher->width = (size_t)features;
    teacher->features = params_find(teacher->file, "features")->value;
    standardise(teacher);
    return teacher;
}

void teacher_close(teacher_t *teacher)
{
    if (teacher != NULL) {
        params_destroy(teacher->file);
        free(teacher);
    }
}

void teacher_fill(const teacher_t *teacher, const int64_t *views, int count, float *features)
{
    size_t width = teacher->width;
    for (int n = 0; n < count; n++) {
        float *out = features + (size_t)n * width;
        if (views[n] < 0) {
            memset(out, 0, width * sizeof(*out));
        } else {
            memcpy(out, teacher->features + (size_t)views[n] * width, width * sizeof(*out));
        }
    }
}

int teacher_check_classes(const batches_t *batches, int classes, err_t *err)
{
    size_t count = batches_count(batches);
    bool *seen = calloc((size_t)classes, sizeof(*seen));
    if (seen == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %d classes", classes);
    }
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        int label = batches_label(batches, i);
        if (label < 0 || label >= classes) {
            status =
                err_set(err, ERR_ARGUMENT,
                        "data.train: picture %zu is of class %d, but task.classes is %d (0 .. %d)",
                        i, label, classes, classes - 1);
        } else {
            seen[label] = true;
        }
    }
    for (int k = 0; k < classes && status == 0; k++) {
        if (!seen[k]) {
            status =
                err_set(err, ERR_ARGUMENT,
                        "data.train has no picture of class %d (task.classes is %d)", k, classes);
        }
    }
    free(seen);
    return status;
}
