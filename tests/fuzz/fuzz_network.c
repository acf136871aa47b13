/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feeds arbitrary bytes to the reader of networks.  What it accepts is either refused
 * by the problem, with a word, or gets a plan whose J is finite and not below its bound.
 */
#include "allocation/network.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 8 }; /* agents: larger networks take time and show nothing new */

static void plan(const allocation_input_t *input)
{
    err_t err = ERR_INIT;
    uint8_t held[MOST * ALLOCATION_MAX_LEVELS];
    for (int reading = 0; reading < 2; reading++) {
        allocation_t *a =
            allocation_create(input, (allocation_reading_t)reading, ALLOCATION_ROWS_ANY, &err);
        if (a == NULL) {
            if (err.code == ERR_NONE) {
                abort(); /* refused without saying why */
            }
            return;
        }
        const allocation_effort_t effort = {1.0, 1, 10};
        allocation_plan_t ours = {.held = held};
        if (allocation_solve(a, ALLOCATION_OURS, &effort, &ours, &err) != 0 ||
            !isfinite(ours.objective) || !(ours.bound <= ours.objective)) {
            abort();
        }
        allocation_destroy(a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    err_t err = ERR_INIT;
    network_t *network = network_parse((const char *)data, size, "input", &err);
    if (network == NULL) {
        if (err.code == ERR_NONE) {
            abort();
        }
        return 0;
    }
    if (network_input(network)->agents <= MOST && network_input(network)->levels <= 5) {
        plan(network_input(network));
    }
    network_destroy(network);
    return 0;
}
