/* SPDX-License-Identifier: GPL-3.0-or-later */
/* adapters: random low-rank sets, and folders that go away. */
#ifndef TESTS_ALIGNMENT_ADAPTERS_H
#define TESTS_ALIGNMENT_ADAPTERS_H

#include "adapter/adapter.h"
#include "check.h"
#include "rng.h"

#include <stdlib.h>
#include <unistd.h>

enum { ADAPTERS_LAYERS_MAX = 24, ADAPTERS_LEVELS = 5 };

/* A set of `layers` pairs with random sides up to `side_max`, held at its top level of 5; ranks
   2, 4, 6, 8, 10 except on odd layers, which have random ones of their own (perhaps 0). */
static inline adapter_t *adapters_random(rng_t *rng, int layers, int side_max)
{
    static char name[2 * ADAPTERS_LAYERS_MAX][64], key[ADAPTERS_LAYERS_MAX][64],
        value[ADAPTERS_LAYERS_MAX][64];
    adapter_array_t arrays[2 * ADAPTERS_LAYERS_MAX + 1];
    adapter_note_t notes[ADAPTERS_LAYERS_MAX + 1];
    float *data[2 * ADAPTERS_LAYERS_MAX + 1];
    int count = 0, note_count = 0;
    for (int i = 0; i < layers; i++) {
        int rank[ADAPTERS_LEVELS] = {2, 4, 6, 8, 10};
        if (i % 2 == 1) {
            int length = 0;
            for (int l = 0; l < ADAPTERS_LEVELS; l++) {
                rank[l] = (l > 0 ? rank[l - 1] : 0) + (int)rng_below(rng, 3);
                length += snprintf(value[note_count] + length, sizeof value[0] - (size_t)length,
                                   "%s%d", l > 0 ? "," : "", rank[l]);
            }
            snprintf(key[note_count], sizeof key[0], "adapter.ranks.block%d.conv", i);
            notes[note_count] = (adapter_note_t){key[note_count], value[note_count]};
            note_count++;
        }
        int r = rank[ADAPTERS_LEVELS - 1];
        for (int half = 0; half < 2 && r > 0; half++) {
            int side = 1 + (int)rng_below(rng, (uint32_t)side_max);
            snprintf(name[count], sizeof name[0], "block%d.conv.lora_%c", i, 'A' + half);
            data[count] = malloc((size_t)(side * r) * sizeof(float));
            rng_normal(rng, data[count], (size_t)(side * r));
            arrays[count] =
                (adapter_array_t){name[count], 2, {half ? side : r, half ? r : side}, data[count]};
            count++;
        }
    }
    data[count] = malloc(12 * sizeof(float));
    rng_normal(rng, data[count], 12);
    arrays[count] = (adapter_array_t){"projection.weight", 4, {4, 3, 1, 1}, data[count]};
    notes[note_count] = (adapter_note_t){"comment", "a \"quoted\" r\xc3\xa9sum\xc3\xa9"};
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.base = rng_bits(rng);
    info.kind = ADAPTER_LORA;
    info.rank = 10;
    info.alpha = 20.0f;
    info.rate = 2;
    info.snr_low_db = 10.0f;
    info.snr_high_db = 15.5f;
    info.level = info.levels = ADAPTERS_LEVELS;
    for (int l = 0; l < ADAPTERS_LEVELS; l++) {
        info.ranks[l] = 2 * (l + 1);
    }
    strcpy(info.name, "night-city.v2");
    strcpy(info.author, "a person");
    strcpy(info.created, "2026-07-24T12:04:31Z");
    memset(info.parent, 'c', DIGEST_TEXT - 1);
    err_t err = ERR_INIT;
    adapter_t *adapter = adapter_build(&info, arrays, count + 1, notes, note_count + 1, &err);
    if (!adapter) {
        fprintf(stderr, "%s\n", err.text);
    }
    for (int i = 0; i <= count; i++) {
        free(data[i]);
    }
    return adapter;
}

static inline void adapters_remove_folder(const char *folder)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

#endif
