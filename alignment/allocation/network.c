/* SPDX-License-Identifier: GPL-3.0-or-later */
/* network: JSON in. */
#include "allocation/network_private.h"
#include "file.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const size_t largest_file = (size_t)1 << 29;

static int read_count(const json_t *root, const char *key, int most, int *count, err_t *err)
{
    const json_t *value = json_object_get(root, key);
    if (!json_is_integer(value)) {
        return err_set(err, ERR_FORMAT, "\"%s\" must be an integer", key);
    }
    const json_int_t number = json_integer_value(value);
    if (number < 1 || number > most) {
        return err_set(err, ERR_ARGUMENT, "\"%s\" is %lld: allowed are 1 to %d", key,
                       (long long)number, most);
    }
    *count = (int)number;
    return 0;
}

static int read_number(const json_t *root, const char *key, double *number, err_t *err)
{
    const json_t *value = json_object_get(root, key);
    if (!json_is_number(value)) {
        return err_set(err, ERR_FORMAT, "\"%s\" must be a number", key);
    }
    *number = json_number_value(value);
    return 0;
}

/* `where`: "J_A", "F[3]".  null counts as 0 where there may be no way. */
static int read_numbers(const json_t *array, const char *where, int count, bool nulls,
                        double *numbers, err_t *err)
{
    if (!json_is_array(array)) {
        return err_set(err, ERR_FORMAT, "\"%s\" must be an array of %d numbers", where, count);
    }
    if (json_array_size(array) != (size_t)count) {
        return err_set(err, ERR_FORMAT, "\"%s\" has %zu elements instead of %d", where,
                       json_array_size(array), count);
    }
    for (int i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, (size_t)i);
        if (!json_is_number(value) && !(nulls && json_is_null(value))) {
            return err_set(err, ERR_FORMAT, "\"%s[%d]\" must be a number%s", where, i,
                           nulls ? " or null" : "");
        }
        numbers[i] = json_is_null(value) ? 0.0 : json_number_value(value);
    }
    return 0;
}

static int read_matrix(const json_t *root, const char *key, int agents, bool nulls, double *numbers,
                       err_t *err)
{
    const json_t *rows = json_object_get(root, key);
    if (!json_is_array(rows) || json_array_size(rows) != (size_t)agents) {
        return err_set(err, ERR_FORMAT, "\"%s\" must be an array of %d rows", key, agents);
    }
    for (int i = 0; i < agents; i++) {
        char where[32];
        snprintf(where, sizeof(where), "%s[%d]", key, i);
        /* The diagonal is ignored: let it be null. */
        const json_t *row = json_array_get(rows, (size_t)i);
        const bool own = json_is_array(row) && json_is_null(json_array_get(row, (size_t)i));
        if (own && !nulls) {
            json_array_set_new((json_t *)row, (size_t)i, json_integer(0));
        }
        if (read_numbers(row, where, agents, nulls, numbers + (size_t)i * (size_t)agents, err) !=
            0) {
            return -1;
        }
    }
    return 0;
}

static int read_plan(network_t *network, err_t *err)
{
    const int agents = network->input.agents, levels = network->input.levels;
    const json_t *rows = json_object_get(network->root, "s");
    if (rows == NULL) {
        return 0;
    }
    if (!json_is_array(rows) || json_array_size(rows) != (size_t)agents) {
        return err_set(err, ERR_FORMAT, "\"s\" must be an array of %d rows", agents);
    }
    network->held = calloc((size_t)agents, (size_t)levels);
    if (network->held == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a plan of %d agents", agents);
    }
    for (int i = 0; i < agents; i++) {
        double row[ALLOCATION_MAX_LEVELS];
        char where[32];
        snprintf(where, sizeof(where), "s[%d]", i);
        if (read_numbers(json_array_get(rows, (size_t)i), where, levels, false, row, err) != 0) {
            return -1;
        }
        for (int l = 0; l < levels; l++) {
            if (row[l] != 0.0 && row[l] != 1.0) {
                return err_set(err, ERR_FORMAT, "\"%s[%d]\" must be 0 or 1", where, l);
            }
            network->held[i * levels + l] = row[l] != 0.0;
        }
    }
    return 0;
}

static int check_names(const network_t *network, err_t *err)
{
    const json_t *names = json_object_get(network->root, "names");
    if (names == NULL) {
        return 0;
    }
    if (!json_is_array(names) || json_array_size(names) != (size_t)network->input.agents) {
        return err_set(err, ERR_FORMAT, "\"names\" must be an array of %d strings",
                       network->input.agents);
    }
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (!json_is_string(json_array_get(names, i))) {
            return err_set(err, ERR_FORMAT, "\"names[%zu]\" must be a string", i);
        }
    }
    return 0;
}

int network_allocate(network_t *network, int agents, int levels, err_t *err)
{
    const size_t n = (size_t)agents;
    network->loss = calloc((size_t)levels, sizeof(double));
    network->size = calloc((size_t)levels, sizeof(double));
    network->frequency = calloc(n * n, sizeof(double));
    network->rate = calloc(n * n, sizeof(double));
    if (!network->loss || !network->size || !network->frequency || !network->rate) {
        return err_set(err, ERR_MEMORY, "no memory for a network of %d agents", agents);
    }
    network->input.agents = agents;
    network->input.levels = levels;
    network->input.loss = network->loss;
    network->input.size = network->size;
    network->input.frequency = network->frequency;
    network->input.rate = network->rate;
    return 0;
}

static int read_all(network_t *network, err_t *err)
{
    const json_t *root = network->root;
    int agents = 0, levels = 0;
    if (!json_is_object(root)) {
        return err_set(err, ERR_FORMAT, "the network must be a JSON object");
    }
    if (read_count(root, "N", ALLOCATION_MAX_AGENTS, &agents, err) != 0 ||
        read_count(root, "L", ALLOCATION_MAX_LEVELS, &levels, err) != 0 ||
        network_allocate(network, agents, levels, err) != 0) {
        return -1;
    }
    allocation_input_t *in = &network->input;
    const bool bad =
        read_number(root, "eta_A", &in->eta_a, err) != 0 ||
        read_number(root, "eta_T", &in->eta_t, err) != 0 ||
        read_number(root, "eta_S", &in->eta_s, err) != 0 ||
        read_numbers(json_object_get(root, "J_A"), "J_A", levels, false, network->loss, err) != 0 ||
        read_numbers(json_object_get(root, "S"), "S", levels, false, network->size, err) != 0 ||
        read_matrix(root, "F", agents, false, network->frequency, err) != 0 ||
        read_matrix(root, "R", agents, true, network->rate, err) != 0;
    return bad || check_names(network, err) != 0 || read_plan(network, err) != 0 ? -1 : 0;
}

network_t *network_parse(const char *text, size_t size, const char *name, err_t *err)
{
    network_t *network = calloc(1, sizeof(*network));
    if (network == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a network");
        return NULL;
    }
    json_error_t where;
    network->root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    if (network->root == NULL) {
        err_set(err, ERR_FORMAT, "%s:%d: %s", name, where.line, where.text);
    } else if (read_all(network, err) == 0) {
        return network;
    } else {
        err_prefix(err, "%s", name);
    }
    network_destroy(network);
    return NULL;
}

network_t *network_read(const char *path, err_t *err)
{
    uint8_t *data;
    size_t size;
    if (file_read_all(path, largest_file, &data, &size, err) != 0) {
        return NULL;
    }
    network_t *network = network_parse((const char *)data, size, path, err);
    free(data);
    return network;
}

void network_destroy(network_t *network)
{
    if (network != NULL) {
        json_decref(network->root);
        free(network->loss);
        free(network->size);
        free(network->frequency);
        free(network->rate);
        free(network->held);
        free(network);
    }
}

const allocation_input_t *network_input(const network_t *network)
{
    return &network->input;
}

const uint8_t *network_held(const network_t *network)
{
    return network->held;
}
