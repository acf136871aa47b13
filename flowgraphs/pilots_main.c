/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * semradio-pilots: known pictures from one codec's encoder, through the real waveform, air and
 * receiver, to a receiver with another codec.
 *
 *     semradio-pilots write FILE            X: what arrived; Y: what the receiver's own encoder
 * would have sent; for semradio-align fit (fit/pilots.h) semradio-pilots measure [ADAPTER …]   PSNR
 * of the receiver's pictures without a map ("none"), and with each of these, from the same received
 * symbols; JSON lines
 */
#include "air/air.h"
#include "fit/pilots.h"
#include "log.h"
#include "pilot_link.h"
#include "program.h"
#include "quality/quality.h"
#include "variants.h"
#include "waveform/receiver_options.h"
#include "waveform/waveform_options.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const option_t pilots_options[] = {
    {.section = "pilots",
     .name = "tx",
     .type = OPTION_STRING,
     .fallback = "image32",
     .help = "the transmitter's codec: a name, or the path of its weights"},
    {.section = "pilots",
     .name = "rx",
     .type = OPTION_STRING,
     .fallback = "image32",
     .help = "the receiver's codec"},
    {.section = "pilots",
     .name = "source",
     .type = OPTION_STRING,
     .fallback = "fashion-mnist:train",
     .help = "pictures of one size, as semradio-tx takes them"},
    {.section = "pilots",
     .name = "first",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .help = "index of the first picture"},
    {.section = "pilots",
     .name = "images",
     .type = OPTION_INT,
     .fallback = "50",
     .min = 1,
     .max = PILOT_IMAGES_MAX,
     .help = "how many; each has a frame, and fading, of its own"},
    {.section = "pilots",
     .name = "receiver",
     .type = OPTION_CHOICE,
     .choices = "real|genie",
     .fallback = "real",
     .help = "real: finds and estimates everything; genie: is told timing, channel and header"},
    {.section = "codec",
     .name = "rate",
     .type = OPTION_RATIO,
     .fallback = "1/6",
     .min = 1e-4,
     .max = 1,
     .help = "k/n: complex symbols per real source value"},
    {.section = "codec",
     .name = "design_snr_db",
     .type = OPTION_STRING,
     .unit = "dB",
     .fallback = "matched",
     .help = "Es/N0 that the encoder prepares for; matched: channel.snr_db"},
    {0}};

typedef struct {
    options_t *options;
    dataset_t *dataset;
    codec_t *tx, *rx;
    int rate, mode; /* the same number of both codecs */
    pilot_batch_t *batch;
} pilots_run_t;

/* ---- both words: the link ---- */

static int read_mode(pilots_run_t *run, err_t *err)
{
    const char *text = options_string(run->options, "codec.design_snr_db");
    char *end = NULL;
    int numerator, denominator;
    double snr_db = options_real(run->options, "channel.snr_db");
    if (strcmp(text, "matched") != 0) {
        snr_db = strtod(text, &end);
        if (end == text || *end != 0 || !(fabs(snr_db) <= 100)) {
            return err_set(err, ERR_ARGUMENT, "codec.design_snr_db = %.40s: matched, or dB", text);
        }
    }
    options_fraction(run->options, "codec.rate", &numerator, &denominator);
    run->rate = codec_find_rate(run->tx, numerator, denominator, err);
    if (run->rate < 0) {
        return -1;
    }
    run->mode = codec_mode(run->tx, run->rate, snr_db);
    if (codec_mode(run->rx, run->rate, snr_db) != run->mode ||
        codec_symbols(run->rx, 64, 32, run->mode) != codec_symbols(run->tx, 64, 32, run->mode)) {
        return err_set(err, ERR_ARGUMENT, "the two codecs differ in their rates or grids");
    }
    return 0;
}

static int send_all(pilots_run_t *run, err_t *err)
{
    const options_t *o = run->options;
    pilot_link_config_t config = {.codec = run->tx,
                                  .mode = run->mode,
                                  .dataset = run->dataset,
                                  .first = (size_t)options_int(o, "pilots.first"),
                                  .images = (int)options_int(o, "pilots.images"),
                                  .link = link_config_default()};
    link_config_t *link = &config.link;
    link->genie = options_choice(o, "pilots.receiver") == 1;
    if (numerology_from_options(o, numerology_sample_rate_hz(&link->numerology), &link->numerology,
                                err) != 0) {
        return -1;
    }
    receiver_from_options(&link->receiver, o);
    air_config_from_options(&link->air, o);
    run->batch = pilot_link_run(&config, err);
    if (run->batch == NULL) {
        return -1;
    }
    if (run->batch->lost > 0) {
        log_warn("%d of %d frames were lost", run->batch->lost, config.images);
    }
    return 0;
}

static int prepare(pilots_run_t *run, err_t *err)
{
    run->dataset = dataset_open(options_string(run->options, "pilots.source"), err);
    run->tx =
        run->dataset != NULL ? codec_open(options_string(run->options, "pilots.tx"), err) : NULL;
    run->rx = run->tx != NULL ? codec_open(options_string(run->options, "pilots.rx"), err) : NULL;
    return run->rx != NULL && read_mode(run, err) == 0 ? send_all(run, err) : -1;
}

/* ---- write ---- */

static int write_file(pilots_run_t *run, const char *path, err_t *err)
{
    const pilot_batch_t *b = run->batch;
    const size_t pixels = 3 * (size_t)b->width * (size_t)b->height;
    float complex *own = malloc((size_t)b->images * b->symbols * sizeof *own);
    int code = own != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for %d pilots", b->images);
    for (int i = 0; i < b->images && code == 0; i++) {
        code = codec_encode(run->rx, b->rgb + (size_t)i * pixels, b->width, b->height, run->mode,
                            own + (size_t)i * b->symbols, err);
    }
    if (code == 0) {
        const fit_pilots_t pairs = {b->images, b->channels, b->rows, b->columns, b->soft, own};
        /* Any rate: a map fits the leading channels, and the header carries the rate. */
        code = pilots_save(path, &pairs, codec_hash(run->rx), codec_hash(run->tx), 0, err);
    }
    free(own);
    if (code == 0) {
        log_info("%d pilots of %d channels on %dx%d places, measured SNR %.1f dB: %s", b->images,
                 b->channels, b->rows, b->columns, b->snr_db, path);
    }
    return code;
}

/* ---- measure ---- */

static void print_line(const pilots_run_t *run, const char *name, double sum, double square)
{
    const pilot_batch_t *b = run->batch;
    const double n = b->images, mean = sum / n;
    const double deviation = sqrt(fmax(square / n - mean * mean, 0.0) / fmax(n - 1, 1));
    json_t *line = json_pack(
        "{s:s, s:f, s:f, s:i, s:i, s:f, s:f}", "adapter", name, "psnr_db", quality_psnr_db(mean),
        "ci_db", 10.0 / log(10.0) * 1.96 * deviation / mean, "images", b->images, "lost", b->lost,
        "snr_db", options_real(run->options, "channel.snr_db"), "snr_measured_db", b->snr_db);
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static int measure_one(pilots_run_t *run, const char *name, uint8_t *rgb, err_t *err)
{
    const pilot_batch_t *b = run->batch;
    const size_t pixels = 3 * (size_t)b->width * (size_t)b->height;
    double sum = 0, square = 0;
    for (int i = 0; i < b->images; i++) {
        const size_t at = (size_t)i * b->symbols;
        if (codec_decode(run->rx, b->soft + at, b->noise_var + at, b->width, b->height, run->mode,
                         rgb, err) != 0) {
            return -1;
        }
        const double mse = quality_mse(b->rgb + (size_t)i * pixels, rgb, pixels);
        sum += mse;
        square += mse * mse;
    }
    print_line(run, name, sum, square);
    return 0;
}

static int measure_with(pilots_run_t *run, const char *path, uint8_t *rgb, err_t *err)
{
    adapter_t *adapter = adapter_load(path, err);
    codec_variant_t *variant =
        adapter != NULL ? variants_make(run->rx, adapter, VARIANTS_DECODE, err) : NULL;
    int code = variant != NULL ? 0 : err_prefix(err, "%s", path);
    if (code == 0 && adapter_info(adapter)->from != 0 &&
        adapter_info(adapter)->from != codec_hash(run->tx)) {
        code = err_set(err, ERR_ARGUMENT, "%s is a map from another codec than pilots.tx", path);
    }
    if (code == 0) {
        variants_use(run->rx, variant);
        code = measure_one(run, path, rgb, err);
        variants_use(run->rx, NULL);
    }
    codec_variant_release(variant);
    adapter_destroy(adapter);
    return code;
}

static int measure(pilots_run_t *run, err_t *err)
{
    const char *path;
    uint8_t *rgb = malloc(3 * (size_t)run->batch->width * (size_t)run->batch->height);
    int code = rgb != NULL ? measure_one(run, "none", rgb, err)
                           : err_set(err, ERR_MEMORY, "no memory for a picture");
    for (size_t i = 1; code == 0 && (path = options_positional(run->options, i)) != NULL; i++) {
        code = measure_with(run, path, rgb, err);
    }
    free(rgb);
    return code;
}

int main(int argc, char **argv)
{
    static const option_t *const tables[] = {pilots_options, waveform_options, receiver_options,
                                             air_options,    program_options,  NULL};
    pilots_run_t run = {0};
    err_t err = ERR_INIT;
    int code = program_begin("semradio-pilots", "write FILE | measure [ADAPTER ...]",
                             "sends known pictures through a link, to align two codecs", tables, argc,
                             argv, &run.options);
    if (run.options == NULL) {
        return code;
    }
    const char *word = options_positional(run.options, 0),
               *path = options_positional(run.options, 1);
    const bool writes = word != NULL && strcmp(word, "write") == 0;
    if (!writes && (word == NULL || strcmp(word, "measure") != 0)) {
        code = PROGRAM_USAGE;
        err_set(&err, ERR_ARGUMENT, "write FILE, or measure [ADAPTER ...]");
    } else if (writes && (path == NULL || options_positional(run.options, 2) != NULL)) {
        code = PROGRAM_USAGE;
        err_set(&err, ERR_ARGUMENT, "write takes one file");
    } else {
        code = prepare(&run, &err) == 0 &&
                       (writes ? write_file(&run, path, &err) : measure(&run, &err)) == 0
                   ? PROGRAM_OK
                   : PROGRAM_FAILED;
    }
    if (code != PROGRAM_OK) {
        log_error("%s", err.text);
    }
    pilot_batch_free(run.batch);
    codec_close(run.rx);
    codec_close(run.tx);
    dataset_close(run.dataset);
    options_destroy(run.options);
    return code;
}
