/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_station: get the task, join, and then do what "next" wants, one thing at a step.
 * Everything is asked anew after an error, so a lost message, an access point that started anew and
 * a round that went on without us all end in the same place.
 *
 *     federated_station.c        life, steps
 *     federated_station_wire.c   questions, task, packages
 *     federated_station_work.c   share, answer, deploy
 */
#include "federated/federated_station_private.h"

#include "clock.h"
#include "control/field.h"
#include "federated/federated_write.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

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

static int next(federated_station_t *s, err_t *err)
{
    control_result_t got;
    char want[16], why[256] = "";
    int code = station_ask(s, "federated.next", station_who(s), NULL, 0, &got, err);
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
        code = station_share(s, err);
    } else if (code == 0 && strcmp(want, "answer") == 0 && s->part) {
        code = station_answer(s, got.result, err);
    } else if (code == 0 && strcmp(want, "deploy") == 0 && s->part) {
        code = station_deploy(s, got.result, err);
    }
    control_result_free(&got);
    return code;
}

int federated_station_step(federated_station_t *s, err_t *err)
{
    switch (s->state) {
    case STATION_TASK:
        return station_get_task(s, err);
    case STATION_JOIN:
        return station_join(s, err);
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
    const federated_matrix_name_t matrices[] = {
        {"G", &r->g_dep}, {"mean", &r->mean}, {"lower", &r->lower}};
    const federated_number_name_t numbers[] = {
        {"nmse", r->nmse}, {"nmse_raw", r->nmse_raw}, {"scale", s->channel.scale}};
    return federated_write(path, matrices, 3, numbers, 3, NULL, 0, err);
}
