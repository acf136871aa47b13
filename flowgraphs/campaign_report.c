/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "campaign_report.h"

#include "file.h"
#include "html.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, SAMPLES_MOST = 120 /* points; a page must still open */ };

typedef struct {
    const char *folder, *command;
    json_t *record;  /* campaign.json, or NULL */
    table_t *states; /* points.csv, or NULL */
    FILE *out;
} page_t;

static const char *in_folder(const page_t *page, char path[PATH_SIZE], const char *name)
{
    snprintf(path, PATH_SIZE, "%s/%s", page->folder, name);
    return path;
}

/* A word as a shell takes it. */
static void put_word(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=./:,@%";
    if (word[strspn(word, plain)] == '\0' && word[0] != '\0') {
        html_text(out, word);
        return;
    }
    fputc('\'', out);
    for (; *word != '\0'; word++) {
        const char one[2] = {*word, '\0'};
        html_text(out, *word == '\'' ? "'\\''" : one);
    }
    fputc('\'', out);
}

static void put_command(const page_t *page)
{
    const json_t *words = json_object_get(page->record, "command");
    fputs("<h2>Command</h2>\n<pre>", page->out);
    if (page->record == NULL) {
        html_text(page->out, page->command != NULL ? page->command : "?");
    } else {
        fputs("./semradio campaign", page->out);
    }
    for (size_t i = 1; i < json_array_size(words); i++) {
        fputc(' ', page->out);
        put_word(page->out, json_string_value(json_array_get(words, i)));
    }
    fputs("</pre>\n", page->out);
}

static void put_line(FILE *out, const char *name, const json_t *value)
{
    if (json_is_string(value)) {
        fputs("<tr><td>", out);
        html_text(out, name);
        fputs("</td><td>", out);
        html_text(out, json_string_value(value));
        fputs("</td></tr>\n", out);
    }
}

/* Version and revision, then compiler, libraries, machine; then what the files held. */
static void put_origin(const page_t *page)
{
    static const char *const keys[] = {"version", "revision", "started"};
    const char *name;
    json_t *value;
    if (page->record == NULL) {
        return;
    }
    fputs("<h2>Made by</h2>\n<table class=left>\n", page->out);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        put_line(page->out, keys[i], json_object_get(page->record, keys[i]));
    }
    json_object_foreach(json_object_get(page->record, "build"), name, value)
    {
        put_line(page->out, name, value);
    }
    json_object_foreach(json_object_get(page->record, "contents"), name, value)
    {
        put_line(page->out, name, value);
    }
    fputs("</table>\n<details><summary>All settings</summary>\n<table class=left>\n", page->out);
    json_object_foreach(json_object_get(page->record, "settings"), name, value)
    {
        fputs("<tr><td>", page->out);
        html_text(page->out, name);
        fputs("</td><td>", page->out);
        for (size_t i = 0; i < json_array_size(value); i++) {
            fputs(i > 0 ? ", " : "", page->out);
            html_text(page->out, json_string_value(json_array_get(value, i)));
        }
        fputs("</td></tr>\n", page->out);
    }
    fputs("</table></details>\n", page->out);
}

static int put_figure(const page_t *page, err_t *err)
{
    char path[PATH_SIZE];
    if (access(in_folder(page, path, "figure.svg"), F_OK) != 0) {
        return 0;
    }
    fputs("<h2>Figure</h2>\n", page->out);
    return html_svg_file(page->out, path, err);
}

static int put_numbers(const page_t *page, err_t *err)
{
    char path[PATH_SIZE];
    table_t *table = table_load(in_folder(page, path, "results.csv"), err);
    if (table == NULL) {
        return -1;
    }
    fputs("<h2>Numbers</h2>\n", page->out);
    html_table(page->out, table);
    table_free(table);
    return 0;
}

static const char *state_field(const page_t *page, size_t row, const char *name)
{
    int column = table_find(page->states, name);
    return column >= 0 ? table_text(page->states, row, (size_t)column) : "";
}

static void put_unfinished(const page_t *page)
{
    bool any = false;
    for (size_t row = 0; page->states != NULL && row < table_rows(page->states); row++) {
        if (strcmp(state_field(page, row, "state"), "done") == 0) {
            continue;
        }
        fputs(any ? "" : "<h2>Not done</h2>\n<table class=left>\n", page->out);
        any = true;
        fputs("<tr><td>", page->out);
        html_text(page->out, state_field(page, row, "state"));
        fputs("</td><td>", page->out);
        html_text(page->out, state_field(page, row, "settings"));
        fputs("</td><td>", page->out);
        html_text(page->out, state_field(page, row, "why"));
        fputs("</td></tr>\n", page->out);
    }
    fputs(any ? "</table>\n<p>The same command tries them again.</p>\n" : "", page->out);
}

static int put_sample(const page_t *page, const char *name, const char *label, err_t *err)
{
    char path[PATH_SIZE];
    if (access(in_folder(page, path, name), F_OK) != 0) {
        return 0;
    }
    fputs("<tr><td>", page->out);
    html_text(page->out, label);
    fputs("</td><td>", page->out);
    int status = html_png_file(page->out, path, "class=small height=64", err);
    fputs("</td></tr>\n", page->out);
    return status;
}

static int put_samples(const page_t *page, err_t *err)
{
    char path[PATH_SIZE];
    if (page->states == NULL || access(in_folder(page, path, "samples/sent.png"), F_OK) != 0) {
        return 0;
    }
    fputs("<h2>Samples</h2>\n<p>The first pictures, sent and as they arrived; grey ones were "
          "lost.</p>\n<div class=wide><table class=left>\n",
          page->out);
    int status = put_sample(page, "samples/sent.png", "sent", err);
    size_t rows = table_rows(page->states);
    for (size_t row = 0; status == 0 && row < rows && row < SAMPLES_MOST; row++) {
        char name[64];
        snprintf(name, sizeof name, "samples/%.16s.png", state_field(page, row, "id"));
        status = put_sample(page, name, state_field(page, row, "settings"), err);
    }
    fputs("</table></div>\n", page->out);
    return status;
}

static int put_page(const page_t *page, err_t *err)
{
    char title[300];
    const char *name = strrchr(page->folder, '/');
    snprintf(title, sizeof title, "semradio: %.200s",
             name != NULL && name[1] != '\0' ? name + 1 : page->folder);
    html_begin(page->out, title);
    put_command(page);
    if (put_figure(page, err) != 0 || put_numbers(page, err) != 0) {
        return -1;
    }
    put_unfinished(page);
    if (put_samples(page, err) != 0) {
        return -1;
    }
    put_origin(page);
    html_end(page->out);
    return 0;
}

static int write_page(page_t *page, err_t *err)
{
    char path[PATH_SIZE];
    file_writer_t *writer = file_writer_open(in_folder(page, path, "report.html"), err);
    if (writer == NULL) {
        return -1;
    }
    page->out = file_writer_stream(writer);
    if (put_page(page, err) != 0) {
        file_writer_abort(writer);
        return -1;
    }
    return file_writer_commit(writer, err);
}

int campaign_report_make(const char *folder, const char *command, err_t *err)
{
    char path[PATH_SIZE];
    page_t page = {.folder = folder, .command = command};
    json_error_t where;
    int status = 0;
    if (access(in_folder(&page, path, "campaign.json"), F_OK) == 0 &&
        (page.record = json_load_file(path, 0, &where)) == NULL) {
        status = err_set(err, ERR_FORMAT, "%s line %d: %s", path, where.line, where.text);
    }
    if (status == 0 && access(in_folder(&page, path, "points.csv"), F_OK) == 0 &&
        (page.states = table_load(path, err)) == NULL) {
        status = -1;
    }
    if (status == 0) {
        status = write_page(&page, err);
    }
    table_free(page.states);
    json_decref(page.record);
    return status;
}
