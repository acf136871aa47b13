/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/kernel.h"

static int machine_level(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        return 2;
    }
    return __builtin_cpu_supports("avx2") ? 1 : 0;
#else
    return 0;
#endif
}

const kernel_t *kernel_at(size_t index)
{
    if (index > (size_t)machine_level()) {
        return NULL;
    }
#if defined(__x86_64__)
    static const kernel_t *const kernels[] = {&kernel_baseline, &kernel_avx2, &kernel_avx512};
    return kernels[index];
#else
    return &kernel_baseline;
#endif
}

const kernel_t *kernel_best(void)
{
    return kernel_at((size_t)machine_level());
}
