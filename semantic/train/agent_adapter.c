/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_adapter: the distilled levels as one adapter file: halves, and the notes of
 * docs/ADAPTERS.md, with the ranks of each level: of the layer that has most, and of every layer
 * that differs.
 */
#include "codec/codec.h"
#include "safetensors.h"
#include "train/agent_task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TENSORS_MAX = 256, NOTES_MAX = 256, TEXT_MAX = 256 };

int agent_method_round(agent_task_t *task, err_t *err)
{
    const float *mask = task->mask;
    params_t *params = agent_method_params(task);
    for (int i = 0; i < params_count(params); i++) {
        param_t *param = params_at(params, i);
        if (param->flags & (PARAM_BUFFER | PARAM_FROZEN)) {
            continue;
        }
        uint16_t *halves = malloc(param->count * sizeof(*halves));
        float *values = malloc(param->count * sizeof(*values));
        if (halves == NULL || values == NULL) {
            free(halves);
            free(values);
            return err_set(err, ERR_MEMORY, "no memory to round %s", param->name);
        }
        safetensors_to_half(param->value, param->count, halves);
        safetensors_tensor_t tensor = {.dtype = SAFETENSORS_F16, .count = param->count};
        tensor.data = halves;
        safetensors_to_float(&tensor, values);
        for (size_t k = 0; k < param->count; k++) {
            bool sent = mask == NULL || *mask++ > 0.0f;
            param->value[k] = sent ? values[k] : param->value[k];
        }
        free(halves);
        free(values);
    }
    params_changed(params);
    return 0;
}

/* "1,2,3,3,4" */
static void ranks_text(const agent_task_t *task, int pair, char *text, size_t size)
{
    size_t used = 0;
    for (int l = 1; l <= (int)options_int(task->options, "agent.levels") && used < size; l++) {
        used += (size_t)snprintf(text + used, size - used, "%s%d", l > 1 ? "," : "",
                                 lora_levels_rank(task->levels, pair, l));
    }
}

static int largest_pair(const agent_task_t *task, int top)
{
    int best = 0;
    for (int i = 1; i < lora_levels_pairs(task->levels); i++) {
        if (lora_levels_rank(task->levels, i, top) > lora_levels_rank(task->levels, best, top)) {
            best = i;
        }
    }
    return best;
}

typedef struct {
    const char *keys[NOTES_MAX], *values[NOTES_MAX];
    char text[NOTES_MAX][TEXT_MAX]; /* what keys and values point to, where it was made here */
    int count, texts;
} notes_t;

static void add_note(notes_t *notes, const char *key, const char *value)
{
    if (notes->count < NOTES_MAX) {
        notes->keys[notes->count] = key;
        notes->values[notes->count++] = value;
    }
}

static char *new_text(notes_t *notes)
{
    return notes->text[notes->texts < NOTES_MAX ? notes->texts++ : NOTES_MAX - 1];
}

static void add_ranks(const agent_task_t *task, notes_t *notes)
{
    int levels = (int)options_int(task->options, "agent.levels");
    int most = largest_pair(task, levels);
    char *all = new_text(notes), *rank = new_text(notes);
    ranks_text(task, most, all, TEXT_MAX);
    snprintf(rank, TEXT_MAX, "%d", lora_levels_rank(task->levels, most, levels));
    add_note(notes, "adapter.rank", rank);
    add_note(notes, "adapter.alpha", rank); /* the factor on B A is 1 */
    add_note(notes, "adapter.level", options_text(task->options, "agent.levels"));
    add_note(notes, "adapter.ranks", all);
    for (int i = 0; i < lora_levels_pairs(task->levels); i++) {
        char text[TEXT_MAX];
        ranks_text(task, i, text, sizeof(text));
        if (strcmp(text, all) != 0) {
            char *key = new_text(notes), *value = new_text(notes);
            snprintf(key, TEXT_MAX, "adapter.ranks.%.200s", lora_levels_layer(task->levels, i));
            snprintf(value, TEXT_MAX, "%s", text);
            add_note(notes, key, value);
        }
    }
}

/* "agent-denoise" of "models/agent-denoise.safetensors". */
static void name_text(const char *path, char *text, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(text, size, "%s", slash != NULL ? slash + 1 : path);
    text[strcspn(text, ".")] = '\0';
}

static int write_halves(const agent_task_t *task, const safetensors_t *file, notes_t *notes,
                        err_t *err)
{
    const char *path = options_string(task->options, "train.out");
    params_t *params = lora_levels_params(task->levels);
    safetensors_tensor_t tensors[TENSORS_MAX];
    uint16_t *halves[TENSORS_MAX] = {NULL};
    int status = 0, count = safetensors_count(file);
    if (count > TENSORS_MAX) {
        return err_set(err, ERR_ARGUMENT, "more than %d matrices", TENSORS_MAX);
    }
    for (int i = 0; i < safetensors_notes(file); i++) {
        const char *value, *key = safetensors_note_at(file, i, &value);
        add_note(notes, key, value);
    }
    for (int i = 0; status == 0 && i < count; i++) {
        tensors[i] = *safetensors_at(file, i);
        const param_t *param = params_find(params, tensors[i].name);
        halves[i] = malloc(tensors[i].count * sizeof(*halves[i]));
        if (halves[i] == NULL || param == NULL) {
            status = err_set(err, ERR_MEMORY, "no memory to write %s", path);
            break;
        }
        safetensors_to_half(param->value, param->count, halves[i]);
        tensors[i].dtype = SAFETENSORS_F16;
        tensors[i].data = halves[i];
    }
    status = status == 0 ? safetensors_write(path, tensors, count, notes->keys, notes->values,
                                             notes->count, err)
                         : status;
    for (int i = 0; i < TENSORS_MAX; i++) {
        free(halves[i]);
    }
    return status;
}

int agent_adapter_write(const agent_task_t *task, err_t *err)
{
    const options_t *o = task->options;
    const char *path = options_string(o, "train.out"),
               *created = options_string(o, "agent.created");
    char base[32], today[16], name[64];
    time_t now = time(NULL);
    struct tm date;
    notes_t *notes = calloc(1, sizeof(*notes));
    codec_t *codec = codec_open(options_string(o, "agent.init"), err);
    safetensors_t *file = codec == NULL || notes == NULL ? NULL : safetensors_open(path, err);
    int status = file == NULL ? -1 : 0;
    if (status == 0) {
        snprintf(base, sizeof(base), "%016llx", (unsigned long long)codec_hash(codec));
        name_text(path, name, sizeof(name));
        strftime(today, sizeof(today), "%Y-%m-%d", gmtime_r(&now, &date));
        add_note(notes, "adapter.format", "1");
        add_note(notes, "adapter.base", base);
        add_note(notes, "adapter.kind", "lora");
        add_note(notes, "adapter.name", name);
        add_note(notes, "adapter.author", options_string(o, "agent.author"));
        add_note(notes, "adapter.created", created[0] != '\0' ? created : today);
        add_ranks(task, notes);
        status = write_halves(task, file, notes, err);
    }
    safetensors_close(file);
    codec_close(codec);
    free(notes);
    return status;
}
