/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ALLOCATION_NETWORK_PRIVATE_H
#define ALLOCATION_NETWORK_PRIVATE_H

#include "allocation/network.h"

#include <jansson.h>

struct network {
    json_t *root;
    allocation_input_t input; /* its arrays are ours */
    double *loss, *size, *frequency, *rate;
    uint8_t *held;
};

/* The arrays for these sizes; -1: no memory. */
int network_allocate(network_t *network, int agents, int levels, err_t *err);

#endif
