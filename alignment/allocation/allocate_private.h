/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the command and its table share. */
#ifndef ALLOCATION_ALLOCATE_PRIVATE_H
#define ALLOCATION_ALLOCATE_PRIVATE_H

#include "allocation/network.h"
#include "options.h"

/* The network that the options describe; `index` counts up from network.seed. */
network_t *allocate_draw(const options_t *options, int agents, int index, err_t *err);
allocation_t *allocate_problem(const options_t *options, const network_t *network, err_t *err);
allocation_effort_t allocate_effort(const options_t *options);
/* The method at place `index` of allocate.method. */
allocation_method_t allocate_method(const options_t *options, size_t index);

/* For each number of agents and method one JSON line about network.count networks. */
int allocate_table(const options_t *options, FILE *out, err_t *err);

/* The network that the options name or draw; its plan, put into it; where the options want it. */
network_t *allocate_network(const options_t *options, err_t *err);
int allocate_plan(const options_t *options, network_t *network, err_t *err);
int allocate_write(const options_t *options, const network_t *network, err_t *err);

#endif
