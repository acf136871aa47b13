/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * image32: the codec of pictures in one step, whose layers are in codec_net.c.
 * What the network looks like (width, numbers of blocks) is in the file's
 * metadata, written by semradio-train; the numbers are checked before a
 * network is built on them.
 */
#include "codec/codec_run.h"
#include "codec/codec_state.h"

#include <stdlib.h>

static const codec_rate_t rates[CODEC_RATES] = {{1, 12}, {1, 6}, {1, 4}, {1, 3}};

/* The note, if there is one: a number for each rate and design SNR, rate by rate. */
static int read_mode_power(codec_weights_t *weights, const char *text, err_t *err)
{
    const int snrs = weights->kind->snr_max_db - weights->kind->snr_min_db + 1;
    for (int i = 0; text != NULL && i < CODEC_RATES * snrs; i++) {
        char *end = NULL;
        float power = strtof(text, &end);
        if (end == text || !(power > 0.01f && power < 100.0f)) {
            return err_set(err, ERR_FORMAT, "metadata \"%s\": number %d is not a power",
                           CODEC_MODE_POWER_NOTE, i + 1);
        }
        weights->mode_power[i / snrs][i % snrs] = power;
        text = end;
    }
    return 0;
}

static int open_weights(codec_weights_t *weights, const safetensors_t *file, err_t *err)
{
    double width = 0, encoder_blocks = 0, decoder_blocks = 0, bound = 0;
    if (codec_read_number(file, "width", 8, 512, &width, err) < 0 ||
        codec_read_number(file, "encoder_blocks", 0, 32, &encoder_blocks, err) < 0 ||
        codec_read_number(file, "decoder_blocks", 0, 32, &decoder_blocks, err) < 0 ||
        codec_read_number(file, "bound", 0.1, 100.0, &bound, err) < 0) {
        return -1;
    }
    weights->shape =
        (codec_shape_t){(int)width, (int)encoder_blocks, (int)decoder_blocks, (float)bound};
    return codec_read_power(weights->kind, weights->params, weights->power, err) < 0
               ? -1
               : read_mode_power(weights, safetensors_note(file, CODEC_MODE_POWER_NOTE), err);
}

static void build(const codec_weights_t *weights, codec_network_t *network, codec_half_t half,
                  graph_t *graph)
{
    if (half == CODEC_ENCODER) {
        codec_net_encoder(graph, network->rows * CODEC_STRIDE, network->columns * CODEC_STRIDE,
                          &weights->shape, &network->nodes);
    } else {
        network->soft = graph_input(graph, network->rows, network->columns, 3 * CODEC_CHANNELS);
        network->mode = graph_input(graph, 1, 1, CODEC_MODE_FEATURES);
        network->picture =
            codec_net_decoder(graph, network->soft, network->mode, &weights->shape);
    }
}

const codec_kind_t codec_kind_image32 = {
    .name = "image32",
    .rates = rates,
    .rate_count = CODEC_RATES,
    .snr_min_db = -1,
    .snr_max_db = 26,
    .rate_list = "1/12, 1/6, 1/4, 1/3",
    .stride = CODEC_STRIDE,
    .channels_first = 0,
    .channels_per_rate = CODEC_CHANNELS_PER_RATE,
    .power_name = CODEC_POWER_NAME,
    .open = open_weights,
    .build = build,
    .prepare = codec_run_prepare,
    .encode = codec_run_encode,
    .decode = codec_run_decode,
};
