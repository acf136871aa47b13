/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/kernel.h"

#define KERNEL_WIDTH 4
#define KERNEL_UNROLL 4
#define KERNEL_NAME kernel_baseline
#define KERNEL_LABEL "baseline"
#include "air/kernel_body.h"
