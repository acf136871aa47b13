/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "federated/align_group.h"

#include "clock.h"
#include "control/control_options.h"
#include "federated/align_federated.h"
#include "log.h"
#include "program.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS OPTION_REAL, .unit = "s"

const option_t align_ap_table[] = {
    {.section = "ap",
     .name = "bind",
     .type = OPTION_STRING,
     .fallback = "tcp://127.0.0.1:5640",
     .help = "users connect here; reports go out at the next port, or at PATH.reports"},
    {.section = "ap",
     .name = "key",
     .type = OPTION_STRING,
     .help = "its own key pair (semradio-align keys)"},
    {.section = "ap",
     .name = "allow",
     .type = OPTION_STRING,
     .help = "list of the public keys that may connect, one a line"},
    {.section = "ap",
     .name = "latents",
     .type = OPTION_STRING,
     .fallback = "X",
     .help = "the tensor of its latents, features x samples"},
    {.section = "ap",
     .name = "users",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 1,
     .max = FEDERATED_AP_USERS,
     .alias = "users",
     .help = "the rounds begin when so many have sent their statistics"},
    {.section = "ap",
     .name = "gather_s",
     .type = SECONDS,
     .fallback = "10",
     .min = 0,
     .max = 1e6,
     .help = "or so long after the first of them"},
    {.section = "ap",
     .name = "deadline_s",
     .type = SECONDS,
     .fallback = "1",
     .min = 0.001,
     .max = 1e6,
     .help = "of a round: who has not answered then is left out of it"},
    {.section = "ap",
     .name = "lease_s",
     .type = SECONDS,
     .fallback = "3",
     .min = 0.5,
     .max = 1e6,
     .help = "of silence: nobody waits for such a user any more"},
    {.section = "ap",
     .name = "linger_s",
     .type = SECONDS,
     .fallback = "0.5",
     .min = 0.01,
     .max = 60,
     .help = "a frame may take so long from here to a user's decoder; the same at the users "
             "(user.linger_s)"},
    {.section = "ap",
     .name = "realign",
     .type = OPTION_BOOL,
     .fallback = "true",
     .help = "a new user begins other rounds, from the present Z; off: it gets Z as it is"},
    {.section = "ap",
     .name = "antennas",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 1,
     .max = 64,
     .help = "n_t: columns of every user's H"},
    {.section = "ap",
     .name = "wire",
     .type = OPTION_CHOICE,
     .choices = FEDERATED_WIRE_CHOICES,
     .fallback = "f32",
     .help = "numbers of statistics and of F on their way"},
    {.section = "ap",
     .name = "once",
     .type = OPTION_BOOL,
     .fallback = "false",
     .help = "ends when all users that are there have armed what is in use"},
    {0}};

const option_t align_user_table[] = {
    {.section = "user",
     .name = "connect",
     .type = OPTION_STRING,
     .fallback = "tcp://127.0.0.1:5640",
     .help = "the access point's ap.bind"},
    {.section = "user",
     .name = "server_key",
     .type = OPTION_STRING,
     .help = "the access point's public key or .pub file (empty: messages are plain)"},
    {.section = "user", .name = "key", .type = OPTION_STRING, .help = "our own key pair"},
    {.section = "user",
     .name = "name",
     .type = OPTION_STRING,
     .fallback = "user",
     .help = "who we are, also after a restart: 1 to 63 of A-Z a-z 0-9 . _ -"},
    {.section = "user",
     .name = "latents",
     .type = OPTION_STRING,
     .fallback = "X",
     .help = "the tensor of our latents, features x samples"},
    {.section = "user",
     .name = "channel",
     .type = OPTION_STRING,
     .fallback = "H",
     .help = "the tensor of our channel, n_r x n_t"},
    {.section = "user",
     .name = "store",
     .type = OPTION_STRING,
     .help = "folder of adapters; the equalisers go there"},
    {.section = "user",
     .name = "linger_s",
     .type = SECONDS,
     .fallback = "0.5",
     .min = 0.01,
     .max = 60,
     .help = "as ap.linger_s"},
    {.section = "user",
     .name = "once",
     .type = OPTION_BOOL,
     .fallback = "false",
     .help = "ends when its equaliser is in use"},
    {0}};

int align_ap_read(const options_t *o, const federated_file_t *file, federated_ap_config_t *config,
                  err_t *err)
{
    *config =
        (federated_ap_config_t){.bind = options_string(o, "ap.bind"),
                                .key = options_string(o, "ap.key"),
                                .allow = options_string(o, "ap.allow"),
                                .task = {.x = file->input.x,
                                         .antennas = (int)options_int(o, "ap.antennas"),
                                         .wire = (federated_wire_t)options_choice(o, "ap.wire")},
                                .users = (int)options_int(o, "ap.users"),
                                .gather_s = options_real(o, "ap.gather_s"),
                                .deadline_s = options_real(o, "ap.deadline_s"),
                                .lease_s = options_real(o, "ap.lease_s"),
                                .linger_s = options_real(o, "ap.linger_s"),
                                .realign = options_bool(o, "ap.realign")};
    return align_federated_read(o, file, &config->task.config, err);
}

void align_user_read(const options_t *o, federated_station_config_t *config)
{
    *config =
        (federated_station_config_t){.ap = {.endpoint = options_string(o, "user.connect"),
                                            .server_key = options_string(o, "user.server_key"),
                                            .key = options_string(o, "user.key")},
                                     .name = options_string(o, "user.name"),
                                     .linger_s = options_real(o, "user.linger_s")};
}

static int done(options_t *options, const err_t *err, int code)
{
    if (err->code != ERR_NONE) {
        log_error("%s", err->text);
    }
    options_destroy(options);
    return code;
}

/* ---- access point ---------------------------------------------------------- */

/* Everybody who is there has armed what is in use. */
static bool is_settled(const federated_ap_t *ap)
{
    int ready;
    const int lives = federated_ap_users(ap, &ready);
    return federated_ap_state(ap) == FEDERATED_IN_USE && ready > 0 && ready == lives;
}

/* Saves each alignment that comes into use; ends with Ctrl-C, or `once`. */
static int serve(federated_ap_t *ap, const char *out, bool once, err_t *err)
{
    uint64_t saved_ns = 0, settled_ns = 0;
    while (!program_stopped(0)) {
        uint64_t began_ns, in_use_ns;
        if (federated_ap_step(ap, 0.1, err) < 0) {
            return PROGRAM_FAILED;
        }
        federated_ap_times(ap, &began_ns, &in_use_ns);
        if (in_use_ns != saved_ns && out && federated_ap_save(ap, out, err) < 0) {
            return PROGRAM_FAILED;
        }
        saved_ns = in_use_ns;
        settled_ns = !is_settled(ap) ? 0 : settled_ns != 0 ? settled_ns : clock_now_ns();
        if (once && settled_ns != 0 &&
            clock_now_ns() - settled_ns > 700000000) { /* users have heard of it */
            break;
        }
    }
    return PROGRAM_OK;
}

int align_ap_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {align_federated_table, align_ap_table, program_options,
                                             NULL};
    options_t *options = NULL;
    err_t err = ERR_INIT;
    federated_ap_config_t config;
    int code = program_begin("semradio-align ap", "IN.safetensors [OUT.safetensors]",
                             "the access point of an alignment with many users", tables, argc, argv,
                             &options);
    if (!options) {
        return code;
    }
    if (!options_positional(options, 0) || options_positional(options, 2)) {
        err_set(&err, ERR_ARGUMENT, "ap takes one or two files: IN.safetensors [OUT.safetensors]");
        return done(options, &err, PROGRAM_USAGE);
    }
    program_catch_signals();
    federated_file_t *file = federated_file_load_x(options_positional(options, 0),
                                                   options_string(options, "ap.latents"), &err);
    code = !file                                             ? PROGRAM_FAILED
           : align_ap_read(options, file, &config, &err) < 0 ? PROGRAM_USAGE
                                                             : PROGRAM_OK;
    federated_ap_t *ap = code == PROGRAM_OK ? federated_ap_create(&config, &err) : NULL;
    federated_file_destroy(file);
    if (ap) {
        code = serve(ap, options_positional(options, 1), options_bool(options, "ap.once"), &err);
        federated_ap_print(ap, stdout);
        if (code == PROGRAM_OK && federated_ap_left_out(ap) > 0) {
            code = ALIGN_FEDERATED_LEFT_OUT;
        }
        federated_ap_destroy(ap);
    } else if (code == PROGRAM_OK) {
        code = err.code == ERR_ARGUMENT ? PROGRAM_USAGE : PROGRAM_FAILED;
    }
    return done(options, &err, code);
}

/* ---- user ------------------------------------------------------------------ */

static int take_part(const options_t *o, federated_station_t *station, err_t *err)
{
    const char *out = options_positional(o, 1);
    uint64_t saved = 0;
    while (!program_stopped(0)) {
        if (federated_station_step(station, err) < 0) {
            return err->code == ERR_ARGUMENT ? (int)ALIGN_FEDERATED_LEFT_OUT : (int)PROGRAM_FAILED;
        }
        if (federated_station_armed(station) != saved && out &&
            federated_station_save(station, out, err) < 0) {
            return PROGRAM_FAILED;
        }
        saved = federated_station_armed(station);
        if (saved > 0 && federated_station_in_use(station) && options_bool(o, "user.once")) {
            break;
        }
    }
    return PROGRAM_OK;
}

/* Opens what the options name, and takes part. */
static int run_user(const options_t *o, err_t *err)
{
    federated_station_config_t config;
    const char *in = options_positional(o, 0), *folder = options_string(o, "user.store");
    align_user_read(o, &config);
    int code =
        federated_file_matrix(in, options_string(o, "user.latents"), &config.y, err) < 0 ||
                federated_file_matrix(in, options_string(o, "user.channel"), &config.h, err) < 0
            ? PROGRAM_FAILED
            : PROGRAM_OK;
    if (code == PROGRAM_OK && *folder) {
        config.store = store_open(folder, err);
        code = config.store ? PROGRAM_OK : PROGRAM_FAILED;
    }
    if (code == PROGRAM_OK) {
        federated_station_t *station = federated_station_create(&config, err);
        code = station                     ? take_part(o, station, err)
               : err->code == ERR_ARGUMENT ? (int)PROGRAM_USAGE
                                           : (int)PROGRAM_FAILED;
        federated_station_destroy(station);
    }
    store_close(config.store);
    free((void *)config.y.v);
    free((void *)config.h.v);
    return code;
}

int align_user_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {align_user_table, program_options, NULL};
    options_t *options = NULL;
    err_t err = ERR_INIT;
    int code =
        program_begin("semradio-align user", "IN.safetensors [OUT.safetensors]",
                      "a user of an alignment with many users", tables, argc, argv, &options);
    if (!options) {
        return code;
    }
    if (!options_positional(options, 0) || options_positional(options, 2)) {
        err_set(&err, ERR_ARGUMENT,
                "user takes one or two files: IN.safetensors [OUT.safetensors]");
        code = PROGRAM_USAGE;
    } else {
        program_catch_signals();
        code = run_user(options, &err);
    }
    return done(options, &err, code);
}
