/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gallery.h"

#include "quality/quality.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The index of `name` among *count names, added when it is new; -1 when there is no room. */
static int name_index(char *names[], int *count, const char *name)
{
    for (int i = 0; i < *count; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    if (*count == GALLERY_MOST || (names[*count] = strdup(name)) == NULL) {
        return -1;
    }
    return (*count)++;
}

static image_t *cell(const gallery_t *gallery, int row, int column)
{
    return &gallery->images[row * GALLERY_MOST + column];
}

static int line_read(gallery_t *gallery, char *line, err_t *err)
{
    char *at = line;
    line[strcspn(line, "\n")] = '\0';
    const char *row = strsep(&at, "\t"), *column = strsep(&at, "\t"), *file = at;
    if (column == NULL || file == NULL || strchr(file, '\t') != NULL) {
        return err_set(err, ERR_FORMAT, "a line has a row, a column and a file, tabs between");
    }
    int y = name_index(gallery->row_names, &gallery->rows, row);
    int x = name_index(gallery->column_names, &gallery->columns, column);
    if (y < 0 || x < 0) {
        return err_set(err, ERR_FORMAT, "more than %d rows or columns", GALLERY_MOST);
    }
    return access(file, F_OK) == 0 ? image_load(file, cell(gallery, y, x), err) : 0;
}

static int list_read(gallery_t *gallery, const char *path, err_t *err)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return err_set_errno(err, errno, "cannot open %s", path);
    }
    char *line = NULL;
    size_t room = 0;
    int status = 0;
    for (unsigned number = 1; status == 0 && getline(&line, &room, file) > 0; number++) {
        status = line_read(gallery, line, err);
        if (status != 0) {
            err_prefix(err, "%s line %u", path, number);
        }
    }
    free(line);
    fclose(file);
    if (status == 0 && gallery->rows == 0) {
        return err_set(err, ERR_FORMAT, "%s lists no pictures", path);
    }
    return status;
}

/* Closes the gaps between the rows, which had room for the most columns, and measures. */
static void settle(gallery_t *gallery)
{
    for (int i = 0; i < gallery->rows * gallery->columns; i++) {
        int row = i / gallery->columns, column = i % gallery->columns;
        image_t *from = cell(gallery, row, column), *to = &gallery->images[i];
        if (from != to) {
            *to = *from;
            *from = (image_t)IMAGE_EMPTY;
        }
    }
    for (int i = 0; i < gallery->rows * gallery->columns; i++) {
        const image_t *sent = &gallery->images[i - i % gallery->columns];
        const image_t *received = &gallery->images[i];
        bool measured = i % gallery->columns > 0 && sent->rgb != NULL && received->rgb != NULL &&
                        sent->width == received->width && sent->height == received->height;
        gallery->psnr_db[i] =
            measured ? quality_psnr_db(quality_mse(sent->rgb, received->rgb, image_bytes(sent)))
                     : (double)NAN;
    }
}

gallery_t *gallery_load(const char *list, err_t *err)
{
    gallery_t *gallery = calloc(1, sizeof *gallery);
    size_t cells = (size_t)GALLERY_MOST * GALLERY_MOST;
    if (gallery != NULL) {
        gallery->images = calloc(cells, sizeof *gallery->images);
        gallery->psnr_db = calloc(cells, sizeof *gallery->psnr_db);
    }
    if (gallery == NULL || gallery->images == NULL || gallery->psnr_db == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a gallery");
    } else if (list_read(gallery, list, err) == 0) {
        settle(gallery);
        return gallery;
    }
    gallery_free(gallery);
    return NULL;
}

void gallery_free(gallery_t *gallery)
{
    if (gallery == NULL) {
        return;
    }
    for (int i = 0; gallery->images != NULL && i < GALLERY_MOST * GALLERY_MOST; i++) {
        image_free(&gallery->images[i]);
    }
    for (int i = 0; i < GALLERY_MOST; i++) {
        free(gallery->row_names[i]);
        free(gallery->column_names[i]);
    }
    free(gallery->images);
    free(gallery->psnr_db);
    free(gallery);
}
