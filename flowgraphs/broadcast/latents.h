/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * latents: what one party of an alignment knows: its latents of the samples that all align on,
 * those that are sent (or compared with), and perhaps labels and a linear classifier.
 *
 *     X             [features][n]        aligned on
 *     X_test        [features][n_test]   sent, compared with; absent: X
 *     labels_test   [n_test]             absent: labels, where X_test is absent; or none
 *     head.weight   [classes][features], head.bias [classes]: logits = W features + b; or none
 *
 * Or, written NAME@FILE or NAME@FILE,TEST, what `semradio-train latents` makes of several encoders:
 * latent.NAME [features][n], weight.NAME, bias.NAME and labels; TEST is another such file, of other
 * pictures.
 *
 * Real latents only.  Complex channel i of a latent is feature i + j feature i + half, half =
 * (features + 1) / 2 (federated_adapter.h).
 */
#ifndef BROADCAST_LATENTS_H
#define BROADCAST_LATENTS_H

#include "adapter/adapter.h"
#include "federated/federated.h"

#include <complex.h>

typedef struct {
    int features, half, samples, tests, classes; /* classes 0: no classifier */
    federated_tensor_t x;                        /* doubles, for the alignment */
    float *test;                                 /* [tests][features] */
    double *mean;                                /* [features], over X */
    double energy; /* of one sample of `test` about that mean, the average */
    int *label;    /* [tests]; NULL: none */
    float *weight, *bias;
} latents_t;

latents_t *latents_load(const char *path, err_t *err);
void latents_destroy(latents_t *latents); /* NULL is fine */

/*
 * What there is without an alignment: the first `uses` complex features in units of their own
 * deviation, sent as they are (out of the latent) or taken for one's own (into the latent).
 */
adapter_t *latents_first_out(const latents_t *latents, int uses, err_t *err);
adapter_t *latents_first_in(const latents_t *latents, int uses, err_t *err);

/* Sample `i` (any number: it wraps) as complex channels c = 0 … half - 1 of `place` in
 * to[channels][places]. */
void latents_lay(const latents_t *latents, uint64_t i, float complex *to, int place, int places);

/* An estimate in from[channels][places] against sample i: |error|^2, and whether the class is right
   (-1: no classifier or label).  scratch[features]. */
double latents_error(const latents_t *latents, uint64_t i, const float complex *from, int place,
                     int places, float *scratch, int *right);

#endif
