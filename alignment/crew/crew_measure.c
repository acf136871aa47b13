/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crew_measure: what the network really loses.
 *
 * A picture x of agent i's own goes over link i -> j at level l of a task: i encodes it with its
 * increments 1 ... l, j decodes the features with its own.  The task's expert says what should
 * have come out.  The alignment loss is DeKAP's (3), squared error between the two, and as in
 * its fig. 3 it is told as a residual: divided by the same loss without alignment (level 0 at both
 * ends), sums over the pictures.
 *
 * Fetches for a use are made for real, once for each agent and increment it needs and doesn't
 * keep, and dropped afterwards.  With emulated rates T_i[l] is the time it took, in units of the
 * time that one unit of S takes at R = 1; without them it is the bytes at the nominal rate.
 */
#include "crew/crew_private.h"

#include "clock.h"
#include "control/field.h"
#include "log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint8_t *rgb, *wanted; /* what is sent, what the expert makes of it */
    size_t size;
    int width, height;
    double unaligned; /* loss without alignment, sum of squares a byte; NAN: not asked yet */
} picture_t;

static double distance(const uint8_t *a, const uint8_t *b, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++) {
        const double d = ((double)a[k] - (double)b[k]) / 255.0;
        sum += d * d;
    }
    return sum / (double)count;
}

static json_t *about(const crew_t *crew, int t, const picture_t *picture)
{
    return json_pack("{s:s, s:i, s:i}", "task", crew->task[t].task, "width", picture->width,
                     "height", picture->height);
}

static int find_expert(const crew_t *crew, int t)
{
    for (int i = 0; i < crew->mates; i++) {
        if (crew->mate[i].expert[t] && crew->mate[i].skilled) {
            return i;
        }
    }
    return -1;
}

static int get_picture(crew_t *crew, int i, int t, int index, picture_t *picture, err_t *err)
{
    json_t *result = NULL;
    int64_t width = 0, height = 0;
    size_t size = 0;
    memset(picture, 0, sizeof *picture);
    picture->unaligned = NAN;
    if (mate_ask(&crew->mate[i], "agent.sample",
                 json_pack("{s:s, s:i}", "task", crew->task[t].task, "index", index), NULL, 0,
                 &result, &picture->rgb, &picture->size, err) != 0) {
        return -1;
    }
    int code = field_int(result, "width", 1, 4096, &width, err) == 0
                   ? field_int(result, "height", 1, 4096, &height, err)
                   : -1;
    json_decref(result);
    picture->width = (int)width;
    picture->height = (int)height;
    if (code == 0) {
        code = mate_ask(&crew->mate[find_expert(crew, t)], "agent.expert", about(crew, t, picture),
                        picture->rgb, picture->size, NULL, &picture->wanted, &size, err);
    }
    if (code == 0 && size != picture->size) {
        code = err_set(err, ERR_FORMAT, "the expert's picture has another size");
    }
    return code;
}

static void free_picture(picture_t *picture)
{
    free(picture->rgb);
    free(picture->wanted);
    memset(picture, 0, sizeof *picture);
}

/* Loss of one picture over link i -> j with `level` at both ends. */
static int send(crew_t *crew, int i, int j, int t, int level, const picture_t *picture,
                double *loss, err_t *err)
{
    uint8_t *features = NULL, *rgb = NULL;
    size_t features_size = 0, size = 0;
    json_t *args = about(crew, t, picture);
    json_object_set_new(args, "level", json_integer(level));
    json_t *decode = json_deep_copy(args);
    if (options_choice(crew->options, "run.via") == 1) {
        json_object_set_new(decode, "snr_db", json_real(options_real(crew->options, "run.snr_db")));
    }
    int code = mate_ask(&crew->mate[i], "agent.encode", args, picture->rgb, picture->size, NULL,
                        &features, &features_size, err);
    if (code != 0) {
        json_decref(decode);
        return -1;
    }
    code = mate_ask(&crew->mate[j], "agent.decode", decode, features, features_size, NULL, &rgb,
                    &size, err);
    free(features);
    if (code == 0 && size != picture->size) {
        code =
            err_set(err, ERR_FORMAT, "%s: a decoded picture has another size", crew->mate[j].name);
    }
    *loss = code == 0 ? distance(rgb, picture->wanted, size) : NAN;
    free(rgb);
    return code;
}

static int check_skills(const crew_t *crew, err_t *err)
{
    for (int i = 0; i < crew->agents; i++) {
        if (!crew->mate[i].skilled) {
            return err_set(err, ERR_UNSUPPORTED,
                           "%s has no codec (skill.codec): nothing to measure", crew->mate[i].name);
        }
    }
    for (int t = 0; t < crew->tasks; t++) {
        if (find_expert(crew, t) < 0) {
            return err_set(err, ERR_STATE,
                           "the expert of \"%s\" isn't here: nothing to measure "
                           "against",
                           crew->task[t].task);
        }
    }
    return 0;
}

/* ---- levels, before there is a plan ---- */

static int wait_held(crew_t *crew, int i, int t, int l, err_t *err)
{
    mate_t *mate = &crew->mate[i];
    const uint64_t end = crew->deadline_ns;
    while (mate->held[t][l] == 0) {
        if (clock_now_ns() > end || crew->error.code != ERR_NONE || mate->failures > 3) {
            return err_set(err, ERR_TIMEOUT, "%s doesn't get level %d of \"%s\" for a use: %s",
                           mate->name, l + 1, crew->task[t].task, mate->failure);
        }
        mate->poll_ns = 0;
        crew_mates_step(crew, 0.01);
    }
    return 0;
}

static int ask_get(crew_t *crew, int i, int t, int l, int h, bool keep, err_t *err)
{
    const mate_t *from = &crew->mate[h];
    const double unit = options_real(crew->options, "run.rate_bytes_s");
    json_t *args = json_pack("{s:s, s:i, s:i, s:s, s:s, s:f}", "task", crew->task[t].task, "level",
                             l + 1, "keep", keep, "name", from->name, "endpoint", from->endpoint,
                             "rate", unit > 0 && h != i ? unit * crew_rate(crew, h, i) : 0.0);
    if (*from->key != 0) {
        json_object_set_new(args, "key", json_string(from->key));
    }
    return mate_ask(&crew->mate[i], "agent.get", args, NULL, 0, NULL, NULL, NULL, err) == 0
               ? wait_held(crew, i, t, l, err)
               : -1;
}

static int measure_task_levels(crew_t *crew, int t, int images, double loss[KNOWLEDGE_LEVELS + 1],
                               err_t *err)
{
    const int expert = find_expert(crew, t), levels = crew_levels(crew);
    for (int l = 0; l < levels; l++) {
        if (crew->mate[expert].held[t][l] == 0 &&
            ask_get(crew, expert, t, l, expert, true, err) != 0) {
            return -1;
        }
    }
    double sum[KNOWLEDGE_LEVELS + 1] = {0};
    int code = 0;
    for (int k = 0; k < images && code == 0; k++) {
        picture_t picture;
        code = get_picture(crew, expert, t, k, &picture, err);
        for (int l = 0; l <= levels && code == 0; l++) {
            double one = 0;
            code = send(crew, expert, expert, t, l, &picture, &one, err);
            sum[l] += one;
        }
        free_picture(&picture);
    }
    for (int l = 0; l <= levels; l++) {
        loss[l] += sum[0] > 0 ? sum[l] / sum[0] / crew->tasks : 0.0;
    }
    return code;
}

int crew_measure_levels(crew_t *crew, err_t *err)
{
    double loss[KNOWLEDGE_LEVELS + 1] = {0}, size[KNOWLEDGE_LEVELS] = {0};
    const int images = (int)options_int(crew->options, "run.images");
    if (check_skills(crew, err) != 0) {
        return -1;
    }
    for (int t = 0; t < crew->tasks; t++) {
        if (measure_task_levels(crew, t, images, loss, err) != 0) {
            return -1;
        }
        for (int l = 0; l < crew_levels(crew); l++) {
            size[l] += (double)crew->task[t].level[l].size / (double)crew->task[t].level[0].size /
                       crew->tasks;
        }
    }
    for (int l = 0; l < crew_levels(crew); l++) {
        log_info("level %d: J_A %.4f, S %.3f", l + 1, loss[l + 1], size[l]);
    }
    return network_set_levels(crew->network, loss + 1, size, err);
}

/* ---- links ---- */

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
            if (best < 0 || ask_get(crew, i, t, l, best, false, err) != 0) {
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
    double with = 0, without = 0;
    for (int k = 0; k < crew->tasks * images; k++) {
        picture_t *picture = &pictures[k];
        double one = 0;
        if (isnan(picture->unaligned) &&
            send(crew, i, j, k / images, 0, picture, &picture->unaligned, err) != 0) {
            return -1;
        }
        if (send(crew, i, j, k / images, depth, picture, &one, err) != 0) {
            return -1;
        }
        with += one;
        without += picture->unaligned;
    }
    *loss = without > 0 ? with / without : 0.0;
    return 0;
}

static int measure_from(crew_t *crew, const crew_links_t *links, int i, crew_measured_t *measured,
                        err_t *err)
{
    const int n = crew->agents, images = measured->images, count = crew->tasks * images;
    picture_t *pictures = calloc((size_t)count + 1, sizeof *pictures);
    int code = pictures != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for pictures");
    for (int k = 0; k < count && code == 0; k++) {
        code = get_picture(crew, i, k / images, k % images, &pictures[k], err);
    }
    for (int j = 0; j < n && code == 0; j++) {
        if (links->depth[i * n + j] > 0) {
            code =
                measure_link(crew, links, i, j, pictures, images, &measured->loss[i * n + j], err);
            measured->links++;
        }
    }
    for (int k = 0; k < count && pictures != NULL; k++) {
        free_picture(&pictures[k]);
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
                   ? check_skills(crew, err)
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
