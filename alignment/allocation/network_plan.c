/* SPDX-License-Identifier: GPL-3.0-or-later */
/* network: plans into it, out of it, and over to a changed network. */
#include "allocation/network_private.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static json_t *rows_of(const uint8_t *held, int agents, int levels)
{
    json_t *rows = json_array();
    for (int i = 0; i < agents; i++) {
        json_t *row = json_array();
        for (int l = 0; l < levels; l++) {
            json_array_append_new(row, json_integer(held[i * levels + l]));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

const char *network_name(const network_t *network, int agent)
{
    return json_string_value(
        json_array_get(json_object_get(network->root, "names"), (size_t)agent));
}

int network_set_levels(network_t *network, const double *loss, const double *size, err_t *err)
{
    json_t *losses = json_array(), *sizes = json_array();
    int failed = 0;
    for (int l = 0; l < network->input.levels; l++) {
        network->loss[l] = loss[l];
        network->size[l] = size[l];
        failed |= json_array_append_new(losses, json_real(loss[l]));
        failed |= json_array_append_new(sizes, json_real(size[l]));
    }
    failed |= json_object_set_new(network->root, "J_A", losses);
    failed |= json_object_set_new(network->root, "S", sizes);
    return failed ? err_set(err, ERR_MEMORY, "no memory for the levels' losses") : 0;
}

/* JSON knows no infinity. */
static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

int network_set_plan(network_t *network, const char *method, const char *reading,
                     const allocation_plan_t *plan, err_t *err)
{
    const int agents = network->input.agents, levels = network->input.levels;
    json_t *root = network->root;
    int failed = json_object_set_new(root, "method", json_string(method));
    failed |= json_object_set_new(root, "reading", json_string(reading));
    failed |= json_object_set_new(root, "s", rows_of(plan->held, agents, levels));
    failed |= json_object_set_new(root, "objective", number_or_null(plan->objective));
    failed |= json_object_set_new(root, "bound", number_or_null(plan->bound));
    failed |= json_object_set_new(root, "gap", number_or_null(plan->gap));
    failed |= json_object_set_new(root, "seconds", number_or_null(plan->seconds));
    uint8_t *held = realloc(network->held, (size_t)agents * (size_t)levels);
    if (failed || held == NULL) {
        network->held = held != NULL ? held : network->held;
        return err_set(err, ERR_MEMORY, "no memory for a plan of %d agents", agents);
    }
    memcpy(held, plan->held, (size_t)agents * (size_t)levels);
    network->held = held;
    return 0;
}

int network_write(const network_t *network, FILE *out, err_t *err)
{
    if (json_dumpf(network->root, out, JSON_REAL_PRECISION(12) | JSON_COMPACT) != 0 ||
        fputc('\n', out) == EOF || fflush(out) != 0) {
        return err_set(err, ERR_IO, "could not write the network");
    }
    return 0;
}

/* Which agent of `previous` has this name; -1: none. */
static int find_name(const json_t *names, const json_t *name)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (json_equal(json_array_get(names, i), name)) {
            return (int)i;
        }
    }
    return -1;
}

int network_carry_over(const network_t *network, const network_t *previous, uint8_t *held,
                       err_t *err)
{
    const int agents = network->input.agents, levels = network->input.levels;
    const json_t *names = json_object_get(network->root, "names");
    const json_t *old_names = json_object_get(previous->root, "names");
    const bool by_name = names != NULL && old_names != NULL;
    if (previous->held == NULL) {
        return err_set(err, ERR_ARGUMENT, "the previous plan has no \"s\"");
    }
    if (previous->input.levels != levels) {
        return err_set(err, ERR_ARGUMENT, "the previous plan has %d levels, the network %d",
                       previous->input.levels, levels);
    }
    if (!by_name && previous->input.agents > agents) {
        return err_set(err, ERR_ARGUMENT, "%d agents left: give both files \"names\" to tell which",
                       previous->input.agents - agents);
    }
    memset(held, 0, (size_t)agents * (size_t)levels);
    for (int i = 0; i < agents; i++) {
        const int old = by_name ? find_name(old_names, json_array_get(names, (size_t)i))
                        : i < previous->input.agents ? i
                                                     : -1;
        if (old >= 0) {
            memcpy(held + (size_t)i * (size_t)levels, previous->held + (size_t)old * (size_t)levels,
                   (size_t)levels);
        }
    }
    return 0;
}
