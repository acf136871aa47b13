/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_station: a daemon with nothing but a control plane and a store, and a client of it. */
#ifndef TESTS_ALIGNMENT_CONTROL_STATION_H
#define TESTS_ALIGNMENT_CONTROL_STATION_H

#include "check.h"
#include "control/control_client.h"
#include "control/control_daemon.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/semradio-transfer-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

typedef struct {
    options_t *options;
    control_daemon_t *daemon;
    control_client_t *client;
} station_t;

static json_t *status(void *context)
{
    (void)context;
    return json_object();
}

static void begin(station_t *s)
{
    static const option_t *const tables[] = {control_options, NULL};
    char endpoint[160];
    err_t err = ERR_INIT;
    snprintf(endpoint, sizeof endpoint, "ipc://%s", in_folder("socket"));
    s->options = options_create("station", "a test", tables, &err);
    CHECK_INT(options_set(s->options, "control.bind", endpoint, &err), 0);
    CHECK_INT(options_set(s->options, "control.store", in_folder("store"), &err), 0);
    const control_daemon_config_t config = {
        .program = "station", .options = s->options, .status = status, .context = s};
    CHECK_INT(control_daemon_open(&config, &s->daemon, &err), 0);
    CHECK_INT(control_daemon_start(s->daemon, &err), 0);
    const control_peer_config_t peer = {endpoint, "", ""};
    s->client = control_client_create(&peer, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->client);
}

static void stop_daemon(station_t *s)
{
    control_daemon_close(s->daemon);
    options_destroy(s->options);
}

static void end(station_t *s)
{
    char command[160];
    control_client_destroy(s->client);
    stop_daemon(s);
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    CHECK_INT(system(command), 0);
}

__attribute__((unused)) static int ask(station_t *s, const char *command, json_t *args,
                                       const void *blob, size_t size, json_t **result, err_t *err)
{
    control_result_t got;
    const int code = control_client_ask(s->client, command, "", args, blob, size, 10, &got, err);
    if (result != NULL) {
        *result = code == 0 ? json_incref(got.result) : NULL;
    }
    control_result_free(&got);
    json_decref(args);
    return code;
}

#endif
