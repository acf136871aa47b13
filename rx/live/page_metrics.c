/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prometheus' text format 0.0.4, from the same totals as /status.json. */
#include "live/page_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *key, *name, *type, *labels, *help;
    double scale;
} metric_t;

/* Rows of one name stand together, as the format wants. */
static const metric_t metrics[] = {
    {"frames_ok", "frames_total", "counter", "status=\"ok\"", "frames by what became of them", 1},
    {"lost_header", "frames_total", "counter", "status=\"lost_header\"", NULL, 1},
    {"lost_gap", "frames_total", "counter", "status=\"lost_gap\"", NULL, 1},
    {"damaged", "frames_total", "counter", "status=\"damaged\"", NULL, 1},
    {"dropped", "frames_total", "counter", "status=\"dropped\"", NULL, 1},
    {"images", "images_total", "counter", "", "images decoded", 1},
    {"samples", "samples_total", "counter", "", "samples from the radio", 1},
    {"samples_dropped", "samples_dropped_total", "counter", "", "of these lost to overload", 1},
    {"overflows", "overflows_total", "counter", "", "overflows that the radio told of", 1},
    {"undecodable", "undecodable_total", "counter", "", "frames of another codec or adapter", 1},
    {"for_others", "for_others_total", "counter", "", "frames for another receiver", 1},
    {"restarts", "transmitter_restarts_total", "counter", "", "a transmitter began anew", 1},
    {"cpu_s", "cpu_seconds_total", "counter", "", "processor time", 1},
    {"time_s", "uptime_seconds", "gauge", "", "since the start", 1},
    {"snr_db", "snr_db", "gauge", "", "mean Es/N0 over all images", 1},
    {"evm_db", "evm_db", "gauge", "", "mean error of the pilots", 1},
    {"cfo_hz", "cfo_hz", "gauge", "", "mean carrier offset", 1},
    {"psnr_of_mean_mse_db", "psnr_of_mean_mse_db", "gauge", "", "over all images", 1},
    {"mean_psnr_db", "mean_psnr_db", "gauge", "", "over all images", 1},
    {"ssim", "ssim", "gauge", "", "mean over all images", 1},
    {"accuracy", "accuracy_ratio", "gauge", "", "images judged right, 0 to 1", 1},
    {"images_per_s", "images_per_second", "gauge", "", "from the first to the last", 1},
    {"latency_ms", "latency_seconds", "gauge", "", "last sample to report, mean", 1e-3},
    {"decode_ms", "decode_seconds", "gauge", "", "processor time of an image, mean", 1e-3},
};

static const metric_t live_metrics[] = {
    {"clients", "live_clients", "gauge", "", "browsers that watch", 1},
    {"clients_refused", "live_clients_refused_total", "counter", "", "for want of a place", 1},
    {"clients_broken", "live_clients_broken_total", "counter", "", "stuck or gone while sending",
     1},
    {"messages_sent", "live_messages_sent_total", "counter", "", "to all clients", 1},
    {"messages_dropped", "live_messages_dropped_total", "counter", "", "client was too slow", 1},
    {"requests_refused", "live_requests_refused_total", "counter", "", "token, Host or Origin", 1},
};

static void put_all(FILE *out, const json_t *object, const metric_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const metric_t *m = &list[i];
        const json_t *value = json_object_get(object, m->key);
        if (m->help != NULL) {
            fprintf(out, "# HELP semradio_rx_%s %s\n# TYPE semradio_rx_%s %s\n", m->name, m->help,
                    m->name, m->type);
        }
        fprintf(out, "semradio_rx_%s%s%s%s ", m->name, *m->labels != 0 ? "{" : "", m->labels,
                *m->labels != 0 ? "}" : "");
        if (json_is_number(value)) {
            fprintf(out, "%.17g\n", m->scale * json_number_value(value));
        } else {
            fprintf(out, "NaN\n"); /* not measured yet */
        }
    }
}

char *page_metrics(page_t *page, const json_t *status)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    put_all(out, status, metrics, sizeof metrics / sizeof metrics[0]);
    put_all(out, json_object_get(status, "live"), live_metrics,
            sizeof live_metrics / sizeof live_metrics[0]);
    if (page->has_last) { /* hashes and numbers only: nothing to escape */
        fprintf(out,
                "# HELP semradio_rx_adapter_info adapter of the last image\n"
                "# TYPE semradio_rx_adapter_info gauge\n"
                "semradio_rx_adapter_info{adapter=\"%s\",tag=\"%lld\"} 1\n",
                page->last.adapter, (long long)page->last.adapter_tag);
    }
    return fclose(out) == 0 ? text : NULL;
}
