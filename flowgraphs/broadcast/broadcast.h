/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broadcast: the words of semradio-broadcast.  One access point sends latents to many users over a
 * radio, while it aligns them over the control plane (alignment/federated):
 *
 *     main thread    federated_ap_step / federated_station_step
 *     frames, radio  latents -> pre-equaliser of the tag -> frame -> ring (outlet) -> radio
 *     radio, receive radio -> ring (intake) -> receiver -> channel measured -> equaliser -> error
 *
 * A frame's image is a message: K symbols for one latent, whose number is the image id.
 */
#ifndef BROADCAST_BROADCAST_H
#define BROADCAST_BROADCAST_H

#include "options.h"

enum { BROADCAST_CODEC = 200, BROADCAST_SOURCE = 1 }; /* in the header */

extern const option_t broadcast_ap_options[];   /* section "frame" */
extern const option_t broadcast_user_options[]; /* section "watch" */

/* argv[0] is the word; exit codes as semradio-align's. */
int broadcast_ap_main(int argc, char *const argv[]);
int broadcast_user_main(int argc, char *const argv[]);
int broadcast_live_main(int argc, char *const argv[]);
int broadcast_loss_main(int argc, char *const argv[]);

#endif
