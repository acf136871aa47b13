/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent_options: the section [agent] of `semradio-train agent`. */
#ifndef SEMANTIC_TRAIN_AGENT_OPTIONS_H
#define SEMANTIC_TRAIN_AGENT_OPTIONS_H

#include "options.h"

/* In the order of the options' choices. */
typedef enum {
    AGENT_RECONSTRUCT, /* what the base is trained for */
    AGENT_DENOISE,
    AGENT_COLOUR,
    AGENT_SUPERRES,
    AGENT_ANOMALY,
} agent_job_t;

typedef enum {
    AGENT_TRAIN,  /* all weights, towards clean pictures: the base, the experts */
    AGENT_DISTIL, /* nested low-rank levels, towards the expert's results; so are those below */
    AGENT_SPARSE, /* the few weights that the expert moved most */
    AGENT_DATA,   /* all weights, on few pictures */
    AGENT_LATENT, /* dense layers between codes and decoder */
} agent_method_t;

extern const option_t agent_options[];

#endif
