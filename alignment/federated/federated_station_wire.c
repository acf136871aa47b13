/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_station_wire: a user's questions, and what comes and goes with them. */
#include "federated/federated_station_private.h"

#include "clock.h"
#include "control/control_server.h"
#include "control/field.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

static const double ask_s = 2.0;

/* ---- asking ---------------------------------------------------------------- */

/* Takes args.  1: nobody there, or it said "not now": begin with the task again, or just ask again.
 */
int station_ask(federated_station_t *s, const char *command, json_t *args, const void *blob,
                size_t size, control_result_t *got, err_t *err)
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

json_t *station_who(const federated_station_t *s)
{
    return json_pack("{s:s, s:s}", "name", s->config.name, "session", s->session);
}

/* Appends the answer's blob; *done: all of `size` is there. */
static int append(federated_package_t *to, size_t *have, const control_result_t *got, err_t *err)
{
    if (got->blob_size == 0 || got->blob_size > to->size - *have) {
        return err_set(err, ERR_FORMAT, "the access point sent %zu bytes where %zu are left",
                       got->blob_size, to->size - *have);
    }
    memcpy(to->bytes + *have, got->blob, got->blob_size);
    *have += got->blob_size;
    return 0;
}

/* ---- task ------------------------------------------------------------------ */

static int take_task(federated_station_t *s, const federated_package_t *package, const digest_t *id,
                     err_t *err)
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

int station_get_task(federated_station_t *s, err_t *err)
{
    federated_package_t package = {0};
    size_t have = 0;
    digest_t id, first;
    int code = 0;
    do {
        control_result_t got;
        int64_t size;
        code = station_ask(s, "federated.task", json_pack("{s:I}", "offset", (json_int_t)have),
                           NULL, 0, &got, err);
        if (code != 0) {
            break;
        }
        char text[DIGEST_TEXT];
        code = field_text(got.result, "hash", text, sizeof text, err) != 0 ||
                       digest_parse(text, &id, err) != 0 ||
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

int station_join(federated_station_t *s, err_t *err)
{
    control_result_t got;
    char text[DIGEST_TEXT];
    json_t *args = station_who(s);
    swap_state_t state;
    swap_rx_state(s->rx, &state);
    json_object_set_new(args, "rx_session", json_integer((json_int_t)s->rx_session));
    json_object_set_new(args, "order", json_integer((json_int_t)state.order));
    json_object_set_new(args, "hash", json_string(digest_text(&s->task_id, text)));
    json_object_set_new(args, "task_bytes", json_integer((json_int_t)s->task_bytes));
    const int code = station_ask(s, "federated.join", args, NULL, 0, &got, err);
    if (code == 0) {
        s->task_bytes = 0;
        s->state = STATION_NEXT;
        control_result_free(&got);
    }
    return code < 0 ? -1 : 0;
}

/* ---- packages -------------------------------------------------------------- */

/* In pieces; 1: the round went on, or nobody there. */
int station_send(federated_station_t *s, const char *kind, int64_t alignment, int64_t round,
                 const federated_package_t *package, err_t *err)
{
    int code = 0;
    for (size_t have = 0; code == 0 && have < package->size; have += CONTROL_CHUNK) {
        const size_t left = package->size - have, now = left < CONTROL_CHUNK ? left : CONTROL_CHUNK;
        control_result_t got;
        json_t *args = station_who(s);
        json_object_set_new(args, "kind", json_string(kind));
        json_object_set_new(args, "alignment", json_integer(alignment));
        json_object_set_new(args, "round", json_integer(round));
        json_object_set_new(args, "size", json_integer((json_int_t)package->size));
        json_object_set_new(args, "offset", json_integer((json_int_t)have));
        code = station_ask(s, "federated.send", args, package->bytes + have, now, &got, err);
        if (code == 0) {
            control_result_free(&got);
        }
    }
    return code;
}

/* F or Z.  1: over. */
int station_get_f(federated_station_t *s, const json_t *next, matrix_t *out, err_t *err)
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
        json_t *args = station_who(s);
        json_object_set_new(args, "alignment", json_integer(alignment));
        json_object_set_new(args, "round", json_integer(round));
        json_object_set_new(args, "offset", json_integer((json_int_t)have));
        code = station_ask(s, "federated.get", args, NULL, 0, &got, err);
        if (code == 0) {
            code = append(&package, &have, &got, err);
            control_result_free(&got);
        }
    }
    code = code == 0 ? federated_read_f(package.bytes, package.size, &shape, out, err) : code;
    free(package.bytes);
    return code;
}
