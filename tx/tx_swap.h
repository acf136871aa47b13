/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tx_swap: adapters that change while frames leave (control/swap_tx.h).  The control thread stages
 * and swaps; the source thread asks for each frame what it is to be encoded with; the sending
 * thread only counts.  A short lock is held by the first two, never by the sending thread.
 */
#ifndef TX_TX_SWAP_H
#define TX_TX_SWAP_H

#include "codec/codec_variant.h"
#include "control/control_daemon.h"

extern const option_t tx_swap_options[]; /* section "swap" */

typedef struct tx_swap tx_swap_t;

/* `store` is the daemon's; `codec` is only read.  Options as in the table. */
tx_swap_t *tx_swap_create(store_t *store, const codec_t *codec, const options_t *options,
                          err_t *err);
void tx_swap_destroy(tx_swap_t *swap); /* NULL is fine */

typedef struct {
    uint16_t tag;             /* for the header; 0: base */
    codec_variant_t *variant; /* to be released when the frame is encoded; NULL: base */
    const char *fell;         /* not NULL: back to base, and why (to be said) */
} tx_swap_frame_t;

/* Source thread, for the next frame.  gone: how many frames have left for the radio or were given
   up since the start, in order.  NULL swap: base. */
void tx_swap_stamp(tx_swap_t *swap, uint64_t gone, tx_swap_frame_t *frame);

/* The commands swap.*; *fell: not NULL when one brought it back to base, and why (to be said). */
int tx_swap_command(tx_swap_t *swap, const control_call_t *call, control_reply_t *reply,
                    const char **fell, err_t *err);

/* For the status. */
json_t *tx_swap_status(tx_swap_t *swap);

#endif
