/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * align_group: `semradio-align ap IN OUT` and `semradio-align user IN OUT`: the alignment of
 * `semradio-align federated` with the access point and its users in processes of their own.
 */
#ifndef ALIGNMENT_FEDERATED_ALIGN_GROUP_H
#define ALIGNMENT_FEDERATED_ALIGN_GROUP_H

#include "federated/federated_ap.h"
#include "federated/federated_file.h"
#include "federated/federated_station.h"
#include "options.h"

/* Sections "ap" and "user"; other programs that have an access point or a user join them too. */
extern const option_t align_ap_table[];
extern const option_t align_user_table[];

/* From both tables ("federated", "ap"); texts are the options' own, x is the file's. */
int align_ap_read(const options_t *options, const federated_file_t *file,
                  federated_ap_config_t *config, err_t *err);
/* y, h, store and the callbacks are the caller's. */
void align_user_read(const options_t *options, federated_station_config_t *config);

/* argv[0] is the word.  Exit codes as `federated`. */
int align_ap_main(int argc, char *const argv[]);
int align_user_main(int argc, char *const argv[]);

#endif
