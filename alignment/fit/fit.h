/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fit: symbol-domain alignment learned from pilot pictures.
 *
 * Two codecs that were trained apart put the same picture on different symbols.  The receiver,
 * which has codec B, gets symbols x of A's encoder; B's own encoder would have sent y for the same
 * picture. From n such pairs this finds a map y ~ W x + b that the receiver applies to every frame
 * (an `equaliser` adapter, fit/equaliser.h).
 *
 *     FIT_LINEAR          C x C complex, the same at every place of the grid; ridge, closed form
 *     FIT_WIDELY_LINEAR   2C x 2C real: also mixes a symbol with conjugates of others
 *     FIT_UNITARY         the best rotation, C x C unitary (Procrustes)
 *     FIT_PROCRUSTES      the best rotation, 2C x 2C orthogonal
 *     FIT_CONV            k x k convolution of 2C real channels (5 x 5): ridge towards the widely
 *                         linear map, closed form.  Never much worse than that map, for a strong
 * ridge gives it back FIT_CONV_GRADIENT   the same by steps of steepest descent from the widely
 * linear map; the closed form reaches the minimum that these steps approach, in less time; here to
 * compare with FIT_AUTO            the one of the first five with the least error on pilots left
 * out
 *
 * Regularisation (ridge; number of steps) is chosen by leaving pilots out: each one in turn up
 * to 10 pilots, five groups above.  Whole pilots, because the places of one picture resemble
 * each other.  NMSE = |y - W x - b|^2 / |y|^2 over all symbols.
 */
#ifndef ALIGNMENT_FIT_FIT_H
#define ALIGNMENT_FIT_FIT_H

#include "adapter/adapter.h"
#include "err.h"

#include <complex.h>

typedef enum {
    FIT_LINEAR,
    FIT_WIDELY_LINEAR,
    FIT_UNITARY,
    FIT_PROCRUSTES,
    FIT_CONV,
    FIT_CONV_GRADIENT,
    FIT_AUTO,
    FIT_METHODS,
} fit_method_t;

/* "linear|widely_linear|unitary|procrustes|conv|conv_gradient|auto", and each of them. */
#define FIT_METHOD_CHOICES "linear|widely_linear|unitary|procrustes|conv|conv_gradient|auto"
const char *fit_method_name(fit_method_t method);

/* Pairs of one size: x and y [pairs][channels][rows][columns], as codec_encode orders symbols. */
typedef struct {
    int pairs, channels, rows, columns;
    const float complex *x, *y;
} fit_pilots_t;

typedef struct {
    fit_method_t method;
    int kernel; /* of the convolutions: odd, 3 .. 15 */
    double
        ridge; /* >= 0, relative to the mean energy of an input; NAN: chosen on pilots left out */
    int steps; /* of FIT_CONV_GRADIENT, 1 .. 100000; 0: chosen */
} fit_options_t;

#define FIT_OPTIONS_INIT                                                                           \
    {                                                                                              \
        FIT_AUTO, 5, __builtin_nan(""), 0                                                          \
    }

typedef struct {
    fit_method_t method;   /* never FIT_AUTO */
    int pairs, places;     /* pilots; places of all of them */
    int kernel;            /* 1, or the convolution's */
    double ridge;          /* NAN where there is none */
    int steps;             /* 0 where there are none */
    int folds;             /* groups left out; 0: nothing was validated (one pilot) */
    double nmse_before;    /* of y ~ x */
    double nmse_fit;       /* on the pilots themselves */
    double nmse_validated; /* on pilots left out; NAN without folds */
} fit_result_t;

typedef struct fit fit_t;

/*
 * ERR_ARGUMENT: no pilots, or one where something is to be validated; a value that is not finite
 * ("pilot 3: x of channel 2, row 0, column 5"); x or y that is nothing but zeros; singular.
 */
fit_t *fit_create(const fit_pilots_t *pilots, const fit_options_t *options, err_t *err);
void fit_destroy(fit_t *fit); /* NULL is fine */

const fit_result_t *fit_result(const fit_t *fit);

/*
 * The map as an adapter of kind linear, procrustes or conv.  `info` gives base (codec B), rate, SNR
 * group, name, author, created, parent; kind is set here.  How it was fitted goes into the
 * metadata as fit.*.  `channels`: how many complex channels the codec has at its highest rate;
 * pilots of a lower rate have fewer, and the rest is left as it is.  0: as many as the pilots.
 * ERR_ARGUMENT: fewer than the pilots, or more than 256.
 */
adapter_t *fit_adapter(const fit_t *fit, const adapter_info_t *info, int channels, err_t *err);

#endif
