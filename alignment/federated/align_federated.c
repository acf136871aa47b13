/* SPDX-License-Identifier: GPL-3.0-or-later */
/* align_federated: the command. */
#include "federated/align_federated.h"

#include "log.h"
#include "program.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

const option_t align_federated_table[] = {
    {.section = "federated", .name = "method", .type = OPTION_CHOICE, .choices = FEDERATED_METHOD_CHOICES,
     .fallback = "wiener", .help = "how F is found"},
    {.section = "federated", .name = "complexify", .type = OPTION_BOOL, .fallback = "false",
     .help = "real latents become complex ones by halves"},
    {.section = "federated", .name = "whiten", .type = OPTION_BOOL, .fallback = "false",
     .help = "removes means and whitens by the Cholesky factor of the covariance"},
    {.section = "federated", .name = "widely_linear", .type = OPTION_BOOL, .fallback = "false",
     .help = "real maps on (Re, Im) of symbols and latents"},
    {.section = "federated", .name = "domain", .type = OPTION_CHOICE, .choices = "whitened|raw",
     .fallback = "whitened", .help = "whose error counts: whitened latents', or raw ones' relative to their energy"},
    {.section = "federated", .name = "k", .type = OPTION_INT, .fallback = "1", .min = 1, .max = 4096,
     .alias = "K", .help = "channel uses of a message"},
    {.section = "federated", .name = "sigma2", .type = OPTION_REAL, .fallback = "1", .min = 1e-30, .max = 1e30,
     .help = "noise variance of a complex received sample"},
    {.section = "federated", .name = "snr_db", .type = OPTION_REAL, .unit = "dB", .fallback = "20", .min = -100,
     .max = 200, .help = "sets sigma2 = (P / K) / SNR"},
    {.section = "federated", .name = "rho", .type = OPTION_REAL, .fallback = "1", .min = 1e-30, .max = 1e30,
     .help = "ADMM's step; mean and joint"},
    {.section = "federated", .name = "p", .type = OPTION_REAL, .fallback = "1", .min = 1e-30, .max = 1e30,
     .alias = "P", .help = "energy of a whole message"},
    {.section = "federated", .name = "rounds", .type = OPTION_INT, .fallback = "30", .min = 1, .max = 100000,
     .help = "rounds"},
    {.section = "federated", .name = "index_bits", .type = OPTION_INT, .fallback = "6", .min = 1, .max = 16,
     .help = "top-k: bits of index that a complex symbol carries"},
    {.section = "federated", .name = "seed", .type = OPTION_INT, .fallback = "1", .min = 0, .max = 4294967295.0,
     .help = "of the random part of F0 where the file has none"},
    {.section = "federated", .name = "start", .type = OPTION_CHOICE, .choices = "spectral|random",
     .fallback = "spectral", .help = "F0 where the file has none: from the users' statistics, or random"},
    {.section = "federated", .name = "strict", .type = OPTION_BOOL, .fallback = "false",
     .help = "an unusable user is an error instead of being left out"},
    {.section = "federated", .name = "json", .type = OPTION_BOOL, .alias = "json", .fallback = "false",
     .help = "the result as one line of JSON"},
    {0}};

/* ---- configuration -------------------------------------------------------- */

static int whole(double value, const char *name, double most, int *out, err_t *err)
{
    if (!(value >= 1.0 && value <= most && value == floor(value))) {
        return err_set(err, ERR_ARGUMENT, "%s = %g is not a whole number from 1 to %.0f", name, value, most);
    }
    *out = (int)value;
    return 0;
}

/* The option where given, else the file's number, else `otherwise` (NAN: nowhere). */
static double pick(const options_t *o, const char *key, double given, double from_file, double otherwise)
{
    return options_given(o, key) ? given : isnan(from_file) ? otherwise : from_file;
}

int align_federated_read(const options_t *o, const federated_file_t *file, federated_config_t *c, err_t *err)
{
    const double none = (double)NAN;
    *c = (federated_config_t)FEDERATED_CONFIG_INIT;
    c->method = (federated_method_t)options_choice(o, "federated.method");
    c->complexify = options_bool(o, "federated.complexify");
    c->whiten = options_bool(o, "federated.whiten");
    c->widely_linear = options_bool(o, "federated.widely_linear");
    c->domain = (federated_domain_t)options_choice(o, "federated.domain");
    c->index_bits = (int)options_int(o, "federated.index_bits");
    c->seed = (uint64_t)options_int(o, "federated.seed");
    c->start = (federated_start_t)options_choice(o, "federated.start");
    c->strict = options_bool(o, "federated.strict");
    double k = pick(o, "federated.k", (double)options_int(o, "federated.k"), file->channel_uses, none);
    double rounds = pick(o, "federated.rounds", (double)options_int(o, "federated.rounds"), file->rounds, 30.0);
    c->power = pick(o, "federated.p", options_real(o, "federated.p"), file->power, none);
    c->rho = pick(o, "federated.rho", options_real(o, "federated.rho"), file->rho, 1.0);
    c->sigma2 = pick(o, "federated.sigma2", options_real(o, "federated.sigma2"), file->sigma2, none);
    if (options_given(o, "federated.snr_db")) {
        if (options_given(o, "federated.sigma2")) {
            return err_set(err, ERR_ARGUMENT, "give sigma2 or snr_db, not both");
        }
        c->sigma2 = c->power / k / pow(10.0, options_real(o, "federated.snr_db") / 10.0);
    }
    const char *missing = isnan(k) ? "K" : isnan(c->power) ? "P" : isnan(c->sigma2) ? "sigma2" : NULL;
    if (missing) {
        return err_set(err, ERR_ARGUMENT, "%s is neither in the file nor given as an option", missing);
    }
    return whole(k, "K", 4096.0, &c->channel_uses, err) < 0 ||
                   whole(rounds, "rounds", 100000.0, &c->rounds, err) < 0
               ? -1
               : 0;
}

/* ---- output --------------------------------------------------------------- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *user_json(const federated_user_result_t *u, int k)
{
    return u->left_out[0] ? json_pack("{s:i,s:s}", "user", k, "left_out", u->left_out)
                          : json_pack("{s:i,s:o,s:o,s:o}", "user", k, "nmse", number(u->nmse), "nmse_raw",
                                      number(u->nmse_raw), "bytes_up", number(u->bytes_up));
}

static void print_json(const federated_result_t *r, const federated_config_t *c)
{
    json_t *users = json_array();
    for (int k = 0; k < r->users; k++) {
        json_array_append_new(users, user_json(&r->user[k], k));
    }
    double obj = r->obj_dep[r->rounds - 1];
    json_t *o = json_pack("{s:s,s:i,s:i,s:i,s:o,s:o,s:o,s:o,s:o,s:o}", "method",
                          federated_method_name(c->method), "rounds", r->rounds, "users", r->users,
                          "aligned", r->aligned, "energy", number(r->energy), "obj_dep", number(obj),
                          "captured", number(r->energy - obj), "air_uses", number(r->air_uses),
                          "bytes_down", number(r->bytes_down), "user", users);
    if (c->method >= FEDERATED_TOP_K) {
        json_object_set_new(o, "kept", json_integer(r->kept));
    }
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
    json_decref(o);
    putchar('\n');
}

static void print_lines(const federated_result_t *r, const federated_config_t *c)
{
    printf("%s: %d of %d users aligned, %d round%s, %.0f channel uses a message\n",
           federated_method_name(c->method), r->aligned, r->users, r->rounds, r->rounds == 1 ? "" : "s",
           r->air_uses);
    printf("objective %.6g of %.6g\n", r->obj_dep[r->rounds - 1], r->energy);
    if (c->method >= FEDERATED_TOP_K) {
        printf("%d values of a message are sent%s\n", r->kept,
               c->method == FEDERATED_TOP_K_FREE ? "; their indices travel free: not a real system" : "");
    }
    for (int k = 0; k < r->users; k++) {
        const federated_user_result_t *u = &r->user[k];
        if (u->left_out[0]) {
            printf("user %d  left out: %s\n", k, u->left_out);
        } else {
            printf("user %d  NMSE %.4f, of raw latents %.4f; %.0f bytes up\n", k, u->nmse, u->nmse_raw,
                   u->bytes_up);
        }
    }
}

static int report(const federated_result_t *r, const federated_config_t *c, bool json, err_t *err)
{
    for (int k = 0; k < r->users; k++) {
        if (r->user[k].left_out[0]) {
            log_warn("user %d is left out: %s", k, r->user[k].left_out);
        }
    }
    (json ? print_json : print_lines)(r, c);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        err_set(err, ERR_IO, "cannot write the result");
        return PROGRAM_FAILED;
    }
    return r->aligned < r->users ? (int)ALIGN_FEDERATED_LEFT_OUT : (int)PROGRAM_OK;
}

static int run(const options_t *o, const federated_file_t *file, err_t *err)
{
    federated_config_t config;
    if (align_federated_read(o, file, &config, err) < 0) {
        return PROGRAM_USAGE;
    }
    int code = PROGRAM_FAILED;
    federated_t *f = federated_create(&file->input, &config, err);
    if (f && federated_run(f, err) == 0 &&
        federated_file_save(options_positional(o, 1), federated_result(f), &config, err) == 0) {
        code = report(federated_result(f), &config, options_bool(o, "federated.json"), err);
    }
    federated_destroy(f);
    return code;
}

int align_federated_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {align_federated_table, program_options, NULL};
    options_t *options = NULL;
    err_t err = ERR_INIT;
    int code = program_begin("semradio-align federated", "IN.safetensors OUT.safetensors",
                             "one pre-equaliser for several users' latents", tables, argc, argv, &options);
    if (!options) {
        return code;
    }
    if (!options_positional(options, 1) || options_positional(options, 2)) {
        err_set(&err, ERR_ARGUMENT, "federated takes two files: IN.safetensors OUT.safetensors");
        code = PROGRAM_USAGE;
    } else {
        federated_file_t *file = federated_file_load(options_positional(options, 0), &err);
        code = file ? run(options, file, &err) : PROGRAM_FAILED;
        federated_file_destroy(file);
    }
    if (err.code != ERR_NONE) {
        log_error("%s", err.text);
    }
    options_destroy(options);
    return code;
}
