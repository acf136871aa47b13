/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The samples are looked at once for each of the transforms that the methods need; every point
 * after that works on moments (federated_again, federated_score).
 */
#include "federated/align_federated_campaign.h"

#include "federated/campaign_method.h"
#include "federated/federated_party.h"
#include "lines.h"
#include "log.h"
#include "program.h"
#include "rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS_MAX = 32, KEY_MAX = 256, BASES = 8, OPTIMUM_ROUNDS = 1000 };

typedef struct {
    federated_t *like[BASES];
    federated_score_set_t *score[BASES];
    federated_party_file_t *ap, *user[USERS_MAX];
    federated_tensor_t y[USERS_MAX], h[USERS_MAX], task[USERS_MAX];
    federated_party_t test[USERS_MAX];
    int users;
    const options_t *options;
    char who[KEY_MAX]; /* "ap,user+user" */
    char *done;        /* the CSV as it was */
    lines_t *csv;
    long ran, kept;
} campaign_t;

typedef struct {
    const campaign_method_t *kind;
    int uses, antennas, rounds;
    double snr_db;
    uint64_t seed;
    bool points;
} point_t;

/* ---- what is there -------------------------------------------------------- */

static const char header[] =
    "ap,users,method,points,K,antennas,snr_db,seed,rounds,nmse,accuracy,nmse_fit,obj,"
    "energy,bytes_up,bytes_down,air_uses,kept,nmse_each,accuracy_each";

static int read_done(campaign_t *c, const char *path, err_t *err)
{
    FILE *file = fopen(path, "r");
    size_t held = 0, room = 0;
    if (!file) {
        return 0;
    }
    for (size_t got = 1; got > 0; held += got) {
        if (held + 4096 > room) {
            room = 2 * room + 65536;
            char *more = realloc(c->done, room + 1);
            if (!more) {
                fclose(file);
                return err_set(err, ERR_MEMORY, "%s: no memory to read it", path);
            }
            c->done = more;
        }
        got = fread(c->done + held, 1, room - held, file);
    }
    fclose(file);
    c->done[held] = 0;
    size_t head = strlen(header);
    if (held > 0 && (strncmp(c->done, header, head) != 0 || c->done[head] != '\n')) {
        return err_set(err, ERR_FORMAT,
                       "%s: not a file of this campaign: its first line is another", path);
    }
    return 0;
}

static void key_of(const campaign_t *c, const point_t *p, char key[2 * KEY_MAX])
{
    snprintf(key, 2 * KEY_MAX, "%s,%s,%d,%d,%d,%g,%llu,%d,", c->who, p->kind->name, p->points,
             p->uses, p->antennas, p->snr_db, (unsigned long long)p->seed, p->rounds);
}

static bool is_done(const campaign_t *c, const char *key)
{
    for (const char *at = c->done ? strstr(c->done, key) : NULL; at; at = strstr(at + 1, key)) {
        if (at > c->done && at[-1] == '\n') {
            return true;
        }
    }
    return false;
}

/* ---- one point ------------------------------------------------------------ */

static federated_config_t config_of(const campaign_t *c, const campaign_method_t *kind)
{
    federated_config_t config = FEDERATED_CONFIG_INIT;
    config.method = kind->method;
    config.widely_linear = kind->widely_linear;
    config.complexify = options_bool(c->options, "campaign.complexify");
    config.whiten = true;
    config.domain = kind->raw ? FEDERATED_RAW : FEDERATED_WHITENED;
    config.start = kind->random ? FEDERATED_RANDOM : FEDERATED_SPECTRAL;
    config.strict = true;
    config.task = c->task;
    config.task_weight = kind->task ? options_real(c->options, "campaign.task_weight") : 0.0;
    return config;
}

static void draw_channels(campaign_t *c, const point_t *p)
{
    int entries = 2 * p->antennas * p->antennas;
    float drawn[2 * CAMPAIGN_ANTENNAS_MAX * CAMPAIGN_ANTENNAS_MAX];
    for (int k = 0; k < c->users; k++) {
        double *h = (double *)c->h[k].v;
        rng_t rng;
        rng_seed(&rng, p->seed, 100 * (uint64_t)p->antennas + (uint64_t)k);
        rng_normal(&rng, drawn, (size_t)entries);
        for (int i = 0; i < entries; i++) {
            h[i] = sqrt(0.5) * (double)drawn[i];
        }
        c->h[k].rows = c->h[k].samples = p->antennas;
    }
}

/* The statistics for this kind of transforms, made when they are first wanted. */
static int base_of(campaign_t *c, const campaign_method_t *kind, err_t *err)
{
    int at = (kind->widely_linear ? 2 : 0) + (kind->raw ? 1 : 0) + (kind->task ? 4 : 0);
    if (c->like[at]) {
        return at;
    }
    federated_input_t input = {.users = c->users, .x = c->ap->x, .y = c->y, .h = c->h};
    federated_config_t config = config_of(c, kind);
    config.method = FEDERATED_TOP_K; /* keeps the samples */
    c->like[at] = federated_create(&input, &config, err);
    if (!c->like[at]) {
        return -1;
    }
    c->score[at] = federated_score_create(c->like[at], &c->ap->test.x, c->test, c->ap->labels, err);
    return c->score[at] ? at : -1;
}

/* Runs; of the optimum's three starts only the best is left. */
static federated_t *solve(campaign_t *c, const point_t *p, int base, err_t *err)
{
    federated_t *best = NULL;
    for (int start = 0; start < (p->kind->optimum ? 3 : 1); start++) {
        federated_config_t config = config_of(c, p->kind);
        config.channel_uses = p->uses;
        config.power = p->uses;
        config.sigma2 = pow(10.0, -p->snr_db / 10.0);
        config.rounds = p->kind->optimum ? OPTIMUM_ROUNDS : p->rounds;
        config.seed = p->seed + (uint64_t)(100 * start);
        config.start = start > 0 ? FEDERATED_RANDOM : config.start;
        federated_t *f = federated_again(c->like[base], c->h, &config, err);
        if (!f || federated_run(f, err) < 0) {
            federated_destroy(f);
            federated_destroy(best);
            return NULL;
        }
        const federated_result_t *r = federated_result(f),
                                 *b = best ? federated_result(best) : NULL;
        bool better = !b || r->obj_dep[r->rounds - 1] < b->obj_dep[b->rounds - 1];
        federated_destroy(better ? best : f);
        best = better ? f : best;
    }
    return best;
}

static int write_row(campaign_t *c, const char *key, const federated_result_t *r,
                     const federated_score_t *score, err_t *err)
{
    char line[4096], each[2][1024] = {"", ""};
    double nmse = 0.0, accuracy = 0.0, fit = 0.0, up = 0.0;
    size_t used[2] = {0, 0};
    for (int k = 0; k < c->users; k++) {
        const char *between = k > 0 ? " " : "";
        nmse += score[k].nmse / c->users;
        accuracy += score[k].accuracy / c->users;
        fit += r->user[k].nmse_raw / c->users;
        up += r->user[k].bytes_up / c->users;
        used[0] += (size_t)snprintf(each[0] + used[0], sizeof each[0] - used[0], "%s%.4f", between,
                                    score[k].nmse);
        used[1] += (size_t)snprintf(each[1] + used[1], sizeof each[1] - used[1], "%s%.4f", between,
                                    score[k].accuracy);
    }
    int length = snprintf(line, sizeof line, "%s%.5f,%.5f,%.5f,%.8g,%.8g,%.0f,%.0f,%.0f,%d,%s,%s",
                          key, nmse, accuracy, fit, r->obj_dep[r->rounds - 1], r->energy, up,
                          r->bytes_down, r->air_uses, r->kept, each[0], each[1]);
    return lines_put(c->csv, line, (size_t)length, err);
}

static int run_point(campaign_t *c, const point_t *p, err_t *err)
{
    char key[2 * KEY_MAX];
    federated_score_t score[USERS_MAX];
    key_of(c, p, key);
    if (is_done(c, key)) {
        c->kept++;
        return 0;
    }
    draw_channels(c, p);
    int base = base_of(c, p->kind, err);
    federated_t *f = base < 0 ? NULL : solve(c, p, base, err);
    int code = f ? federated_score(f, c->score[base], p->points, p->seed, score, err) : -1;
    if (code == 0) {
        code = write_row(c, key, federated_result(f), score, err);
        c->ran++;
    }
    federated_destroy(f);
    return code < 0 ? err_prefix(err, "%s K = %d, %d antennas, %g dB, seed %llu", p->kind->name,
                                 p->uses, p->antennas, p->snr_db, (unsigned long long)p->seed)
                    : 0;
}

/* ---- the sweep ------------------------------------------------------------ */

static bool has_rounds(const campaign_method_t *kind)
{
    return kind->method <= FEDERATED_ONE_SHOT && !kind->optimum;
}

/* Every point of one method. */
static int sweep(campaign_t *c, const campaign_method_t *kind, err_t *err)
{
    const options_t *o = c->options;
    size_t count[5];
    static const char *const keys[] = {"campaign.k", "campaign.antennas", "campaign.snr_db",
                                       "campaign.seeds", "campaign.rounds"};
    size_t all = 1;
    for (int i = 0; i < 5; i++) {
        count[i] = options_count(o, keys[i]);
        count[i] = i == 4 && !has_rounds(kind) ? 1 : count[i];
        all *= count[i];
    }
    for (size_t at = 0; at < all && !program_stopped(0.0); at++) {
        double value[5];
        size_t rest = at;
        for (int i = 0; i < 5; i++) {
            value[i] = options_real_at(o, keys[i], rest % count[i]);
            rest /= count[i];
        }
        point_t p = {.kind = kind,
                     .uses = (int)value[0],
                     .antennas = (int)value[1],
                     .snr_db = value[2],
                     .seed = (uint64_t)value[3],
                     .rounds = has_rounds(kind) ? (int)value[4] : 1,
                     .points = options_bool(o, "campaign.points")};
        if (run_point(c, &p, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int sweep_all(campaign_t *c, err_t *err)
{
    char list[2048], *rest = NULL;
    const campaign_method_t *chosen[CAMPAIGN_METHODS_MAX];
    int count = 0;
    snprintf(list, sizeof list, "%s", options_string(c->options, "campaign.methods"));
    for (char *word = strtok_r(list, ",", &rest); word && count < (int)CAMPAIGN_METHODS_MAX;
         word = strtok_r(NULL, ",", &rest)) {
        chosen[count] = campaign_method_named(word);
        if (!chosen[count++]) {
            return err_set(err, ERR_ARGUMENT, "there is no method \"%s\" (--help lists them)",
                           word);
        }
    }
    for (int i = 0; i < count && !program_stopped(0.0); i++) {
        if (sweep(c, chosen[i], err) < 0) {
            return -1;
        }
        log_info("%s: done; %ld points run, %ld were there", chosen[i]->name, c->ran, c->kept);
    }
    return 0;
}

/* ---- beginning and end ---------------------------------------------------- */

static int load_user(campaign_t *c, const char *path, err_t *err)
{
    int k = c->users;
    if (k == USERS_MAX) {
        return err_set(err, ERR_ARGUMENT, "more than %d users", USERS_MAX);
    }
    double *h = calloc(2 * CAMPAIGN_ANTENNAS_MAX * CAMPAIGN_ANTENNAS_MAX, sizeof *h);
    c->h[k] = (federated_tensor_t){1, 1, true, h};
    c->users++;
    if (!h) {
        return err_set(err, ERR_MEMORY, "no memory for %d users", k + 1);
    }
    c->user[k] = federated_party_load(path, err);
    if (!c->user[k]) {
        return -1;
    }
    c->y[k] = c->user[k]->x;
    c->test[k] = c->user[k]->test;
    c->task[k] = (federated_tensor_t){c->test[k].classes, c->y[k].rows, false, c->test[k].weight};
    if (!c->ap->labels) {
        c->test[k].classes = 0;
    }
    size_t used = strlen(c->who);
    used += (size_t)snprintf(c->who + used, sizeof c->who - used, "%s%s", k > 0 ? "+" : ",",
                             c->user[k]->name);
    return used < sizeof c->who ? 0 : err_set(err, ERR_ARGUMENT, "the users' names are too long");
}

static int load(campaign_t *c, err_t *err)
{
    char list[8192], *rest = NULL;
    const char *out = options_string(c->options, "campaign.out");
    c->ap = federated_party_load(options_string(c->options, "campaign.ap"), err);
    if (!c->ap) {
        return -1;
    }
    snprintf(c->who, sizeof c->who, "%s", c->ap->name);
    snprintf(list, sizeof list, "%s", options_string(c->options, "campaign.users"));
    for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (load_user(c, word, err) < 0) {
            return -1;
        }
    }
    if (c->users == 0) {
        return err_set(err, ERR_ARGUMENT, "campaign.users names none");
    }
    if (read_done(c, out, err) < 0 || (c->csv = lines_open(out, true, err)) == NULL) {
        return -1;
    }
    return c->done && c->done[0] ? 0 : lines_put(c->csv, header, strlen(header), err);
}

static void unload(campaign_t *c)
{
    for (int i = 0; i < BASES; i++) {
        federated_destroy(c->like[i]);
        federated_score_destroy(c->score[i]);
    }
    for (int k = 0; k < c->users; k++) {
        federated_party_destroy(c->user[k]);
        free((void *)c->h[k].v);
    }
    federated_party_destroy(c->ap);
    lines_close(c->csv, NULL);
    free(c->done);
}

int align_federated_campaign_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {align_federated_campaign_table, program_options, NULL};
    options_t *options = NULL;
    err_t err = ERR_INIT;
    int code = program_begin("semradio-align federated-campaign", NULL,
                             "NMSE and accuracy of federated alignment over many channels", tables,
                             argc, argv, &options);
    if (!options) {
        return code;
    }
    program_catch_signals();
    campaign_t *c = calloc(1, sizeof *c);
    code = PROGRAM_FAILED;
    if (!c) {
        err_set(&err, ERR_MEMORY, "no memory for a campaign");
    } else {
        c->options = options;
        code = load(c, &err) < 0 || sweep_all(c, &err) < 0 ? PROGRAM_FAILED : PROGRAM_OK;
        unload(c);
        free(c);
    }
    if (err.code != ERR_NONE) {
        log_error("%s", err.text);
    }
    options_destroy(options);
    return code;
}
