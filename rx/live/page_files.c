/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page's files.  What is asked for is looked up in a fixed table of paths, so no path ever
 * reaches the file system: the files were read at the start.
 */
#include "live/page_private.h"

#include "file.h"
#include "place.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *path, *type, *option, *file;
} served[] = {
    {"/", "text/html; charset=utf-8", "live.files", "page.html"},
    {"/page.css", "text/css; charset=utf-8", "live.files", "page.css"},
    {"/page.js", "text/javascript; charset=utf-8", "live.files", "page.js"},
    {"/draw.js", "text/javascript; charset=utf-8", "live.files", "draw.js"},
    {"/chart.js", "text/javascript; charset=utf-8", "live.scripts", "chart.js/chart.min.js"},
    {"/campaign.csv", "text/csv; charset=utf-8", "live.campaign", NULL},
};
_Static_assert(sizeof served / sizeof served[0] == PAGE_FILES_COUNT, "one place for each");

int page_files_read(page_t *page, err_t *err)
{
    for (int i = 0; i < PAGE_FILES_COUNT; i++) {
        page_file_t *file = &page->files[i];
        const char *folder = options_string(page->config.options, served[i].option);
        char path[4096], own[4096];
        file->path = served[i].path;
        file->type = served[i].type;
        if (strcmp(served[i].option, "live.files") == 0 && *folder == 0) {
            folder = place_path(own, sizeof own, "live", "");
        }
        if (*folder == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s%s%s", folder, served[i].file != NULL ? "/" : "",
                 served[i].file != NULL ? served[i].file : "");
        if (file_read_all(path, PAGE_FILE, &file->data, &file->size, err) != 0) {
            const bool script = strcmp(served[i].option, "live.scripts") == 0;
            return err_prefix(err, "%s%s", served[i].option,
                              script ? " (Debian's package libjs-chart.js)" : "");
        }
    }
    return 0;
}

int page_files_send(const page_t *page, struct mg_connection *c, const char *path)
{
    for (int i = 0; i < PAGE_FILES_COUNT; i++) {
        const page_file_t *file = &page->files[i];
        if (file->data != NULL && strcmp(file->path, path) == 0) {
            page_answer(c, 200, file->type, "Cache-Control: no-cache\r\n", file->data, file->size);
            return 200;
        }
    }
    return page_refuse(c, 404, "there is no such page");
}

void page_files_free(page_t *page)
{
    for (int i = 0; i < PAGE_FILES_COUNT; i++) {
        free(page->files[i].data);
        page->files[i].data = NULL;
    }
}
