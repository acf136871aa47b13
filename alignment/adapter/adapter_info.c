/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapter_info: the metadata strings and what they mean.  Unknown keys that begin with
 * "adapter." are refused: a receiver that ignored one could apply weights wrongly.
 */
#include "adapter/adapter_private.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[ADAPTER_KINDS] = {"lora", "projection", "linear", "procrustes",
                                                 "conv"};

const char *adapter_kind_name(adapter_kind_t kind)
{
    return kinds[kind];
}

int adapter_kind_find(const char *name)
{
    for (int i = 0; i < ADAPTER_KINDS; i++) {
        if (strcmp(name, kinds[i]) == 0) {
            return i;
        }
    }
    return -1;
}

bool adapter_word_valid(const char *word)
{
    size_t length = strlen(word);
    if (length == 0 || length >= ADAPTER_TEXT_MAX || !isalnum((unsigned char)word[0])) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)word[i];
        if (c >= 0x80 || !(isalnum(c) || c == '.' || c == '_' || c == '-')) {
            return false;
        }
    }
    return true;
}

/* One value, while it is being read. */
typedef struct {
    const char *file, *key, *text;
    err_t *err;
} value_t;

static int refuse(const value_t *v, const char *why)
{
    return err_set(v->err, ERR_FORMAT, "%s: %.60s: %s", v->file, v->key, why);
}

static int read_int(const value_t *v, long least, long most, int *out)
{
    char *end;
    if (!isdigit((unsigned char)v->text[0]) || strlen(v->text) > 9) {
        return refuse(v, "not a number");
    }
    long value = strtol(v->text, &end, 10);
    if (*end != 0 || value < least || value > most) {
        return refuse(v, "not a number or out of range");
    }
    *out = (int)value;
    return 0;
}

static int read_base(const value_t *v, uint64_t *base)
{
    *base = 0;
    for (int i = 0; i < 16; i++) {
        char c = v->text[i];
        if (!isdigit((unsigned char)c) && !(c >= 'a' && c <= 'f')) {
            return refuse(v, "not 16 digits 0-9 a-f");
        }
        *base = *base << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return v->text[16] == 0 ? 0 : refuse(v, "not 16 digits 0-9 a-f");
}

static int read_real(const value_t *v, const char *text, char stop, const char **rest, float *out)
{
    char *end;
    float value = strtof(text, &end);
    if (end == text || *end != stop || isspace((unsigned char)*text) || !isfinite(value) ||
        fabsf(value) > 1e6f) {
        return refuse(v, "not a number or out of range");
    }
    *out = value;
    *rest = end;
    return 0;
}

static int read_group(const value_t *v, adapter_info_t *info)
{
    const char *rest = NULL;
    if (read_real(v, v->text, ':', &rest, &info->snr_low_db) < 0 ||
        read_real(v, rest + 1, 0, &rest, &info->snr_high_db) < 0) {
        return -1;
    }
    return info->snr_low_db <= info->snr_high_db ? 0 : refuse(v, "not LOW:HIGH");
}

/* "2,4,6": nondecreasing. */
static int read_ranks(const value_t *v, int ranks[ADAPTER_LEVELS_MAX], int *levels)
{
    const char *at = v->text;
    *levels = 0;
    for (;;) {
        char *end;
        if (*levels == ADAPTER_LEVELS_MAX || !isdigit((unsigned char)*at)) {
            return refuse(v, "not a list of at most 16 ranks");
        }
        long rank = strtol(at, &end, 10);
        if (rank > 65535 || (*levels > 0 && rank < ranks[*levels - 1])) {
            return refuse(v, "the ranks of higher levels must not be smaller");
        }
        ranks[(*levels)++] = (int)rank;
        if (*end == 0) {
            return 0;
        }
        if (*end != ',') {
            return refuse(v, "not a list of ranks");
        }
        at = end + 1;
    }
}

static int read_text(const value_t *v, char *out)
{
    if (strlen(v->text) >= ADAPTER_TEXT_MAX) {
        return refuse(v, "too long");
    }
    strcpy(out, v->text);
    return 0;
}

static int read_kind(const value_t *v, adapter_kind_t *kind)
{
    int found = adapter_kind_find(v->text);
    if (found < 0) {
        return refuse(v, "an unknown kind");
    }
    *kind = (adapter_kind_t)found;
    return 0;
}

static int read_parent(const value_t *v, char *out)
{
    digest_t digest;
    if (digest_parse(v->text, &digest, NULL) < 0) {
        return refuse(v, "not a SHA-256");
    }
    strcpy(out, v->text);
    return 0;
}

static int read_one(adapter_info_t *info, const value_t *v)
{
    const char *key = v->key + strlen("adapter."), *rest = NULL;
    if (strcmp(key, "format") == 0) {
        return strcmp(v->text, "1") == 0 ? 0 : refuse(v, "only format 1 is read here");
    }
    if (strcmp(key, "base") == 0) {
        return read_base(v, &info->base);
    }
    if (strcmp(key, "from") == 0) {
        return read_base(v, &info->from);
    }
    if (strcmp(key, "kind") == 0) {
        return read_kind(v, &info->kind);
    }
    if (strcmp(key, "rank") == 0) {
        return read_int(v, 1, 65535, &info->rank);
    }
    if (strcmp(key, "alpha") == 0) {
        return read_real(v, v->text, 0, &rest, &info->alpha);
    }
    if (strcmp(key, "rate") == 0) {
        return read_int(v, 1, 255, &info->rate);
    }
    if (strcmp(key, "snr_group") == 0) {
        return read_group(v, info);
    }
    if (strcmp(key, "level") == 0) {
        return read_int(v, 1, ADAPTER_LEVELS_MAX, &info->level);
    }
    if (strcmp(key, "ranks") == 0) {
        return read_ranks(v, info->ranks, &info->levels);
    }
    if (strcmp(key, "name") == 0) {
        return adapter_word_valid(v->text) ? read_text(v, info->name)
                                           : refuse(v, "only letters, digits, . _ - (at most 63)");
    }
    if (strcmp(key, "author") == 0) {
        return read_text(v, info->author);
    }
    if (strcmp(key, "created") == 0) {
        return read_text(v, info->created);
    }
    if (strcmp(key, "parent") == 0) {
        return read_parent(v, info->parent);
    }
    if (strncmp(key, "ranks.", 6) == 0) {
        int ranks[ADAPTER_LEVELS_MAX], levels;
        return read_ranks(v, ranks, &levels); /* agreement with info->levels: see below */
    }
    return refuse(v, "format 1 has no such key");
}

const char *adapter_notes_find(const adapter_note_t *notes, int count, const char *key)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(notes[i].key, key) == 0) {
            return notes[i].value;
        }
    }
    return NULL;
}

static int check_whole(const adapter_info_t *info, const char *name, err_t *err)
{
    bool pairs = info->kind == ADAPTER_LORA;
    if (pairs ? info->rank == 0 || info->alpha == 0.0f : info->rank != 0 || info->alpha != 0.0f) {
        return err_set(err, ERR_FORMAT,
                       "%s: adapter.rank and adapter.alpha belong to kind lora, and %s", name,
                       pairs ? "neither may be missing or 0" : "to no other");
    }
    if (info->from != 0 && info->kind < ADAPTER_LINEAR) {
        return err_set(err, ERR_FORMAT, "%s: adapter.from belongs to a map of symbols, not to %s",
                       name, adapter_kind_name(info->kind));
    }
    if ((info->level > 0) != (info->levels > 0) || info->level > info->levels) {
        return err_set(err, ERR_FORMAT, "%s: adapter.level is %d, adapter.ranks lists %d", name,
                       info->level, info->levels);
    }
    if (info->levels > 0 && (!pairs || info->ranks[info->levels - 1] > info->rank)) {
        return err_set(err, ERR_FORMAT,
                       "%s: adapter.ranks of kind %s, up to %d with adapter.rank %d", name,
                       adapter_kind_name(info->kind), info->ranks[info->levels - 1], info->rank);
    }
    return 0;
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

int adapter_info_read(adapter_info_t *info, const adapter_note_t *notes, int count,
                      const char *name, err_t *err)
{
    static const char *const needed[] = {"adapter.format", "adapter.base", "adapter.kind"};
    *info = (adapter_info_t)ADAPTER_INFO_INIT;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!adapter_notes_find(notes, count, needed[i])) {
            return err_set(err, ERR_FORMAT, "%s: %s is missing: not an adapter", name, needed[i]);
        }
    }
    for (int i = 0; i < count; i++) {
        value_t v = {name, notes[i].key, notes[i].value, err};
        if (has_control(v.key)) {
            return err_set(err, ERR_FORMAT, "%s: a metadata key has control characters", name);
        }
        if (strlen(v.key) > ADAPTER_LAYER_MAX + 20 || strlen(v.text) > 4096) {
            return refuse(&v, "too long");
        }
        if (strncmp(v.key, "adapter.", 8) == 0 &&
            (has_control(v.text) ? refuse(&v, "control characters") : read_one(info, &v)) < 0) {
            return -1;
        }
    }
    return check_whole(info, name, err);
}

int adapter_layer_ranks(const adapter_t *adapter, const char *layer, int ranks[ADAPTER_LEVELS_MAX],
                        err_t *err)
{
    char key[ADAPTER_LAYER_MAX + 20];
    snprintf(key, sizeof key, "adapter.ranks.%s", layer);
    const char *text = adapter_notes_find(adapter->notes, adapter->note_count, key);
    int levels = adapter->info.levels;
    if (!text) {
        memcpy(ranks, adapter->info.ranks, sizeof adapter->info.ranks);
        return 0;
    }
    value_t v = {"adapter", key, text, err};
    if (read_ranks(&v, ranks, &levels) < 0) {
        return -1;
    }
    if (levels != adapter->info.levels || ranks[levels - 1] > adapter->info.rank) {
        return refuse(&v, "another number of levels than adapter.ranks, or above adapter.rank");
    }
    return 0;
}
