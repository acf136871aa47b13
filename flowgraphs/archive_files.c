/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive_files.h"

#include "clock.h"
#include "file.h"
#include "log.h"
#include "revision.h"

#include <complex.h>
#include <dirent.h>
#include <fftw3.h>
#include <liquid/liquid.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { FILE_MOST = 256 << 20 };

json_t *archive_read_json(const char *path, err_t *err)
{
    uint8_t *text = NULL;
    size_t size = 0;
    if (file_read_all(path, FILE_MOST, &text, &size, err) != 0) {
        return NULL;
    }
    json_error_t where;
    json_t *json = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, &where);
    free(text);
    if (json == NULL) {
        err_set(err, ERR_FORMAT, "%s line %d: %s", path, where.line, where.text);
    } else if (!json_is_object(json)) {
        err_set(err, ERR_FORMAT, "%s is not a JSON object", path);
        json_decref(json);
        json = NULL;
    }
    return json;
}

int archive_write_json(const char *path, const json_t *json, err_t *err)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    file_writer_t *writer = text != NULL ? file_writer_open(path, err) : NULL;
    if (text == NULL) {
        err_set(err, ERR_MEMORY, "no memory for %s", path);
    }
    int status = -1;
    if (writer != NULL) {
        status = file_writer_write(writer, text, strlen(text), err);
        if (status != 0) {
            file_writer_abort(writer);
        } else {
            status = file_writer_commit(writer, err);
        }
    }
    free(text);
    return status;
}

/* The first line of a file that starts with `name`, behind its colon; "?" where there is none. */
static void machine_line(const char *path, const char *name, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    char line[256];
    snprintf(text, size, "?");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, name, strlen(name)) == 0 && colon != NULL) {
            snprintf(text, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* Who compiled it, with what, and where it ran. */
static json_t *record_build(void)
{
    struct utsname system;
    char processor[128], jansson[32];
    machine_line("/proc/cpuinfo", "model name", processor, sizeof processor);
    snprintf(jansson, sizeof jansson, "%s", JANSSON_VERSION);
    uname(&system);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "compiler", __VERSION__, "fftw",
                     fftwf_version, "liquid-dsp", liquid_libversion(), "jansson", jansson, "system",
                     system.release, "processor", processor);
}

static json_t *record_points(campaign_t *campaign)
{
    json_t *points = json_array();
    for (size_t i = 0; points != NULL && i < campaign_points(campaign); i++) {
        char id[CAMPAIGN_ID_SIZE], seed[24], about[512];
        campaign_select(campaign, i);
        campaign_id(campaign, id);
        campaign_describe(campaign, about, sizeof about);
        snprintf(seed, sizeof seed, "%llu", (unsigned long long)campaign_point_seed(campaign));
        json_array_append_new(points,
                              json_pack("{s:s, s:s, s:s}", "id", id, "seed", seed, "point", about));
    }
    return points;
}

int archive_write_record(const char *path, campaign_t *campaign, json_t *settings,
                       const json_t *contents, int argc, char *const argv[], err_t *err)
{
    json_t *command = json_array();
    for (int i = 0; command != NULL && i < argc; i++) {
        /* A word that is not UTF-8 is not kept in JSON. */
        json_t *word = json_string(argv[i]);
        json_array_append_new(command, word != NULL ? word : json_string("?"));
    }
    char started[32];
    json_t *points = record_points(campaign); /* selects: what options_string gave before is gone */
    json_t *record = json_pack(
        "{s:s, s:s, s:s, s:s, s:o?, s:o?, s:o, s:O, s:o?, s:{s:s, s:s}}", "program", "semradio-campaign", "version",
        SEMRADIO_VERSION, "revision", SEMRADIO_REVISION, "started",
        clock_wall_text(clock_wall_ns(), started, sizeof started), "build",
        record_build(), "command", command, "settings",
        settings, "contents", (json_t *)contents, "points", points,
        "figure", "x", options_string(campaign_options(campaign), "figure.x"), "y",
        options_string(campaign_options(campaign), "figure.y"));
    if (record == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %s", path);
    }
    int status = archive_write_json(path, record, err);
    json_decref(record);
    return status;
}

void archive_compare_builds(const json_t *record)
{
    const char *version = json_string_value(json_object_get(record, "version"));
    const char *revision = json_string_value(json_object_get(record, "revision"));
    if (version == NULL || revision == NULL) {
        return;
    }
    if (strcmp(version, SEMRADIO_VERSION) != 0 || strcmp(revision, SEMRADIO_REVISION) != 0) {
        log_warn("earlier points were made by version %s (%s), this is %s (%s)", version, revision,
                 SEMRADIO_VERSION, SEMRADIO_REVISION);
    }
}

void archive_clear_points(const char *folder, bool all)
{
    DIR *points = opendir(folder);
    if (points == NULL) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(points)) != NULL;) {
        size_t length = strspn(entry->d_name, "0123456789abcdef");
        const char *end = entry->d_name + length;
        size_t kind = strncmp(end, ".json", 5) == 0  ? 5
                      : strncmp(end, ".png", 4) == 0 ? 4
                      : strncmp(end, ".why", 4) == 0 ? 4
                                                     : 0;
        bool ours = length == CAMPAIGN_ID_SIZE - 1 && kind > 0;
        bool whole = ours && end[kind] == '\0';
        /* A longer name is a file that its writer did not live to rename. */
        if (ours && (all || !whole)) {
            unlinkat(dirfd(points), entry->d_name, 0);
        }
    }
    closedir(points);
}
