/* SPDX-License-Identifier: GPL-3.0-or-later */
/* adapter_difference: the front of a difference, shared by its writer and its reader. */
#ifndef ALIGNMENT_ADAPTER_ADAPTER_DIFFERENCE_H
#define ALIGNMENT_ADAPTER_ADAPTER_DIFFERENCE_H

#include "adapter/adapter_level.h"

#include <jansson.h>

#define DIFFERENCE_MAGIC "semdiff1"

enum {
    DIFFERENCE_FRONT = 8 + 2 * DIGEST_SIZE + 4,
    DIFFERENCE_HEADER_MAX = 4 << 20,
};

#endif
