/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digital_loss: how often a modulation and code rate fails on a link, measured: frames
 * of random bytes through transmitter, air and receiver, under random numbers of their own.
 *
 *     digital_loss_t *loss = digital_loss_create(&config, &err);
 *     digital_loss_measure(loss, &mode, &count, &err);     // mode after mode
 */
#ifndef FLOWGRAPHS_DIGITAL_LOSS_H
#define FLOWGRAPHS_DIGITAL_LOSS_H

#include "digital.h"
#include "link.h"

typedef struct digital_loss digital_loss_t;

typedef struct {
    const link_config_t *link; /* max_symbols and on_frame are not used */
    frame_header_t header;     /* of each frame, but for its counter */
    int groups;                /* in a frame; header_payload(&header) divides by it */
    int frames;                /* to send; fewer when not one group of the first ones arrives */
} digital_loss_config_t;

typedef struct {
    double sent, lost; /* groups */
} digital_count_t;

/* Errors: what link_create refuses. */
digital_loss_t *digital_loss_create(const digital_loss_config_t *config, err_t *err);
void digital_loss_destroy(digital_loss_t *loss); /* NULL is fine */

/* The format of `mode` is not looked at.  Errors: a group that carries not one byte. */
int digital_loss_measure(digital_loss_t *loss, const digital_mode_t *mode, digital_count_t *count,
                         err_t *err);

#endif
