/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "calibration.h"

#include "clock.h"
#include "file.h"
#include "radio/correction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

json_t *calibration_load(const char *path, const char *serial, err_t *err)
{
    correction_t ignored;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return json_pack("{s:s, s:s}", "format", "semradio calibration 1", "serial", serial);
    }
    if (correction_load(&ignored, path, serial, err) != 0) { /* checks everything */
        return NULL;
    }
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL) {
        err_set(err, ERR_IO, "cannot read %s", path);
    }
    return root;
}

int calibration_save(const char *path, const json_t *root, err_t *err)
{
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (text == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to write %s", path);
    }
    file_writer_t *file = file_writer_open(path, err);
    if (file != NULL) {
        fprintf(file_writer_stream(file), "%s\n", text);
    }
    free(text);
    return file != NULL ? file_writer_commit(file, err) : -1;
}

json_t *calibration_part(void)
{
    char date[32];
    json_t *part = json_object();
    json_object_set_new(part, "date",
                        json_string(clock_wall_text(clock_wall_ns(), date, sizeof date)));
    return part;
}
