/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_station_work: what a user computes when it is asked to. */
#include "federated/federated_station_private.h"

#include "clock.h"
#include "control/field.h"
#include "control/swap_wire.h"
#include "federated/federated_adapter.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

/* Can't take part: says so there, and ends. */
static int leave(federated_station_t *s, err_t *err)
{
    control_result_t got;
    err_t ignored = ERR_INIT;
    char why[180];
    json_t *args = station_who(s);
    snprintf(why, sizeof why, "%.170s", err->text);
    json_object_set_new(args, "why", json_string(why));
    if (station_ask(s, "federated.leave", args, NULL, 0, &got, &ignored) == 0) {
        control_result_free(&got);
    }
    s->state = STATION_OUT;
    return -1;
}

/* `part` for the channel as it is now.  1: not known yet. */
static int make_part(federated_station_t *s, federated_tensor_t *h, err_t *err)
{
    *h = s->config.h;
    s->channel.scale = 1.0;
    if (!h->v) {
        const int code =
            s->config.measure(s->config.context, s->task.config.sigma2, &s->channel, err);
        if (code != 0) {
            return code;
        }
        *h = (federated_tensor_t){s->channel.rows, s->channel.antennas, true, s->channel.h};
    }
    s->channel.rows = h->rows;
    federated_config_t config = s->task.config;
    config.strict = true;
    config.start = FEDERATED_RANDOM; /* F0 comes from there */
    const federated_input_t input = {.users = 1, .x = s->task.x, .y = &s->config.y, .h = h};
    federated_destroy(s->part);
    s->part = federated_create(&input, &config, err);
    if (!s->part && strncmp(err->text, "user 0: ", 8) == 0) { /* there is no other here */
        memmove(err->text, err->text + 8, strlen(err->text + 8) + 1);
    }
    return s->part ? 0 : -1;
}

int station_share(federated_station_t *s, err_t *err)
{
    federated_share_t made = {0};
    federated_package_t package = {0};
    federated_tensor_t h;
    const bool statistics =
        s->task.config.method == FEDERATED_ONE_SHOT || s->task.config.start == FEDERATED_SPECTRAL;
    int code = make_part(s, &h, err);
    if (code > 0) {
        clock_sleep_s(0.05);
        return 0;
    }
    if (code < 0) {
        return err->code == ERR_ARGUMENT ? leave(s, err) : -1;
    }
    code = federated_part_share(s->part, &h, statistics, &made, err) < 0 ||
                   federated_package_share(&made, s->task.wire, &package, err) < 0
               ? -1
               : station_send(s, "share", 0, 0, &package, err);
    federated_share_destroy(&made);
    free(package.bytes);
    return code < 0 ? -1 : 0;
}

int station_answer(federated_station_t *s, const json_t *next, err_t *err)
{
    federated_answer_t made = {0};
    federated_package_t package = {0};
    matrix_t f = {0};
    int code = station_get_f(s, next, &f, err);
    if (code == 0) {
        code =
            federated_part_answer(s->part, &f, &made, err) < 0 ||
                    federated_package_answer(&made, s->task.wire, &package, err) < 0
                ? -1
                : station_send(s, "answer", json_integer_value(json_object_get(next, "alignment")),
                               json_integer_value(json_object_get(next, "round")), &package, err);
    }
    s->rounds += code == 0;
    matrix_destroy(&f);
    federated_answer_destroy(&made);
    free(package.bytes);
    return code < 0 ? -1 : 0;
}

/* Fits G for Z, stages it (an adapter that is whole, and kept), arms it. */
static int fit(federated_station_t *s, const matrix_t *z, const swap_arm_t *arm, err_t *err)
{
    const federated_adapter_info_t info = {s->base, s->config.name, s->channel.rows};
    swap_pair_t dropped;
    if (federated_part_deploy(s->part, z, err) < 0) {
        return -1;
    }
    adapter_t *adapter =
        federated_adapter_g(federated_result(s->part)->user, s->channel.scale, &info, err);
    if (!adapter) {
        return -1;
    }
    if (s->config.store && store_put_adapter(s->config.store, adapter, err) != 0) {
        adapter_destroy(adapter);
        return -1;
    }
    const swap_code_t code = swap_rx_arm(s->rx, arm, true, clock_now_ns(), &dropped);
    if (code != SWAP_OK) {
        log_warn("%s: not armed: %s", s->config.name, swap_code_name(code));
        adapter_destroy(adapter);
        clock_sleep_s(0.1);
        return 1;
    }
    adapter_destroy(s->adapter);
    s->adapter = adapter;
    s->armed++;
    if (s->config.armed) {
        s->config.armed(s->config.context, arm->tag, adapter);
    }
    return 0;
}

int station_deploy(federated_station_t *s, const json_t *next, err_t *err)
{
    matrix_t z = {0};
    swap_action_t action;
    control_result_t got;
    if (swap_wire_read_args(SWAP_ARM, json_object_get(next, "arm"), &action, err) != 0) {
        return -1;
    }
    int code = station_get_f(s, next, &z, err);
    code = code == 0 ? fit(s, &z, &action.arm, err) : code;
    if (code == 0) {
        const federated_user_result_t *r = federated_station_result(s);
        json_t *args = station_who(s);
        json_object_set_new(args, "order", json_integer((json_int_t)action.arm.order));
        json_object_set_new(args, "nmse", json_real(r->nmse));
        json_object_set_new(args, "nmse_raw", json_real(r->nmse_raw));
        code = station_ask(s, "federated.ready", args, NULL, 0, &got, err);
        if (code == 0) {
            log_info("%s: armed tag %u, NMSE %.4f, of raw latents %.4f", s->config.name,
                     action.arm.tag, r->nmse, r->nmse_raw);
            control_result_free(&got);
        }
    }
    matrix_destroy(&z);
    return code < 0 ? -1 : 0;
}
