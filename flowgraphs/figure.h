/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * figure: results.csv as a picture, by gnuplot.
 *
 * The abscissa is snr_db, or the first swept number where the SNR is fixed;
 * each combination of the other swept settings is a line; seeds are averaged.
 * Panels: PSNR (of the mean MSE), accuracy where there is any, and frame loss
 * where there was any; each with its 95 % interval.
 */
#ifndef FLOWGRAPHS_FIGURE_H
#define FLOWGRAPHS_FIGURE_H

#include "err.h"

/*
 * Reads FOLDER/results.csv, writes FOLDER/figure.gp (which `gnuplot figure.gp`
 * in the folder turns into figure.png, for those who want it otherwise), and
 * runs it.  ERR_UNSUPPORTED: gnuplot is not installed; ERR_FORMAT: no rows, or
 * not a results.csv.
 */
int figure_make(const char *folder, err_t *err);

#endif
