/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digital_loss: how often a modulation and code rate fails on a link, measured: frames
 * of random bytes through transmitter, air and receiver, under random numbers of their own.
 */
#ifndef FLOWGRAPHS_DIGITAL_LOSS_H
#define FLOWGRAPHS_DIGITAL_LOSS_H

#include "digital.h"
#include "link.h"

typedef struct {
    const link_config_t *link;
    frame_header_t header; /* of each frame, but for its counter */
    int groups;            /* in a frame; header_payload(&header) divides by it */
    int frames;            /* to send; fewer when not one group of the first ones arrives */
} digital_loss_config_t;

typedef struct {
    double sent, lost; /* groups */
} digital_loss_t;

/* Errors: what link_create and digital_pipe_create refuse. */
int digital_loss_measure(const digital_loss_config_t *config, const digital_mode_t *mode,
                         digital_loss_t *loss, err_t *err);

#endif
