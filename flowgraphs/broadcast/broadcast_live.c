/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broadcast_live: an air, an access point and users as processes, from nothing to aligned; what
 * each user saw before and after; and, with live.kill, one of them killed and started again.
 */
#include "broadcast_live.h"
#include "broadcast.h"
#include "synthetic.h"

#include "clock.h"
#include "control/control_client.h"
#include "control/field.h"
#include "log.h"
#include "program.h"

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const option_t live_options[] = {
    {.section = "live",
     .name = "users",
     .type = OPTION_INT,
     .fallback = "4",
     .min = 1,
     .max = LIVE_MOST_USERS,
     .alias = "users",
     .help = "receivers"},
    {.section = "live",
     .name = "seconds",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "5",
     .min = 0.1,
     .max = 1e5,
     .alias = "seconds",
     .help = "of sending after the alignment is in use"},
    {.section = "live",
     .name = "limit_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "60",
     .min = 1,
     .max = 1e5,
     .help = "gives up when nothing is aligned by then"},
    {.section = "live",
     .name = "snr_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "20",
     .min = -20,
     .max = 60,
     .alias = "snr",
     .help = "mean Es/N0 of the air; each user's own fades around it, and is measured"},
    {.section = "live",
     .name = "delay_spread_ns",
     .type = OPTION_REAL,
     .unit = "ns",
     .fallback = "0",
     .min = 0,
     .max = 1000,
     .help = "of each user's channel (0: flat)"},
    {.section = "live",
     .name = "seed",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 0,
     .max = 1e15,
     .help = "of the air's channels and the synthetic latents"},
    {.section = "live",
     .name = "pace",
     .type = OPTION_CHOICE,
     .choices = "realtime|free",
     .fallback = "realtime",
     .help = "of the air"},
    {.section = "live",
     .name = "k",
     .type = OPTION_INT,
     .fallback = "8",
     .min = 1,
     .max = 250,
     .alias = "K",
     .help = "channel uses of a message; P is the same"},
    {.section = "live",
     .name = "options",
     .type = OPTION_STRING,
     .fallback = "--method=one-shot --widely_linear --domain=raw --whiten",
     .help = "more options of the access point, separated by single spaces"},
    {.section = "live",
     .name = "samples",
     .type = OPTION_INT,
     .fallback = "1500",
     .min = 50,
     .max = 100000,
     .help = "synthetic latents: samples to align on; two thirds as many more are sent"},
    {.section = "live",
     .name = "features",
     .type = OPTION_INT,
     .fallback = "192",
     .min = 4,
     .max = 2048,
     .help =
         "synthetic latents: the access point's; users have 2, 1, 1/2, 3/4 times as many in turn"},
    {.section = "live",
     .name = "kill",
     .type = OPTION_BOOL,
     .fallback = "false",
     .help = "kills the last user once all are aligned, and starts it again"},
    {.section = "live",
     .name = "keep",
     .type = OPTION_BOOL,
     .fallback = "false",
     .help = "leaves the folder with logs and latents"},
    {.section = "live",
     .name = "json",
     .type = OPTION_BOOL,
     .fallback = "false",
     .help = "the table as lines of JSON"},
    {0}};

/* ---- starting ---------------------------------------------------------------- */

/* Party 0 is the access point; the latents named on the command line, in turn, or synthetic ones.
 */
static const char *latents_of(const live_t *l, int party)
{
    int given = 0;
    while (options_positional(l->options, (size_t)given)) {
        given++;
    }
    if (given == 0) {
        return children_path(&l->children, "latents-%d.safetensors", party);
    }
    return options_positional(l->options, party == 0 ? 0 : (size_t)(1 + (party - 1) % (given - 1)));
}

static int make_latents(const live_t *l, err_t *err)
{
    static const double sizes[] = {2.0, 1.0, 0.5, 0.75};
    const int features = (int)options_int(l->options, "live.features"),
              n = (int)options_int(l->options, "live.samples");
    if (options_positional(l->options, 0)) {
        return options_positional(l->options, 1)
                   ? 0
                   : err_set(err, ERR_ARGUMENT,
                             "live takes the access point's latents and one user's at least");
    }
    for (int party = 0; party <= l->users; party++) {
        const int own = party == 0 ? features : (int)(features * sizes[(party - 1) % 4]);
        if (synthetic_write(latents_of(l, party), (uint64_t)options_int(l->options, "live.seed"),
                            party, own, n, 2 * n / 3, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int start_user(live_t *l, int k, err_t *err)
{
    l->user[k] = children_start(
        &l->children, "broadcast",
        children_path(&l->children, "user%d.log", k) + strlen(l->children.folder) + 1, err,
        "user %s --radio.address=%s --radio.timeout_s=30 --user.connect=%s --user.name=user%d "
        "--watch.summary=%s",
        latents_of(l, k + 1), l->air_name, l->endpoint, k,
        children_path(&l->children, "user%d.json", k));
    return l->user[k] > 0 ? 0 : -1;
}

/* The access point's status (to be freed), or NULL. */
static json_t *status(const live_t *l)
{
    control_result_t got;
    json_t *object = NULL;
    if (control_client_ask(l->client, "status", "", NULL, NULL, 0, 2.0, &got, NULL) == 0) {
        object = json_incref(got.result);
    }
    control_result_free(&got);
    return object;
}

static int start_air(live_t *l, err_t *err)
{
    const options_t *o = l->options;
    snprintf(l->air_name, sizeof l->air_name, "broadcast-%d", (int)getpid());
    l->air = children_start(
        &l->children, "air", "air.log", err,
        "--air %s --air.pace=%s --air.radios=%d --air.buffer_ms=%d --channel.model=rayleigh "
        "--air.status=%s --channel.block=static --channel.delay_spread_ns=%g --channel.snr_db=%g "
        "--channel.seed=%lld",
        l->air_name, options_string(o, "live.pace"), 1 + l->users, l->users > 4 ? 120 : 250,
        children_path(&l->children, "air.jsonl"), options_real(o, "live.delay_spread_ns"),
        options_real(o, "live.snr_db"), (long long)options_int(o, "live.seed"));
    return l->air < 0 ? -1 : 0;
}

/* On the air and answering: the air draws channels by the order of joining, so the access point's
   are always those of the first place. */
static int start_ap(live_t *l, err_t *err)
{
    const options_t *o = l->options;
    const int uses = (int)options_int(o, "live.k");
    const uint64_t deadline = clock_now_ns() + UINT64_C(30000000000);
    snprintf(l->endpoint, sizeof l->endpoint, "ipc://%s/ap", l->children.folder);
    l->ap = children_start(
        &l->children, "broadcast", "ap.log", err,
        "ap %s --radio.address=%s --radio.timeout_s=30 --ap.bind=%s --ap.users=%d --K=%d --P=%d "
        "--snr_db=%g %s",
        latents_of(l, 0), l->air_name, l->endpoint, l->users, uses, uses,
        options_real(o, "live.snr_db"), options_string(o, "live.options"));
    const control_peer_config_t peer = {.endpoint = l->endpoint};
    l->client = l->ap > 0 ? control_client_create(&peer, err) : NULL;
    json_t *answer = NULL;
    while (l->client && !answer && clock_now_ns() < deadline && !program_stopped(0.02)) {
        answer = status(l);
    }
    if (l->client && !answer) {
        err_set(err, ERR_TIMEOUT, "the access point does not answer; its log is in %s",
                l->children.folder);
    }
    json_decref(answer);
    return answer ? 0 : -1;
}

static int start_all(live_t *l, err_t *err)
{
    if (start_air(l, err) < 0 || make_latents(l, err) < 0 || start_ap(l, err) < 0) {
        return -1;
    }
    for (int k = 0; k < l->users; k++) {
        if (start_user(l, k, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- watching ---------------------------------------------------------------- */

/* Users that have an equaliser of what is in use, and have not left. */
static int count_armed(const json_t *status_now)
{
    int armed = 0;
    size_t i;
    json_t *user;
    const char *state = json_string_value(json_object_get(status_now, "state"));
    json_array_foreach(json_object_get(status_now, "users"), i, user)
    {
        armed += json_is_true(json_object_get(user, "here")) &&
                 json_is_true(json_object_get(user, "armed"));
    }
    return state && strcmp(state, "in use") == 0 ? armed : 0;
}

static int wait_for_users(const live_t *l, int users, err_t *err)
{
    const double limit_s = options_real(l->options, "live.limit_s");
    const uint64_t deadline = clock_now_ns() + (uint64_t)(limit_s * 1e9);
    int armed = 0;
    while (clock_now_ns() < deadline && !program_stopped(0.02)) {
        json_t *now = status(l);
        armed = count_armed(now);
        json_decref(now);
        if (armed >= users) {
            return 0;
        }
    }
    return err_set(err, ERR_TIMEOUT, "%d of %d users are aligned after %g s; logs are in %s", armed,
                   users, limit_s, l->children.folder);
}

/* Kills the last user, and waits until it is aligned again. */
static int kill_one(live_t *l, err_t *err)
{
    const int k = l->users - 1;
    kill(l->user[k], SIGKILL);
    (void)children_wait(l->user[k], 10.0);
    while (!program_stopped(0.05)) { /* until the access point has missed it */
        json_t *now = status(l);
        const int armed = count_armed(now);
        json_decref(now);
        if (armed < l->users) {
            break;
        }
    }
    const uint64_t start_ns = clock_now_ns();
    if (start_user(l, k, err) < 0 || wait_for_users(l, l->users, err) < 0) {
        return -1;
    }
    l->rejoin_s = 1e-9 * (double)(clock_now_ns() - start_ns);
    return 0;
}

/* ---- the whole --------------------------------------------------------------- */

/* In the order in which they must end. */
static void stop_all(live_t *l)
{
    for (int k = 0; k < l->users; k++) {
        if (l->user[k] > 0) {
            kill(l->user[k], SIGINT);
        }
    }
    for (int k = 0; k < l->users; k++) {
        if (l->user[k] > 0) {
            (void)children_wait(l->user[k], 10.0);
        }
    }
    if (l->ap > 0) {
        kill(l->ap, SIGINT);
        (void)children_wait(l->ap, 10.0);
    }
    if (l->air > 0) {
        kill(l->air, SIGINT);
        (void)children_wait(l->air, 10.0);
    }
}

static int run(live_t *l, err_t *err)
{
    json_t *last = NULL;
    int code = start_all(l, err) < 0 || wait_for_users(l, l->users, err) < 0 ? -1 : 0;
    if (code == 0) {
        (void)program_stopped(options_real(l->options, "live.seconds"));
        last = status(l);
        code = options_bool(l->options, "live.kill") ? kill_one(l, err) : 0;
    }
    if (code == 0 && options_bool(l->options, "live.kill")) {
        (void)program_stopped(0.5 * options_real(l->options, "live.seconds"));
    }
    control_client_destroy(l->client);
    stop_all(l);
    if (code == 0) {
        live_print(l, last);
    }
    json_decref(last);
    return code;
}

int broadcast_live_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {live_options, program_options, NULL};
    options_t *options = NULL;
    err_t err = ERR_INIT;
    int code = program_begin("semradio-broadcast live", "[AP.safetensors USER.safetensors ...]",
                             "starts an air, an access point and users, and tells what they saw",
                             tables, argc, argv, &options);
    if (!options) {
        return code;
    }
    live_t l = {.options = options,
                .users = (int)options_int(options, "live.users"),
                .rejoin_s = (double)NAN};
    program_catch_signals();
    code =
        children_open(&l.children, &err) == 0 && run(&l, &err) == 0 ? PROGRAM_OK : PROGRAM_FAILED;
    if (code == PROGRAM_OK && !options_bool(options, "live.keep")) {
        children_close(&l.children);
    }
    if (err.code != ERR_NONE) {
        log_error("%s", err.text);
    }
    options_destroy(options);
    return code;
}
