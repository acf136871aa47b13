/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "html.h"

#include "file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 64 << 20 };

void html_text(FILE *out, const char *text)
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

void html_begin(FILE *out, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\n"
          "<meta name=viewport content=\"width=device-width\">\n<title>",
          out);
    html_text(out, title);
    fputs(
        "</title>\n<style>\n"
        "body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:1200px;padding:0 1em}\n"
        "table{border-collapse:collapse}td,th{padding:.2em .5em;text-align:center;"
        "border-bottom:1px solid #ddd;font-size:13px}\n"
        "pre{background:#f4f4f4;padding:.7em;overflow-x:auto}.left td{text-align:left}\n"
        ".wide{overflow-x:auto}.small{image-rendering:pixelated}.figure,svg{max-width:100%}\n"
        "</style></head><body>\n<h1>",
        out);
    html_text(out, title);
    fputs("</h1>\n", out);
}

void html_end(FILE *out)
{
    fputs("</body></html>\n", out);
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

void html_png(FILE *out, const uint8_t *bytes, size_t size, const char *attributes)
{
    fprintf(out, "<img %s src=\"data:image/png;base64,", attributes);
    put_base64(out, bytes, size);
    fputs("\">", out);
}

int html_png_file(FILE *out, const char *path, const char *attributes, err_t *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (file_read_all(path, FILE_MOST, &bytes, &size, err) != 0) {
        return -1;
    }
    html_png(out, bytes, size, attributes);
    free(bytes);
    return 0;
}

int html_svg_file(FILE *out, const char *path, err_t *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (file_read_all(path, FILE_MOST, &bytes, &size, err) != 0) {
        return -1;
    }
    const char *from = strstr((const char *)bytes, "<svg");
    int status = from != NULL ? 0 : err_set(err, ERR_FORMAT, "%s is no SVG file", path);
    fputs(status == 0 ? from : "", out);
    free(bytes);
    return status;
}

static bool constant(const table_t *table, size_t column)
{
    for (size_t row = 1; row < table_rows(table); row++) {
        if (strcmp(table_text(table, row, column), table_text(table, 0, column)) != 0) {
            return false;
        }
    }
    return table_rows(table) > 1;
}

static void put_constants(FILE *out, const table_t *table)
{
    bool first = true;
    for (size_t c = 0; c < table_columns(table); c++) {
        if (constant(table, c) && table_text(table, 0, c)[0] != '\0') {
            fputs(first ? "<p>In every row: " : ", ", out);
            html_text(out, table_name(table, c));
            fputs(" ", out);
            html_text(out, table_text(table, 0, c));
            first = false;
        }
    }
    fputs(first ? "" : ".</p>\n", out);
}

/* Six digits are enough to look at; results.csv has them all. */
static void put_field(FILE *out, const table_t *table, size_t row, size_t column)
{
    const char *text = table_text(table, row, column);
    if (strchr(text, '.') != NULL && strlen(text) > 6 &&
        table_number(table, row, column) == table_number(table, row, column)) {
        fprintf(out, "%.5g", table_number(table, row, column));
    } else {
        html_text(out, text);
    }
}

void html_table(FILE *out, const table_t *table)
{
    put_constants(out, table);
    fputs("<div class=wide><table>\n<tr>", out);
    for (size_t c = 0; c < table_columns(table); c++) {
        if (!constant(table, c)) {
            fputs("<th>", out);
            html_text(out, table_name(table, c));
            fputs("</th>", out);
        }
    }
    fputs("</tr>\n", out);
    for (size_t row = 0; row < table_rows(table); row++) {
        fputs("<tr>", out);
        for (size_t c = 0; c < table_columns(table); c++) {
            if (!constant(table, c)) {
                fputs("<td>", out);
                put_field(out, table, row, c);
                fputs("</td>", out);
            }
        }
        fputs("</tr>\n", out);
    }
    fputs("</table></div>\n", out);
}
