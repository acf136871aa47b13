/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store.h"

#include "file.h"
#include "store_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct store {
    campaign_t *campaign;
    char *folder;
    int lock;
    result_t *results; /* [points], those read so far ... */
    bool *known;       /* ... are marked here */
    char path[4096];
};

campaign_t *store_campaign(const store_t *store)
{
    return store->campaign;
}

const char *store_path(store_t *store, const char *name)
{
    snprintf(store->path, sizeof store->path, "%s/%s", store->folder, name);
    return store->path;
}

static int take_lock(store_t *store, err_t *err)
{
    const char *path = store_path(store, "lock");
    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (store->lock < 0) {
        return err_set_errno(err, errno, "cannot write in %s", store->folder);
    }
    if (flock(store->lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? err_set(err, ERR_STATE, "another campaign is running in %s", store->folder)
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

static int refuse(const store_t *store, const char *key, const json_t *old, const json_t *new,
                  err_t *err)
{
    char *was = json_dumps(json_object_get(old, key), JSON_COMPACT | JSON_ENCODE_ANY);
    char *is = json_dumps(json_object_get(new, key), JSON_COMPACT | JSON_ENCODE_ANY);
    err_set(err, ERR_STATE,
            "%s holds another campaign: its %s was %.120s and is now %.120s; choose another out=, "
            "or overwrite=yes to throw its results away",
            store->folder, key, was != NULL ? was : "not there", is != NULL ? is : "not there");
    free(was);
    free(is);
    return -1;
}

/* Compares one part of the records; 1, with the message, when they differ. */
static int compare_part(const store_t *store, const json_t *record, const char *part,
                        const json_t *now, err_t *err)
{
    const json_t *old = json_object_get(record, part);
    const char *key = first_difference(old, now);
    if (key != NULL) {
        (void)refuse(store, key, old, now, err);
    }
    return key != NULL;
}

/* 0: the folder is new, or holds this campaign; 1: it holds another one; -1: cannot tell. */
static int compare(store_t *store, const json_t *settings, const json_t *contents, err_t *err)
{
    const char *path = store_path(store, "campaign.json");
    if (access(path, F_OK) != 0) {
        return 0;
    }
    json_t *record = store_read_json(path, err);
    if (record == NULL) {
        return -1;
    }
    int status = compare_part(store, record, "settings", settings, err) ||
                 compare_part(store, record, "contents", contents, err);
    if (status == 0) {
        store_compare_builds(record);
    }
    json_decref(record);
    return status;
}

/* Deletes what a campaign makes, and nothing else. */
static void clear(store_t *store)
{
    static const char *const files[] = {
        "campaign.json", "campaign.conf", "results.csv", "points.csv",      "failures.txt",
        "figure.png",    "figure.pdf",    "figure.svg",  "figure.gp",       "report.html",
        "slurm/job.sh",  "slurm/todo",    "slurm/out",   "samples/sent.png"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        unlink(store_path(store, files[i]));
    }
    store_clear_points(store_path(store, "points"), true);
    store_clear_points(store_path(store, "samples"), true);
}

static int prepare(store_t *store, const json_t *contents, int argc, char *const argv[], err_t *err)
{
    json_t *settings = campaign_settings(store->campaign);
    if (settings == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the settings");
    }
    err_t why = ERR_INIT;
    int status = compare(store, settings, contents, &why);
    if (status != 0 && !campaign_overwrite(store->campaign)) {
        json_decref(settings);
        return err_set(err, why.code, "%s", why.text);
    }
    if (status != 0) {
        clear(store);
    }
    store_clear_points(store_path(store, "points"), false);
    if (store_write_record(store_path(store, "campaign.json"), store->campaign, settings, contents,
                           argc, argv, err) != 0) {
        return -1;
    }
    file_writer_t *writer = file_writer_open(store_path(store, "campaign.conf"), err);
    if (writer == NULL) {
        return -1;
    }
    campaign_select(store->campaign, 0);
    campaign_print(store->campaign, file_writer_stream(writer));
    return file_writer_commit(writer, err);
}

static store_t *create(campaign_t *campaign, err_t *err)
{
    store_t *store = calloc(1, sizeof *store);
    if (store == NULL || (store->folder = strdup(campaign_out(campaign))) == NULL) {
        free(store);
        err_set(err, ERR_MEMORY, "no memory for the folder's name");
        return NULL;
    }
    size_t points = campaign_points(campaign);
    store->campaign = campaign;
    store->lock = -1;
    store->results = calloc(points, sizeof *store->results);
    store->known = calloc(points, sizeof *store->known);
    if (store->results == NULL || store->known == NULL) {
        err_set(err, ERR_MEMORY, "no memory for %zu results", points);
    } else if (strlen(store->folder) > sizeof store->path - 64) {
        err_set(err, ERR_ARGUMENT, "the name of the folder is too long");
    } else {
        return store;
    }
    store_close(store);
    return NULL;
}

store_t *store_open(campaign_t *campaign, const json_t *contents, int argc, char *const argv[],
                    err_t *err)
{
    store_t *store = create(campaign, err);
    if (store != NULL && file_make_folder(store_path(store, "points"), err) == 0 &&
        file_make_folder(store_path(store, "samples"), err) == 0 && take_lock(store, err) == 0 &&
        prepare(store, contents, argc, argv, err) == 0) {
        return store;
    }
    store_close(store);
    return NULL;
}

static int check_same(store_t *store, const json_t *contents, err_t *err)
{
    json_t *settings = campaign_settings(store->campaign);
    int status = settings != NULL ? compare(store, settings, contents, err)
                                  : err_set(err, ERR_MEMORY, "no memory for the settings");
    json_decref(settings);
    return status == 0 ? 0 : -1;
}

store_t *store_join(campaign_t *campaign, const json_t *contents, err_t *err)
{
    store_t *store = create(campaign, err);
    if (store == NULL || check_same(store, contents, err) != 0) {
        store_close(store);
        return NULL;
    }
    return store;
}

void store_close(store_t *store)
{
    if (store != NULL) {
        if (store->lock >= 0) {
            close(store->lock);
        }
        free(store->results);
        free(store->known);
        free(store->folder);
        free(store);
    }
}

static void point_path(const store_t *store, char *path, size_t size)
{
    char id[CAMPAIGN_ID_SIZE];
    campaign_id(store->campaign, id);
    snprintf(path, size, "%s/points/%s.json", store->folder, id);
}

const char *store_samples_path(store_t *store, size_t point)
{
    char id[CAMPAIGN_ID_SIZE];
    campaign_select(store->campaign, point);
    campaign_id(store->campaign, id);
    snprintf(store->path, sizeof store->path, "%s/samples/%s.png", store->folder, id);
    return store->path;
}

static int read_point(const store_t *store, const char *path, result_t *result, err_t *err)
{
    json_t *record = store_read_json(path, err);
    if (record == NULL) {
        return -1;
    }
    json_t *settings = campaign_point_settings(store->campaign);
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

int store_load(store_t *store, size_t point, result_t *result, err_t *err)
{
    campaign_select(store->campaign, point);
    if (!store->known[point]) {
        char path[sizeof store->path];
        point_path(store, path, sizeof path);
        if (access(path, F_OK) != 0) {
            return 0;
        }
        if (read_point(store, path, &store->results[point], err) != 0) {
            return -1;
        }
        store->known[point] = true;
    }
    *result = store->results[point];
    return 1;
}

int store_save(store_t *store, size_t point, const result_t *result, err_t *err)
{
    campaign_select(store->campaign, point);
    char path[sizeof store->path];
    point_path(store, path, sizeof path);
    json_t *record = json_pack("{s:o?, s:o?}", "settings", campaign_point_settings(store->campaign),
                               "result", result_to_json(result));
    if (record == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the result");
    }
    int status = store_write_json(path, record, err);
    json_decref(record);
    return status;
}
