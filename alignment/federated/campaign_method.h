/* SPDX-License-Identifier: GPL-3.0-or-later */
/* campaign_method: the methods of `semradio-align federated-campaign` by name, and its options. */
#ifndef ALIGNMENT_FEDERATED_CAMPAIGN_METHOD_H
#define ALIGNMENT_FEDERATED_CAMPAIGN_METHOD_H

#include "federated/federated.h"

enum { CAMPAIGN_METHODS_MAX = 32, CAMPAIGN_ANTENNAS_MAX = 16 };

/* What the campaign calls a method: the library's, with the variant that it stands for. */
typedef struct {
    const char *name;
    federated_method_t method;
    bool widely_linear, raw, random, optimum, task;
} campaign_method_t;

/* NULL: there is none. */
const campaign_method_t *campaign_method_named(const char *name);

#endif
