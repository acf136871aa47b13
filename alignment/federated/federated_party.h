/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_party: one party's latents and classifier from a file of `semradio-train latents`. */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_PARTY_H
#define ALIGNMENT_FEDERATED_FEDERATED_PARTY_H

#include "federated/federated_score.h"

typedef struct {
    char name[128];           /* of the file, without folder and .safetensors */
    federated_tensor_t x;     /* to align on */
    federated_party_t test;   /* X_test (absent: X), head.weight, head.bias (absent: no classes) */
    int *labels;              /* of the test; NULL: none */
} federated_party_file_t;

/* NULL on failure; errors name file and tensor. */
federated_party_file_t *federated_party_load(const char *path, err_t *err);
void federated_party_destroy(federated_party_file_t *party); /* NULL is fine */

#endif
