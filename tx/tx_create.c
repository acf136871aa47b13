/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening and closing all parts of the transmit daemon. */
#include "clock.h"
#include "log.h"
#include "radio/radio_service.h"
#include "rng.h"
#include "tx.h"
#include "waveform/waveform_options.h"

#include <stdlib.h>

static int read_settings(tx_t *tx, const options_t *o, err_t *err)
{
    const char *word = options_positional(o, 0);
    if (word != NULL && options_positional(o, 1) != NULL) {
        return err_set(err, ERR_ARGUMENT, "one source at a time: \"%s\" or \"%s\"?", word,
                       options_positional(o, 1));
    }
    tx->source_path = word != NULL ? word : options_string(o, "source.path");
    tx->loop = options_bool(o, "source.loop");
    tx->first = (size_t)options_int(o, "source.first");
    tx->count = (size_t)options_int(o, "source.count");
    tx->frame_images = (int)options_int(o, "frame.images");
    tx->max_symbols = (size_t)options_int(o, "frame.max_symbols");
    tx->frame_limit = (uint64_t)options_int(o, "tx.frames");
    tx->duration_s = options_real(o, "tx.duration_s");
    tx->stop_when_gone = options_choice(o, "tx.on_gone") == 1;
    tx->encoder_count = (int)options_int(o, "codec.threads");
    double frame_rate = options_real(o, "tx.frame_rate");
    tx->frame_period_s = frame_rate > 0 ? 1.0 / frame_rate : 0;
    return 0;
}

static int open_source(tx_t *tx, err_t *err)
{
    tx->dataset = dataset_open(tx->source_path, err);
    if (tx->dataset == NULL) {
        return -1;
    }
    size_t all = dataset_count(tx->dataset);
    if (tx->first >= all) {
        return err_set(err, ERR_ARGUMENT, "source.first = %zu, but %s has %zu images (0 to %zu)",
                       tx->first, tx->source_path, all, all - 1);
    }
    if (tx->count == 0 || tx->count > all - tx->first) {
        tx->count = all - tx->first;
    }
    log_info("source %s: %zu images, data set %u", tx->source_path, tx->count,
             dataset_id(tx->dataset));
    return 0;
}

static int open_codec(tx_t *tx, const options_t *o, err_t *err)
{
    codec_t *codec = codec_open(options_string(o, "codec.name"), err);
    tx->encoders[0].codec = codec;
    if (codec == NULL) {
        return -1;
    }
    if (codec_set_precision(codec, (codec_precision_t)options_choice(o, "codec.precision"), err) < 0) {
        return err_prefix(err, "codec.precision");
    }
    int numerator, denominator;
    options_fraction(o, "codec.rate", &numerator, &denominator);
    tx->rate_p = codec_find_rate(codec, numerator, denominator, err);
    if (tx->rate_p < 0) {
        return err_prefix(err, "codec.rate");
    }
    tx->mode = codec_mode(codec, tx->rate_p, options_real(o, "codec.design_snr_db"));
    tx->rate = (codec_rate_t){numerator, denominator};
    for (int i = 1; i < tx->encoder_count; i++) {
        tx->encoders[i].codec = codec_clone(codec, err);
        if (tx->encoders[i].codec == NULL) {
            return -1;
        }
    }
    log_info("codec %s (%u), rate %d/%d for %g dB", codec_name(codec), codec_id(codec), numerator,
             denominator, codec_mode_snr_db(codec, tx->mode));
    return 0;
}

static int open_radio(tx_t *tx, const options_t *o, err_t *err)
{
    radio_config_t config = radio_config_from_options(o);
    tx->radio = radio_service_open(&config, err);
    if (tx->radio == NULL) {
        return -1;
    }
    double rate = radio_rate_hz(tx->radio);
    tx->gap_samples = (size_t)(options_real(o, "frame.gap_us") * 1e-6 * rate + 0.5);
    return numerology_from_options(o, rate, &tx->numerology, err);
}

static int make_encoders(tx_t *tx, err_t *err)
{
    for (int i = 0; i < tx->encoder_count; i++) {
        tx_encoder_t *encoder = &tx->encoders[i];
        encoder->tx = tx;
        encoder->transmitter = transmitter_create(&tx->numerology, err);
        encoder->batches = ring_create(TX_RING_BATCHES, sizeof(tx_batch_t), err);
        encoder->bursts = ring_create(TX_RING_BURSTS, sizeof(tx_burst_t), err);
        if (encoder->transmitter == NULL || encoder->batches == NULL || encoder->bursts == NULL) {
            return -1;
        }
    }
    return 0;
}

static uint8_t new_session(void)
{
    rng_t rng;
    rng_seed(&rng, clock_wall_ns(), clock_now_ns());
    return (uint8_t)rng_below(&rng, HEADER_FLAG_SESSION + 1);
}

static frame_header_t steady_header(const tx_t *tx, const options_t *o)
{
    return (frame_header_t){.source = (uint8_t)options_int(o, "frame.source"),
                            .destination = (uint8_t)options_int(o, "frame.destination"),
                            .dataset = dataset_id(tx->dataset),
                            .codec = codec_id(tx->encoders[0].codec),
                            .rate = (uint8_t)tx->mode,
                            .flags = new_session()};
}

tx_t *tx_create(const options_t *options, err_t *err)
{
    tx_t *tx = calloc(1, sizeof *tx);
    if (tx == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the transmitter");
        return NULL;
    }
    if (read_settings(tx, options, err) != 0 || open_source(tx, err) != 0 ||
        open_codec(tx, options, err) != 0 || open_radio(tx, options, err) != 0 || tx_record_open(tx, options, err) != 0 ||
        make_encoders(tx, err) != 0) {
        tx_destroy(tx);
        return NULL;
    }
    tx->header = steady_header(tx, options);
    return tx;
}

static void destroy_encoder(tx_encoder_t *encoder)
{
    for (size_t i = 0; encoder->batches != NULL && i < ring_slots(encoder->batches); i++) {
        free(((tx_batch_t *)ring_slot(encoder->batches, i))->rgb);
    }
    for (size_t i = 0; encoder->bursts != NULL && i < ring_slots(encoder->bursts); i++) {
        free(((tx_burst_t *)ring_slot(encoder->bursts, i))->samples);
    }
    ring_destroy(encoder->batches);
    ring_destroy(encoder->bursts);
    free(encoder->symbols);
    transmitter_destroy(encoder->transmitter);
    codec_close(encoder->codec);
}

void tx_destroy(tx_t *tx)
{
    if (tx == NULL) {
        return;
    }
    radio_close(tx->radio);
    (void)tx_record_close(tx, NULL);
    for (int i = TX_MAX_WORKERS - 1; i >= 0; i--) {
        destroy_encoder(&tx->encoders[i]);
    }
    dataset_close(tx->dataset);
    free(tx);
}
