/* SPDX-License-Identifier: GPL-3.0-or-later */
/* align_federated: `semradio-align federated IN.safetensors OUT.safetensors`. */
#ifndef ALIGNMENT_FEDERATED_ALIGN_FEDERATED_H
#define ALIGNMENT_FEDERATED_ALIGN_FEDERATED_H

#include "federated/federated_file.h"
#include "options.h"

/* Aligned and written, but one or more users were left out. */
enum { ALIGN_FEDERATED_LEFT_OUT = 6 };

extern const option_t align_federated_table[];

/*
 * The configuration: options where given, else the file's scalars; rho 1 and rounds 30 where neither
 * says.  ERR_ARGUMENT: K, P or sigma2 (or snr_db) is nowhere.
 */
int align_federated_read(const options_t *options, const federated_file_t *file,
                         federated_config_t *config, err_t *err);

/* argv[0] is the word.  Returns an exit code (program.h, and the one above). */
int align_federated_main(int argc, char *const argv[]);

#endif
