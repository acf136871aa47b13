/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a campaign and its points are: their settings in full, their ids, and their seeds. */
#include "campaign.h"
#include "campaign_options.h"

#include <string.h>

enum { KEY_SIZE = 160 };

static bool listed(const char *const keys[], const char *key)
{
    for (; *keys != NULL; keys++) {
        if (strcmp(*keys, key) == 0) {
            return true;
        }
    }
    return false;
}

/* The i-th option's key in full, or NULL after the last one. */
static const char *key_at(const campaign_t *campaign, size_t index, char key[KEY_SIZE])
{
    const option_t *option = options_at(campaign_options(campaign), index);
    if (option == NULL) {
        return NULL;
    }
    snprintf(key, KEY_SIZE, "%s.%s", option->section, option->name);
    return key;
}

static json_t *axis_values(sweep_axis_t axis)
{
    json_t *values = json_array();
    for (size_t i = 0; values != NULL && i < axis.count; i++) {
        json_array_append_new(values, json_string(axis.values[i]));
    }
    return values;
}

json_t *campaign_settings(const campaign_t *campaign)
{
    json_t *settings = json_object();
    char key[KEY_SIZE], room[SWEEP_SPELLING_SIZE];
    for (size_t i = 0; settings != NULL && key_at(campaign, i, key) != NULL; i++) {
        if (listed(campaign_running_keys, key)) {
            continue;
        }
        int axis = sweep_find(campaign_sweep(campaign), key);
        json_object_set_new(settings, key,
                            axis >= 0
                                ? axis_values(sweep_axis(campaign_sweep(campaign), (size_t)axis))
                                : json_pack("[s]", campaign_value(campaign, key, room)));
    }
    return settings;
}

void campaign_print(const campaign_t *campaign, FILE *out)
{
    const sweep_t *sweep = campaign_sweep(campaign);
    char key[KEY_SIZE], room[SWEEP_SPELLING_SIZE];
    for (size_t i = 0; i < sweep_axes(sweep); i++) {
        sweep_axis_t axis = sweep_axis(sweep, i);
        for (size_t v = 0; v < axis.count && !listed(campaign_running_keys, axis.key); v++) {
            fprintf(out, "%s%s%s", v == 0 ? axis.key : ",", v == 0 ? " = " : "", axis.values[v]);
        }
        fputs(listed(campaign_running_keys, axis.key) ? "" : "\n", out);
    }
    fputs("\n# At their defaults:\n", out);
    for (size_t i = 0; key_at(campaign, i, key) != NULL; i++) {
        const char *value = campaign_value(campaign, key, room);
        if (sweep_find(sweep, key) < 0 && !listed(campaign_running_keys, key)) {
            fprintf(out, "%s%s = %s\n", value[0] == '\0' ? "# " : "", key, value);
        }
    }
}

json_t *campaign_point_settings(const campaign_t *campaign)
{
    json_t *settings = json_object();
    char key[KEY_SIZE], room[SWEEP_SPELLING_SIZE];
    for (size_t i = 0; settings != NULL && key_at(campaign, i, key) != NULL; i++) {
        if (!listed(campaign_shape_keys, key)) {
            json_object_set_new(settings, key, json_string(campaign_value(campaign, key, room)));
        }
    }
    return settings;
}

/* FNV-1a, 64 bits. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    }
    return hash;
}

/* The finisher of SplitMix64: neighbours end far apart. */
static uint64_t hash_end(uint64_t hash)
{
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    return hash ^ (hash >> 31);
}

/* Over "key=value" of all settings that are not at their defaults and not left out.  A default
   that is given, or an option that a later version adds, changes nothing. */
static uint64_t hash_settings(const campaign_t *campaign, const char *const left_out[])
{
    const options_t *options = campaign_options(campaign);
    uint64_t hash = 0xcbf29ce484222325u;
    char key[KEY_SIZE], room[SWEEP_SPELLING_SIZE];
    for (size_t i = 0; key_at(campaign, i, key) != NULL; i++) {
        const char *value = campaign_value(campaign, key, room);
        const char *fallback = options_at(options, i)->fallback;
        if (listed(left_out, key) || strcmp(value, fallback != NULL ? fallback : "") == 0) {
            continue;
        }
        hash = hash_text(hash_text(hash_text(hash_text(hash, key), "="), value), "\n");
    }
    return hash_end(hash);
}

void campaign_id(const campaign_t *campaign, char id[CAMPAIGN_ID_SIZE])
{
    snprintf(id, CAMPAIGN_ID_SIZE, "%016llx",
             (unsigned long long)hash_settings(campaign, campaign_shape_keys));
}

uint64_t campaign_point_seed(const campaign_t *campaign)
{
    return hash_settings(campaign, campaign_unseeded_keys);
}
