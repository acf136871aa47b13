/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Received pictures as PNG files, each with the one that was sent beside it. */
#include "log.h"
#include "rx.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* DATASET-INDEX-FRAME-SNR: cifar10-00042-f01234-12.3dB */
static void make_name(const frame_report_t *report, char *name, size_t size)
{
    char set[sizeof report->dataset];
    snprintf(set, sizeof set, "%s", report->dataset[0] != 0 ? report->dataset : "unknown");
    for (char *at = set; *at != 0; at++) {
        if (!isalnum((unsigned char)*at) && strchr("._-", *at) == NULL) {
            *at = '_';
        }
    }
    int used = snprintf(name, size, "%s-%05lld-f%05lld-", set, (long long)report->image_id,
                        (long long)report->frame);
    if (isfinite(report->snr_db)) {
        snprintf(name + used, size - (size_t)used, "%.1fdB", report->snr_db);
    } else {
        snprintf(name + used, size - (size_t)used, "unknown");
    }
}

static void save(rx_t *rx, const char *name, const char *suffix, uint8_t *rgb, int width,
                 int height)
{
    rx_output_t *output = &rx->output;
    char path[4096];
    err_t err = ERR_INIT;
    image_t image = {width, height, rgb};
    snprintf(path, sizeof path, "%s/%s%s.png", output->images_dir, name, suffix);
    if (image_save_png(path, &image, &err) == 0) {
        return;
    }
    atomic_fetch_add(&rx->counts.images_lost, 1);
    if (!output->images_warned) {
        output->images_warned = true;
        log_error("%s; images are lost until it works again", err.text);
    }
}

void rx_write_images(rx_t *rx, const rx_result_t *result)
{
    const rx_output_t *output = &rx->output;
    size_t bytes = (size_t)3 * (size_t)result->width * (size_t)result->height;
    for (int i = 0; i < result->images; i++) {
        if (output->settings.images_limit > 0 &&
            atomic_load(&rx->counts.images_written) >= output->settings.images_limit) {
            return;
        }
        char name[128];
        make_name(&result->reports[i], name, sizeof name);
        save(rx, name, "", result->received + bytes * (size_t)i, result->width, result->height);
        if (output->settings.images_sent && result->has_sent[i]) {
            save(rx, name, "-sent", result->sent + bytes * (size_t)i, result->width,
                 result->height);
        }
        atomic_fetch_add(&rx->counts.images_written, 1);
    }
}
