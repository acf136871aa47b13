/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/mode_power.h"

#include "codec/codec.h"
#include "codec/codec_net.h"
#include "images/dataset.h"
#include "nn/params.h"
#include "safetensors.h"

#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PICTURES = 1000, SNR_MIN_DB = -1, SNR_MAX_DB = 26 };
enum { SNRS = SNR_MAX_DB - SNR_MIN_DB + 1, MODES = CODEC_RATES * SNRS, NOTES_MAX = 32 };

/* Adds the mean power of one picture's symbols in every mode. */
static int add_picture(codec_t *codec, const image_t *picture, float complex *symbols, double *sum,
                       err_t *err)
{
    for (int i = 0; i < MODES; i++) {
        int mode = codec_mode(codec, 1 + i / SNRS, SNR_MIN_DB + i % SNRS);
        size_t count = codec_symbols(codec, picture->width, picture->height, mode);
        double energy = 0.0;
        if (codec_encode(codec, picture->rgb, picture->width, picture->height, mode, symbols,
                         err) < 0) {
            return -1;
        }
        for (size_t k = 0; k < count; k++) {
            double re = (double)crealf(symbols[k]), im = (double)cimagf(symbols[k]);
            energy += re * re + im * im;
        }
        sum[i] += energy / (double)count;
    }
    return 0;
}

static int measure(codec_t *codec, const dataset_t *set, size_t pictures, double *sum, err_t *err)
{
    size_t all = dataset_count(set), count = pictures < all ? pictures : all;
    image_t picture = IMAGE_EMPTY;
    float complex *symbols = NULL;
    int status = 0, label;
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = dataset_get(set, i * all / count, &picture, &label, err);
        size_t room = status == 0 ? codec_symbols(codec, picture.width, picture.height, CODEC_RATES)
                                  : 0;
        float complex *more = realloc(symbols, (room + 1) * sizeof(*symbols));
        symbols = more != NULL ? more : symbols;
        if (status == 0 && more == NULL) {
            status = err_set(err, ERR_MEMORY, "no memory for %zu symbols", room);
        }
        status = status == 0 ? add_picture(codec, &picture, symbols, sum, err) : status;
    }
    for (int i = 0; i < MODES; i++) {
        sum[i] /= (double)(count > 0 ? count : 1);
    }
    image_free(&picture);
    free(symbols);
    return status;
}

/* Every tensor and note of the file, with the powers as one note more. */
static int write_copy(const char *from, const char *to, const char *powers, err_t *err)
{
    safetensors_t *file = safetensors_open(from, err);
    params_t *params = file != NULL ? params_open(from, err) : NULL;
    const char *keys[NOTES_MAX + 1], *values[NOTES_MAX + 1];
    int count = 0, status = params == NULL ? -1 : 0;
    if (status == 0 && safetensors_note(file, CODEC_MODE_POWER_NOTE) != NULL) {
        status = err_set(err, ERR_ARGUMENT, "%s: its powers are measured already", from);
    }
    for (int i = 0; status == 0 && i < safetensors_notes(file) && count < NOTES_MAX; i++) {
        keys[count] = safetensors_note_at(file, i, &values[count]);
        count++;
    }
    keys[count] = CODEC_MODE_POWER_NOTE;
    values[count++] = powers;
    status = status == 0 ? params_save(params, to, "", keys, values, count, err) : status;
    params_destroy(params);
    safetensors_close(file);
    return status;
}

int mode_power_command(const options_t *options, err_t *err)
{
    const char *weights = options_string(options, "evaluate.weights");
    size_t images = (size_t)options_int(options, "evaluate.images");
    double sum[MODES] = {0.0};
    char powers[MODES * 16] = "";
    codec_t *codec = codec_open(weights, err);
    dataset_t *set = codec != NULL ? dataset_open(options_string(options, "data.train"), err) : NULL;
    int status =
        set == NULL ? -1 : measure(codec, set, images > 0 ? images : PICTURES, sum, err);
    for (int i = 0; i < MODES; i++) {
        snprintf(powers + strlen(powers), sizeof(powers) - strlen(powers), "%s%.4f",
                 i > 0 ? " " : "", sum[i]);
    }
    if (status == 0) {
        status = write_copy(weights, options_string(options, "train.out"), powers, err);
        printf("%s\n", powers);
    }
    dataset_close(set);
    codec_close(codec);
    return status;
}
