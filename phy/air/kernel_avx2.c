/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/kernel.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define KERNEL_WIDTH 8
#define KERNEL_UNROLL 4
#define KERNEL_NAME kernel_avx2
#define KERNEL_LABEL "avx2"
#include "air/kernel_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
