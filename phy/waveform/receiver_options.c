/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "waveform/receiver_options.h"

const option_t receiver_options[] = {
    {.section = "receiver",
     .name = "estimator",
     .type = OPTION_CHOICE,
     .fallback = "lmmse",
     .choices = "ls|dft|lmmse",
     .help = "channel estimate: least squares, cut to the prefix, or LMMSE with the delay profile "
             "found in the frame"},
    {0}};

void receiver_from_options(receiver_config_t *config, const options_t *options)
{
    /* The choices stand in the order of the enum. */
    config->estimator = (estimator_method_t)options_choice(options, "receiver.estimator");
}
