/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_bench: a control server with a small table, for the tests of the control plane. */
#ifndef TESTS_ALIGNMENT_CONTROL_BENCH_H
#define TESTS_ALIGNMENT_CONTROL_BENCH_H

#include "check.h"
#include "clock.h"
#include "control/control_client.h"
#include "control/control_options.h"
#include "control/endpoint.h"
#include "control/subscriber.h"
#include "log.h"

#include <stdlib.h>
#include <unistd.h>

static const option_t bench_options[] = {
    {.section = "tx",
     .name = "gain_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "0",
     .min = -10,
     .max = 30,
     .flags = OPTION_RUNTIME,
     .help = "gain"},
    {.section = "tx",
     .name = "images",
     .type = OPTION_INT,
     .fallback = "8",
     .min = 1,
     .max = 255,
     .flags = OPTION_RUNTIME,
     .help = "images"},
    {.section = "tx", .name = "name", .type = OPTION_STRING, .fallback = "fixed", .help = "name"},
    {0}};

typedef struct {
    options_t *options;
    control_settings_t settings;
    control_server_t *server;
    control_reporter_t *reporter;
    int done; /* commands "add" carried out */
    double accepted_gain;
} bench_t;

/* 13 is a value that the table allows and this daemon does not. */
static int bench_accept(void *context, const options_t *options, err_t *err)
{
    bench_t *bench = context;
    if (options_int(options, "tx.images") == 13) {
        return err_set(err, ERR_ARGUMENT, "tx.images = 13 brings bad luck");
    }
    bench->accepted_gain = options_real(options, "tx.gain_db");
    return 0;
}

static int bench_get(void *c, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return control_get(&((bench_t *)c)->settings, call, reply, err);
}

static int bench_set(void *c, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return control_set(&((bench_t *)c)->settings, call, reply, err);
}

static int bench_list(void *c, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return control_list(&((bench_t *)c)->settings, call, reply, err);
}

static int bench_status(void *c, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    (void)call;
    (void)err;
    reply->result = json_pack("{s:o}", "control", control_server_status(((bench_t *)c)->server));
    return 0;
}

static int bench_add(void *c, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    bench_t *bench = c;
    (void)err;
    bench->done++;
    reply->result =
        json_pack("{s:i, s:I}", "done", bench->done, "blob", (json_int_t)call->blob_size);
    reply->blob = call->blob;
    reply->blob_size = call->blob_size;
    return 0;
}

static const control_command_t bench_commands[] = {{"get", bench_get, CONTROL_PURE},
                                                   {"set", bench_set, 0},
                                                   {"list", bench_list, CONTROL_PURE},
                                                   {"status", bench_status, CONTROL_PURE},
                                                   {"add", bench_add, 0},
                                                   {0}};

static const char *bench_ipc(void)
{
    static char endpoint[ENDPOINT_SIZE];
    static int count;
    snprintf(endpoint, sizeof endpoint, "ipc:///tmp/semradio-control-%d-%d", (int)getpid(),
             count++);
    return endpoint;
}

__attribute__((unused)) static int bench_open(bench_t *bench, const char *bind, const char *key,
                                              const char *allow, err_t *err)
{
    static const option_t *const tables[] = {bench_options, NULL};
    memset(bench, 0, sizeof *bench);
    bench->options = options_create("bench", "a test", tables, err);
    bench->settings =
        (control_settings_t){.options = bench->options, .accept = bench_accept, .context = bench};
    const control_server_config_t config = {.program = "bench",
                                            .bind = bind,
                                            .key = key,
                                            .allow = allow,
                                            .commands = bench_commands,
                                            .context = bench};
    bench->server = control_server_create(&config, err);
    if (bench->server == NULL) {
        options_destroy(bench->options);
        bench->options = NULL;
        return -1;
    }
    bench->settings.server = bench->server;
    bench->reporter = control_server_reporter(bench->server, 16, err);
    return control_server_start(bench->server, err);
}

__attribute__((unused)) static void bench_close(bench_t *bench)
{
    control_server_destroy(bench->server);
    options_destroy(bench->options);
}

__attribute__((unused)) static control_client_t *
bench_client(const char *endpoint, const char *server_key, const char *key)
{
    err_t err = ERR_INIT;
    const control_peer_config_t config = {endpoint, server_key, key};
    control_client_t *client = control_client_create(&config, &err);
    if (client == NULL) {
        fprintf(stderr, "no client: %s\n", err.text);
    }
    return client;
}

/* One command; its result (to be freed) or NULL with err.  Takes args. */
__attribute__((unused)) static json_t *bench_ask(control_client_t *client, const char *command,
                                                 json_t *args, err_t *err)
{
    control_result_t got;
    const int code = control_client_ask(client, command, "", args, NULL, 0, 10, &got, err);
    json_t *result = code == 0 ? json_incref(got.result) : NULL;
    control_result_free(&got);
    json_decref(args);
    return result;
}

__attribute__((unused)) static int64_t bench_count(control_client_t *client, const char *key)
{
    err_t err = ERR_INIT;
    json_t *status = bench_ask(client, "status", json_object(), &err);
    const json_t *value = json_object_get(json_object_get(status, "control"), key);
    const int64_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    json_decref(status);
    return number;
}

#endif
