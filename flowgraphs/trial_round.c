/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trial_round.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROUND_IMAGES = 64,        /* of 32x32 pixels ... */
    ROUND_PIXELS = 64 * 1024, /* ... and fewer of larger ones, but at least one frame */
    SOURCE_ID = 1,
    DESTINATION_ID = 1,
};

int round_capacity(const trial_t *trial, int width, int height)
{
    int per_frame = trial->config->frame_images;
    int most = ROUND_PIXELS / (width * height);
    most = most < ROUND_IMAGES ? most : ROUND_IMAGES;
    most = most > per_frame ? most : per_frame;
    return most - most % per_frame;
}

int round_open(trial_t *trial, err_t *err)
{
    round_t *round = &trial->round;
    int per_frame = trial->config->frame_images;
    round->room = ROUND_IMAGES > per_frame ? ROUND_IMAGES : per_frame;
    size_t images = (size_t)round->room, bytes = 3 * trial->round_pixels;
    round->sent = malloc(bytes);
    round->decoded = malloc(bytes);
    round->sent_symbols = malloc(trial->round_symbols * sizeof *round->sent_symbols);
    round->received_symbols = malloc(trial->round_symbols * sizeof *round->received_symbols);
    round->noise_var = malloc(trial->round_symbols * sizeof *round->noise_var);
    round->labels = calloc(images, sizeof *round->labels);
    round->predicted = calloc(images, sizeof *round->predicted);
    round->left = calloc(images, sizeof *round->left);
    round->came = calloc(images, sizeof *round->came);
    round->place = calloc(images, sizeof *round->place);
    if (round->sent == NULL || round->decoded == NULL || round->sent_symbols == NULL ||
        round->received_symbols == NULL || round->noise_var == NULL || round->labels == NULL ||
        round->predicted == NULL || round->left == NULL || round->came == NULL ||
        round->place == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu pixels and %zu symbols at once",
                       trial->round_pixels, trial->round_symbols);
    }
    return 0;
}

void round_close(trial_t *trial)
{
    round_t *round = &trial->round;
    free(round->sent);
    free(round->decoded);
    free(round->sent_symbols);
    free(round->received_symbols);
    free(round->noise_var);
    free(round->labels);
    free(round->predicted);
    free(round->left);
    free(round->came);
    free(round->place);
}

static int frame_images(const trial_t *trial, int frame)
{
    int first = frame * trial->config->frame_images;
    int left = trial->round.images - first;
    return left < trial->config->frame_images ? left : trial->config->frame_images;
}

static frame_header_t frame_header(const trial_t *trial, int frame)
{
    const round_t *round = &trial->round;
    return (frame_header_t){
        .source = SOURCE_ID,
        .destination = DESTINATION_ID,
        .frame = (uint16_t)(trial->next_frame + frame),
        .dataset = dataset_id(trial->dataset),
        .image_id = round->first_id + (uint32_t)(frame * trial->config->frame_images),
        .images = (uint8_t)frame_images(trial, frame),
        .codec = scheme_id(trial->scheme),
        .rate = scheme_rate(trial->scheme),
        .width = (uint16_t)round->width,
        .height = (uint16_t)round->height,
        .symbols = (uint32_t)round->symbols,
    };
}

/* Files what the receiver reports: a frame of this round, a false one, or nothing. */
void round_on_frame(void *context, const received_frame_t *frame)
{
    trial_t *trial = context;
    round_t *round = &trial->round;
    if (frame->status != RECEIVED_OK) {
        return; /* counted as lost when its round is measured */
    }
    int index = (uint16_t)(frame->header.frame - trial->next_frame);
    frame_header_t sent = {0};
    if (index < round->frames) {
        sent = frame_header(trial, index);
    }
    if (index >= round->frames || round->place[index] >= 0 ||
        frame->header.image_id != sent.image_id || frame->header.images != sent.images ||
        frame->symbol_count != header_payload(&sent)) {
        trial->score.frames_false++;
        return;
    }
    round->place[index] = round->received;
    size_t at = (size_t)round->received * round->symbols;
    memcpy(round->received_symbols + at, frame->symbols,
           frame->symbol_count * sizeof *frame->symbols);
    memcpy(round->noise_var + at, frame->noise_var, frame->symbol_count * sizeof *frame->noise_var);
    round->received += sent.images;
    const float complex *truth =
        round->sent_symbols + (size_t)index * (size_t)trial->config->frame_images * round->symbols;
    score_symbols(&trial->score, truth, frame);
}

/* The first picture of a round decides the size of all. */
static int round_start(trial_t *trial)
{
    round_t *round = &trial->round;
    round->width = trial->picture.width;
    round->height = trial->picture.height;
    round->bytes = image_bytes(&trial->picture);
    round->symbols = scheme_symbols(trial->scheme, round->width, round->height);
    return round_capacity(trial, round->width, round->height);
}

/* A round ends when it is full, with the data set, with the campaign, or with the size. */
static size_t round_limit(const trial_t *trial)
{
    uint64_t set = dataset_count(trial->dataset) - trial->round.first_id;
    uint64_t left = trial->config->images - trial->done;
    return (size_t)(left < set ? left : set);
}

int round_load(trial_t *trial, err_t *err)
{
    round_t *round = &trial->round;
    round->images = 0;
    round->first_id = (uint32_t)(trial->done % dataset_count(trial->dataset));
    size_t limit = round_limit(trial);
    int room = 1;
    while (round->images < room && (size_t)round->images < limit) {
        size_t index = round->first_id + (size_t)round->images;
        if (dataset_get(trial->dataset, index, &trial->picture, &round->labels[round->images],
                        err) != 0) {
            return -1;
        }
        if (round->images == 0) {
            room = round_start(trial);
        } else if (trial->picture.width != round->width || trial->picture.height != round->height) {
            break;
        }
        memcpy(round->sent + (size_t)round->images * round->bytes, trial->picture.rgb,
               round->bytes);
        round->images++;
    }
    round->received = 0;
    round->frames = (round->images + trial->config->frame_images - 1) / trial->config->frame_images;
    for (int frame = 0; frame < round->frames; frame++) {
        round->place[frame] = -1;
    }
    return 0;
}

int round_send(trial_t *trial, err_t *err)
{
    round_t *round = &trial->round;
    if (scheme_encode(trial->scheme, round->images, round->sent, round->width, round->height,
                      round->sent_symbols, round->left, err) != 0) {
        return -1;
    }
    for (int frame = 0; frame < round->frames; frame++) {
        frame_header_t header = frame_header(trial, frame);
        size_t at = (size_t)frame * (size_t)trial->config->frame_images * round->symbols;
        if (link_send(trial->link, &header, round->sent_symbols + at, err) != 0) {
            return -1;
        }
    }
    link_flush(trial->link);
    return 0;
}

static void score_one(trial_t *trial, int frame, int judged)
{
    const round_t *round = &trial->round;
    size_t first = (size_t)frame * (size_t)trial->config->frame_images;
    int place = round->place[frame], images = frame_images(trial, frame);
    score_frame_t part = {.images = images,
                          .width = round->width,
                          .height = round->height,
                          .sent = round->sent + first * round->bytes,
                          .labels = round->labels + first,
                          .symbols = round->sent_symbols + first * round->symbols,
                          .symbol_count = (size_t)images * round->symbols};
    if (place >= 0) {
        part.decoded = round->decoded + (size_t)place * round->bytes;
        part.predicted = judged ? round->predicted + place : NULL;
    }
    score_frame(&trial->score, &part, judged);
}

static void count_over_budget(trial_t *trial)
{
    for (int i = 0; i < trial->round.images; i++) {
        trial->score.over_budget += trial->round.left[i] == PICTURE_OVER_BUDGET ? 1 : 0;
    }
}

/* Pictures of a received frame that can't be seen count as their mean colour. */
static void fill_failures(trial_t *trial, int frame)
{
    const round_t *round = &trial->round;
    size_t first = (size_t)frame * (size_t)trial->config->frame_images;
    int place = round->place[frame];
    for (int i = 0; place >= 0 && i < frame_images(trial, frame); i++) {
        bool sent = round->left[first + (size_t)i] == PICTURE_WHOLE;
        if (sent && round->came[place + i] == PICTURE_WHOLE) {
            continue;
        }
        still_mean_colour(round->sent + (first + (size_t)i) * round->bytes, round->bytes / 3,
                          round->decoded + (size_t)(place + i) * round->bytes);
        trial->score.undecodable += sent ? 1 : 0;
    }
}

static void keep_samples(trial_t *trial, int frame)
{
    const round_t *round = &trial->round;
    size_t first = (size_t)frame * (size_t)trial->config->frame_images;
    int place = round->place[frame];
    for (int i = 0; place >= 0 && i < frame_images(trial, frame); i++) {
        strip_put(&trial->strip, trial->done + first + (size_t)i, round->width, round->height,
                  round->decoded + (size_t)(place + i) * round->bytes);
    }
}

/* By the codec itself or by the judge: 1; 0: by nobody; -1. */
static int name_classes(trial_t *trial, err_t *err)
{
    round_t *round = &trial->round;
    if (scheme_classifies(trial->scheme)) {
        return scheme_classify(trial->scheme, round->received, round->received_symbols,
                               round->noise_var, round->width, round->height, round->predicted,
                               err) < 0
                   ? -1
                   : 1;
    }
    int judged = trial->judge != NULL && round->width == JUDGE_SIDE && round->height == JUDGE_SIDE;
    if (judged && round->received > 0) {
        judge_classify_batch(trial->judge, round->decoded, round->received, round->predicted);
    }
    return judged;
}

int round_measure(trial_t *trial, err_t *err)
{
    round_t *round = &trial->round;
    if (round->received > 0 &&
        scheme_decode(trial->scheme, round->received, round->received_symbols, round->noise_var,
                      round->width, round->height, round->decoded, round->came, err) != 0) {
        return -1;
    }
    count_over_budget(trial);
    for (int frame = 0; frame < round->frames; frame++) {
        fill_failures(trial, frame);
        keep_samples(trial, frame);
    }
    int judged = name_classes(trial, err);
    if (judged < 0) {
        return -1;
    }
    for (int frame = 0; frame < round->frames; frame++) {
        score_one(trial, frame, judged);
    }
    trial->symbols += (double)round->images * (double)round->symbols;
    trial->values += (double)round->images * (double)round->bytes;
    trial->next_frame = (uint16_t)(trial->next_frame + round->frames);
    trial->done += (uint64_t)round->images;
    return 0;
}
