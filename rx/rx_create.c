/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening and closing all parts of the receive daemon. */
#include "file.h"
#include "log.h"
#include "radio/radio_service.h"
#include "rx.h"
#include "waveform/receiver_options.h"
#include "waveform/waveform_options.h"

#include <stdlib.h>
#include <string.h>

static void read_settings(rx_t *rx, const options_t *o)
{
    rx_settings_read(o, &rx->settings);
    rx->max_symbols = (size_t)options_int(o, "rx.max_symbols");
    rx->decoder_count = (int)options_int(o, "codec.threads");
}

static int open_references(rx_t *rx, const options_t *o, err_t *err)
{
    char *paths = strdup(options_string(o, "reference.path")), *save = NULL;
    int code = paths != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for reference.path");
    char *path = paths != NULL ? strtok_r(paths, ";", &save) : NULL;
    for (; path != NULL && code == 0; path = strtok_r(NULL, ";", &save)) {
        if (rx->reference_count == RX_MAX_REFERENCES) {
            code = err_set(err, ERR_ARGUMENT, "reference.path names more than %d sets",
                           RX_MAX_REFERENCES);
            break;
        }
        dataset_t *set = dataset_open(path + strspn(path, " "), err);
        if (set == NULL) {
            code = err_prefix(err, "reference.path");
            break;
        }
        log_info("reference %s: %zu images, data set %u", dataset_name(set), dataset_count(set),
                 dataset_id(set));
        rx->references[rx->reference_count++] = set;
    }
    free(paths);
    return code;
}

static int open_codecs(rx_t *rx, const options_t *o, err_t *err)
{
    rx->decoders[0].codec = codec_open(options_string(o, "codec.name"), err);
    if (rx->decoders[0].codec != NULL &&
        codec_set_precision(rx->decoders[0].codec,
                            (codec_precision_t)options_choice(o, "codec.precision"), err) < 0) {
        return err_prefix(err, "codec.precision");
    }
    for (int i = 1; i < rx->decoder_count && rx->decoders[i - 1].codec != NULL; i++) {
        rx->decoders[i].codec = codec_clone(rx->decoders[0].codec, err);
    }
    if (rx->decoders[rx->decoder_count - 1].codec == NULL) {
        return -1;
    }
    log_info("codec %s (%u)", codec_name(rx->decoders[0].codec), codec_id(rx->decoders[0].codec));
    return 0;
}

/* One judge per reference: the one of its name, or the one that was asked for. */
static int open_judges(rx_t *rx, const options_t *o, err_t *err)
{
    const char *wanted = options_string(o, "quality.judge");
    bool by_name = strcmp(wanted, "auto") == 0;
    for (int r = 0; r < rx->reference_count && strcmp(wanted, "none") != 0; r++) {
        const char *name = by_name ? dataset_name(rx->references[r]) : wanted;
        bool labelled = dataset_class_name(rx->references[r], 0) != NULL;
        if (!labelled || (by_name && !judge_known(name))) {
            log_debug("no judge for %s: no accuracy", name);
            continue;
        }
        for (int i = 0; i < rx->decoder_count; i++) {
            judge_t *first = rx->decoders[0].judges[r];
            judge_t *judge = i == 0 ? judge_open(name, err) : judge_clone(first, err);
            if (judge == NULL) {
                return err_prefix(err, "quality.judge");
            }
            rx->decoders[i].judges[r] = judge;
        }
    }
    return 0;
}

static int open_output(rx_t *rx, const options_t *o, err_t *err)
{
    rx_output_t *output = &rx->output;
    const char *file = options_string(o, "report.file");
    const char *folder = options_string(o, "output.images_dir");
    output->settings = rx->settings;
    if (*file != 0) {
        output->lines = lines_open(file, options_bool(o, "report.append"), err);
        if (output->lines == NULL) {
            return err_prefix(err, "report.file");
        }
    }
    if (*folder != 0) {
        output->images_dir = folder;
        return file_make_folder(folder, err) == 0 ? 0 : err_prefix(err, "output.images_dir");
    }
    return 0;
}

static int open_radio(rx_t *rx, const options_t *o, err_t *err)
{
    radio_config_t config = radio_config_from_options(o);
    rx->radio = radio_service_open(&config, err);
    if (rx->radio == NULL) {
        return -1;
    }
    rx->sample_rate_hz = radio_rate_hz(rx->radio);
    receiver_config_t receiver = receiver_default();
    if (numerology_from_options(o, rx->sample_rate_hz, &receiver.numerology, err) != 0) {
        return -1;
    }
    receiver_from_options(&receiver, o);
    receiver.max_symbols = rx->max_symbols;
    receiver.cfo_range = options_real(o, "rx.cfo_range");
    receiver.on_frame = rx_on_frame;
    receiver.context = rx;
    rx->receiver = receiver_create(&receiver, err);
    return rx->receiver != NULL ? 0 : -1;
}

static int make_decoder(rx_t *rx, rx_decoder_t *decoder, err_t *err)
{
    decoder->rx = rx;
    decoder->frames = ring_create(RX_RING_FRAMES, sizeof(rx_frame_t), err);
    decoder->results = ring_create(RX_RING_RESULTS, sizeof(rx_result_t), err);
    if (decoder->frames == NULL || decoder->results == NULL) {
        return -1;
    }
    return 0;
}

static int make_rings(rx_t *rx, const options_t *o, err_t *err)
{
    double samples = options_real(o, "rx.buffer_ms") * 1e-3 * rx->sample_rate_hz;
    rx->blocks = ring_create((size_t)(samples / RX_BLOCK) + 2, sizeof(rx_block_t), err);
    rx->live = live_create(sizeof rx->settings, RX_READ_DECODE + rx->decoder_count, err);
    rx->totals = live_create(sizeof rx->output.total, RX_TOTALS_READERS, err);
    if (rx->blocks == NULL || rx->live == NULL || rx->totals == NULL) {
        return -1;
    }
    rx->demod_settings = rx->settings;
    for (int i = 0; i < rx->decoder_count; i++) {
        rx->decoders[i].index = i;
        rx->decoders[i].settings = rx->settings;
        if (make_decoder(rx, &rx->decoders[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

rx_t *rx_create(options_t *options, err_t *err)
{
    rx_t *rx = calloc(1, sizeof *rx);
    if (rx == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the receiver");
        return NULL;
    }
    pthread_mutex_init(&rx->options_lock, NULL);
    read_settings(rx, options);
    if (open_references(rx, options, err) != 0 || open_codecs(rx, options, err) != 0 ||
        open_judges(rx, options, err) != 0 || open_output(rx, options, err) != 0 ||
        open_radio(rx, options, err) != 0 || rx_record_open(rx, options, err) != 0 ||
        make_rings(rx, options, err) != 0 || rx_control_open(rx, options, err) != 0 ||
        rx_live_open(rx, options, err) != 0 || (rx->view = view_create(err)) == NULL) {
        rx_destroy(rx);
        return NULL;
    }
    return rx;
}

static void destroy_decoder(rx_decoder_t *decoder)
{
    for (size_t i = 0; decoder->frames != NULL && i < ring_slots(decoder->frames); i++) {
        rx_frame_t *frame = ring_slot(decoder->frames, i);
        free(frame->symbols);
        free(frame->noise_var);
    }
    for (size_t i = 0; decoder->results != NULL && i < ring_slots(decoder->results); i++) {
        rx_result_t *result = ring_slot(decoder->results, i);
        free(result->received);
        free(result->sent);
    }
    ring_destroy(decoder->frames);
    ring_destroy(decoder->results);
    for (int r = 0; r < RX_MAX_REFERENCES; r++) {
        judge_close(decoder->judges[r]);
    }
    image_free(&decoder->reference);
    codec_close(decoder->codec);
}

void rx_destroy(rx_t *rx)
{
    if (rx == NULL) {
        return;
    }
    page_close(rx->page);
    view_destroy(rx->view);
    control_daemon_close(rx->control);
    radio_close(rx->radio);
    receiver_destroy(rx->receiver);
    ring_destroy(rx->blocks);
    for (int i = RX_MAX_WORKERS - 1; i >= 0; i--) {
        destroy_decoder(&rx->decoders[i]);
    }
    for (int r = 0; r < rx->reference_count; r++) {
        dataset_close(rx->references[r]);
    }
    err_t err = ERR_INIT;
    if (rx_record_close(rx, &err) != 0) {
        log_error("%s", err.text);
    }
    if (lines_close(rx->output.lines, &err) != 0) {
        log_error("%s", err.text);
    }
    rx_swap_destroy(rx->swap);
    live_destroy(rx->live);
    live_destroy(rx->totals);
    pthread_mutex_destroy(&rx->options_lock);
    free(rx);
}
