/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/latent_figures.h"

#include "rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    image_t sent, received;
    float *z, *noise;
} buffers_t;

static void buffers_free(buffers_t *b)
{
    image_free(&b->sent);
    image_free(&b->received);
    free(b->z);
    free(b->noise);
}

static void add_statistics(latent_figures_t *out, const float *z, size_t count, size_t channels)
{
    for (size_t i = 0; i < count; i++) {
        out->sum[i % channels] += (double)z[i];
        out->sum2[i % channels] += (double)z[i] * (double)z[i];
    }
    out->count += (double)(count / channels);
}

static int measure(latent_t *latent, buffers_t *b, uint64_t index, double noise,
                   latent_figures_t *out, err_t *err)
{
    int width = b->sent.width, height = b->sent.height;
    size_t count = latent_count(latent, width, height);
    free(b->z);
    free(b->noise);
    b->z = malloc((count + 1) * sizeof(*b->z));
    b->noise = malloc((count + 1) * sizeof(*b->noise));
    if (b->z == NULL || b->noise == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a latent of %zu numbers", count);
    }
    if (latent_encode(latent, b->sent.rgb, width, height, b->z, err) < 0 ||
        image_resize(&b->received, width, height, err) < 0) {
        return -1;
    }
    add_statistics(out, b->z, count, (size_t)latent_channels(latent));
    rng_t rng;
    rng_seed(&rng, 1, index);
    rng_normal(&rng, b->noise, count);
    for (size_t i = 0; i < count && noise > 0.0; i++) {
        b->z[i] += (float)noise * b->noise[i];
    }
    if (latent_decode(latent, b->z, width, height, b->received.rgb, err) < 0) {
        return -1;
    }
    quality_sum_add(&out->quality, b->sent.rgb, b->received.rgb, width, height);
    return 0;
}

int latent_figures(latent_t *latent, const dataset_t *set, double noise, bool list,
                   latent_figures_t *out, err_t *err)
{
    buffers_t b = {.sent = IMAGE_EMPTY, .received = IMAGE_EMPTY};
    *out = (latent_figures_t){.quality = QUALITY_SUM_INIT};
    int status = 0;
    for (size_t i = 0; i < dataset_count(set) && status == 0; i++) {
        quality_sum_t before = out->quality;
        status = dataset_get(set, i, &b.sent, NULL, err);
        status = status == 0 ? measure(latent, &b, i, noise, out, err) : status;
        if (status == 0 && list) {
            printf("%4zu %5d x %-5d %7.3f dB  SSIM %.4f\n", i, b.sent.width, b.sent.height,
                   out->quality.psnr_db - before.psnr_db, out->quality.ssim - before.ssim);
        }
    }
    buffers_free(&b);
    return status;
}

void latent_figures_text(const latent_figures_t *figures, int channels, char *text, size_t size)
{
    const quality_sum_t *q = &figures->quality;
    int used = snprintf(text, size, "PSNR %.3f dB (mean %.3f) SSIM %.4f over %zu; latent",
                        quality_sum_psnr_db(q), quality_sum_mean_psnr_db(q),
                        quality_sum_mean_ssim(q), q->count);
    for (int c = 0; c < channels && used < (int)size; c++) {
        double mean = figures->sum[c] / figures->count;
        double variance = figures->sum2[c] / figures->count - mean * mean;
        used += snprintf(text + used, size - (size_t)used, " %.2f+-%.2f", mean,
                         sqrt(fmax(variance, 0.0)));
    }
}
