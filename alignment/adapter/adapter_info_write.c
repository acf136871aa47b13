/* SPDX-License-Identifier: GPL-3.0-or-later */
/* adapter_info_write: what adapter_info reads, as metadata strings. */
#include "adapter/adapter_private.h"

#include <math.h>
#include <stdio.h>

typedef struct {
    adapter_note_t *notes;
    char (*text)[ADAPTER_INFO_TEXT];
    int count;
} writer_t;

static char *add(writer_t *w, const char *key)
{
    w->notes[w->count] = (adapter_note_t){key, w->text[w->count]};
    return w->text[w->count++];
}

static void add_text(writer_t *w, const char *key, const char *value)
{
    if (value[0]) {
        snprintf(add(w, key), ADAPTER_INFO_TEXT, "%s", value);
    }
}

static void add_int(writer_t *w, const char *key, int value)
{
    if (value != 0) {
        snprintf(add(w, key), ADAPTER_INFO_TEXT, "%d", value);
    }
}

int adapter_info_write(const adapter_info_t *info, adapter_note_t notes[ADAPTER_INFO_NOTES],
                       char text[ADAPTER_INFO_NOTES][ADAPTER_INFO_TEXT])
{
    writer_t w = {notes, text, 0};
    add_text(&w, "adapter.format", "1");
    snprintf(add(&w, "adapter.base"), ADAPTER_INFO_TEXT, "%016llx", (unsigned long long)info->base);
    if (info->from != 0) {
        snprintf(add(&w, "adapter.from"), ADAPTER_INFO_TEXT, "%016llx",
                 (unsigned long long)info->from);
    }
    add_text(&w, "adapter.kind", adapter_kind_name(info->kind));
    add_int(&w, "adapter.rank", info->rank);
    if (info->alpha != 0.0f) {
        snprintf(add(&w, "adapter.alpha"), ADAPTER_INFO_TEXT, "%.9g", (double)info->alpha);
    }
    add_int(&w, "adapter.rate", info->rate);
    if (!isnan(info->snr_low_db)) {
        snprintf(add(&w, "adapter.snr_group"), ADAPTER_INFO_TEXT, "%.9g:%.9g",
                 (double)info->snr_low_db, (double)info->snr_high_db);
    }
    add_int(&w, "adapter.level", info->level);
    if (info->levels > 0) {
        char *out = add(&w, "adapter.ranks");
        int length = 0;
        for (int i = 0; i < info->levels && i < ADAPTER_LEVELS_MAX; i++) {
            length += snprintf(out + length, (size_t)(ADAPTER_INFO_TEXT - length), "%s%d",
                               i > 0 ? "," : "", info->ranks[i] & 0xffff);
        }
    }
    add_text(&w, "adapter.name", info->name);
    add_text(&w, "adapter.author", info->author);
    add_text(&w, "adapter.created", info->created);
    add_text(&w, "adapter.parent", info->parent);
    return w.count;
}
