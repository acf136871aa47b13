/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/hub.h"
#include "radio/segment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int hub_status(const char *name, hub_status_t *status, err_t *err)
{
    segment_t segment;
    if (segment_attach(&segment, name, err) < 0) {
        return -1;
    }
    segment_header_t *h = segment.header;
    *status = (hub_status_t){.now = atomic_load(&h->now),
                             .samples_per_second = segment_value(atomic_load(&h->speed_bits)),
                             .load = segment_value(atomic_load(&h->load_bits)),
                             .snr_db = segment_value(atomic_load(&h->snr_bits)),
                             .cfo_hz = segment_value(atomic_load(&h->cfo_bits)),
                             .radios = (int)atomic_load(&h->radios),
                             .bursts = atomic_load(&h->bursts),
                             .dropped = atomic_load(&h->dropped),
                             .late = atomic_load(&h->late),
                             .underflows = atomic_load(&h->underflows),
                             .stalls = atomic_load(&h->stalls)};
    status->realtime_factor = status->samples_per_second / segment.rate_hz;
    segment_detach(&segment);
    return 0;
}

int hub_set(const char *name, const char *key, double value, err_t *err)
{
    segment_t segment;
    if (segment_attach(&segment, name, err) < 0) {
        return -1;
    }
    int result = 0;
    if (strcmp(key, "channel.snr_db") == 0) {
        if (value >= -100.0 && value <= 100.0) {
            atomic_store(&segment.header->snr_bits, segment_bits(value));
        } else {
            result = err_set(err, ERR_ARGUMENT, "%s = %g is outside -100 to 100", key, value);
        }
    } else if (strcmp(key, "channel.cfo_hz") == 0) {
        if (fabs(value) <= 0.5 * segment.rate_hz) {
            atomic_store(&segment.header->cfo_bits, segment_bits(value));
        } else {
            result = err_set(err, ERR_ARGUMENT, "%s = %g is outside half the sample rate %g", key,
                             value, segment.rate_hz);
        }
    } else {
        result = err_set(err, ERR_ARGUMENT,
                         "\"%s\" is not one of channel.snr_db and channel.cfo_hz; the others "
                         "are set over the control plane (--control.bind, semradio-align set)",
                         key);
    }
    segment_detach(&segment);
    return result;
}

/* JSON has no infinity. */
static const char *number(double value, char text[32])
{
    if (!isfinite(value)) {
        return "null";
    }
    snprintf(text, 32, "%.3f", value);
    return text;
}

char *hub_status_json(const hub_status_t *s, char *text, size_t size)
{
    char snr[32], cfo[32];
    snprintf(text, size,
             "{\"now\":%llu,\"samples_per_second\":%.0f,\"realtime_factor\":%.4f,\"load\":%.4f,"
             "\"snr_db\":%s,\"cfo_hz\":%s,\"radios\":%d,\"bursts\":%llu,\"dropped\":%llu,"
             "\"late\":%llu,\"underflows\":%llu,\"stalls\":%llu}",
             (unsigned long long)s->now, s->samples_per_second, s->realtime_factor, s->load,
             number(s->snr_db, snr), number(s->cfo_hz, cfo), s->radios, (unsigned long long)s->bursts,
             (unsigned long long)s->dropped, (unsigned long long)s->late,
             (unsigned long long)s->underflows, (unsigned long long)s->stalls);
    return text;
}
