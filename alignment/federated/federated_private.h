/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_private: what the files of this folder share. */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_PRIVATE_H
#define ALIGNMENT_FEDERATED_FEDERATED_PRIVATE_H

#include "federated/federated.h"

enum { FEDERATED_FEATURES_MAX = 8192, FEDERATED_ROWS_MAX = 16384 };

/* One user that takes part. */
typedef struct {
    int index;       /* its number in the input */
    matrix_t h;      /* n_r x n_t (twice that, widely linear) */
    matrix_t c;      /* m x d: Y X^H / n, in the basis of `federated.basis` */
    matrix_t t;      /* d x d: C^H C; v NULL where C is the cheaper way to F T */
    double energy;   /* |Y|^2 / n */
    double raw_energy;
    matrix_t samples; /* m x n; top-k only */
    matrix_t through, detect; /* top-k: estimates of the values sent = through values + detect noise */
    /* Of a given F: */
    matrix_t ft, zt;       /* F T, Z T: M x d */
    matrix_t middle;       /* M x d or m-wide: F C^H */
    matrix_t inverse;      /* (B R B^H + sigma2 I)^-1 */
    matrix_t load, cross;  /* M1 = A^H A, and H^H S^-1 H: Q = cross F T; M x M */
    double gain, norm2;    /* tr(S^-1 B T B^H); |G|^2 */
} federated_user_t;

struct federated {
    federated_config_t config;
    bool real;
    int d, n, antennas; /* features, samples, n_t; of the composite when widely linear */
    int rows;           /* M */
    double sigma2;      /* per dimension of `real` */
    /* R = r I (basis.v NULL), or all is turned into R's eigenvectors: R = diag(spread). */
    double r;
    matrix_t basis;
    double *spread, *root; /* eigenvalues and their square roots */
    matrix_t x;            /* d x n; top-k and during create */
    matrix_t f0;
    federated_user_t *user;       /* [result.aligned] */
    federated_user_result_t *out; /* [result.users] */
    federated_result_t result;
    /* Scratch. */
    matrix_t f, z, before, right, rooted, total, anchor; /* M x d */
    matrix_t power, sum, square[5];              /* M x M; square: room for K n_r as well */
    double *values;
};

/* Room for F, Z and what each round needs of them; f->rows, d, real and result.rounds are set. */
int federated_make_design(federated_t *f, err_t *err);

/* ---- federated_statistics: samples -> statistics */
int federated_statistics(federated_t *f, const federated_input_t *input, err_t *err);
/* Its parts.  X into f->x, r or the basis, the result's transforms; f->d, f->n. */
int federated_take_x(federated_t *f, const federated_tensor_t *x, err_t *err);
/* 0, or -1 and the reason in out->left_out. */
int federated_check_channel(const federated_tensor_t *h, int antennas, federated_user_result_t *out);
int federated_take_channel(const federated_t *f, const federated_tensor_t *h, matrix_t *to, err_t *err);
int federated_check_config(const federated_config_t *config, err_t *err);

/* ---- federated_start: F0 of the file, or one of our own, into f->f0 */
int federated_start(federated_t *f, const federated_tensor_t *given, err_t *err);

/* ---- federated_user: one user's part of a round */
int federated_user_create(federated_t *f, federated_user_t *u, err_t *err);
void federated_user_destroy(federated_user_t *u);
/* ft = F T. */
void federated_user_load(federated_user_t *u, const matrix_t *f);
/* power = F R F^H for all users. */
void federated_power(federated_t *f, const matrix_t *p);
/*
 * gain, of F and ft with f->power; `whole`: norm2, load, cross too.  -1 (our numbers broke): B R B^H +
 * sigma2 I isn't positive definite.
 */
int federated_user_evaluate(federated_t *f, federated_user_t *u, const matrix_t *p,
                            const matrix_t *pt, bool whole);
/* G = C B^H S^-1 of F, back from the basis; makes g (m x K n_r). */
int federated_user_equaliser(federated_t *f, federated_user_t *u, const matrix_t *p, matrix_t *g,
                             err_t *err);
/* Fills in g, g_dep, nmse of all users for f->before (F of the last round), f->z. */
int federated_finish(federated_t *f, double round_scale, err_t *err);

/* Real or complex features as the configuration has it, samples in columns. */
int federated_arrange(const federated_tensor_t *t, const federated_config_t *config, matrix_t *out, err_t *err);

/* ---- federated_again: statistics of another one */
int federated_share(federated_t *f, const federated_t *like, const federated_tensor_t *h, err_t *err);

/* ---- methods: they leave F, Z in the basis; g, g_dep and nmse of the users; obj_round, obj_dep */
int federated_rounds(federated_t *f, err_t *err);
/* Wiener rounds from f->f, into f->f and f->z; the last round's G is that of f->before times *scale. */
int federated_wiener(federated_t *f, double *scale, err_t *err);
/* One round of users elsewhere (federated_split.h): each has load, ft = Q, norm2 and no cross.  F, Z
   start at f0; *dual: V = dual Z, 0 at first. */
void federated_step_begin(federated_t *f);
int federated_step(federated_t *f, double *dual, double *obj, err_t *err);
int federated_links(federated_t *f, err_t *err);
int federated_first(federated_t *f, err_t *err);
int federated_top(federated_t *f, err_t *err);
/* Places (n a column: f->result.kept, rising) and values (kept x n) of x's largest features. */
int federated_top_pick(const matrix_t *x, int kept, int *place, matrix_t *value, err_t *err);

/* `from` out of R's basis into `to`, from that row on. */
int federated_turn_back(const federated_t *f, const matrix_t *from, int row, matrix_t *to);

#endif
