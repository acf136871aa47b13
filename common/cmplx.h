/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmplx: <complex.h> with CMPLX and CMPLXF, which glibc 2.36 gives to GCC only. */
#ifndef COMMON_CMPLX_H
#define COMMON_CMPLX_H

#include <complex.h>

#ifndef CMPLXF
#define CMPLXF(re, im) __builtin_complex((float)(re), (float)(im))
#endif
#ifndef CMPLX
#define CMPLX(re, im) __builtin_complex((double)(re), (double)(im))
#endif

#endif
