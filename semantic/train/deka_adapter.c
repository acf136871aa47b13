/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deka_adapter: the adapter's file out of what train_run exported: low-rank matrices as halves, and
   the notes that codec_variant.h wants. */
#include "codec/codec.h"
#include "safetensors.h"
#include "train/deka_task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t hash_file(const char *path, err_t *err)
{
    codec_t *codec = codec_open(path, err);
    uint64_t hash = codec != NULL ? codec_hash(codec) : 0;
    codec_close(codec);
    return hash;
}

/* "0:5": lowest and highest SNR trained at. */
static void group_text(const options_t *o, char *text, size_t size)
{
    double low = options_real_at(o, "deka.snr_db", 0), high = low;
    for (size_t i = 1; i < options_count(o, "deka.snr_db"); i++) {
        double snr_db = options_real_at(o, "deka.snr_db", i);
        low = snr_db < low ? snr_db : low;
        high = snr_db > high ? snr_db : high;
    }
    snprintf(text, size, "%g:%g", low, high);
}

/* "deka-snr0-5-rank8" of "models/deka-snr0-5-rank8.safetensors". */
static void name_text(const char *path, char *text, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(text, size, "%s", slash != NULL ? slash + 1 : path);
    text[strcspn(text, ".")] = '\0';
}

int deka_adapter_write(const deka_task_t *task, err_t *err)
{
    enum { TENSORS_MAX = 256, NOTES_MAX = 64 };
    const options_t *o = task->options;
    const char *path = options_string(o, "train.out"), *created = options_string(o, "deka.created");
    safetensors_tensor_t tensors[TENSORS_MAX];
    uint16_t *halves[TENSORS_MAX] = {NULL};
    const char *keys[NOTES_MAX], *values[NOTES_MAX];
    char base[32], group[32], today[16], name[64];
    time_t now = time(NULL);
    struct tm date;
    uint64_t hash = hash_file(options_string(o, "deka.init"), err);
    safetensors_t *file = hash == 0 ? NULL : safetensors_open(path, err);
    if (file == NULL) {
        return -1;
    }
    snprintf(base, sizeof(base), "%016llx", (unsigned long long)hash);
    group_text(o, group, sizeof(group));
    name_text(path, name, sizeof(name));
    strftime(today, sizeof(today), "%Y-%m-%d", gmtime_r(&now, &date));
    const char *notes[][2] = {{"adapter.format", "1"},
                              {"adapter.base", base},
                              {"adapter.kind", "lora"},
                              {"adapter.rank", options_text(o, "deka.rank")},
                              {"adapter.alpha", options_text(o, "deka.alpha")},
                              {"adapter.snr_group", group},
                              {"adapter.name", name},
                              {"adapter.author", options_string(o, "deka.author")},
                              {"adapter.created", created[0] != '\0' ? created : today}};
    int note_count = 0, count = safetensors_count(file), status = count <= TENSORS_MAX ? 0 : -1;
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++, note_count++) {
        keys[note_count] = notes[i][0];
        values[note_count] = notes[i][1];
    }
    for (int i = 0; i < safetensors_notes(file) && note_count < NOTES_MAX; i++, note_count++) {
        keys[note_count] = safetensors_note_at(file, i, &values[note_count]);
    }
    for (int i = 0; status == 0 && i < count; i++) {
        tensors[i] = *safetensors_at(file, i);
        if (tensors[i].rank != 2) {
            continue; /* the power stays as it is */
        }
        float *values_of = malloc(tensors[i].count * sizeof(*values_of));
        halves[i] = malloc(tensors[i].count * sizeof(*halves[i]));
        if (values_of == NULL || halves[i] == NULL) {
            status = err_set(err, ERR_MEMORY, "no memory to write %s", path);
        } else {
            safetensors_to_float(&tensors[i], values_of);
            safetensors_to_half(values_of, tensors[i].count, halves[i]);
            tensors[i].dtype = SAFETENSORS_F16;
            tensors[i].data = halves[i];
        }
        free(values_of);
    }
    if (status == 0) {
        status = safetensors_write(path, tensors, count, keys, values, note_count, err);
    }
    for (int i = 0; i < TENSORS_MAX; i++) {
        free(halves[i]);
    }
    safetensors_close(file);
    return status;
}
