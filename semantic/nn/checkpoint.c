/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * checkpoint: a list of (name, array) pairs is made from the live objects; saving
 * writes it, loading checks the whole file against it before copying anything.
 */
#include "nn/checkpoint.h"

#include "nn/optimizer_state.h"
#include "safetensors.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RNG_MAX = 8, COUNTER_MAX = 16, ENTRY_NAME = PARAM_NAME_MAX + 24 };

typedef struct {
    char name[ENTRY_NAME];
    const param_t *shape; /* whose shape it has */
    float *data;
} entry_t;

typedef struct {
    entry_t *entry;
    int count;
} entries_t;

static void entries_add(entries_t *list, const char *kind, const param_t *param, float *data)
{
    if (data) {
        entry_t *entry = &list->entry[list->count++];
        snprintf(entry->name, sizeof entry->name, "%s%s", kind, param->name);
        entry->shape = param;
        entry->data = data;
    }
}

static int entries_make(entries_t *list, const checkpoint_t *state, err_t *err)
{
    size_t most = (size_t)params_count(state->params) + 3 * (size_t)state->optimizer->count;
    list->count = 0;
    list->entry = calloc(most + 1, sizeof *list->entry);
    if (!list->entry) {
        return err_set(err, ERR_MEMORY, "no memory for a checkpoint");
    }
    for (int i = 0; i < params_count(state->params); i++) {
        entries_add(list, "", params_at(state->params, i), params_at(state->params, i)->value);
    }
    for (int i = 0; i < state->optimizer->count; i++) {
        const optimizer_slot_t *slot = &state->optimizer->slot[i];
        entries_add(list, "optimizer.m.", slot->param, slot->m);
        entries_add(list, "optimizer.v.", slot->param, slot->v);
        entries_add(list, "optimizer.ema.", slot->param, slot->ema);
    }
    return 0;
}

/* ---- the numbers that are not tensors ------------------------------------- */

/* "format 1; steps N; skipped N; rng A B C D ...; counters A B ..." in one string. */
enum { NUMBERS_TEXT = 64 + (4 * RNG_MAX + COUNTER_MAX + 6) * 24 };

static void numbers_write(const checkpoint_t *state, char *text)
{
    size_t at = 0;
    at += (size_t)snprintf(text, NUMBERS_TEXT, "1 %" PRIu64 " %" PRIu64 " %d %d",
                           state->optimizer->steps, state->optimizer->skipped, state->rng_count,
                           state->counter_count);
    for (int i = 0; i < state->rng_count; i++) {
        for (int k = 0; k < 4; k++) {
            at += (size_t)snprintf(text + at, NUMBERS_TEXT - at, " %" PRIu64,
                                   state->rngs[i]->state[k]);
        }
    }
    for (int i = 0; i < state->counter_count; i++) {
        at += (size_t)snprintf(text + at, NUMBERS_TEXT - at, " %" PRId64, state->counters[i]);
    }
}

typedef struct {
    uint64_t steps, skipped;
    uint64_t rng[RNG_MAX][4];
    int64_t counter[COUNTER_MAX];
} numbers_t;

static int next_number(const char **text, uint64_t *value)
{
    int used = 0;
    int64_t negative;
    if (sscanf(*text, " -%" SCNd64 "%n", &negative, &used) == 1) {
        *value = (uint64_t)-negative;
    } else if (sscanf(*text, " %" SCNu64 "%n", value, &used) != 1) {
        return -1;
    }
    *text += used;
    return 0;
}

static int numbers_read(const checkpoint_t *state, const char *path, const char *text,
                        numbers_t *out, err_t *err)
{
    uint64_t format = 0, rngs = 0, counters = 0, value = 0;
    int failed = !text || next_number(&text, &format) || format != 1 ||
                 next_number(&text, &out->steps) || next_number(&text, &out->skipped) ||
                 next_number(&text, &rngs) || next_number(&text, &counters);
    if (failed) {
        return err_set(err, ERR_FORMAT, "%s: not a checkpoint of this program", path);
    }
    if (rngs != (uint64_t)state->rng_count || counters != (uint64_t)state->counter_count) {
        return err_set(err, ERR_FORMAT, "%s: a checkpoint of another kind of run", path);
    }
    for (uint64_t i = 0; i < 4 * rngs && !failed; i++) {
        failed = next_number(&text, &out->rng[i / 4][i % 4]);
    }
    for (uint64_t i = 0; i < counters && !failed; i++) {
        failed = next_number(&text, &value);
        out->counter[i] = (int64_t)value;
    }
    return failed ? err_set(err, ERR_FORMAT, "%s: its numbers are cut short", path) : 0;
}

/* ---- save ----------------------------------------------------------------- */

static void describe(const entry_t *entry, safetensors_tensor_t *tensor)
{
    tensor->name = entry->name;
    tensor->rank = entry->shape->rank;
    for (int k = 0; k < tensor->rank; k++) {
        tensor->shape[k] = entry->shape->shape[k];
    }
    tensor->count = entry->shape->count;
    tensor->data = entry->data;
}

int checkpoint_save(const char *path, const checkpoint_t *state, err_t *err)
{
    assert(state->rng_count <= RNG_MAX && state->counter_count <= COUNTER_MAX);
    assert(!state->optimizer->swapped);
    entries_t list;
    char numbers[NUMBERS_TEXT];
    const char *keys[] = {"checkpoint", "recipe"};
    const char *values[] = {numbers, state->recipe};
    if (entries_make(&list, state, err) < 0) {
        return -1;
    }
    safetensors_tensor_t *tensor = calloc((size_t)list.count + 1, sizeof *tensor);
    int result = tensor ? 0 : err_set(err, ERR_MEMORY, "no memory for a checkpoint");
    for (int i = 0; result == 0 && i < list.count; i++) {
        describe(&list.entry[i], &tensor[i]);
    }
    numbers_write(state, numbers);
    if (result == 0) {
        result = safetensors_write(path, tensor, list.count, keys, values, state->recipe ? 2 : 1,
                                   err);
    }
    free(tensor);
    free(list.entry);
    return result;
}

/* ---- load ----------------------------------------------------------------- */

static int check_tensor(const safetensors_t *file, const char *path, const entry_t *entry,
                        err_t *err)
{
    const safetensors_tensor_t *tensor = safetensors_find(file, entry->name);
    if (!tensor) {
        return err_set(err, ERR_FORMAT, "%s: tensor %s is missing", path, entry->name);
    }
    bool same = tensor->rank == entry->shape->rank && tensor->dtype == SAFETENSORS_F32;
    for (int k = 0; same && k < tensor->rank; k++) {
        same = tensor->shape[k] == entry->shape->shape[k];
    }
    return same ? 0
                : err_set(err, ERR_FORMAT, "%s: tensor %s has another shape or type", path,
                          entry->name);
}

static int check_file(const safetensors_t *file, const char *path, const checkpoint_t *state,
                      const entries_t *list, err_t *err)
{
    const char *recipe = safetensors_note(file, "recipe");
    if (state->recipe && (!recipe || strcmp(recipe, state->recipe) != 0)) {
        return err_set(err, ERR_FORMAT, "%s: from another recipe", path);
    }
    for (int i = 0; i < list->count; i++) {
        if (check_tensor(file, path, &list->entry[i], err) < 0) {
            return -1;
        }
    }
    if (safetensors_count(file) != list->count) {
        return err_set(err, ERR_FORMAT, "%s: it holds %d tensors, this run has %d", path,
                       safetensors_count(file), list->count);
    }
    return 0;
}

static void restore(checkpoint_t *state, const numbers_t *numbers)
{
    state->optimizer->steps = numbers->steps;
    state->optimizer->skipped = numbers->skipped;
    for (int i = 0; i < state->rng_count; i++) {
        memcpy(state->rngs[i]->state, numbers->rng[i], sizeof numbers->rng[i]);
    }
    for (int i = 0; i < state->counter_count; i++) {
        state->counters[i] = numbers->counter[i];
    }
    params_changed(state->params);
}

int checkpoint_load(const char *path, checkpoint_t *state, err_t *err)
{
    assert(state->rng_count <= RNG_MAX && state->counter_count <= COUNTER_MAX);
    assert(!state->optimizer->swapped);
    entries_t list = {NULL, 0};
    numbers_t numbers;
    memset(&numbers, 0, sizeof numbers);
    safetensors_t *file = safetensors_open(path, err);
    int result = file ? entries_make(&list, state, err) : -1;
    if (result == 0) {
        result = numbers_read(state, path, safetensors_note(file, "checkpoint"), &numbers, err);
    }
    if (result == 0) {
        result = check_file(file, path, state, &list, err);
    }
    for (int i = 0; result == 0 && i < list.count; i++) {
        safetensors_to_float(safetensors_find(file, list.entry[i].name), list.entry[i].data);
    }
    if (result == 0) {
        restore(state, &numbers);
    }
    safetensors_close(file);
    free(list.entry);
    return result;
}
