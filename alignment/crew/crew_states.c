/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew_states: what agents say of themselves. */
#include "crew/crew_private.h"

#include "clock.h"

#include <string.h>

static int find_task(crew_t *crew, const knowledge_t *knowledge)
{
    for (int t = 0; t < crew->tasks; t++) {
        if (strcmp(crew->task[t].task, knowledge->task) == 0) {
            if (!knowledge_equal(&crew->task[t], knowledge)) {
                err_set(&crew->error, ERR_STATE, "agents know different \"%s\"", knowledge->task);
            }
            return t;
        }
    }
    if (crew->tasks == CREW_TASKS) {
        err_set(&crew->error, ERR_STATE, "there are more than %d tasks", CREW_TASKS);
        return -1;
    }
    if (knowledge->levels != crew_levels(crew)) {
        err_set(&crew->error, ERR_STATE, "task \"%s\" has %d levels, the network %d",
                knowledge->task, knowledge->levels, crew_levels(crew));
        return -1;
    }
    crew->task[crew->tasks] = *knowledge;
    return crew->tasks++;
}

static void take_task(mate_t *mate, const json_t *object)
{
    knowledge_t knowledge;
    const json_t *held = json_object_get(object, "held");
    const json_t *seconds = json_object_get(object, "seconds");
    err_t err = ERR_INIT;
    if (knowledge_read(json_object_get(object, "knowledge"), &knowledge, &err) != 0) {
        err_set(&mate->crew->error, ERR_FORMAT, "%s: %s", mate->name, err.text);
        return;
    }
    const int t = find_task(mate->crew, &knowledge);
    if (t < 0) {
        return;
    }
    mate->knows[t] = true;
    mate->expert[t] = json_is_true(json_object_get(object, "expert"));
    for (int l = 0; l < knowledge.levels; l++) {
        const int now = (int)json_integer_value(json_array_get(held, (size_t)l));
        if (now != mate->held[t][l]) {
            mate->crew->progress_ns = clock_now_ns();
        }
        mate->held[t][l] = now;
        mate->seconds[t][l] = json_number_value(json_array_get(seconds, (size_t)l));
    }
}

static void take_fetch(mate_t *mate, const json_t *object)
{
    crew_t *crew = mate->crew;
    const char *task = json_string_value(json_object_get(object, "task"));
    const char *from = json_string_value(json_object_get(object, "from"));
    const char *failed = json_string_value(json_object_get(object, "failed"));
    const int level = (int)json_integer_value(json_object_get(object, "level"));
    int t = 0, h = 0;
    while (t < crew->tasks && (task == NULL || strcmp(crew->task[t].task, task) != 0)) {
        t++;
    }
    while (h < crew->mates && (from == NULL || strcmp(crew->mate[h].name, from) != 0)) {
        h++;
    }
    if (t == crew->tasks || level < 1 || level > crew_levels(crew)) {
        return;
    }
    if (failed == NULL) {
        mate->from[t][level - 1] = h < crew->mates ? h : -1;
        return;
    }
    snprintf(mate->failure, sizeof mate->failure, "%s, level %d: %.180s", task, level, failed);
    mate->failures += json_is_true(json_object_get(object, "here"));
}

void mate_take_state(mate_t *mate, const json_t *state)
{
    const char *session = json_string_value(json_object_get(state, "session"));
    size_t i;
    json_t *object;
    if (session != NULL && strcmp(session, mate->session) != 0) {
        mate->lives++;
        mate->verified = false;
        mate->failures = 0;
        snprintf(mate->session, sizeof mate->session, "%s", session);
    }
    for (int t = 0; t < CREW_TASKS; t++) {
        mate->knows[t] = false;
        for (int l = 0; l < KNOWLEDGE_LEVELS; l++) {
            mate->from[t][l] = -1;
        }
    }
    json_array_foreach(json_object_get(state, "tasks"), i, object)
    {
        take_task(mate, object);
    }
    json_array_foreach(json_object_get(state, "fetches"), i, object)
    {
        take_fetch(mate, object);
    }
    mate->skilled = json_is_object(json_object_get(state, "skill"));
    mate->heard_ns = clock_now_ns();
    if (mate->first == NULL) {
        mate->first = json_deep_copy(state);
    }
}
