/* SPDX-License-Identifier: GPL-3.0-or-later */
/* train_notes: the texts that say where weights come from. */
#ifndef SEMANTIC_TRAIN_TRAIN_NOTES_H
#define SEMANTIC_TRAIN_TRAIN_NOTES_H

#include "options.h"

/* The recipe as an INI text: [data], [train], and [kind], without the options that do not
   change the result (files, checkpoints). */
void train_recipe(const options_t *options, const char *kind, char *text, size_t size);

/* The source's git revision, "-dirty" added when it is changed; "unknown" outside a checkout. */
void train_revision(char *text, size_t size);

#endif
