/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated: one access point (AP), several users, one broadcast; after "Federated Latent Space
 * Alignment for Multi-user Semantic Communications" (arXiv 2602.17271).
 *
 * The AP has latents X (d x n), user k has latents Y_k (m_k x n) of the same n samples and a channel
 * H_k (n_r x n_t).  A message takes K channel uses; with M = n_t K and B_k = (I_K kron H_k) F
 *
 *     user k receives  v = B_k x + noise  and estimates  y = G_k v
 *     J(F, G) = sum over k of |Y_k - G_k B_k X|^2 / n + sigma2 |G_k|^2     tr(F F^H) <= P
 *
 * sigma2 is the noise's variance per complex received sample, P the energy of a whole message (for
 * whitened X), so SNR = (P / K) / sigma2.  With R = X X^H / n, C_k = Y_k X^H / n the best receiver is
 * G = C B^H (B R B^H + sigma2 I)^-1, and J depends on the data through R, |Y|^2 and C_k^H C_k only.
 *
 * docs/FEDERATED.md has the equations of each method, what each sends, and what it reaches.
 */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_H
#define ALIGNMENT_FEDERATED_FEDERATED_H

#include "err.h"
#include "federated/federated_matrix.h"

#include <stdint.h>

typedef enum {
    FEDERATED_MEAN,       /* the published rounds: F is the mean of the users' F_k */
    FEDERATED_JOINT,      /* the same rounds, F from the users' equations together */
    FEDERATED_WIENER,     /* no rho, no dual: loading sigma2 |G|^2 / P, rescaled to full power */
    FEDERATED_ONE_SHOT,   /* the Wiener rounds, all at the AP, from T_k = C_k^H C_k, H_k, sigma2 */
    FEDERATED_MULTI,      /* a link of its own for each user (that many times the air time) */
    FEDERATED_SVD_MMSE,   /* likewise, equal power on the leading directions: no design for y */
    FEDERATED_FIRST_K,    /* the first M features, the receivers fitted */
    FEDERATED_TOP_K,      /* each message's largest features, indices sent too; receivers fitted */
    FEDERATED_TOP_K_FREE, /* the same with indices known for nothing: not a real system */
    FEDERATED_METHODS,
} federated_method_t;

#define FEDERATED_METHOD_CHOICES                                                                   \
    "mean|joint|wiener|one-shot|multi|svd-mmse|first-k|top-k|top-k-free"
const char *federated_method_name(federated_method_t method);

typedef enum { FEDERATED_WHITENED, FEDERATED_RAW } federated_domain_t;

/* F0 where none is given (federated_start.c). */
typedef enum { FEDERATED_SPECTRAL, FEDERATED_RANDOM } federated_start_t;

/* Row by row: v[rows][samples], complex as pairs. */
typedef struct {
    int rows, samples;
    bool is_complex;
    const double *v; /* NULL: not there */
} federated_tensor_t;

/* h[k].v NULL: user k is not there.  `samples` of h and of f0 are their columns. */
typedef struct {
    int users;
    federated_tensor_t x;
    const federated_tensor_t *y, *h; /* [users] */
    federated_tensor_t f0;           /* M x d; v NULL: see start */
} federated_input_t;

typedef struct {
    federated_method_t method;
    int channel_uses; /* K, 1 .. 4096 */
    double sigma2;    /* > 0 */
    double power;     /* P > 0 */
    double rho;       /* > 0; mean and joint */
    int rounds;       /* 1 .. 100000 */
    bool complexify;  /* real latents: feature i + j feature i + d/2 (a row of zeros where d is odd) */
    bool whiten;      /* means out, then the Cholesky factor of the covariance (divisor n - 1) */
    /* Real matrices on (Re, Im): F is 2M x real features, a use's rows Re of all antennas, then Im.
       Real latents are then taken as they are, complex ones as (Re; Im). */
    bool widely_linear;
    /* RAW: users' errors count in their own latents' units, relative to their energy; Y isn't
       whitened and may be singular. */
    federated_domain_t domain;
    int index_bits; /* top-k: bits of index that one channel symbol carries, 1 .. 16 */
    bool strict;    /* an unusable user is an error instead of being left out */
    uint64_t seed;  /* of the random part of F0 */
    federated_start_t start;
    /* >= 0; RAW and widely linear only.  Errors of logits W y (their mean over the classes apart) count too,
       relative to the logits' energy and this much: |e|^2 / |Y|^2 + weight |W e|^2 / |W Y|^2. */
    double task_weight;
    const federated_tensor_t *task; /* [users]: W, classes x features, real; needed while created; NULL: none */
} federated_config_t;

#define FEDERATED_CONFIG_INIT                                                                      \
    {FEDERATED_WIENER, 4, 0.01, 4.0, 1.0, 30, false, false, false, FEDERATED_WHITENED, 6, false, 1, FEDERATED_SPECTRAL, 0.0, NULL}

typedef struct {
    char left_out[256];        /* why this user takes no part; "": it does */
    matrix_t g, g_dep;         /* of the last round; MMSE of the deployed Z.  top-k: on features */
    matrix_t mean, lower;      /* y = lower * (what G estimates) + mean; raw: lower is a scale */
    double nmse, nmse_raw;     /* of the deployed Z: of what the objective counts, of the raw latents */
    double bytes_up;           /* what it sends in a round; one-shot, multi, svd-mmse: once */
} federated_user_result_t;

typedef struct {
    matrix_t f, z;           /* M x d; multi, svd-mmse: the users' below each other; top-k: v NULL */
    matrix_t x_mean, x_lower; /* F and Z take lower^-1 (x - mean) */
    int rounds;              /* entries of obj_round, obj_dep; 1 where a method has no rounds */
    double *obj_round;       /* J after the round's F, with the round's G */
    double *obj_dep;         /* J of Z with its own MMSE receivers */
    double energy;           /* J of sending nothing: sum of |Y_k|^2 / n; captured = energy - obj */
    double air_uses;         /* channel uses of a message, all users together */
    int kept;                /* top-k: values sent */
    double bytes_down;       /* what the AP broadcasts in a round; one-shot and below: F once */
    int users, aligned;
    const federated_user_result_t *user; /* [users] */
} federated_result_t;

typedef struct federated federated_t;

/*
 * Checks, gathers statistics, allocates.  Users that cannot take part (NaN, wrong shape, n <= m_k or a
 * singular covariance where it is needed, H all zero) are left out and the reason kept; with `strict`
 * they are errors.  ERR_ARGUMENT: X unusable, a value out of range, nobody left.
 * The input need not outlive the call.
 */
federated_t *federated_create(const federated_input_t *input, const federated_config_t *config,
                              err_t *err);
void federated_destroy(federated_t *federated); /* NULL is fine */

/*
 * The same latents over other channels h[users] and with another configuration, from the statistics that
 * `like` has gathered: no sample is looked at again.  complexify, whiten, widely_linear and domain must be
 * `like`'s; top-k and top-k-free need samples, so a `like` made for one of these.  Users that `like` left
 * out stay out.  `like` need not outlive the call.
 */
federated_t *federated_again(const federated_t *like, const federated_tensor_t *h,
                             const federated_config_t *config, err_t *err);

/* Runs the method.  Again: from the start, the same numbers. */
int federated_run(federated_t *federated, err_t *err);
const federated_result_t *federated_result(const federated_t *federated);

#endif
