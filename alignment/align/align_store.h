/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ALIGN_ALIGN_STORE_H
#define ALIGN_ALIGN_STORE_H

#include "adapter/digest.h"
#include "align/align.h"

/* A name, a whole hash, or 6 or more of its first digits, as the other end's store knows it. */
align_exit_t align_resolve(align_t *align, const char *word, char hash[DIGEST_TEXT]);

#endif
