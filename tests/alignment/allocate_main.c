/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The allocate command alone, for scripts and tests: what `semradio-align allocate` runs. */
#include "allocation/allocate_command.h"

int main(int argc, char *argv[])
{
    return align_allocate_command(argc, argv);
}
