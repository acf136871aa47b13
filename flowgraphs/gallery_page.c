/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTML page: no script, and nothing loaded from anywhere. */
#include "file.h"
#include "gallery.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MOST = 64 << 20 };

static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static void put_base64(FILE *out, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t word = (uint32_t)bytes[i] << 16 | (uint32_t)(left > 1 ? bytes[i + 1] : 0) << 8 |
                        (uint32_t)(left > 2 ? bytes[i + 2] : 0);
        fputc(digits[word >> 18], out);
        fputc(digits[word >> 12 & 63], out);
        fputc(left > 1 ? digits[word >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[word & 63] : '=', out);
    }
}

static void put_png(FILE *out, const uint8_t *bytes, size_t size, const char *attributes)
{
    fprintf(out, "<img %s src=\"data:image/png;base64,", attributes);
    put_base64(out, bytes, size);
    fputs("\">", out);
}

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
    put_png(out, bytes, size, attributes);
    free(bytes);
    return 0;
}

static int put_pictures(FILE *out, const gallery_t *gallery, err_t *err)
{
    fputs("<h2>Sent and received</h2>\n<div class=wide><table>\n<tr><th></th>", out);
    for (int column = 0; column < gallery->columns; column++) {
        fputs("<th>", out);
        put_text(out, gallery->column_names[column]);
        fputs("</th>", out);
    }
    fputs("</tr>\n", out);
    for (int i = 0; i < gallery->rows * gallery->columns; i++) {
        if (i % gallery->columns == 0) {
            fputs("<tr><th>", out);
            put_text(out, gallery->row_names[i / gallery->columns]);
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
    fputs("<h2>Numbers</h2>\n<div class=wide><table>\n<tr>", out);
    for (size_t column = 0; column < table_columns(table); column++) {
        fputs("<th>", out);
        put_text(out, table_name(table, column));
        fputs("</th>", out);
    }
    fputs("</tr>\n", out);
    for (size_t row = 0; row < table_rows(table); row++) {
        fputs("<tr>", out);
        for (size_t column = 0; column < table_columns(table); column++) {
            fputs("<td>", out);
            put_text(out, table_text(table, row, column));
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</table></div>\n", out);
    table_free(table);
    return 0;
}

static int put_figure(FILE *out, const char *path, err_t *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (file_read_all(path, FILE_MOST, &bytes, &size, err) != 0) {
        return -1;
    }
    put_png(out, bytes, size, "class=figure");
    fputc('\n', out);
    free(bytes);
    return 0;
}

static void put_head(FILE *out, const char *title, const char *result)
{
    fputs("<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\n"
          "<meta name=viewport content=\"width=device-width\">\n<title>",
          out);
    put_text(out, title);
    fputs(
        "</title>\n<style>\n"
        "body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:1200px;padding:0 1em}\n"
        "table{border-collapse:collapse}td,th{padding:.2em .5em;text-align:center;"
        "border-bottom:1px solid #ddd;font-size:13px}\n"
        ".wide{overflow-x:auto}.small{image-rendering:pixelated}.figure{max-width:100%}\n"
        "</style></head><body>\n<h1>",
        out);
    put_text(out, title);
    fputs("</h1>\n<p>", out);
    put_text(out, result);
    fputs("</p>\n", out);
}

int gallery_write_page(const gallery_t *gallery, const char *path, const char *title,
                       const char *result, const char *table, const char *figure, err_t *err)
{
    file_writer_t *writer = file_writer_open(path, err);
    if (writer == NULL) {
        return -1;
    }
    FILE *out = file_writer_stream(writer);
    put_head(out, title, result);
    int status = access(figure, F_OK) == 0 ? put_figure(out, figure, err) : 0;
    if (status == 0) {
        status = put_pictures(out, gallery, err);
    }
    if (status == 0 && access(table, F_OK) == 0) {
        status = put_table(out, table, err);
    }
    fputs("</body></html>\n", out);
    if (status != 0) {
        file_writer_abort(writer);
        return -1;
    }
    return file_writer_commit(writer, err);
}
