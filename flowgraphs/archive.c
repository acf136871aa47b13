/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive.h"

#include "file.h"
#include "archive_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct archive {
    campaign_t *campaign;
    char *folder;
    int lock;
    result_t *results; /* [points], those read so far ... */
    bool *known;       /* ... are marked here */
    char path[4096];
};

campaign_t *archive_campaign(const archive_t *archive)
{
    return archive->campaign;
}

const char *archive_path(archive_t *archive, const char *name)
{
    snprintf(archive->path, sizeof archive->path, "%s/%s", archive->folder, name);
    return archive->path;
}

static int take_lock(archive_t *archive, err_t *err)
{
    const char *path = archive_path(archive, "lock");
    archive->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (archive->lock < 0) {
        return err_set_errno(err, errno, "cannot write in %s", archive->folder);
    }
    if (flock(archive->lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? err_set(err, ERR_STATE, "another campaign is running in %s", archive->folder)
                   : err_set_errno(err, errno, "cannot lock %s", path);
    }
    return 0;
}

/* The first key whose values differ, or NULL. */
static const char *first_difference(const json_t *old, const json_t *new)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)new, key, value)
    {
        if (!json_equal(value, json_object_get(old, key))) {
            return key;
        }
    }
    json_object_foreach((json_t *)old, key, value)
    {
        if (json_object_get(new, key) == NULL) {
            return key;
        }
    }
    return NULL;
}

static int refuse(const archive_t *archive, const char *key, const json_t *old, const json_t *new,
                  err_t *err)
{
    char *was = json_dumps(json_object_get(old, key), JSON_COMPACT | JSON_ENCODE_ANY);
    char *is = json_dumps(json_object_get(new, key), JSON_COMPACT | JSON_ENCODE_ANY);
    err_set(err, ERR_STATE,
            "%s holds another campaign: its %s was %.120s and is now %.120s; choose another out=, "
            "or overwrite=yes to throw its results away",
            archive->folder, key, was != NULL ? was : "not there", is != NULL ? is : "not there");
    free(was);
    free(is);
    return -1;
}

/* Compares one part of the records; 1, with the message, when they differ. */
static int compare_part(const archive_t *archive, const json_t *record, const char *part,
                        const json_t *now, err_t *err)
{
    const json_t *old = json_object_get(record, part);
    const char *key = first_difference(old, now);
    if (key != NULL) {
        (void)refuse(archive, key, old, now, err);
    }
    return key != NULL;
}

/* 0: the folder is new, or holds this campaign; 1: it holds another one; -1: cannot tell. */
static int compare(archive_t *archive, const json_t *settings, const json_t *contents, err_t *err)
{
    const char *path = archive_path(archive, "campaign.json");
    if (access(path, F_OK) != 0) {
        return 0;
    }
    json_t *record = archive_read_json(path, err);
    if (record == NULL) {
        return -1;
    }
    int status = compare_part(archive, record, "settings", settings, err) ||
                 compare_part(archive, record, "contents", contents, err);
    if (status == 0) {
        archive_compare_builds(record);
    }
    json_decref(record);
    return status;
}

/* Deletes what a campaign makes, and nothing else. */
static void clear(archive_t *archive)
{
    static const char *const files[] = {
        "campaign.json", "campaign.conf", "results.csv", "points.csv",      "failures.txt",
        "figure.png",    "figure.pdf",    "figure.svg",  "figure.gp",       "report.html",
        "slurm/job.sh",  "slurm/todo",    "slurm/out",   "samples/sent.png"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        unlink(archive_path(archive, files[i]));
    }
    archive_clear_points(archive_path(archive, "points"), true);
    archive_clear_points(archive_path(archive, "samples"), true);
}

static int prepare(archive_t *archive, const json_t *contents, int argc, char *const argv[], err_t *err)
{
    json_t *settings = campaign_settings(archive->campaign);
    if (settings == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the settings");
    }
    err_t why = ERR_INIT;
    int status = compare(archive, settings, contents, &why);
    if (status != 0 && !campaign_overwrite(archive->campaign)) {
        json_decref(settings);
        return err_set(err, why.code, "%s", why.text);
    }
    if (status != 0) {
        clear(archive);
    }
    archive_clear_points(archive_path(archive, "points"), false);
    if (archive_write_record(archive_path(archive, "campaign.json"), archive->campaign, settings, contents,
                           argc, argv, err) != 0) {
        return -1;
    }
    file_writer_t *writer = file_writer_open(archive_path(archive, "campaign.conf"), err);
    if (writer == NULL) {
        return -1;
    }
    campaign_select(archive->campaign, 0);
    campaign_print(archive->campaign, file_writer_stream(writer));
    return file_writer_commit(writer, err);
}

static archive_t *create(campaign_t *campaign, err_t *err)
{
    archive_t *archive = calloc(1, sizeof *archive);
    if (archive == NULL || (archive->folder = strdup(campaign_out(campaign))) == NULL) {
        free(archive);
        err_set(err, ERR_MEMORY, "no memory for the folder's name");
        return NULL;
    }
    size_t points = campaign_points(campaign);
    archive->campaign = campaign;
    archive->lock = -1;
    archive->results = calloc(points, sizeof *archive->results);
    archive->known = calloc(points, sizeof *archive->known);
    if (archive->results == NULL || archive->known == NULL) {
        err_set(err, ERR_MEMORY, "no memory for %zu results", points);
    } else if (strlen(archive->folder) > sizeof archive->path - 64) {
        err_set(err, ERR_ARGUMENT, "the name of the folder is too long");
    } else {
        return archive;
    }
    archive_close(archive);
    return NULL;
}

archive_t *archive_open(campaign_t *campaign, const json_t *contents, int argc, char *const argv[],
                    err_t *err)
{
    archive_t *archive = create(campaign, err);
    if (archive != NULL && file_make_folder(archive_path(archive, "points"), err) == 0 &&
        file_make_folder(archive_path(archive, "samples"), err) == 0 && take_lock(archive, err) == 0 &&
        prepare(archive, contents, argc, argv, err) == 0) {
        return archive;
    }
    archive_close(archive);
    return NULL;
}

static int check_same(archive_t *archive, const json_t *contents, err_t *err)
{
    json_t *settings = campaign_settings(archive->campaign);
    int status = settings != NULL ? compare(archive, settings, contents, err)
                                  : err_set(err, ERR_MEMORY, "no memory for the settings");
    json_decref(settings);
    return status == 0 ? 0 : -1;
}

archive_t *archive_join(campaign_t *campaign, const json_t *contents, err_t *err)
{
    archive_t *archive = create(campaign, err);
    if (archive == NULL || check_same(archive, contents, err) != 0) {
        archive_close(archive);
        return NULL;
    }
    return archive;
}

void archive_close(archive_t *archive)
{
    if (archive != NULL) {
        if (archive->lock >= 0) {
            close(archive->lock);
        }
        free(archive->results);
        free(archive->known);
        free(archive->folder);
        free(archive);
    }
}

static void point_path(const archive_t *archive, char *path, size_t size)
{
    char id[CAMPAIGN_ID_SIZE];
    campaign_id(archive->campaign, id);
    snprintf(path, size, "%s/points/%s.json", archive->folder, id);
}

const char *archive_samples_path(archive_t *archive, size_t point)
{
    char id[CAMPAIGN_ID_SIZE];
    campaign_select(archive->campaign, point);
    campaign_id(archive->campaign, id);
    snprintf(archive->path, sizeof archive->path, "%s/samples/%s.png", archive->folder, id);
    return archive->path;
}

static int read_point(const archive_t *archive, const char *path, result_t *result, err_t *err)
{
    json_t *record = archive_read_json(path, err);
    if (record == NULL) {
        return -1;
    }
    json_t *settings = campaign_point_settings(archive->campaign);
    int status = 0;
    if (first_difference(json_object_get(record, "settings"), settings) != NULL) {
        status = err_set(err, ERR_FORMAT, "%s holds another point", path);
    } else if (result_from_json(json_object_get(record, "result"), result, err) != 0) {
        status = err_prefix(err, "%s", path);
    }
    json_decref(settings);
    json_decref(record);
    return status;
}

int archive_load(archive_t *archive, size_t point, result_t *result, err_t *err)
{
    campaign_select(archive->campaign, point);
    if (!archive->known[point]) {
        char path[sizeof archive->path];
        point_path(archive, path, sizeof path);
        if (access(path, F_OK) != 0) {
            return 0;
        }
        if (read_point(archive, path, &archive->results[point], err) != 0) {
            return -1;
        }
        archive->known[point] = true;
    }
    *result = archive->results[point];
    return 1;
}

int archive_save(archive_t *archive, size_t point, const result_t *result, err_t *err)
{
    campaign_select(archive->campaign, point);
    char path[sizeof archive->path];
    point_path(archive, path, sizeof path);
    json_t *record = json_pack("{s:o?, s:o?}", "settings", campaign_point_settings(archive->campaign),
                               "result", result_to_json(result));
    if (record == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the result");
    }
    int status = archive_write_json(path, record, err);
    json_decref(record);
    return status;
}
