/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * daemon_trial: one point of a campaign over running daemons: semradio-tx and semradio-rx, and
 * between them semradio-air or real radios.
 *
 * Daemons that are not named are started for the point and ended after it (daemon_set.h).
 * Options that may change while they run are set over the control plane; daemons that were
 * running before must have the others as the point wants them.  What the receiver reports from
 * then on is measured, until enough pictures have been sent.
 *
 * The result has the same fields as trial_run's.  Those that only a process which holds both ends
 * can tell are NaN: psnr_all_db, accuracy_all, frames_false, evm_db, symbol_power, on_air.  Frames
 * are counted from the gaps in their numbers, so those lost before the first and behind the last
 * one that arrived are not; when nothing arrives, the transmitter's own count stands in.
 */
#ifndef FLOWGRAPHS_DAEMON_TRIAL_H
#define FLOWGRAPHS_DAEMON_TRIAL_H

#include "trial.h"

typedef struct {
    const char *tx, *rx;                 /* their control.bind; "": start one */
    const char *air;                     /* the same; "none": real radios */
    const char *tx_options, *rx_options; /* more words for those that are started */
    const char *key;                     /* our key pair; "": plain */
    const char *tx_key, *rx_key;         /* the daemons' public keys */
    double settle_s;                     /* reports left out after a change */
    double patience_s;                   /* the longest silence */
    const char *source;                  /* data set as the campaign names it */
    const options_t *options;            /* the point's: sections channel, waveform, receiver */
} daemon_link_t;

/* Errors: what daemons can't do: a digital codec, a genie, an own daemon beside a foreign air. */
int daemon_trial_check(const trial_config_t *trial, const daemon_link_t *link, err_t *err);

/* Errors: a daemon that does not start, answer, or take the point's options; nothing was sent. */
int daemon_trial_run(const trial_config_t *trial, const daemon_link_t *link,
                     const dataset_t *dataset, result_t *result, err_t *err);

#endif
