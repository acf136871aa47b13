/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scheme: how a campaign turns pictures into symbols and back.  There are two kinds, and
 * the campaign treats both the same way:
 *
 *     joint     a codec of semantic/codec: a picture's symbols are its code (scheme_joint.c)
 *     digital   a compressed file, an error-correcting code, a modulation (scheme_digital.c)
 *
 *     scheme_t *scheme = scheme_open(&config, &err);
 *     scheme_prepare(scheme, &place, &err);
 *     scheme_encode(scheme, images, rgb, width, height, symbols, outcomes, &err);
 *     …
 *     scheme_decode(scheme, images, soft, noise_var, width, height, rgb, outcomes, &err);
 *
 * Both spend the same number of symbols on a picture, at the same k/n.  What becomes of each
 * picture is in outcomes[images]; one that is not PICTURE_WHOLE has undefined pixels.
 */
#ifndef FLOWGRAPHS_SCHEME_H
#define FLOWGRAPHS_SCHEME_H

#include "digital.h"
#include "images/dataset.h"
#include "link.h"

#include <complex.h>

enum { SCHEME_WORDS = 48 };

typedef enum {
    PICTURE_WHOLE,
    PICTURE_OVER_BUDGET, /* by encode: at no quality few enough bytes; filler was sent */
    PICTURE_UNDECODABLE, /* by decode: its frame came, its bytes did not, or are no picture */
} picture_outcome_t;

typedef struct scheme scheme_t;

typedef struct {
    const char *codec;  /* "digital", or codec_open's name or path */
    int rate_numerator; /* of k/n; 0: the codec's second rate, or its only one */
    int rate_denominator;
    double design_snr_db; /* that a joint codec prepares for */
    digital_config_t digital;
} scheme_config_t;

/* Where it will work: what a scheme that chooses its mode by measurement needs to know. */
typedef struct {
    const link_config_t *link;    /* max_symbols and on_frame are not used */
    int frame_images;             /* pictures in a frame */
    int width, height;            /* of the first picture */
    const dataset_t *calibration; /* pictures that are not the campaign's own; NULL: none */
} scheme_place_t;

/* Errors: an unknown codec or rate. */
scheme_t *scheme_open(const scheme_config_t *config, err_t *err);
void scheme_close(scheme_t *scheme); /* NULL is fine */

/* Whether scheme_prepare will ask for calibration pictures. */
bool scheme_chooses(const scheme_config_t *config);

/* Settles what depends on the place.  Errors: frames that the scheme's groups do not divide, no
   calibration pictures where they are needed, a picture with too few symbols for one byte. */
int scheme_prepare(scheme_t *scheme, const scheme_place_t *place, err_t *err);

/* For the frame header and the campaign's record. */
uint64_t scheme_hash(const scheme_t *scheme);
uint8_t scheme_id(const scheme_t *scheme);
uint8_t scheme_rate(const scheme_t *scheme);

/* Symbols of one picture; 0: it can't be sent. */
size_t scheme_symbols(const scheme_t *scheme, int width, int height);

/* What is sent, in a few words: "avif 16QAM 1/2"; "" where the codec's name says it. */
void scheme_describe(const scheme_t *scheme, char text[SCHEME_WORDS]);

/*
 * `images` pictures of one size, symbols[images * scheme_symbols].  decode gets the pictures
 * of whole frames, in the order of encode.  0, or -1 for a size out of range or no memory.
 */
int scheme_encode(scheme_t *scheme, int images, const uint8_t *rgb, int width, int height,
                  float complex *symbols, picture_outcome_t *outcomes, err_t *err);
int scheme_decode(scheme_t *scheme, int images, const float complex *soft, const float *noise_var,
                  int width, int height, uint8_t *rgb, picture_outcome_t *outcomes, err_t *err);

/*
 * Whether it is a task codec: it names a class itself, in the place of a judge, and its pictures
 * are grey.  scheme_classify: predicted[images]; 0 or -1; only where scheme_classifies.
 */
bool scheme_classifies(const scheme_t *scheme);
int scheme_classify(scheme_t *scheme, int images, const float complex *soft, const float *noise_var,
                    int width, int height, int *predicted, err_t *err);

#endif
