/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_daemons: real daemons with a control plane, and adapters for the small codec. */
#ifndef TESTS_SYSTEM_CONTROL_DAEMONS_H
#define TESTS_SYSTEM_CONTROL_DAEMONS_H

#include "adapter/adapter.h"
#include "codec/codec.h"
#include "control/control_client.h"
#include "control/endpoint.h"
#include "daemons.h"
#include "rng.h"

static char air_name[32];

__attribute__((unused)) static program_t start_air(const char *more)
{
    static int count;
    snprintf(air_name, sizeof air_name, "control%d-%d", (int)getpid(), count++);
    program_t air = start("air", "--air %s --pace=free --radios=2 --control.bind=ipc://%s %s",
                          air_name, in_work("air.ipc"), more);
    CU_ASSERT(wait_for(&air, "control at"));
    return air;
}

__attribute__((unused)) static program_t start_rx(const char *more)
{
    program_t rx = start("rx",
                         "--radio.address=%s --radio.timeout_s=20 --reference.path=cifar10:%s "
                         "--codec.name=%s --report.file=%s --report.append --rx.overload=wait "
                         "--quality.judge=none --control.bind=ipc://%s --control.store=%s %s",
                         air_name, in_work("set.bin"), in_work("codec"), in_work("rx.jsonl"),
                         in_work("rx.ipc"), in_work("rx-store"), more);
    CU_ASSERT(wait_for(&rx, "listening"));
    return rx;
}

__attribute__((unused)) static program_t start_tx(const char *more)
{
    program_t tx = start("tx",
                         "cifar10:%s --radio.address=%s --radio.timeout_s=20 --codec.name=%s "
                         "--control.bind=ipc://%s --control.store=%s --swap.linger_s=0.3 %s",
                         in_work("set.bin"), air_name, in_work("codec"), in_work("tx.ipc"),
                         in_work("tx-store"), more);
    CU_ASSERT(wait_for(&tx, "control at"));
    return tx;
}

__attribute__((unused)) static control_client_t *client_of(const char *name)
{
    char endpoint[ENDPOINT_SIZE];
    err_t err = ERR_INIT;
    snprintf(endpoint, sizeof endpoint, "ipc://%s", in_work("%s.ipc", name));
    const control_peer_config_t config = {endpoint, "", ""};
    control_client_t *client = control_client_create(&config, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(client);
    return client;
}

/* The result (to be freed), or NULL with the error in *err.  Takes args. */
__attribute__((unused)) static json_t *ask(control_client_t *client, const char *command,
                                           json_t *args, err_t *err)
{
    control_result_t got;
    const int code = control_client_ask(client, command, "", args, NULL, 0, 20, &got, err);
    json_t *result = code == 0 ? json_incref(got.result) : NULL;
    control_result_free(&got);
    json_decref(args);
    return result;
}

__attribute__((unused)) static bool set(control_client_t *client, const char *key,
                                        const char *value)
{
    err_t err = ERR_INIT;
    json_t *got = ask(client, "set", json_pack("{s:{s:s}}", "values", key, value), &err);
    if (got == NULL) {
        fprintf(stderr, "set %s=%s: %s\n", key, value, err.text);
    }
    json_decref(got);
    return got != NULL;
}

__attribute__((unused)) static bool get_is(control_client_t *client, const char *key,
                                           const char *value)
{
    err_t err = ERR_INIT;
    json_t *got = ask(client, "get", json_pack("{s:[s]}", "keys", key), &err);
    const char *text = json_string_value(json_object_get(json_object_get(got, "values"), key));
    const bool same = text != NULL && strcmp(text, value) == 0;
    if (!same) {
        fprintf(stderr, "%s is %s, not %s\n", key, text != NULL ? text : "(nothing)", value);
    }
    json_decref(got);
    return same;
}

/* A number of the status, or -1. */
__attribute__((unused)) static double status_number(control_client_t *client, const char *key)
{
    err_t err = ERR_INIT;
    json_t *status = ask(client, "status", NULL, &err);
    const json_t *value = json_object_get(status, key);
    const double number = json_is_number(value) ? json_number_value(value) : -1;
    json_decref(status);
    return number;
}

/* The last report that is whole; status REPORT_DROPPED when there is none. */
__attribute__((unused)) static frame_report_t last_report(void)
{
    frame_report_t report;
    report_init(&report);
    report.status = REPORT_DROPPED;
    char *text = text_of(in_work("rx.jsonl"));
    char *end = strrchr(text, '\n');
    if (end != NULL) {
        *end = 0;
        char *line = strrchr(text, '\n');
        (void)report_from_json(line != NULL ? line + 1 : text, &report, NULL);
    }
    free(text);
    return report;
}

typedef bool looks_t(const frame_report_t *report);

/* Until a report looks right. */
__attribute__((unused)) static bool wait_until(looks_t *right, const char *what)
{
    for (int i = 0; i < 1000; i++) {
        const frame_report_t report = last_report();
        if (report.status == REPORT_OK && right(&report)) {
            return true;
        }
        clock_sleep_s(0.02);
    }
    fprintf(stderr, "never seen: %s\n", what);
    return false;
}

/* ---- adapters ---- */

/* A low-rank set on the small codec, its hash, and its file PATH. */
__attribute__((unused)) static digest_t make_adapter(const char *path, uint64_t seed)
{
    enum { RANK = 2, IN = 8 * 9, OUT = 32 };
    static float a[RANK * IN], b[OUT * RANK];
    err_t err = ERR_INIT;
    rng_t rng;
    codec_t *codec = codec_open(in_work("codec"), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    rng_seed(&rng, seed, 3);
    rng_normal(&rng, a, RANK * IN);
    rng_normal(&rng, b, OUT * RANK);
    for (int i = 0; i < RANK * IN; i++) {
        a[i] *= 0.02f;
    }
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.base = codec_hash(codec);
    info.kind = ADAPTER_LORA;
    info.rank = RANK;
    info.alpha = RANK;
    const adapter_array_t arrays[] = {{"encoder.head.lora_A", 2, {RANK, IN}, a},
                                      {"encoder.head.lora_B", 2, {OUT, RANK}, b}};
    adapter_t *adapter = adapter_build(&info, arrays, 2, NULL, 0, &err);
    if (adapter == NULL || adapter_save(adapter, path, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(adapter);
    const digest_t id = adapter_id(adapter);
    adapter_destroy(adapter);
    codec_close(codec);
    return id;
}

#endif
