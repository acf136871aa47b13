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
    tx->first = (size_t)options_int(o, "source.first");
    tx->count = (size_t)options_int(o, "source.count");
    tx->encoder_count = (int)options_int(o, "codec.threads");
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
    if (codec_find_rate(codec, numerator, denominator, err) <
        0) { /* before the radio is waited for */
        return err_prefix(err, "codec.rate");
    }
    for (int i = 1; i < tx->encoder_count; i++) {
        tx->encoders[i].codec = codec_clone(codec, err);
        if (tx->encoders[i].codec == NULL) {
            return -1;
        }
    }
    log_info("codec %s (%u), rate %d/%d", codec_name(codec), codec_id(codec), numerator,
             denominator);
    return 0;
}

static int open_radio(tx_t *tx, const options_t *o, err_t *err)
{
    radio_config_t config = radio_config_from_options(o);
    tx->radio = radio_service_open(&config, err);
    if (tx->radio == NULL) {
        return -1;
    }
    return numerology_from_options(o, radio_rate_hz(tx->radio), &tx->numerology, err);
}

static int make_encoders(tx_t *tx, err_t *err)
{
    for (int i = 0; i < tx->encoder_count; i++) {
        tx_encoder_t *encoder = &tx->encoders[i];
        encoder->tx = tx;
        encoder->index = i;
        encoder->settings = tx->settings;
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

static frame_header_t steady_header(const tx_t *tx)
{
    return (frame_header_t){.dataset = dataset_id(tx->dataset),
                            .codec = codec_id(tx->encoders[0].codec),
                            .flags = new_session()};
}

static int make_settings(tx_t *tx, const options_t *o, err_t *err)
{
    if (tx_settings_read(tx, o, &tx->settings, err) != 0) {
        return -1;
    }
    tx->live = live_create(sizeof tx->settings, TX_READ_ENCODE + tx->encoder_count, err);
    return tx->live != NULL ? 0 : -1;
}

tx_t *tx_create(options_t *options, err_t *err)
{
    tx_t *tx = calloc(1, sizeof *tx);
    if (tx == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the transmitter");
        return NULL;
    }
    if (read_settings(tx, options, err) != 0 || open_source(tx, err) != 0 ||
        open_codec(tx, options, err) != 0 || open_radio(tx, options, err) != 0 ||
        make_settings(tx, options, err) != 0 || tx_record_open(tx, options, err) != 0 ||
        make_encoders(tx, err) != 0 || tx_control_open(tx, options, err) != 0) {
        tx_destroy(tx);
        return NULL;
    }
    tx->header = steady_header(tx);
    return tx;
}

static void destroy_encoder(tx_encoder_t *encoder)
{
    for (size_t i = 0; encoder->batches != NULL && i < ring_slots(encoder->batches); i++) {
        tx_batch_t *batch = ring_slot(encoder->batches, i);
        codec_variant_release(batch->variant);
        free(batch->rgb);
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
    control_daemon_close(tx->control);
    radio_close(tx->radio);
    (void)tx_record_close(tx, NULL);
    for (int i = TX_MAX_WORKERS - 1; i >= 0; i--) {
        destroy_encoder(&tx->encoders[i]);
    }
    tx_swap_destroy(tx->swap);
    dataset_close(tx->dataset);
    live_destroy(tx->live);
    free(tx);
}
