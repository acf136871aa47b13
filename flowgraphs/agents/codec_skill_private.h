/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of codec_skill.h: codec_skill.c (commands), skill_weights.c (levels and experts as
 * weights). */
#ifndef AGENTS_CODEC_SKILL_PRIVATE_H
#define AGENTS_CODEC_SKILL_PRIVATE_H

#include "codec_skill.h"

#include "codec/codec_variant.h"
#include "images/dataset.h"

enum { VARIANTS = 16, EXPERTS = MEMBER_TASKS };

/* A codec that answers for an expert. */
typedef struct {
    char task[KNOWLEDGE_TASK];
    codec_t *codec; /* NULL: free */
} expert_t;

typedef struct {
    member_t *member;
    const options_t *options;
    codec_t *codec;
    dataset_t *images; /* opened when the first picture is asked for */
    size_t first;      /* agents show different pictures */
    int mode;
    uint64_t frames;
    struct {
        digest_t id;
        codec_variant_t *variant; /* NULL: free */
        uint64_t used;
    } variant[VARIANTS];
    uint64_t turn;
    expert_t expert[EXPERTS];
    image_t image;
    float complex *symbols, *soft;
    float *noise_var;
    size_t room; /* of these three */
    uint8_t *answer;
    size_t answer_room;
} skill_t;

typedef struct {
    char task[KNOWLEDGE_TASK];
    int level, width, height;
    double snr_db; /* NAN: features as they are */
} asked_t;

/* The codec with the adapter of a level; *id all zero for level 0. */
int skill_use_level(skill_t *skill, const asked_t *asked, digest_t *id, err_t *err);
/* The skill's; NULL: no expert of this task. */
codec_t *skill_expert(skill_t *skill, const char *task, err_t *err);

#endif
