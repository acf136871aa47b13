/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * figure: results.csv as a picture, by gnuplot.
 *
 * The abscissa is snr_db, or the last swept number where the SNR is fixed;
 * each combination of the other swept settings is a line; seeds are averaged.
 * Panels: PSNR (of the mean MSE), accuracy where there is any, and frame loss
 * where there was any; each with its 95 % interval as a band.  A campaign's options
 * figure.x and figure.y (kept in campaign.json) choose others.
 */
#ifndef FLOWGRAPHS_FIGURE_H
#define FLOWGRAPHS_FIGURE_H

#include "err.h"

/*
 * Reads FOLDER/results.csv, writes FOLDER/figure.gp (which `gnuplot figure.gp`
 * in the folder turns into figure.png, figure.pdf and figure.svg, for those who want
 * them otherwise), and runs it.  ERR_UNSUPPORTED: gnuplot is not installed; ERR_STATE:
 * nothing was received, so there is nothing to draw; ERR_FORMAT: no rows, or not a results.csv.
 */
int figure_make(const char *folder, err_t *err);

#endif
