/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * result: what one point of a campaign measured, as JSON in its own file and
 * as a row of results.csv.  NaN is "not measured": null in JSON, an empty
 * field in CSV.
 */
#ifndef FLOWGRAPHS_RESULT_H
#define FLOWGRAPHS_RESULT_H

#include "err.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    double images;             /* sent */
    double images_received;    /* of frames that came with a readable header */
    double images_undecodable; /* of those: no picture came out; they count as mean colours */
    double images_over_budget; /* of all: no quality has few enough bytes; mean colours too */
    double frames_sent;
    double frames_lost;     /* not detected, header unreadable, or damaged */
    double frames_false;    /* reported by the receiver, but never sent */
    double psnr_mse_db;     /* 10 log10(255^2 / mean MSE), received images */
    double psnr_mean_db;    /* mean of the received images' own PSNR */
    double psnr_all_db;     /* of the mean MSE over all images, a lost one being mid-grey */
    double ssim;            /* mean, received images */
    double accuracy;        /* share the judge names right, received images, 0 .. 1 */
    double accuracy_all;    /* share of all images, a lost one being wrong */
    double psnr_ci_db;      /* 95 % half-width of psnr_mse_db (first order) */
    double psnr_mean_ci_db; /* 95 % half-width of psnr_mean_db */
    double accuracy_ci;     /* 95 % half-width of accuracy */
    double loss_ci;         /* 95 % half-width of frames_lost / frames_sent (Wilson) */
    double evm_db;          /* received symbols against sent ones: E|s_hat - s|^2 / E|s|^2 */
    double snr_measured_db; /* Es/N0 by the receiver: mean |h|^2 Es over mean N0 */
    double symbol_power;    /* E|s|^2 of the sent symbols; 1 by design of the codec */
    double compression;     /* complex symbols per real source value, k/n */
    double on_air;          /* complex samples on the air per source value, all overhead in */
    double images_per_s;    /* that arrive when frames go back to back; of the waveform, not of us */
    double cpu_s;           /* processor seconds of this point */
    char mode[48];          /* what a digital link sent: "avif 16QAM 1/2"; else "" */
} result_t;

/* Every number NaN, the mode "". */
void result_clear(result_t *result);

/* The numbers' names in the order of the columns, ended by NULL; the last one is cpu_s. */
const char *const *result_names(void);

/* The field of that name (one of result_names). */
double result_value(const result_t *result, const char *name);

/* A new JSON object; NULL when memory is short. */
json_t *result_to_json(const result_t *result);

/* Fields that are missing, null or no numbers: NaN for null, else an error naming the field. */
int result_from_json(const json_t *json, result_t *result, err_t *err);

/* A CSV field: numbers with nine digits and NaN as nothing; texts quoted where needed (RFC 4180).
 */
void result_put_number(FILE *out, double value);
void result_put_text(FILE *out, const char *text);

#endif
