/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rx_swap: which adapter a frame's tag means (control/swap_rx.h).  The control thread stages and
 * arms; the decoders ask.  A short lock is held by both, never by the radio or demodulation thread.
 */
#ifndef RX_RX_SWAP_H
#define RX_RX_SWAP_H

#include "codec/codec_variant.h"
#include "control/control_daemon.h"

extern const option_t rx_swap_options[]; /* section "swap" */

typedef struct rx_swap rx_swap_t;

rx_swap_t *rx_swap_create(store_t *store, const codec_t *codec, const options_t *options,
                          err_t *err);
void rx_swap_destroy(rx_swap_t *swap); /* NULL is fine */

/* Any decoder: 0 and the variant (to be released; NULL for tag 0) with its hash, or -1: not held
   here.  NULL swap: only tag 0.  *from: whose frames it is for (variants.h). */
int rx_swap_find(rx_swap_t *swap, uint16_t tag, codec_variant_t **variant, digest_t *id,
                 uint64_t *from);

/* The commands swap.*; and for the status. */
int rx_swap_command(rx_swap_t *swap, const control_call_t *call, control_reply_t *reply,
                    err_t *err);
json_t *rx_swap_status(rx_swap_t *swap);

#endif
