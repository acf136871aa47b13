/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gallery: sent and received pictures side by side, as one PNG (a contact
 * sheet) and as one HTML file with everything in it.
 *
 * A list names the pictures, one a line, three fields with a tab between:
 *
 *     ROW <tab> COLUMN <tab> FILE
 *
 * Rows and columns stand in the order of their first line.  The first column
 * is what was sent: the PSNR under the others is measured against it.  A FILE
 * that is not there leaves its place empty: that picture was not received.
 */
#ifndef FLOWGRAPHS_GALLERY_H
#define FLOWGRAPHS_GALLERY_H

#include "images/image.h"

enum { GALLERY_MOST = 64 }; /* rows, columns */

typedef struct {
    int rows, columns;
    char *row_names[GALLERY_MOST], *column_names[GALLERY_MOST];
    image_t *images; /* [rows][columns], empty where there is none */
    double *psnr_db; /* [rows][columns] against column 0, NaN where there is none */
} gallery_t;

/* Errors name the list and its line: fields missing, too many rows or columns, a damaged picture.
 */
gallery_t *gallery_load(const char *list, err_t *err);
void gallery_free(gallery_t *gallery); /* NULL is fine */

/* The contact sheet, FOLDER/images.png, with gnuplot.  ERR_UNSUPPORTED: it is not installed. */
int gallery_draw(const gallery_t *gallery, const char *folder, err_t *err);

/*
 * The page: `title` and `result` as text, the rows of `table` (a CSV file) and
 * `figure` (a PNG file) where they are there, and every picture.
 */
int gallery_write_page(const gallery_t *gallery, const char *path, const char *title,
                       const char *result, const char *table, const char *figure, err_t *err);

#endif
