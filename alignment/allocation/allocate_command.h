/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocate_command: `semradio-align allocate`.
 *
 *     allocate NETWORK.json [--method exact] [--previous PLAN.json] [--out PLAN.json]
 *     allocate --network.agents 50 [--network.seed 1]                  a drawn network
 *     allocate --network.agents 10,30 --network.count 100 --method ours,exact      a table
 */
#ifndef ALLOCATION_ALLOCATE_COMMAND_H
#define ALLOCATION_ALLOCATE_COMMAND_H

#include "options.h"

/* The tables "network" and "allocate". */
extern const option_t network_options[], allocate_options[];

/* argv[0] is the command's word.  Returns the program's exit code (program.h). */
int align_allocate_command(int argc, char *const argv[]);

#endif
