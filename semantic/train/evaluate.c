/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/evaluate.h"

#include "codec/codec_variant.h"
#include "train/fading.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 32 };

/* Pictures of one size, their symbols, and what comes back. */
typedef struct {
    int width, height, count;
    size_t symbols; /* per picture */
    size_t first;   /* index of the first picture in the set */
    uint8_t *rgb, *received;
    int labels[BATCH_MAX];
    float complex *sent;
    float *noise_var;
} group_t;

static void group_free(group_t *group)
{
    free(group->rgb);
    free(group->received);
    free(group->sent);
    free(group->noise_var);
}

static int group_resize(group_t *group, const codec_t *codec, int width, int height, int p,
                        err_t *err)
{
    group->symbols = codec_symbols(codec, width, height, p);
    if (group->symbols == 0) {
        return err_set(err, ERR_ARGUMENT, "a picture of %d x %d at p = %d is out of range", width,
                       height, p);
    }
    group_free(group);
    size_t bytes = (size_t)width * (size_t)height * 3 * BATCH_MAX;
    group->width = width;
    group->height = height;
    group->rgb = malloc(bytes);
    group->received = malloc(bytes);
    group->sent = malloc(group->symbols * BATCH_MAX * sizeof(*group->sent));
    group->noise_var = malloc(group->symbols * BATCH_MAX * sizeof(*group->noise_var));
    if (group->rgb == NULL || group->received == NULL || group->sent == NULL ||
        group->noise_var == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %d pictures of %d x %d", BATCH_MAX, width,
                       height);
    }
    return 0;
}

/* In place: what was sent becomes what the equaliser gives. */
static void transmit(const evaluate_point_t *point, uint64_t index, size_t count,
                     float complex *symbols, float *noise_var)
{
    float complex h[FADING_CARRIERS], noise[FADING_CARRIERS];
    float n0 = (float)pow(10.0, -point->snr_db / 10.0);
    rng_t rng;
    rng_seed(&rng, point->seed, index);
    for (int k = 0; k < FADING_CARRIERS; k++) {
        h[k] = 1.0f;
    }
    if (point->rayleigh) {
        fading_draw(&rng, point->delay_spread_s, h);
    }
    for (size_t first = 0; first < count; first += FADING_CARRIERS) {
        size_t here = count - first < FADING_CARRIERS ? count - first : FADING_CARRIERS;
        rng_complex_normal(&rng, n0, noise, here);
        for (size_t k = 0; k < here; k++) {
            float gain = crealf(h[k]) * crealf(h[k]) + cimagf(h[k]) * cimagf(h[k]);
            float complex y = h[k] * symbols[first + k] + noise[k];
            symbols[first + k] = conjf(h[k]) * y / (gain + n0);
            noise_var[first + k] = n0 / (gain + n0);
        }
    }
}

static int send_group(group_t *group, codec_t *codec, judge_t *judge, const evaluate_point_t *point,
                      quality_sum_t *sum, double *energy, err_t *err)
{
    size_t bytes = (size_t)group->width * (size_t)group->height * 3;
    if (codec_encode_batch(codec, group->count, group->rgb, group->width, group->height, point->mode,
                           group->sent, err) < 0) {
        return -1;
    }
    for (int n = 0; n < group->count; n++) {
        size_t at = (size_t)n * group->symbols;
        for (size_t k = 0; k < group->symbols; k++) {
            double re = crealf(group->sent[at + k]), im = cimagf(group->sent[at + k]);
            *energy += (re * re + im * im) / (double)group->symbols;
        }
        transmit(point, group->first + (uint64_t)n, group->symbols, group->sent + at,
                 group->noise_var + at);
    }
    if (codec_decode_batch(codec, group->count, group->sent, group->noise_var, group->width,
                           group->height, point->mode, group->received, err) < 0) {
        return -1;
    }
    int predicted[BATCH_MAX];
    bool judged = judge != NULL && group->width == JUDGE_SIDE && group->height == JUDGE_SIDE;
    if (judged) {
        judge_classify_batch(judge, group->received, group->count, predicted);
    }
    for (int n = 0; n < group->count; n++) {
        size_t at = (size_t)n * bytes;
        quality_sum_add(sum, group->rgb + at, group->received + at, group->width, group->height);
        if (judged) {
            quality_sum_judge(sum, group->labels[n], predicted[n]);
        }
    }
    group->first += (size_t)group->count;
    group->count = 0;
    return 0;
}

static int send_all(group_t *group, image_t *picture, codec_t *codec, const dataset_t *set,
                    judge_t *judge, const evaluate_point_t *point, quality_sum_t *sum,
                    double *energy, err_t *err)
{
    size_t images = dataset_count(set);
    if (point->images > 0 && point->images < images) {
        images = point->images;
    }
    for (size_t i = 0; i < images; i++) {
        int label;
        if (dataset_get(set, i, picture, &label, err) < 0) {
            return -1;
        }
        bool other = picture->width != group->width || picture->height != group->height;
        if ((other || group->count == BATCH_MAX) && group->count > 0 &&
            send_group(group, codec, judge, point, sum, energy, err) < 0) {
            return -1;
        }
        if (other &&
            group_resize(group, codec, picture->width, picture->height, point->mode, err) < 0) {
            return -1;
        }
        memcpy(group->rgb + (size_t)group->count * image_bytes(picture), picture->rgb,
               image_bytes(picture));
        group->labels[group->count++] = label;
    }
    return send_group(group, codec, judge, point, sum, energy, err);
}

int evaluate_point(codec_t *codec, const dataset_t *set, judge_t *judge,
                   const evaluate_point_t *point, quality_sum_t *sum, double *power, err_t *err)
{
    group_t group = {0};
    image_t picture = IMAGE_EMPTY;
    double energy = 0.0;
    size_t before = sum->count;
    int status = send_all(&group, &picture, codec, set, judge, point, sum, &energy, err);
    if (power != NULL) {
        *power = energy / (double)(sum->count - before);
    }
    image_free(&picture);
    group_free(&group);
    return status;
}

/* evaluate.design_snr_db: a number, or the channel's own. */
static double design_snr_db(const options_t *options, double snr_db)
{
    const char *text = options_string(options, "evaluate.design_snr_db");
    return strcmp(text, "matched") == 0 ? snr_db : strtod(text, NULL);
}

/* The codec's rate of this ratio; -1 with an error. */
static int find_rate(const codec_t *codec, double ratio, const char *text, err_t *err)
{
    const codec_rate_t *rates;
    int count = codec_rates(codec, &rates);
    for (int p = 1; p <= count; p++) {
        double here = (double)rates[p - 1].numerator / (double)rates[p - 1].denominator;
        if (fabs(ratio - here) < 1e-6) {
            return p;
        }
    }
    return err_set(err, ERR_ARGUMENT, "codec %s has no rate %s", codec_name(codec), text);
}

/* Switches the codec to evaluate.adapter, if one is named. */
static int use_adapter(const options_t *options, codec_t *codec, err_t *err)
{
    const char *path = options_string(options, "evaluate.adapter");
    if (path[0] == '\0') {
        return 0;
    }
    codec_variant_t *variant = codec_variant_open(codec, &path, 1, err);
    if (variant == NULL) {
        return -1;
    }
    codec_use(codec, variant);
    codec_variant_release(variant);
    return 0;
}

static int print_points(const options_t *options, codec_t *codec, const dataset_t *set,
                        judge_t *judge, err_t *err)
{
    evaluate_point_t point = {.rayleigh = options_choice(options, "evaluate.channel") == 1,
                              .delay_spread_s =
                                  options_real(options, "evaluate.delay_spread_ns") * 1e-9,
                              .seed = (uint64_t)options_int(options, "evaluate.seed"),
                              .images = (size_t)options_int(options, "evaluate.images")};
    printf("# codec %s, data %s, %s, ideal channel knowledge\n", codec_name(codec),
           dataset_name(set), options_text(options, "evaluate.channel"));
    printf("# k/n   snr_db  psnr_db  mean_psnr_db  ssim    accuracy  power\n");
    for (size_t r = 0; r < options_count(options, "evaluate.rate"); r++) {
        for (size_t s = 0; s < options_count(options, "evaluate.snr_db"); s++) {
            double rate = options_real_at(options, "evaluate.rate", r), power = 0.0;
            quality_sum_t sum = QUALITY_SUM_INIT;
            point.snr_db = options_real_at(options, "evaluate.snr_db", s);
            int p = find_rate(codec, rate, options_text_at(options, "evaluate.rate", r), err);
            point.mode = p < 0 ? p : codec_mode(codec, p, design_snr_db(options, point.snr_db));
            if (point.mode < 0 || evaluate_point(codec, set, judge, &point, &sum, &power, err) < 0) {
                return -1;
            }
            printf("%-7s %6.1f  %7.3f  %12.3f  %.4f  %8.4f  %.3f\n",
                   options_text_at(options, "evaluate.rate", r), point.snr_db,
                   quality_sum_psnr_db(&sum), quality_sum_mean_psnr_db(&sum),
                   quality_sum_mean_ssim(&sum), quality_sum_accuracy(&sum), power);
            fflush(stdout);
        }
    }
    return 0;
}

int evaluate_command(const options_t *options, err_t *err)
{
    const char *judge_name = options_string(options, "evaluate.judge");
    codec_t *codec = codec_open(options_string(options, "evaluate.weights"), err);
    dataset_t *set =
        codec == NULL ? NULL : dataset_open(options_string(options, "evaluate.data"), err);
    judge_t *judge = set == NULL || judge_name[0] == '\0' ? NULL : judge_open(judge_name, err);
    int status = -1;
    if (set != NULL && (judge != NULL || judge_name[0] == '\0') &&
        use_adapter(options, codec, err) == 0) {
        status = print_points(options, codec, set, judge, err);
    }
    judge_close(judge);
    dataset_close(set);
    codec_close(codec);
    return status;
}
