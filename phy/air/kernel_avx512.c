/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/kernel.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq")
#endif
#define KERNEL_WIDTH 16
#define KERNEL_UNROLL 4
#define KERNEL_NAME kernel_avx512
#define KERNEL_LABEL "avx512"
#include "air/kernel_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
