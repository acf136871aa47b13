/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gnuplot: runs scripts of gnuplot, and writes texts into them. */
#ifndef FLOWGRAPHS_GNUPLOT_H
#define FLOWGRAPHS_GNUPLOT_H

#include "err.h"

#include <stdio.h>

/* `gnuplot SCRIPT` in FOLDER.  ERR_UNSUPPORTED: it is not installed; ERR_IO: it failed. */
int gnuplot_run(const char *folder, const char *script, err_t *err);

/* A text in single quotes. */
void gnuplot_quote(FILE *out, const char *text);

#endif
