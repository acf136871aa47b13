/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feeds arbitrary bytes to the weight-file reader.  What it accepts must be
 * readable to the last element.
 */
#include "safetensors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_everything(const safetensors_t *file)
{
    for (int i = 0; i < safetensors_count(file); i++) {
        const safetensors_tensor_t *tensor = safetensors_at(file, i);
        float *values = malloc((tensor->count + 1) * sizeof *values);
        if (values) {
            safetensors_to_float(tensor, values);
        }
        free(values);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    err_t err = ERR_INIT;
    safetensors_t *file = safetensors_parse(data, size, "input", &err);
    if (file) {
        read_everything(file);
    } else if (err.code == ERR_NONE) {
        abort(); /* refused without saying why */
    }
    safetensors_close(file);
    return 0;
}
