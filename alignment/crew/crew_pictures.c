/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew_pictures: one picture over one link, as crew_measure.c tells. */
#include "crew/crew_private.h"

#include "clock.h"
#include "control/field.h"
#include "log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

int crew_find_skilled_expert(const crew_t *crew, int t)
{
    for (int i = 0; i < crew->mates; i++) {
        if (crew->mate[i].expert[t] && crew->mate[i].skilled) {
            return i;
        }
    }
    return -1;
}

int crew_picture_get(crew_t *crew, int i, int t, int index, picture_t *picture, err_t *err)
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
        code = mate_ask(&crew->mate[crew_find_skilled_expert(crew, t)], "agent.expert",
                        about(crew, t, picture), picture->rgb, picture->size, NULL,
                        &picture->wanted, &size, err);
    }
    if (code == 0 && size != picture->size) {
        code = err_set(err, ERR_FORMAT, "the expert's picture has another size");
    }
    return code;
}

void crew_picture_free(picture_t *picture)
{
    free(picture->rgb);
    free(picture->wanted);
    memset(picture, 0, sizeof *picture);
}

/* Loss of one picture over link i -> j with `level` at both ends. */
int crew_picture_send(crew_t *crew, int i, int j, int t, int level, const picture_t *picture,
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

int crew_check_skills(const crew_t *crew, err_t *err)
{
    for (int i = 0; i < crew->agents; i++) {
        if (!crew->mate[i].skilled) {
            return err_set(err, ERR_UNSUPPORTED,
                           "%s has no codec (skill.codec): nothing to measure", crew->mate[i].name);
        }
    }
    for (int t = 0; t < crew->tasks; t++) {
        if (crew_find_skilled_expert(crew, t) < 0) {
            return err_set(err, ERR_STATE,
                           "the expert of \"%s\" isn't here: nothing to measure "
                           "against",
                           crew->task[t].task);
        }
    }
    return 0;
}

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

int crew_get_increment(crew_t *crew, int i, int t, int l, int h, bool keep, err_t *err)
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
