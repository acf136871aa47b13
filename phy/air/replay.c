/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/replay.h"

#include "air/csi_paths.h"

#include <math.h>
#include <stdlib.h>

static const double MOST_STEP_US = 1e6, USUAL_STEP_US = 1e3;

struct replay {
    size_t count;
    double *time_s; /* of each packet, from 0 */
    csi_gains_t *gains;
    double start_s;
};

double replay_delay_ns(size_t j)
{
    return csi_paths_delay_ns(j);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* time_s holds the card's clock in microseconds at first.  `scratch` has room for as many. */
static void straighten_time(replay_t *r, double *scratch)
{
    size_t good = 0;
    for (size_t i = 1; i < r->count; i++) {
        const double step_us = fmod(r->time_s[i] - r->time_s[i - 1] + 0x1p32, 0x1p32);
        if (step_us > 0.0 && step_us <= MOST_STEP_US) {
            scratch[good++] = step_us;
        }
    }
    qsort(scratch, good, sizeof *scratch, by_value);
    const double usual_us = good > 0 ? scratch[good / 2] : USUAL_STEP_US;
    double last_us = r->time_s[0];
    double now_us = 0.0;
    r->time_s[0] = 0.0;
    for (size_t i = 1; i < r->count; i++) {
        const double step_us = fmod(r->time_s[i] - last_us + 0x1p32, 0x1p32);
        last_us = r->time_s[i];
        now_us += step_us > 0.0 && step_us <= MOST_STEP_US ? step_us : usual_us;
        r->time_s[i] = 1e-6 * now_us;
    }
}

static double band_power(const csi_gains_t *gains, double rate_hz)
{
    enum { POINTS = 27 };
    double sum = 0.0;
    for (int k = 0; k < POINTS; k++) {
        sum += csi_paths_power(gains, (k - POINTS / 2) * 0.02 * rate_hz);
    }
    return sum / POINTS;
}

static void normalise(replay_t *r, double rate_hz)
{
    double sum = 0.0;
    for (size_t i = 0; i < r->count; i++) {
        sum += band_power(&r->gains[i], rate_hz);
    }
    const float scale = (float)sqrt((double)r->count / sum);
    for (size_t i = 0; i < r->count; i++) {
        for (int p = 0; p < CSI_PATHS; p++) {
            r->gains[i].re[p] *= scale;
            r->gains[i].im[p] *= scale;
        }
    }
}

static void convert_all(replay_t *r, const csi_file_t *file, int path_link, csi_solver_t solver[2])
{
    for (size_t i = 0; i < csi_file_count(file); i++) {
        const csi_packet_t *packet = csi_file_at(file, i);
        csi_gains_t *gains = &r->gains[r->count];
        if (csi_paths_read(packet, path_link / 3, path_link % 3, solver[packet->wide], gains)) {
            if (r->count > 0) {
                csi_paths_align(gains, gains - 1);
            }
            r->time_s[r->count++] = packet->timestamp_us;
        }
    }
}

static int load(replay_t *r, const csi_file_t *file, const char *path, int path_link,
                double rate_hz, err_t *err)
{
    const size_t room = csi_file_count(file);
    r->time_s = calloc(room, sizeof *r->time_s);
    r->gains = calloc(room, sizeof *r->gains);
    double *scratch = calloc(room, sizeof *scratch);
    csi_solver_t *solver = calloc(2, sizeof *solver);
    int result = 0;
    if (r->time_s == NULL || r->gains == NULL || scratch == NULL || solver == NULL) {
        result = err_set(err, ERR_MEMORY, "no memory for channel state");
    } else {
        csi_paths_prepare(false, solver[0]);
        csi_paths_prepare(true, solver[1]);
        convert_all(r, file, path_link, solver);
        if (r->count == 0) {
            result =
                err_set(err, ERR_ARGUMENT,
                        "channel.path_link = %d: none of the %zu measurements in %s holds that "
                        "pair of antennas with any power",
                        path_link, room, path);
        } else {
            straighten_time(r, scratch);
            normalise(r, rate_hz);
        }
    }
    free(solver);
    free(scratch);
    return result;
}

replay_t *replay_open(const char *path, int path_link, double rate_hz, err_t *err)
{
    csi_file_t *file = csi_file_open(path, err);
    if (file == NULL) {
        err_prefix(err, "channel.path");
        return NULL;
    }
    replay_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        err_set(err, ERR_MEMORY, "no memory for channel state");
    } else if (load(r, file, path, path_link, rate_hz, err) < 0) {
        replay_close(r);
        r = NULL;
    }
    csi_file_close(file);
    return r;
}

void replay_close(replay_t *r)
{
    if (r != NULL) {
        free(r->time_s);
        free(r->gains);
        free(r);
    }
}

size_t replay_paths(const replay_t *r)
{
    (void)r;
    return CSI_PATHS;
}

size_t replay_packets(const replay_t *r)
{
    return r->count;
}

double replay_duration_s(const replay_t *r)
{
    return r->time_s[r->count - 1];
}

void replay_start(replay_t *r, double share)
{
    r->start_s = share * replay_duration_s(r);
}

void replay_at(const replay_t *r, double seconds, float *gr, float *gi)
{
    const double length = replay_duration_s(r);
    double t = 0.0;
    if (length > 0.0) { /* there and back */
        t = fabs(fmod(r->start_s + seconds, 2.0 * length));
        t = t > length ? 2.0 * length - t : t;
    }
    size_t low = 0, high = r->count - 1; /* time_s[low] <= t <= time_s[high] */
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (r->time_s[middle] <= t) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const double span = r->time_s[high] - r->time_s[low];
    const float share = span > 0.0 ? (float)((t - r->time_s[low]) / span) : 0.0f;
    for (int p = 0; p < CSI_PATHS; p++) {
        gr[p] = r->gains[low].re[p] + share * (r->gains[high].re[p] - r->gains[low].re[p]);
        gi[p] = r->gains[low].im[p] + share * (r->gains[high].im[p] - r->gains[low].im[p]);
    }
}
