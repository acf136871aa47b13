/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec_skill_private.h"

#include "adapter/tags.h"
#include "carried.h"
#include "control/field.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const option_t skill_options[] = {
    {.section = "skill",
     .name = "codec",
     .type = OPTION_STRING,
     .help = "the base of all agents: image32, photo, deka, or a weights file (empty: this agent "
             "only keeps and shares knowledge)"},
    {.section = "skill",
     .name = "rate",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = CODEC_RATES_MAX,
     .help = "p, the codec's rate (0: its highest)"},
    {.section = "skill",
     .name = "images",
     .type = OPTION_STRING,
     .fallback = "fashion-mnist:test",
     .help = "the agent's own pictures (docs/MODELS.md tells what can be named)"},
    {.section = "skill",
     .name = "side",
     .type = OPTION_INT,
     .fallback = "64",
     .min = 8,
     .max = 288,
     .help = "larger pictures are cut to this, in pixels"},
    {.section = "skill",
     .name = "expert",
     .type = OPTION_STRING,
     .flags = OPTION_LIST,
     .help = "TASK=FILE: the expert's whole weights, or an adapter (none: agent.knowledge at its "
             "highest level)"},
    {0}};

/* ---- life ---- */

static void skill_close(void *context)
{
    skill_t *skill = context;
    for (int i = 0; i < VARIANTS; i++) {
        codec_variant_release(skill->variant[i].variant);
    }
    for (int i = 0; i < EXPERTS; i++) {
        codec_close(skill->expert[i].codec);
    }
    codec_close(skill->codec);
    dataset_close(skill->images);
    image_free(&skill->image);
    free(skill->symbols);
    free(skill->soft);
    free(skill->noise_var);
    free(skill->answer);
    free(skill);
}

static int skill_open(member_t *member, const options_t *options, void **out, err_t *err)
{
    const char *name = options_string(options, "skill.codec");
    if (*name == 0) {
        return 0;
    }
    skill_t *skill = calloc(1, sizeof *skill);
    if (skill == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for an agent's skill");
    }
    skill->member = member;
    skill->options = options;
    skill->codec = codec_open(name, err);
    if (skill->codec == NULL) {
        skill_close(skill);
        return err_prefix(err, "skill.codec");
    }
    const int p = (int)options_int(options, "skill.rate");
    const int most = codec_rates(skill->codec, NULL);
    if (p > most) {
        skill_close(skill);
        return err_set(err, ERR_ARGUMENT, "skill.rate: %s has rates 1 to %d", name, most);
    }
    skill->mode = codec_mode(skill->codec, p > 0 ? p : most, 20.0);
    for (const char *c = options_string(options, "agent.name"); *c != 0; c++) {
        skill->first = 131 * skill->first + (unsigned char)*c;
    }
    *out = skill;
    return 0;
}

static json_t *skill_describe(void *context)
{
    const skill_t *skill = context;
    char hash[20];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)codec_hash(skill->codec));
    return json_pack("{s:s, s:s}", "codec", codec_name(skill->codec), "base", hash);
}

/* ---- arguments ---- */

static int read_asked(const control_call_t *call, const char *allowed, asked_t *asked, err_t *err)
{
    const json_t *args = call->request->args;
    int64_t level = 0, width = 0, height = 0;
    asked->snr_db = NAN;
    if (field_only(args, allowed, err) != 0 ||
        field_text(args, "task", asked->task, sizeof asked->task, err) != 0 ||
        field_int_or(args, "level", 0, KNOWLEDGE_LEVELS, &level, err) != 0 ||
        field_int(args, "width", 1, 4096, &width, err) != 0 ||
        field_int(args, "height", 1, 4096, &height, err) != 0 ||
        (json_object_get(args, "snr_db") != NULL &&
         field_real(args, "snr_db", -30, 60, &asked->snr_db, err) != 0)) {
        return -1;
    }
    if (3 * width * height > CONTROL_CHUNK) {
        return err_set(err, ERR_ARGUMENT, "a picture of %lld x %lld is more than %d bytes",
                       (long long)width, (long long)height, CONTROL_CHUNK);
    }
    asked->level = (int)level;
    asked->width = (int)width;
    asked->height = (int)height;
    return 0;
}

static int check_rgb(const control_call_t *call, const asked_t *asked, err_t *err)
{
    const size_t size = 3 * (size_t)asked->width * (size_t)asked->height;
    return call->blob != NULL && call->blob_size == size
               ? 0
               : err_set(err, ERR_ARGUMENT, "a picture of %d x %d has %zu bytes, not %zu",
                         asked->width, asked->height, size, call->blob_size);
}

static int make_room(skill_t *skill, size_t symbols, size_t answer, err_t *err)
{
    if (symbols > skill->room) {
        free(skill->symbols);
        free(skill->soft);
        free(skill->noise_var);
        skill->symbols = malloc(symbols * sizeof *skill->symbols);
        skill->soft = malloc(symbols * sizeof *skill->soft);
        skill->noise_var = malloc(symbols * sizeof *skill->noise_var);
        skill->room =
            skill->symbols != NULL && skill->soft != NULL && skill->noise_var != NULL ? symbols : 0;
    }
    if (answer > skill->answer_room) {
        free(skill->answer);
        skill->answer = malloc(answer);
        skill->answer_room = skill->answer != NULL ? answer : 0;
    }
    return symbols <= skill->room && answer <= skill->answer_room
               ? 0
               : err_set(err, ERR_MEMORY, "no memory for %zu symbols", symbols);
}

/* ---- commands ---- */

static int on_sample(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    skill_t *skill = context;
    char task[KNOWLEDGE_TASK];
    int64_t index = 0;
    if (field_only(call->request->args, "task index", err) != 0 ||
        field_text(call->request->args, "task", task, sizeof task, err) != 0 ||
        field_int(call->request->args, "index", 0, INT_MAX, &index, err) != 0) {
        return -1;
    }
    if (skill->images == NULL &&
        (skill->images = dataset_open(options_string(skill->options, "skill.images"), err)) ==
            NULL) {
        return err_prefix(err, "skill.images");
    }
    const size_t count = dataset_count(skill->images);
    if (dataset_get(skill->images, (skill->first + (size_t)index) % count, &skill->image, NULL,
                    err) != 0) {
        return -1;
    }
    const int side = (int)options_int(skill->options, "skill.side");
    const int width = skill->image.width < side ? skill->image.width : side;
    const int height = skill->image.height < side ? skill->image.height : side;
    const int left = (skill->image.width - width) / 2, top = (skill->image.height - height) / 2;
    const size_t row = 3 * (size_t)width;
    if (make_room(skill, 0, row * (size_t)height, err) != 0) {
        return -1;
    }
    for (int y = 0; y < height; y++) {
        memcpy(skill->answer + (size_t)y * row,
               skill->image.rgb +
                   3 * ((size_t)(top + y) * (size_t)skill->image.width + (size_t)left),
               row);
    }
    reply->blob = skill->answer;
    reply->blob_size = row * (size_t)height;
    reply->result = json_pack("{s:i, s:i}", "width", width, "height", height);
    return 0;
}

/* One axis of a symbol as 0 ... 7. */
static int axis(float value, float scale)
{
    const float level = (value / scale * sqrtf(42.0f) + 7.0f) / 2.0f;
    return level < 0.0f ? 0 : level > 7.0f ? 7 : (int)lrintf(level);
}

static float value_of(int level, float scale)
{
    return scale * (float)(2 * level - 7) / sqrtf(42.0f);
}

static int on_encode(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    skill_t *skill = context;
    asked_t asked;
    digest_t id;
    if (read_asked(call, "task level width height", &asked, err) != 0 ||
        check_rgb(call, &asked, err) != 0 || skill_use_level(skill, &asked, &id, err) != 0) {
        return -1;
    }
    const size_t count = codec_symbols(skill->codec, asked.width, asked.height, skill->mode);
    if (make_room(skill, count, count, err) != 0 ||
        codec_encode(skill->codec, call->blob, asked.width, asked.height, skill->mode,
                     skill->symbols, err) != 0) {
        return -1;
    }
    const float scale = codec_scale(skill->codec, skill->mode);
    for (size_t k = 0; k < count; k++) {
        skill->answer[k] = (uint8_t)(8 * axis(crealf(skill->symbols[k]), scale) +
                                     axis(cimagf(skill->symbols[k]), scale));
    }
    reply->blob = skill->answer;
    reply->blob_size = count;
    reply->result = json_pack("{s:I}", "symbols", (json_int_t)count);
    return 0;
}

/* skill->symbols over the waveform into soft and noise_var. */
static int over_the_air(skill_t *skill, const asked_t *asked, const digest_t *id, size_t count,
                        json_t *result, err_t *err)
{
    const frame_header_t header = {.source = 1,
                                   .destination = 2,
                                   .frame = (uint16_t)skill->frames,
                                   .dataset = 1,
                                   .images = 1,
                                   .codec = codec_id(skill->codec),
                                   .rate = (uint8_t)skill->mode,
                                   .adapter_tag =
                                       asked->level > 0 ? tags_candidate(id, 0) : (uint16_t)0,
                                   .width = (uint16_t)asked->width,
                                   .height = (uint16_t)asked->height,
                                   .symbols = (uint32_t)count};
    carried_t carried;
    if (carry(&header, skill->symbols, asked->snr_db, ++skill->frames, skill->soft,
              skill->noise_var, &carried, err) != 0) {
        return -1;
    }
    json_object_set_new(result, "snr_db", json_real(carried.snr_db));
    json_object_set_new(result, "evm_db", json_real(carried.evm_db));
    return 0;
}

static int on_decode(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    skill_t *skill = context;
    asked_t asked;
    digest_t id;
    if (read_asked(call, "task level width height snr_db", &asked, err) != 0 ||
        skill_use_level(skill, &asked, &id, err) != 0) {
        return -1;
    }
    const size_t count = codec_symbols(skill->codec, asked.width, asked.height, skill->mode);
    const size_t size = 3 * (size_t)asked.width * (size_t)asked.height;
    if (call->blob == NULL || call->blob_size != count) {
        return err_set(err, ERR_ARGUMENT, "features of a %d x %d picture are %zu symbols, not %zu",
                       asked.width, asked.height, count, call->blob_size);
    }
    if (make_room(skill, count, size, err) != 0) {
        return -1;
    }
    const float scale = codec_scale(skill->codec, skill->mode);
    for (size_t k = 0; k < count; k++) {
        const int point = call->blob[k] & 63;
        skill->symbols[k] = value_of(point / 8, scale) + value_of(point % 8, scale) * I;
        skill->soft[k] = skill->symbols[k];
        skill->noise_var[k] = 1e-5f;
    }
    reply->result = json_object();
    if (!isnan(asked.snr_db) && over_the_air(skill, &asked, &id, count, reply->result, err) != 0) {
        return -1;
    }
    reply->blob = skill->answer;
    reply->blob_size = size;
    return codec_decode(skill->codec, skill->soft, skill->noise_var, asked.width, asked.height,
                        skill->mode, skill->answer, err);
}

static int on_expert(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    skill_t *skill = context;
    asked_t asked;
    if (read_asked(call, "task width height", &asked, err) != 0 ||
        check_rgb(call, &asked, err) != 0) {
        return -1;
    }
    codec_t *codec = skill_expert(skill, asked.task, err);
    if (codec == NULL) {
        return -1;
    }
    const size_t count = codec_symbols(codec, asked.width, asked.height, skill->mode);
    if (make_room(skill, count, call->blob_size, err) != 0 ||
        codec_encode(codec, call->blob, asked.width, asked.height, skill->mode, skill->soft, err) !=
            0) {
        return -1;
    }
    for (size_t k = 0; k < count; k++) {
        skill->noise_var[k] = 1e-5f;
    }
    reply->blob = skill->answer;
    reply->blob_size = call->blob_size;
    return codec_decode(codec, skill->soft, skill->noise_var, asked.width, asked.height,
                        skill->mode, skill->answer, err);
}

static const control_command_t skill_commands[] = {{"agent.sample", on_sample, CONTROL_PURE},
                                                   {"agent.encode", on_encode, CONTROL_PURE},
                                                   {"agent.decode", on_decode, CONTROL_PURE},
                                                   {"agent.expert", on_expert, CONTROL_PURE},
                                                   {0}};

const member_skill_t codec_skill = {.options = skill_options,
                                    .open = skill_open,
                                    .close = skill_close,
                                    .commands = skill_commands,
                                    .describe = skill_describe};
