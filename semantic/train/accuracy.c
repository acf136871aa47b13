/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/accuracy.h"

#include "images/image.h"

#include <string.h>

enum { BATCH = ACCURACY_BATCH, SIDE = 32, PICTURE_BYTES = SIDE * SIDE * 3 };

int accuracy_count(const dataset_t *set, accuracy_classify_t *classify, void *context,
                   size_t *right, err_t *err)
{
    uint8_t pictures[BATCH * PICTURE_BYTES];
    int labels[BATCH], predicted[BATCH], held = 0, status = 0;
    image_t picture = IMAGE_EMPTY;
    size_t count = dataset_count(set);
    *right = 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        status = dataset_get(set, i, &picture, &labels[held], err);
        if (status == 0 && image_bytes(&picture) != PICTURE_BYTES) {
            status = err_set(err, ERR_ARGUMENT, "%s: pictures are not 32 x 32", dataset_name(set));
        }
        if (status == 0) {
            memcpy(pictures + held++ * PICTURE_BYTES, picture.rgb, PICTURE_BYTES);
        }
        if (status == 0 && (held == BATCH || i + 1 == count)) {
            classify(context, pictures, held, predicted);
            for (int n = 0; n < held; n++) {
                *right += predicted[n] == labels[n];
            }
            held = 0;
        }
    }
    image_free(&picture);
    return status;
}
