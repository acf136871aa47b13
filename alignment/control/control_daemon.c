/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/control_daemon.h"

#include "control/field.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COMMANDS = 32 };

struct control_daemon {
    control_daemon_config_t config;
    control_settings_t settings;
    control_server_t *server;
    store_t *store;
    transfer_t *transfer;
    control_command_t commands[MOST_COMMANDS + 1];
    int command_count;
};

typedef int settings_command_t(control_settings_t *settings, const control_call_t *call,
                               control_reply_t *reply, err_t *err);

static int locked(control_daemon_t *control, settings_command_t *command,
                  const control_call_t *call, control_reply_t *reply, err_t *err)
{
    if (control->config.lock != NULL) {
        pthread_mutex_lock(control->config.lock);
    }
    const int code = command(&control->settings, call, reply, err);
    if (control->config.lock != NULL) {
        pthread_mutex_unlock(control->config.lock);
    }
    return code;
}

static int on_get(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return locked(context, control_get, call, reply, err);
}

static int on_set(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return locked(context, control_set, call, reply, err);
}

static int on_list(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return locked(context, control_list, call, reply, err);
}

static int on_status(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    control_daemon_t *control = context;
    if (field_only(call->request->args, "", err) != 0) {
        return -1;
    }
    reply->result = control->config.status(control->config.context);
    if (reply->result == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the status");
    }
    json_object_set_new(reply->result, "control", control_server_status(control->server));
    json_object_set_new(reply->result, "changes",
                        json_integer((json_int_t)control->settings.changes));
    return 0;
}

static int on_put(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return transfer_put(((control_daemon_t *)context)->transfer, call, reply, err);
}

static void tell_stored(control_daemon_t *control, const control_call_t *call)
{
    const char *hash = json_string_value(json_object_get(call->request->args, "hash"));
    if (hash != NULL) {
        char text[128];
        const int length =
            snprintf(text, sizeof text, "{\"kind\":\"stored\",\"hash\":\"%.64s\"}", hash);
        control_server_report(control->server, CONTROL_ADAPTER, text, (size_t)length);
    }
}

static int on_chunk(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    control_daemon_t *control = context;
    const int code = transfer_chunk(control->transfer, call, reply, err);
    if (code == 0 && json_is_true(json_object_get(reply->result, "done"))) {
        tell_stored(control, call);
    }
    return code;
}

static int on_fetch(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return transfer_fetch(((control_daemon_t *)context)->transfer, call, reply, err);
}

static int on_adapters(void *context, const control_call_t *call, control_reply_t *reply,
                       err_t *err)
{
    return transfer_adapters(((control_daemon_t *)context)->transfer, call, reply, err);
}

static int on_holds(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return transfer_holds(((control_daemon_t *)context)->transfer, call, reply, err);
}

static int on_upgrade(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    control_daemon_t *control = context;
    const int code = transfer_upgrade(control->transfer, call, reply, err);
    if (code == 0) {
        tell_stored(control, call);
    }
    return code;
}

/* The daemon's own commands keep their context. */
static int on_own(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    control_daemon_t *control = context;
    const control_command_t *c = control->config.commands;
    while (c->name != NULL && strcmp(c->name, call->request->command) != 0) {
        c++;
    }
    return c->name != NULL ? c->handle(control->config.context, call, reply, err)
                           : err_set(err, ERR_UNSUPPORTED, "no such command");
}

static void add(control_daemon_t *control, const char *name, control_handle_t *handle,
                unsigned flags)
{
    if (control->command_count < MOST_COMMANDS) {
        control->commands[control->command_count++] = (control_command_t){name, handle, flags};
    }
}

static void make_table(control_daemon_t *control)
{
    add(control, "get", on_get, CONTROL_PURE);
    add(control, "set", on_set, 0);
    add(control, "list", on_list, CONTROL_PURE);
    add(control, "status", on_status, CONTROL_PURE);
    if (control->transfer != NULL) {
        /* Pure: a put, or a chunk at its offset, may come twice. */
        add(control, "put", on_put, CONTROL_PURE);
        add(control, "chunk", on_chunk, CONTROL_PURE);
        add(control, "fetch", on_fetch, CONTROL_PURE);
        add(control, "adapters", on_adapters, CONTROL_PURE);
        add(control, "holds", on_holds, CONTROL_PURE);
        add(control, "upgrade", on_upgrade, CONTROL_PURE);
    }
    for (const control_command_t *c = control->config.commands; c != NULL && c->name != NULL; c++) {
        add(control, c->name, on_own, c->flags);
    }
}

static int open_store(control_daemon_t *control, err_t *err)
{
    const char *folder = options_string(control->config.options, "control.store");
    if (*folder == 0) {
        return 0;
    }
    control->store = store_open(folder, err);
    control->transfer = control->store != NULL ? transfer_create(control->store, err) : NULL;
    return control->transfer != NULL ? 0 : err_prefix(err, "control.store");
}

int control_daemon_open(const control_daemon_config_t *config, control_daemon_t **out, err_t *err)
{
    control_server_config_t server = {.program = config->program};
    *out = NULL;
    if (!control_config_from_options(&server, config->options)) {
        return 0;
    }
    control_daemon_t *control = calloc(1, sizeof *control);
    if (control == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the control plane");
    }
    control->config = *config;
    control->settings = (control_settings_t){.options = config->options,
                                             .accept = config->accept,
                                             .refresh = config->refresh,
                                             .context = config->context};
    if (open_store(control, err) != 0) {
        control_daemon_close(control);
        return -1;
    }
    make_table(control);
    server.commands = control->commands;
    server.context = control;
    control->server = control_server_create(&server, err);
    if (control->server == NULL) {
        control_daemon_close(control);
        return -1;
    }
    control->settings.server = control->server;
    log_info("control at %s, reports at %s%s", control_server_endpoint(control->server),
             control_server_reports(control->server), *server.key != 0 ? ", by key" : "");
    *out = control;
    return 0;
}

int control_daemon_start(control_daemon_t *control, err_t *err)
{
    return control != NULL ? control_server_start(control->server, err) : 0;
}

void control_daemon_close(control_daemon_t *control)
{
    if (control != NULL) {
        control_server_destroy(control->server);
        transfer_destroy(control->transfer);
        store_close(control->store);
        free(control);
    }
}

int control_daemon_reporter(control_daemon_t *control, size_t slots, control_reporter_t **reporter,
                            err_t *err)
{
    *reporter = control != NULL ? control_server_reporter(control->server, slots, err) : NULL;
    return control == NULL || *reporter != NULL ? 0 : -1;
}

control_server_t *control_daemon_server(control_daemon_t *control)
{
    return control != NULL ? control->server : NULL;
}

store_t *control_daemon_store(control_daemon_t *control)
{
    return control != NULL ? control->store : NULL;
}

void control_report_json(control_reporter_t *reporter, control_topic_t topic, json_t *object)
{
    char *text = reporter != NULL && object != NULL
                     ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9))
                     : NULL;
    if (text != NULL) {
        (void)control_report(reporter, topic, text, strlen(text));
    }
    free(text);
    json_decref(object);
}
