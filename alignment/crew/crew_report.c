/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew_report: what was asked for and what came of it, as JSON and as a table. */
#include "crew/crew_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static double entry_of(const json_t *state, const char *from, const char *key)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(state, "received"), i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "from"));
        if (name != NULL && strcmp(name, from) == 0) {
            return json_number_value(json_object_get(entry, key));
        }
    }
    return 0;
}

static double since(const mate_t *mate, const char *key)
{
    return json_number_value(json_object_get(mate->last, key)) -
           json_number_value(json_object_get(mate->first, key));
}

/* {"from","to","planned","used"} of each link that carried something; adds to the sums. */
static json_t *links_json(const crew_t *crew, double *planned, double *used)
{
    json_t *list = json_array();
    for (int i = 0; i < crew->mates; i++) {
        const mate_t *mate = &crew->mate[i];
        for (int h = 0; h < crew->mates; h++) {
            const char *from = crew->mate[h].name;
            const double p =
                entry_of(mate->last, from, "planned") - entry_of(mate->first, from, "planned");
            const double u =
                entry_of(mate->last, from, "used") - entry_of(mate->first, from, "used");
            if (p > 0 || u > 0) {
                json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "from", from, "to",
                                                      mate->name, "planned", (json_int_t)p, "used",
                                                      (json_int_t)u));
                *planned += p;
                *used += u;
            }
        }
    }
    return list;
}

static json_t *agents_json(const crew_t *crew, double *sent)
{
    json_t *list = json_array();
    for (int i = 0; i < crew->mates; i++) {
        const mate_t *mate = &crew->mate[i];
        json_t *held = json_object();
        for (int t = 0; t < crew->tasks; t++) {
            json_t *levels = json_array();
            for (int l = 0; l < crew_levels(crew); l++) {
                json_array_append_new(levels, json_integer(mate->held[t][l] == 2));
            }
            json_object_set_new(held, crew->task[t].task, levels);
        }
        *sent += since(mate, "sent");
        json_array_append_new(list, json_pack("{s:s, s:o, s:b, s:I, s:i, s:i, s:s*}", "name",
                                              mate->name, "held", held, "verified", mate->verified,
                                              "sent", (json_int_t)since(mate, "sent"), "restarts",
                                              (int)since(mate, "starts"), "damaged", mate->damaged,
                                              "failure", mate->given_up ? mate->failure : NULL));
    }
    return list;
}

static json_t *part(double predicted, double measured)
{
    return json_pack("{s:o, s:o}", "predicted", number(predicted), "measured", number(measured));
}

static json_t *loss_json(const crew_t *crew, const crew_links_t *links,
                         const crew_measured_t *measured)
{
    const int n = crew->agents;
    const double none = NAN;
    json_t *object = json_object(), *levels = json_array(), *each = json_array();
    const double p = links->alignment + links->transmission + links->storage;
    const double m =
        measured != NULL ? measured->alignment + measured->transmission + measured->storage : none;
    json_object_set_new(object, "objective", part(p, m));
    json_object_set_new(object, "alignment",
                        part(links->alignment, measured != NULL ? measured->alignment : none));
    json_object_set_new(
        object, "transmission",
        part(links->transmission, measured != NULL ? measured->transmission : none));
    json_object_set_new(object, "storage",
                        part(links->storage, measured != NULL ? measured->storage : none));
    for (int l = 0; l < crew_levels(crew); l++) {
        json_array_append_new(levels, part(network_input(crew->network)->loss[l],
                                           measured != NULL ? measured->level[l] : none));
    }
    json_object_set_new(object, "levels", levels);
    for (int k = 0; k < n * n && measured != NULL; k++) {
        if (links->depth[k] > 0) {
            json_array_append_new(
                each, json_pack("{s:s, s:s, s:i, s:f, s:o}", "from", crew->mate[k / n].name, "to",
                                crew->mate[k % n].name, "level", links->depth[k], "predicted",
                                network_input(crew->network)->loss[links->depth[k] - 1], "measured",
                                number(measured->loss[k])));
        }
    }
    json_object_set_new(object, "links", each);
    json_object_set_new(object, "images", json_integer(measured != NULL ? measured->images : 0));
    json_object_set_new(object, "seconds", number(measured != NULL ? measured->seconds : none));
    return object;
}

json_t *crew_report(const crew_t *crew, const crew_links_t *links, const crew_measured_t *measured)
{
    double planned = 0, used = 0, sent = 0;
    json_t *tasks = json_array();
    for (int t = 0; t < crew->tasks; t++) {
        json_array_append_new(tasks, json_string(crew->task[t].task));
    }
    json_t *by_link = links_json(crew, &planned, &used), *agents = agents_json(crew, &sent);
    json_t *bytes = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:o}", "differences", (json_int_t)crew->needed_bytes, "matrices",
        (json_int_t)crew->needed_matrices, "received", (json_int_t)planned, "received_for_use",
        (json_int_t)used, "sent", (json_int_t)sent, "sent_over_differences",
        number(crew->needed_bytes > 0 ? (sent - used) / (double)crew->needed_bytes : NAN));
    json_t *report = json_pack(
        "{s:s, s:i, s:i, s:o, s:b, s:s*, s:f, s:i, s:o, s:o, s:o}", "program",
        "semradio-align network", "N", crew->agents, "L", crew_levels(crew), "tasks", tasks, "done",
        crew->error.code == ERR_NONE, "error",
        crew->error.code != ERR_NONE ? crew->error.text : NULL, "seconds", crew->settle_s,
        "transfers", crew->needed, "bytes", bytes, "agents", agents, "transferred", by_link);
    if (links != NULL) {
        json_object_set_new(report, "loss", loss_json(crew, links, measured));
    }
    return report;
}

/* ---- for people ---- */

static double at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void print_part(const json_t *loss, const char *name)
{
    const json_t *both = json_object_get(loss, name);
    printf("  %-14s %10.4f", name, at(both, "predicted"));
    if (isfinite(at(both, "measured"))) {
        printf(" %10.4f", at(both, "measured"));
    }
    putchar('\n');
}

void crew_print(const json_t *report)
{
    const json_t *bytes = json_object_get(report, "bytes"), *loss = json_object_get(report, "loss");
    size_t i, t;
    json_t *agent, *levels;
    const char *task;
    json_array_foreach(json_object_get(report, "agents"), i, agent)
    {
        printf("%-16s", json_string_value(json_object_get(agent, "name")));
        json_object_foreach(json_object_get(agent, "held"), task, levels)
        {
            printf("  %s ", task);
            for (t = 0; t < json_array_size(levels); t++) {
                putchar(json_integer_value(json_array_get(levels, t)) != 0 ? '1' + (int)t : '.');
            }
        }
        printf("  sent %9.0f  restarts %.0f%s\n", at(agent, "sent"), at(agent, "restarts"),
               json_is_true(json_object_get(agent, "verified")) ? "" : "  not verified");
    }
    printf("%.0f transfers in %.2f s: %.0f bytes sent for differences of %.0f",
           at(report, "transfers"), at(report, "seconds"),
           at(bytes, "sent") - at(bytes, "received_for_use"), at(bytes, "differences"));
    if (isfinite(at(bytes, "sent_over_differences"))) {
        printf(" (%.1f %%)", 100 * at(bytes, "sent_over_differences"));
    }
    printf("; %.0f for use\n", at(bytes, "received_for_use"));
    if (loss != NULL) {
        static const char *const names[] = {"objective", "alignment", "transmission", "storage"};
        printf("  %-14s %10s%s\n", "network loss", "predicted",
               at(loss, "images") > 0 ? "   measured" : "");
        for (t = 0; t < 4; t++) {
            print_part(loss, names[t]);
        }
        json_array_foreach(json_object_get(loss, "levels"), i, agent)
        {
            if (isfinite(at(agent, "measured"))) {
                printf("  J_A level %-4zu %10.4f %10.4f\n", i + 1, at(agent, "predicted"),
                       at(agent, "measured"));
            }
        }
    }
}
