/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_station: get the task, join, and then do what "next" wants, one thing at a step.
 * Everything is asked anew after an error, so a lost message, an access point that started anew and a round
 * that went on without us all end in the same place.
 */
#include "federated/federated_station.h"

#include "clock.h"
#include "control/control_client.h"
#include "control/control_server.h"
#include "control/field.h"
#include "control/swap_rx.h"
#include "control/swap_wire.h"
#include "federated/federated_adapter.h"
#include "federated/federated_write.h"
#include "log.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

static const double ask_s = 2.0;

typedef enum { STATION_TASK, STATION_JOIN, STATION_NEXT, STATION_OUT } station_state_t;

struct federated_station {
    federated_station_config_t config;
    control_client_t *client;
    station_state_t state;
    char session[SESSION_LENGTH + 1];
    federated_task_t task;
    digest_t task_id;
    uint64_t base;
    federated_t *part; /* NULL: no channel yet */
    federated_channel_t channel;
    swap_rx_t *rx;
    uint64_t rx_session;
    adapter_t *adapter;
    uint64_t armed;
    int rounds;
    uint64_t task_bytes; /* that the access point doesn't know of */
    bool in_use, said_nobody;
};

/* ---- life ------------------------------------------------------------------ */

static int open_station(federated_station_t *s, err_t *err)
{
    rng_t rng;
    session_make(s->session);
    rng_seed(&rng, clock_wall_ns(), clock_now_ns());
    s->rx_session = (rng_bits(&rng) >> 2) | 1;
    const swap_rx_config_t swap = {s->rx_session, SWAP_HELD, (uint64_t)(s->config.linger_s * 1e9)};
    s->rx = swap_rx_create(&swap, err);
    s->client = s->rx ? control_client_create(&s->config.ap, err) : NULL;
    return s->client ? 0 : -1;
}

federated_station_t *federated_station_create(const federated_station_config_t *config, err_t *err)
{
    if (store_name_check(config->name, err) != 0) {
        return NULL;
    }
    federated_station_t *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_MEMORY, "no memory for a user");
        return NULL;
    }
    s->config = *config;
    if (open_station(s, err) < 0) {
        federated_station_destroy(s);
        return NULL;
    }
    return s;
}

void federated_station_destroy(federated_station_t *s)
{
    if (!s) {
        return;
    }
    control_client_destroy(s->client);
    swap_rx_destroy(s->rx);
    federated_destroy(s->part);
    adapter_destroy(s->adapter);
    free((void *)s->task.x.v);
    free(s);
}

/* ---- asking ---------------------------------------------------------------- */

/* Takes args.  1: nobody there, or it said "not now": begin with the task again, or just ask again. */
static int ask(federated_station_t *s, const char *command, json_t *args, const void *blob, size_t size,
               control_result_t *got, err_t *err)
{
    err_t why = ERR_INIT;
    const int code = control_client_ask(s->client, command, "", args, blob, size, ask_s, got, &why);
    json_decref(args);
    if (code == 0) {
        if (s->said_nobody) {
            log_info("%s: the access point is there again", s->config.name);
        }
        s->said_nobody = false;
        return 0;
    }
    if (!got->from_peer && why.code == ERR_STATE) {
        return err_set(err, why.code, "%s", why.text); /* keys */
    }
    if (!got->from_peer) {
        if (!s->said_nobody) {
            log_info("%s: %s; trying on", s->config.name, why.text);
        }
        s->said_nobody = true;
        clock_sleep_s(0.1);
    } else {
        log_debug("%s: %s: %s", s->config.name, command, why.text);
        if (why.code == ERR_UNSUPPORTED) {
            s->state = STATION_TASK;
        } else if (strncmp(why.text, "join first", 10) == 0) {
            s->state = STATION_JOIN;
        } else if (why.code != ERR_STATE) {
            return err_set(err, why.code, "%s", why.text);
        }
    }
    control_result_free(got);
    return 1;
}

static json_t *who(const federated_station_t *s)
{
    return json_pack("{s:s, s:s}", "name", s->config.name, "session", s->session);
}

/* Appends the answer's blob; *done: all of `size` is there. */
static int append(federated_package_t *to, size_t *have, const control_result_t *got, err_t *err)
{
    if (got->blob_size == 0 || got->blob_size > to->size - *have) {
        return err_set(err, ERR_FORMAT, "the access point sent %zu bytes where %zu are left", got->blob_size,
                       to->size - *have);
    }
    memcpy(to->bytes + *have, got->blob, got->blob_size);
    *have += got->blob_size;
    return 0;
}

/* ---- task ------------------------------------------------------------------ */

static int take_task(federated_station_t *s, const federated_package_t *package, const digest_t *id, err_t *err)
{
    const digest_t is = digest_of(package->bytes, package->size);
    federated_task_t task;
    if (!digest_equal(&is, id)) {
        return err_set(err, ERR_FORMAT, "the task has not the hash that was named");
    }
    if (federated_read_task(package->bytes, package->size, &task, err) < 0) {
        return -1;
    }
    free((void *)s->task.x.v);
    s->task = task;
    s->task_id = *id;
    memcpy(&s->base, id->byte, sizeof s->base);
    s->task_bytes += package->size;
    federated_destroy(s->part);
    s->part = NULL;
    s->state = STATION_JOIN;
    return 0;
}

static int get_task(federated_station_t *s, err_t *err)
{
    federated_package_t package = {0};
    size_t have = 0;
    digest_t id, first;
    int code = 0;
    do {
        control_result_t got;
        int64_t size;
        code = ask(s, "federated.task", json_pack("{s:I}", "offset", (json_int_t)have), NULL, 0, &got, err);
        if (code != 0) {
            break;
        }
        char text[DIGEST_TEXT];
        code = field_text(got.result, "hash", text, sizeof text, err) != 0 || digest_parse(text, &id, err) != 0 ||
                       field_int(got.result, "size", 1, FEDERATED_PACKAGE_MAX, &size, err) != 0
                   ? -1
                   : 0;
        if (code == 0 && !package.bytes) {
            package = (federated_package_t){malloc((size_t)size), (size_t)size};
            first = id;
            code = package.bytes ? 0 : err_set(err, ERR_MEMORY, "no memory for the task");
        }
        if (code == 0 && (!digest_equal(&id, &first) || (size_t)size != package.size)) {
            code = 1; /* another access point in the middle of it */
        }
        code = code == 0 ? append(&package, &have, &got, err) : code;
        control_result_free(&got);
    } while (code == 0 && have < package.size);
    if (code == 0) {
        code = take_task(s, &package, &id, err);
    }
    free(package.bytes);
    return code < 0 ? -1 : 0;
}

static int join(federated_station_t *s, err_t *err)
{
    control_result_t got;
    char text[DIGEST_TEXT];
    json_t *args = who(s);
    swap_state_t state;
    swap_rx_state(s->rx, &state);
    json_object_set_new(args, "rx_session", json_integer((json_int_t)s->rx_session));
    json_object_set_new(args, "order", json_integer((json_int_t)state.order));
    json_object_set_new(args, "hash", json_string(digest_text(&s->task_id, text)));
    json_object_set_new(args, "task_bytes", json_integer((json_int_t)s->task_bytes));
    const int code = ask(s, "federated.join", args, NULL, 0, &got, err);
    if (code == 0) {
        s->task_bytes = 0;
        s->state = STATION_NEXT;
        control_result_free(&got);
    }
    return code < 0 ? -1 : 0;
}

/* ---- what is wanted -------------------------------------------------------- */

/* Can't take part: says so there, and ends. */
static int leave(federated_station_t *s, err_t *err)
{
    control_result_t got;
    err_t ignored = ERR_INIT;
    char why[180];
    json_t *args = who(s);
    snprintf(why, sizeof why, "%.170s", err->text);
    json_object_set_new(args, "why", json_string(why));
    if (ask(s, "federated.leave", args, NULL, 0, &got, &ignored) == 0) {
        control_result_free(&got);
    }
    s->state = STATION_OUT;
    return -1;
}

/* In pieces; 1: the round went on, or nobody there. */
static int send(federated_station_t *s, const char *kind, int64_t alignment, int64_t round,
                const federated_package_t *package, err_t *err)
{
    int code = 0;
    for (size_t have = 0; code == 0 && have < package->size; have += CONTROL_CHUNK) {
        const size_t left = package->size - have, now = left < CONTROL_CHUNK ? left : CONTROL_CHUNK;
        control_result_t got;
        json_t *args = who(s);
        json_object_set_new(args, "kind", json_string(kind));
        json_object_set_new(args, "alignment", json_integer(alignment));
        json_object_set_new(args, "round", json_integer(round));
        json_object_set_new(args, "size", json_integer((json_int_t)package->size));
        json_object_set_new(args, "offset", json_integer((json_int_t)have));
        code = ask(s, "federated.send", args, package->bytes + have, now, &got, err);
        if (code == 0) {
            control_result_free(&got);
        }
    }
    return code;
}

/* `part` for the channel as it is now.  1: not known yet. */
static int make_part(federated_station_t *s, federated_tensor_t *h, err_t *err)
{
    *h = s->config.h;
    s->channel.scale = 1.0;
    if (!h->v) {
        const int code = s->config.measure(s->config.context, s->task.config.sigma2, &s->channel, err);
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

static int share(federated_station_t *s, err_t *err)
{
    federated_share_t made = {0};
    federated_package_t package = {0};
    federated_tensor_t h;
    const bool statistics = s->task.config.method == FEDERATED_ONE_SHOT || s->task.config.start == FEDERATED_SPECTRAL;
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
               : send(s, "share", 0, 0, &package, err);
    federated_share_destroy(&made);
    free(package.bytes);
    return code < 0 ? -1 : 0;
}

/* F or Z.  1: over. */
static int get_f(federated_station_t *s, const json_t *next, matrix_t *out, err_t *err)
{
    federated_package_t package = {0};
    federated_shape_t shape = {.real = s->task.config.widely_linear};
    size_t have = 0;
    int64_t alignment, round, size;
    federated_part_shape(s->part, &shape.rows, &shape.features);
    if (field_int(next, "alignment", 1, INT64_MAX, &alignment, err) != 0 ||
        field_int(next, "round", 0, INT32_MAX, &round, err) != 0 ||
        field_int(next, "size", 1, FEDERATED_PACKAGE_MAX, &size, err) != 0) {
        return -1;
    }
    package = (federated_package_t){malloc((size_t)size), (size_t)size};
    int code = package.bytes ? 0 : err_set(err, ERR_MEMORY, "no memory for F");
    while (code == 0 && have < package.size) {
        control_result_t got;
        json_t *args = who(s);
        json_object_set_new(args, "alignment", json_integer(alignment));
        json_object_set_new(args, "round", json_integer(round));
        json_object_set_new(args, "offset", json_integer((json_int_t)have));
        code = ask(s, "federated.get", args, NULL, 0, &got, err);
        if (code == 0) {
            code = append(&package, &have, &got, err);
            control_result_free(&got);
        }
    }
    code = code == 0 ? federated_read_f(package.bytes, package.size, &shape, out, err) : code;
    free(package.bytes);
    return code;
}

static int answer(federated_station_t *s, const json_t *next, err_t *err)
{
    federated_answer_t made = {0};
    federated_package_t package = {0};
    matrix_t f = {0};
    int code = get_f(s, next, &f, err);
    if (code == 0) {
        code = federated_part_answer(s->part, &f, &made, err) < 0 ||
                       federated_package_answer(&made, s->task.wire, &package, err) < 0
                   ? -1
                   : send(s, "answer", json_integer_value(json_object_get(next, "alignment")),
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
    adapter_t *adapter = federated_adapter_g(federated_result(s->part)->user, s->channel.scale, &info, err);
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

static int deploy(federated_station_t *s, const json_t *next, err_t *err)
{
    matrix_t z = {0};
    swap_action_t action;
    control_result_t got;
    if (swap_wire_read_args(SWAP_ARM, json_object_get(next, "arm"), &action, err) != 0) {
        return -1;
    }
    int code = get_f(s, next, &z, err);
    code = code == 0 ? fit(s, &z, &action.arm, err) : code;
    if (code == 0) {
        const federated_user_result_t *r = federated_station_result(s);
        json_t *args = who(s);
        json_object_set_new(args, "order", json_integer((json_int_t)action.arm.order));
        json_object_set_new(args, "nmse", json_real(r->nmse));
        json_object_set_new(args, "nmse_raw", json_real(r->nmse_raw));
        code = ask(s, "federated.ready", args, NULL, 0, &got, err);
        if (code == 0) {
            log_info("%s: armed tag %u, NMSE %.4f, of raw latents %.4f", s->config.name, action.arm.tag, r->nmse,
                     r->nmse_raw);
            control_result_free(&got);
        }
    }
    matrix_destroy(&z);
    return code < 0 ? -1 : 0;
}

static int next(federated_station_t *s, err_t *err)
{
    control_result_t got;
    char want[16], why[256] = "";
    int code = ask(s, "federated.next", who(s), NULL, 0, &got, err);
    if (code != 0) {
        return code < 0 ? -1 : 0;
    }
    code = field_text(got.result, "want", want, sizeof want, err) != 0 ||
                   field_text_or(got.result, "left_out", why, sizeof why, err) != 0
               ? -1
               : 0;
    s->in_use = json_is_true(json_object_get(got.result, "in_use"));
    if (code == 0 && why[0]) {
        s->state = STATION_OUT;
        code = err_set(err, ERR_ARGUMENT, "left out: %s", why);
    } else if (code == 0 && strcmp(want, "share") == 0) {
        code = share(s, err);
    } else if (code == 0 && strcmp(want, "answer") == 0 && s->part) {
        code = answer(s, got.result, err);
    } else if (code == 0 && strcmp(want, "deploy") == 0 && s->part) {
        code = deploy(s, got.result, err);
    }
    control_result_free(&got);
    return code;
}

int federated_station_step(federated_station_t *s, err_t *err)
{
    switch (s->state) {
    case STATION_TASK:
        return get_task(s, err);
    case STATION_JOIN:
        return join(s, err);
    case STATION_NEXT:
        return next(s, err);
    case STATION_OUT:
        break;
    }
    return err_set(err, ERR_ARGUMENT, "this user was left out");
}

/* ---- looking at it --------------------------------------------------------- */

uint64_t federated_station_armed(const federated_station_t *s)
{
    return s->armed;
}

const federated_user_result_t *federated_station_result(const federated_station_t *s)
{
    return s->part && s->armed > 0 ? federated_result(s->part)->user : NULL;
}

const adapter_t *federated_station_adapter(const federated_station_t *s)
{
    return s->adapter;
}

bool federated_station_in_use(const federated_station_t *s)
{
    return s->in_use;
}

const federated_task_t *federated_station_task(const federated_station_t *s)
{
    return s->task.x.v ? &s->task : NULL;
}

int federated_station_rounds(const federated_station_t *s)
{
    return s->rounds;
}

int federated_station_save(const federated_station_t *s, const char *path, err_t *err)
{
    const federated_user_result_t *r = federated_station_result(s);
    if (!r) {
        return err_set(err, ERR_STATE, "%s: nothing has been aligned", path);
    }
    const federated_matrix_name_t matrices[] = {{"G", &r->g_dep}, {"mean", &r->mean}, {"lower", &r->lower}};
    const federated_number_name_t numbers[] = {{"nmse", r->nmse}, {"nmse_raw", r->nmse_raw},
                                               {"scale", s->channel.scale}};
    return federated_write(path, matrices, 3, numbers, 3, NULL, 0, err);
}
