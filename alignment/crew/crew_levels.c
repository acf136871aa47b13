/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew_levels: J_A and S of the levels at the expert itself, before there is a plan. */
#include "crew/crew_private.h"

#include "log.h"

static int measure_task_levels(crew_t *crew, int t, int images, double loss[KNOWLEDGE_LEVELS + 1],
                               err_t *err)
{
    const int expert = crew_find_skilled_expert(crew, t), levels = crew_levels(crew);
    for (int l = 0; l < levels; l++) {
        if (crew->mate[expert].held[t][l] == 0 &&
            crew_get_increment(crew, expert, t, l, expert, true, err) != 0) {
            return -1;
        }
    }
    double sum[KNOWLEDGE_LEVELS + 1] = {0};
    int code = 0;
    for (int k = 0; k < images && code == 0; k++) {
        picture_t picture;
        code = crew_picture_get(crew, expert, t, k, &picture, err);
        for (int l = 0; l <= levels && code == 0; l++) {
            double one = 0;
            code = crew_picture_send(crew, expert, expert, t, l, &picture, &one, err);
            sum[l] += one;
        }
        crew_picture_free(&picture);
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
    if (crew_check_skills(crew, err) != 0) {
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
