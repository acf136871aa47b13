/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * muon: the direction of a Muon step (K. Jordan and others, "Muon: an optimizer for hidden
 * layers", 2024): the momentum of a weight matrix, made (nearly) orthogonal, so that every
 * direction of the layer learns at the same pace.  Private to semantic/nn.
 */
#ifndef SEMANTIC_NN_MUON_H
#define SEMANTIC_NN_MUON_H

#include "err.h"

#include <stddef.h>

typedef struct muon muon_t; /* workspace */

/* For matrices whose shorter side is at most `side` and that have at most `count` elements. */
muon_t *muon_create(size_t side, size_t count, err_t *err);
void muon_destroy(muon_t *muon); /* NULL is fine */

/*
 * in [rows][columns] -> out (not in) = U V^T of its singular value decomposition, singular values
 * within .7 .. 1.2 of one for all but the smallest; zeros stay zeros.
 */
void muon_orthogonalise(muon_t *muon, size_t rows, size_t columns, const float *in, float *out);

#endif
