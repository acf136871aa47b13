/* SPDX-License-Identifier: GPL-3.0-or-later */
/* skill_weights: levels of knowledge and experts as weights of a codec. */
#include "codec_skill_private.h"

#include "variants.h"

#include <string.h>

/* Codec and adapter of a level, ready; *id all zero for level 0. */
int skill_use_level(skill_t *skill, const asked_t *asked, digest_t *id, err_t *err)
{
    memset(id, 0, sizeof *id);
    if (asked->level == 0) {
        variants_use(skill->codec, NULL);
        return 0;
    }
    adapter_t *adapter = member_adapter(skill->member, asked->task, asked->level, id, err);
    if (adapter == NULL) {
        return -1;
    }
    int place = 0;
    for (int i = 0; i < VARIANTS; i++) {
        if (skill->variant[i].variant != NULL && digest_equal(&skill->variant[i].id, id)) {
            adapter_destroy(adapter);
            skill->variant[i].used = ++skill->turn;
            variants_use(skill->codec, skill->variant[i].variant);
            return 0;
        }
        place = skill->variant[i].used < skill->variant[place].used ? i : place;
    }
    codec_variant_t *variant = variants_make(skill->codec, adapter, VARIANTS_DECODE, err);
    adapter_destroy(adapter);
    if (variant == NULL) {
        return -1;
    }
    variants_use(skill->codec, variant);
    codec_variant_release(skill->variant[place].variant);
    skill->variant[place].id = *id;
    skill->variant[place].variant = variant;
    skill->variant[place].used = ++skill->turn;
    return 0;
}

/* The words of a TASK=FILE list; NULL: none for this task. */
static const char *file_of(const options_t *options, const char *key, const char *task)
{
    const size_t length = strlen(task);
    for (size_t i = 0; i < options_count(options, key); i++) {
        const char *text = options_text_at(options, key, i);
        if (strncmp(text, task, length) == 0 && text[length] == '=') {
            return text + length + 1;
        }
    }
    return NULL;
}

static codec_t *open_expert(const skill_t *skill, const char *task, err_t *err)
{
    const char *file = file_of(skill->options, "skill.expert", task);
    file = file != NULL ? file : file_of(skill->options, "agent.knowledge", task);
    if (file == NULL) {
        err_set(err, ERR_ARGUMENT, "this agent is no expert of \"%s\"", task);
        return NULL;
    }
    adapter_t *adapter = adapter_load(file, NULL);
    if (adapter == NULL) {
        return codec_open(file, err);
    }
    codec_t *codec = codec_clone(skill->codec, err);
    codec_variant_t *variant = codec != NULL ? variants_make(codec, adapter, VARIANTS_DECODE, err) : NULL;
    adapter_destroy(adapter);
    if (variant == NULL) {
        codec_close(codec);
        return NULL;
    }
    codec_use(codec, variant);
    codec_variant_release(variant);
    return codec;
}

codec_t *skill_expert(skill_t *skill, const char *task, err_t *err)
{
    expert_t *place = NULL;
    for (int i = 0; i < EXPERTS; i++) {
        if (skill->expert[i].codec == NULL) {
            place = place == NULL ? &skill->expert[i] : place;
        } else if (strcmp(skill->expert[i].task, task) == 0) {
            return skill->expert[i].codec;
        }
    }
    if (place == NULL) {
        err_set(err, ERR_STATE, "an agent is expert of at most %d tasks", EXPERTS);
        return NULL;
    }
    place->codec = open_expert(skill, task, err);
    snprintf(place->task, sizeof place->task, "%s", task);
    return place->codec;
}
