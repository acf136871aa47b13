/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * html: parts of a page that has everything in it: no script, and nothing loaded from anywhere.
 */
#ifndef FLOWGRAPHS_HTML_H
#define FLOWGRAPHS_HTML_H

#include "err.h"
#include "table.h"

#include <stdint.h>
#include <stdio.h>

void html_text(FILE *out, const char *text); /* with <, & and " escaped */

/* From <!DOCTYPE to the heading; html_end closes the page. */
void html_begin(FILE *out, const char *title);
void html_end(FILE *out);

/* A PNG in the page; `attributes` go into its tag. */
void html_png(FILE *out, const uint8_t *bytes, size_t size, const char *attributes);
int html_png_file(FILE *out, const char *path, const char *attributes, err_t *err);

/* An SVG file in the page as it is, without its XML prolog. */
int html_svg_file(FILE *out, const char *path, err_t *err);

/* A table; columns that are the same in every row stand before it in words. */
void html_table(FILE *out, const table_t *table);

#endif
