/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feeds arbitrary bytes to the adapter reader and, as a difference, to the upgrade of a small
 * adapter. What is accepted must be readable to the last element, canonical, and cut into levels.
 */
#include "adapter/adapter_level.h"
#include "fit/equaliser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const adapter_t *adapter)
{
    for (int i = 0; i < adapter_count(adapter); i++) {
        const adapter_array_t *array = adapter_array(adapter, i);
        for (size_t k = 0; k < adapter_elements(array); k++) {
            if (!isfinite(array->data[k])) {
                abort();
            }
        }
    }
    size_t size;
    const uint8_t *bytes = adapter_bytes(adapter, &size);
    adapter_t *again = adapter_parse(bytes, size, "again", NULL);
    if (!again) {
        abort(); /* its canonical form is not canonical */
    }
    adapter_destroy(again);
    for (int level = 1; level <= adapter_info(adapter)->level; level++) {
        adapter_t *low = adapter_level(adapter, level, NULL);
        if (!low || adapter_contains(adapter, low, NULL) < 0) {
            abort();
        }
        adapter_destroy(low);
    }
    equaliser_destroy(equaliser_create(adapter, 16, NULL));
}

/* Two levels of one pair. */
static adapter_t *small(int level)
{
    static const float values[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.rank = 2;
    info.alpha = 1.0f;
    info.level = info.levels = 2;
    info.ranks[0] = 1;
    info.ranks[1] = 2;
    adapter_array_t arrays[2] = {{"x.lora_A", 2, {2, 3}, values}, {"x.lora_B", 2, {4, 2}, values}};
    adapter_t *high = adapter_build(&info, arrays, 2, NULL, 0, NULL);
    adapter_t *low = adapter_level(high, level, NULL);
    adapter_destroy(high);
    return low;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static adapter_t *low;
    err_t err = ERR_INIT;
    low = low ? low : small(1);
    adapter_t *adapter = adapter_import(data, size, "input", &err);
    if (adapter) {
        use(adapter);
    } else if (err.code == ERR_NONE) {
        abort(); /* refused without saying why */
    }
    adapter_destroy(adapter);

    /* As the JSON and data of a difference of that adapter, so that its hash is not in the way. */
    digest_t id = adapter_id(low);
    uint8_t *difference = calloc(1, 72 + size);
    if (difference) {
        memcpy(difference, "semdiff1", 8);
        memcpy(difference + 8, id.byte, DIGEST_SIZE);
        if (size > 0) {
            memcpy(difference + 72, data, size);
        }
        adapter_destroy(adapter_upgrade(low, difference, 72 + size, NULL));
        adapter_destroy(adapter_upgrade(low, data, size, NULL));
        free(difference);
    }
    return 0;
}
