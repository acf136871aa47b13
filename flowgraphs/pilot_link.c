/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pilot_link.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const pilot_link_config_t *config;
    pilot_batch_t *batch;
    link_t *link;
    image_t picture;
    float complex *sent; /* of one picture */
    int next;            /* picture that is under way */
    bool came;
    double snr_sum_db;
} run_t;

void pilot_batch_free(pilot_batch_t *batch)
{
    if (batch != NULL) {
        free(batch->rgb);
        free(batch->soft);
        free(batch->noise_var);
        free(batch);
    }
}

/* The frame that is under way, once. */
static void on_frame(void *context, const received_frame_t *frame)
{
    run_t *run = context;
    pilot_batch_t *batch = run->batch;
    if (frame->status != RECEIVED_OK || frame->header.frame != (uint16_t)run->next || run->came ||
        frame->symbol_count != batch->symbols) {
        return;
    }
    const size_t at = (size_t)batch->images * batch->symbols;
    memcpy(batch->soft + at, frame->symbols, batch->symbols * sizeof *batch->soft);
    memcpy(batch->noise_var + at, frame->noise_var, batch->symbols * sizeof *batch->noise_var);
    run->snr_sum_db += frame->snr_db;
    run->came = true;
}

static int make_room(run_t *run, err_t *err)
{
    const pilot_link_config_t *config = run->config;
    pilot_batch_t *batch = run->batch;
    const int mode = config->mode;
    if (dataset_get(config->dataset, config->first, &run->picture, NULL, err) != 0) {
        return -1;
    }
    batch->width = run->picture.width;
    batch->height = run->picture.height;
    batch->symbols = codec_symbols(config->codec, batch->width, batch->height, mode);
    if (batch->symbols == 0 || batch->symbols > HEADER_MAX_SYMBOLS) {
        return err_set(err, ERR_ARGUMENT, "pictures of %dx%d are too large for one frame",
                       batch->width, batch->height);
    }
    /* A single pixel has one place; a column of pixels has the rows. */
    batch->channels = (int)codec_symbols(config->codec, 1, 1, mode);
    batch->rows = (int)codec_symbols(config->codec, 1, batch->height, mode) / batch->channels;
    batch->columns = (int)codec_symbols(config->codec, batch->width, 1, mode) / batch->channels;
    const size_t images = (size_t)config->images, pixels = image_bytes(&run->picture);
    batch->rgb = malloc(images * pixels);
    batch->soft = malloc(images * batch->symbols * sizeof *batch->soft);
    batch->noise_var = malloc(images * batch->symbols * sizeof *batch->noise_var);
    run->sent = malloc(batch->symbols * sizeof *run->sent);
    if (batch->rgb == NULL || batch->soft == NULL || batch->noise_var == NULL ||
        run->sent == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %d pictures", config->images);
    }
    link_config_t link = config->link;
    link.max_symbols = batch->symbols;
    link.on_frame = on_frame;
    link.context = run;
    run->link = link_create(&link, err);
    return run->link != NULL ? 0 : -1;
}

static int send_one(run_t *run, err_t *err)
{
    const pilot_link_config_t *config = run->config;
    pilot_batch_t *batch = run->batch;
    const size_t index = config->first + (size_t)run->next;
    if (dataset_get(config->dataset, index, &run->picture, NULL, err) != 0) {
        return -1;
    }
    if (run->picture.width != batch->width || run->picture.height != batch->height) {
        return err_set(err, ERR_ARGUMENT, "picture %zu has another size than the first", index);
    }
    const frame_header_t header = {.source = 1,
                                   .destination = 255,
                                   .frame = (uint16_t)run->next,
                                   .dataset = dataset_id(config->dataset),
                                   .image_id = (uint32_t)index,
                                   .images = 1,
                                   .codec = codec_id(config->codec),
                                   .rate = (uint8_t)config->mode,
                                   .width = (uint16_t)batch->width,
                                   .height = (uint16_t)batch->height,
                                   .symbols = (uint32_t)batch->symbols};
    run->came = false;
    if (codec_encode(config->codec, run->picture.rgb, batch->width, batch->height, config->mode,
                     run->sent, err) != 0 ||
        link_send(run->link, &header, run->sent, err) != 0) {
        return -1;
    }
    link_flush(run->link);
    if (run->came) {
        const size_t pixels = image_bytes(&run->picture);
        memcpy(batch->rgb + (size_t)batch->images * pixels, run->picture.rgb, pixels);
        batch->images++;
    } else {
        batch->lost++;
    }
    return 0;
}

pilot_batch_t *pilot_link_run(const pilot_link_config_t *config, err_t *err)
{
    run_t run = {.config = config, .picture = IMAGE_EMPTY};
    if (config->images < 1 || config->images > PILOT_IMAGES_MAX) {
        err_set(err, ERR_ARGUMENT, "%d pilots: 1 .. %d", config->images, PILOT_IMAGES_MAX);
        return NULL;
    }
    run.batch = calloc(1, sizeof *run.batch);
    int code =
        run.batch != NULL ? make_room(&run, err) : err_set(err, ERR_MEMORY, "no memory for pilots");
    for (; code == 0 && run.next < config->images; run.next++) {
        code = send_one(&run, err);
    }
    if (code == 0 && run.batch->images == 0) {
        code = err_set(err, ERR_STATE, "none of %d frames arrived", config->images);
    }
    image_free(&run.picture);
    link_destroy(run.link);
    free(run.sent);
    if (code != 0) {
        pilot_batch_free(run.batch);
        return NULL;
    }
    run.batch->snr_db = run.snr_sum_db / run.batch->images;
    return run.batch;
}
