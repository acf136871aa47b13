/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * align_federated_campaign: `semradio-align federated-campaign`: methods against channel uses, antennas,
 * SNR, channels (seeds), and rounds, on the latents of real encoders; a CSV that grows and goes on where
 * it was stopped.
 *
 *     federated-campaign --campaign.ap=AP.safetensors --campaign.users=A.safetensors,B.safetensors
 *         --campaign.k=1,2,4 --campaign.antennas=1,2 --campaign.snr_db=-20:10:30 --campaign.out=a.csv
 *
 * Files: those of `semradio-train latents`.  H_k: antennas x antennas, entries CN(0, 1), from seed and k
 * alone, so that every method meets the same channels.  P = K, so sigma2 = 1 / SNR.
 */
#ifndef ALIGNMENT_FEDERATED_ALIGN_FEDERATED_CAMPAIGN_H
#define ALIGNMENT_FEDERATED_ALIGN_FEDERATED_CAMPAIGN_H

#include "options.h"

extern const option_t align_federated_campaign_table[];

/* argv[0] is the command's word.  Returns the program's exit code (program.h). */
int align_federated_campaign_main(int argc, char *const argv[]);

#endif
