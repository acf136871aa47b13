/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crew: "semradio-align network": brings real agents (member.h) to the state that a plan wants, and
 * measures what the network then loses (docs/AGENTS.md).
 *
 * It keeps nothing: what there is it asks the agents, what there shall be the plan says.  So it may
 * be stopped and started anew at any time, and agents may die and come back.
 */
#ifndef CREW_CREW_H
#define CREW_CREW_H

#include "options.h"

extern const option_t crew_options[]; /* section "run" */

/* argv[0] is the word.  Exit codes: 0 the plan is in place, 1 not, 2 a wrong option, 5 not in time.
 */
int crew_main(int argc, char *const argv[]);

#endif
