/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nest: "semradio-align nest": nested levels of any low-rank adapter, by its singular values. */
#ifndef CREW_NEST_H
#define CREW_NEST_H

#include "options.h"

extern const option_t nest_options[]; /* section "nest" */

/* argv[0] is the word.  The program's exit code. */
int nest_main(int argc, char *const argv[]);

#endif
