/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A joint source-channel codec: all pictures of a round at once; each comes out somehow. */
#include "codec/codec.h"
#include "scheme_kind.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    codec_t *codec;
    int mode; /* rate and design SNR */
} joint_t;

static void joint_close(void *state)
{
    joint_t *joint = state;
    codec_close(joint->codec);
    free(joint);
}

static int find_rate(const codec_t *codec, const scheme_config_t *config, err_t *err)
{
    if (config->rate_numerator == 0) {
        return codec_rates(codec, NULL) > 1 ? 2 : 1;
    }
    return codec_find_rate(codec, config->rate_numerator, config->rate_denominator, err);
}

static void *joint_open(const scheme_config_t *config, err_t *err)
{
    joint_t *joint = calloc(1, sizeof *joint);
    if (joint == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a codec");
        return NULL;
    }
    joint->codec = codec_open(config->codec, err);
    int p = joint->codec != NULL ? find_rate(joint->codec, config, err) : -1;
    if (p < 0) {
        joint_close(joint);
        return NULL;
    }
    joint->mode = codec_mode(joint->codec, p, config->design_snr_db);
    return joint;
}

static int joint_prepare(void *state, const scheme_place_t *place, err_t *err)
{
    (void)state;
    (void)place;
    (void)err;
    return 0;
}

static uint64_t joint_hash(const void *state)
{
    const joint_t *joint = state;
    return codec_hash(joint->codec);
}

static uint8_t joint_id(const void *state)
{
    const joint_t *joint = state;
    return codec_id(joint->codec);
}

static uint8_t joint_rate(const void *state)
{
    const joint_t *joint = state;
    return (uint8_t)joint->mode;
}

static size_t joint_symbols(const void *state, int width, int height)
{
    const joint_t *joint = state;
    return codec_symbols(joint->codec, width, height, joint->mode);
}

static void joint_describe(const void *state, char text[SCHEME_WORDS])
{
    (void)state;
    text[0] = '\0';
}

static void all_whole(picture_outcome_t *outcomes, int images)
{
    for (int i = 0; i < images; i++) {
        outcomes[i] = PICTURE_WHOLE;
    }
}

static int joint_encode(void *state, int images, const uint8_t *rgb, int width, int height,
                        float complex *symbols, picture_outcome_t *outcomes, err_t *err)
{
    joint_t *joint = state;
    all_whole(outcomes, images);
    return codec_encode_batch(joint->codec, images, rgb, width, height, joint->mode, symbols, err);
}

static int joint_decode(void *state, int images, const float complex *soft, const float *noise_var,
                        int width, int height, uint8_t *rgb, picture_outcome_t *outcomes,
                        err_t *err)
{
    joint_t *joint = state;
    all_whole(outcomes, images);
    if (codec_classes(joint->codec) > 0) { /* no picture comes: grey */
        memset(rgb, 128, (size_t)3 * (size_t)width * (size_t)height * (size_t)images);
        return 0;
    }
    return codec_decode_batch(joint->codec, images, soft, noise_var, width, height, joint->mode, rgb,
                              err);
}

static bool joint_classifies(const void *state)
{
    const joint_t *joint = state;
    return codec_classes(joint->codec) > 0;
}

static int joint_classify(void *state, int images, const float complex *soft,
                          const float *noise_var, int width, int height, int *predicted,
                          err_t *err)
{
    enum { AT_ONCE = 64 };
    joint_t *joint = state;
    float confidence[AT_ONCE];
    size_t each = joint_symbols(state, width, height);
    for (int done = 0; done < images; done += AT_ONCE) {
        int count = images - done < AT_ONCE ? images - done : AT_ONCE;
        size_t at = (size_t)done * each;
        if (codec_classify_batch(joint->codec, count, soft + at, noise_var + at, width, height,
                                 joint->mode, predicted + done, confidence, err) < 0) {
            return -1;
        }
    }
    return 0;
}

const scheme_kind_t scheme_joint = {
    .open = joint_open,
    .close = joint_close,
    .prepare = joint_prepare,
    .hash = joint_hash,
    .id = joint_id,
    .rate = joint_rate,
    .symbols = joint_symbols,
    .describe = joint_describe,
    .encode = joint_encode,
    .decode = joint_decode,
    .classifies = joint_classifies,
    .classify = joint_classify,
};
