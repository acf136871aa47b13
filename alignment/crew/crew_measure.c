/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crew_measure: what the network really loses.
 *
 * A picture x of agent i's own goes over link i -> j at level l of a task: i encodes it with its
 * increments 1 ... l, j decodes the features with its own.  The task's expert says what should
 * have come out.  The alignment loss is DeKAP's (3), squared error between the two, and as in
 * its fig. 3 it is told as a residual: divided by the same loss without alignment (level 0 at both
 * ends), sums over the pictures,
 * then the mean over the tasks.
 *
 * Fetches for a use are made for real, once for each agent and increment it needs and doesn't
 * keep, and dropped afterwards.  With emulated rates T_i[l] is the time it took, in units of the
 * time that one unit of S takes at R = 1; without them it is the bytes at the nominal rate.
 */
#include "crew/crew_private.h"

#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Fetches what agent i needs for its links and doesn't keep; T_i[l] as it really was. */
static int fetch_for_use(crew_t *crew, const crew_links_t *links, int i, double *fetch, err_t *err)
{
    const allocation_input_t *in = network_input(crew->network);
    const int n = in->agents, levels = in->levels;
    const double unit = options_real(crew->options, "run.rate_bytes_s");
    int deepest = 0;
    for (int j = 0; j < n; j++) {
        const int out = links->depth[i * n + j], back = links->depth[j * n + i];
        deepest = out > deepest ? out : deepest;
        deepest = back > deepest ? back : deepest;
    }
    for (int l = 0; l < deepest; l++) {
        for (int t = 0; t < crew->tasks; t++) {
            if (crew->mate[i].held[t][l] != 0) {
                continue;
            }
            int best = -1;
            for (int h = 0; h < n; h++) {
                const bool can = crew->planned[h * levels + l] && crew_rate(crew, h, i) > 0;
                best = can && (best < 0 || crew_rate(crew, h, i) > crew_rate(crew, best, i)) ? h
                                                                                             : best;
            }
            if (best < 0 || crew_get_increment(crew, i, t, l, best, false, err) != 0) {
                return best < 0 ? err_set(err, ERR_STATE, "level %d is out of %s's reach", l + 1,
                                          crew->mate[i].name)
                                : -1;
            }
            double bytes = 0, units = 0;
            for (int k = 0; k < levels; k++) {
                bytes += (double)crew->task[t].level[k].size;
                units += in->size[k];
            }
            const double got = (double)crew->task[t].level[l].size;
            fetch[i * levels + l] +=
                (unit > 0 ? crew->mate[i].seconds[t][l] * unit : got / crew_rate(crew, best, i)) /
                (bytes / units) / crew->tasks;
        }
    }
    return 0;
}

static int measure_link(crew_t *crew, const crew_links_t *links, int i, int j, picture_t *pictures,
                        int images, double *loss, err_t *err)
{
    const int n = crew->agents, depth = links->depth[i * n + j];
    *loss = 0;
    for (int t = 0; t < crew->tasks; t++) {
        double with = 0, without = 0;
        for (int k = t * images; k < (t + 1) * images; k++) {
            picture_t *picture = &pictures[k];
            double one = 0;
            if (isnan(picture->unaligned) &&
                crew_picture_send(crew, i, j, t, 0, picture, &picture->unaligned, err) != 0) {
                return -1;
            }
            if (crew_picture_send(crew, i, j, t, depth, picture, &one, err) != 0) {
                return -1;
            }
            with += one;
            without += picture->unaligned;
        }
        *loss += without > 0 ? with / without / crew->tasks : 0.0;
    }
    return 0;
}

static int measure_from(crew_t *crew, const crew_links_t *links, int i, crew_measured_t *measured,
                        err_t *err)
{
    const int n = crew->agents, images = measured->images, count = crew->tasks * images;
    picture_t *pictures = calloc((size_t)count + 1, sizeof *pictures);
    int code = pictures != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for pictures");
    for (int k = 0; k < count && code == 0; k++) {
        code = crew_picture_get(crew, i, k / images, k % images, &pictures[k], err);
    }
    for (int j = 0; j < n && code == 0; j++) {
        if (links->depth[i * n + j] > 0) {
            code =
                measure_link(crew, links, i, j, pictures, images, &measured->loss[i * n + j], err);
            measured->links++;
        }
    }
    for (int k = 0; k < count && pictures != NULL; k++) {
        crew_picture_free(&pictures[k]);
    }
    free(pictures);
    return code;
}

static void add_up(const crew_t *crew, const crew_links_t *links, const double *fetch,
                   crew_measured_t *measured)
{
    const allocation_input_t *in = network_input(crew->network);
    const int n = in->agents, levels = in->levels;
    int uses[KNOWLEDGE_LEVELS] = {0};
    double bytes = 0, units = 0, stored = 0;
    memset(measured->level, 0, (size_t)levels * sizeof(double));
    for (int k = 0; k < n * n; k++) {
        const int depth = links->depth[k], i = k / n, j = k % n;
        double overhead = 0;
        for (int l = 0; l < depth; l++) {
            overhead += fetch[i * levels + l] + fetch[j * levels + l];
        }
        if (depth > 0) {
            measured->alignment += in->eta_a * in->frequency[k] * measured->loss[k];
            measured->transmission += in->eta_t * in->frequency[k] * overhead;
            measured->level[depth - 1] += measured->loss[k];
            uses[depth - 1]++;
        }
    }
    for (int l = 0; l < levels; l++) {
        measured->level[l] = uses[l] > 0 ? measured->level[l] / uses[l] : NAN;
        for (int t = 0; t < crew->tasks; t++) {
            const double size = (double)crew->task[t].level[l].size;
            bytes += size;
            for (int i = 0; i < n; i++) {
                stored += crew->mate[i].held[t][l] == 2 ? size : 0.0;
            }
        }
        units += in->size[l];
    }
    measured->storage = in->eta_s * stored / (bytes / units);
}

int crew_measure(crew_t *crew, const crew_links_t *links, crew_measured_t *measured, err_t *err)
{
    const int n = crew->agents, levels = crew_levels(crew);
    const uint64_t begin = clock_now_ns();
    double *fetch = calloc((size_t)(n * levels), sizeof *fetch);
    *measured = (crew_measured_t){.loss = calloc((size_t)(n * n), sizeof(double)),
                                  .level = calloc((size_t)levels, sizeof(double)),
                                  .images = (int)options_int(crew->options, "run.images")};
    int code = fetch != NULL && measured->loss != NULL && measured->level != NULL
                   ? crew_check_skills(crew, err)
                   : err_set(err, ERR_MEMORY, "no memory to measure");
    for (int i = 0; i < n && code == 0; i++) {
        code = fetch_for_use(crew, links, i, fetch, err);
    }
    for (int k = 0; k < n * n && code == 0; k++) {
        measured->loss[k] = NAN;
    }
    for (int i = 0; i < n && code == 0; i++) {
        code = measure_from(crew, links, i, measured, err);
    }
    if (code == 0) {
        add_up(crew, links, fetch, measured);
        measured->seconds = 1e-9 * (double)(clock_now_ns() - begin);
    }
    free(fetch);
    return code;
}

void crew_measured_free(crew_measured_t *measured)
{
    free(measured->loss);
    free(measured->level);
    measured->loss = measured->level = NULL;
}
