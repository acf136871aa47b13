/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTML page: no script, and nothing loaded from anywhere. */
#include "file.h"
#include "gallery.h"
#include "html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int put_image(FILE *out, const image_t *image, err_t *err)
{
    if (image->rgb == NULL) {
        fputs("not received", out);
        return 0;
    }
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (image_encode_png(image, &bytes, &size, err) != 0) {
        return -1;
    }
    char attributes[96];
    snprintf(attributes, sizeof attributes, "%s width=%d",
             image->width < 96 ? "class=small" : "loading=lazy",
             image->width < 96 ? 3 * image->width : image->width);
    html_png(out, bytes, size, attributes);
    free(bytes);
    return 0;
}

static int put_pictures(FILE *out, const gallery_t *gallery, err_t *err)
{
    fputs("<h2>Sent and received</h2>\n<div class=wide><table>\n<tr><th></th>", out);
    for (int column = 0; column < gallery->columns; column++) {
        fputs("<th>", out);
        html_text(out, gallery->column_names[column]);
        fputs("</th>", out);
    }
    fputs("</tr>\n", out);
    for (int i = 0; i < gallery->rows * gallery->columns; i++) {
        if (i % gallery->columns == 0) {
            fputs("<tr><th>", out);
            html_text(out, gallery->row_names[i / gallery->columns]);
            fputs("</th>", out);
        }
        fputs("<td>", out);
        if (put_image(out, &gallery->images[i], err) != 0) {
            return -1;
        }
        if (isfinite(gallery->psnr_db[i])) {
            fprintf(out, "<br>%.1f dB", gallery->psnr_db[i]);
        }
        fputs(i % gallery->columns == gallery->columns - 1 ? "</td></tr>\n" : "</td>", out);
    }
    fputs("</table></div>\n", out);
    return 0;
}

static int put_table(FILE *out, const char *path, err_t *err)
{
    table_t *table = table_load(path, err);
    if (table == NULL) {
        return -1;
    }
    fputs("<h2>Numbers</h2>\n", out);
    html_table(out, table);
    table_free(table);
    return 0;
}

int gallery_write_page(const gallery_t *gallery, const char *path, const char *title,
                       const char *result, const char *table, const char *figure, err_t *err)
{
    file_writer_t *writer = file_writer_open(path, err);
    if (writer == NULL) {
        return -1;
    }
    FILE *out = file_writer_stream(writer);
    html_begin(out, title);
    fputs("<p>", out);
    html_text(out, result);
    fputs("</p>\n", out);
    int status =
        access(figure, F_OK) == 0 ? html_png_file(out, figure, "class=figure", err) : 0;
    if (status == 0) {
        status = put_pictures(out, gallery, err);
    }
    if (status == 0 && access(table, F_OK) == 0) {
        status = put_table(out, table, err);
    }
    html_end(out);
    if (status != 0) {
        file_writer_abort(writer);
        return -1;
    }
    return file_writer_commit(writer, err);
}
