/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The alignment over sockets: the same numbers as from a file, whoever is late, away, or sends
 * nonsense. */
#include "alignment/federated_group.h"
#include "control/control_client.h"

enum { ROWS = 24, SAMPLES = 90, ANTENNAS = 2 };

static const char *const names[] = {"anna", "ben", "carl", "dora"};

static federated_ap_config_t settings(const problem_t *p, federated_method_t method)
{
    federated_ap_config_t c = {.task = {.x = p->input.x,
                                        .config = FEDERATED_CONFIG_INIT,
                                        .antennas = ANTENNAS,
                                        .wire = FEDERATED_WIRE_F64},
                               .users = PROBLEM_USERS,
                               .gather_s = 30.0,
                               .deadline_s = 30.0,
                               .lease_s = 30.0,
                               .linger_s = 0.02,
                               .realign = false};
    c.task.config.method = method;
    c.task.config.channel_uses = 2;
    c.task.config.sigma2 = 0.05;
    c.task.config.power = 2.0;
    c.task.config.rounds = 8;
    c.task.config.complexify = c.task.config.whiten = true;
    return c;
}

/* What the file-based command makes of these users. */
static federated_t *reference(const problem_t *p, const federated_config_t *config, int users)
{
    federated_input_t input = p->input;
    err_t err = ERR_INIT;
    input.users = users;
    federated_t *f = federated_create(&input, config, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CHECK_INT(federated_run(f, &err), 0);
    return f;
}

static void compare(const group_t *g, member_t *member, int users, const federated_t *f,
                    double tolerance)
{
    const federated_result_t *r = federated_result(f);
    CHECK_AT_MOST(largest_difference(federated_ap_z(g->ap), &r->z), tolerance);
    for (int k = 0; k < users; k++) {
        const federated_user_result_t *u = federated_station_result(member[k].station);
        CU_ASSERT_PTR_NOT_NULL_FATAL(u);
        CHECK_AT_MOST(largest_difference(&u->g_dep, &r->user[k].g_dep), tolerance);
        CHECK_NEAR(u->nmse_raw, r->user[k].nmse_raw, tolerance);
    }
}

static void same_as_file(const federated_ap_config_t *config, problem_t *p, double tolerance)
{
    group_t g;
    member_t member[PROBLEM_USERS];
    group_start(&g, config);
    for (int k = 0; k < PROBLEM_USERS; k++) {
        member_start(&member[k], &g, names[k], &p->y[k], &p->h[k]);
        while (group_number(&g, names[k], "bytes_share") <= 0) { /* the same order as in the file */
            clock_sleep_s(0.002);
        }
    }
    CU_ASSERT(group_wait(&g, PROBLEM_USERS));
    members_join_threads(member, PROBLEM_USERS);
    federated_t *f = reference(p, &config->task.config, PROBLEM_USERS);
    compare(&g, member, PROBLEM_USERS, f, tolerance);
    federated_destroy(f);
    for (int k = 0; k < PROBLEM_USERS; k++) {
        federated_station_destroy(member[k].station);
    }
    group_stop(&g);
}

static void test_same(void)
{
    static const federated_method_t methods[] = {FEDERATED_MEAN, FEDERATED_JOINT, FEDERATED_WIENER,
                                                 FEDERATED_ONE_SHOT};
    problem_t p;
    problem_create(&p, 3, ROWS, SAMPLES, ANTENNAS);
    for (int i = 0; i < CHECK_COUNT(methods); i++) {
        const federated_ap_config_t c = settings(&p, methods[i]);
        same_as_file(&c, &p, 1e-9);
    }
    problem_destroy(&p);
}

static void test_same_variants(void)
{
    problem_t p;
    problem_create(&p, 5, ROWS, SAMPLES, ANTENNAS);
    federated_ap_config_t c = settings(&p, FEDERATED_WIENER);
    c.task.config.widely_linear = true;
    c.task.config.complexify = false;
    c.task.config.domain = FEDERATED_RAW;
    same_as_file(&c, &p, 1e-9);
    c = settings(&p, FEDERATED_JOINT); /* a general R */
    c.task.config.whiten = false;
    c.task.config.start = FEDERATED_RANDOM;
    same_as_file(&c, &p, 1e-9);
    c = settings(&p, FEDERATED_ONE_SHOT);
    c.task.config.whiten = false;
    c.task.wire = FEDERATED_WIRE_F32;
    same_as_file(&c, &p, 1e-4);
    problem_destroy(&p);
}

/* Steps until the AP has this user's share. */
static void step_until_shared(group_t *g, member_t *m, const char *name)
{
    while (group_number(g, name, "bytes_share") <= 0) {
        CHECK_INT(federated_station_step(m->station, &m->err), 0);
    }
}

static void test_straggler(void)
{
    problem_t p;
    group_t g;
    member_t member[PROBLEM_USERS];
    problem_create(&p, 3, ROWS, SAMPLES, ANTENNAS);
    federated_ap_config_t c = settings(&p, FEDERATED_WIENER);
    c.task.config.start = FEDERATED_RANDOM;
    c.deadline_s = 1.5; /* ample for those who answer */
    group_start(&g, &c);
    member_open(&member[2], &g, names[2], &p.y[2], &p.h[2]);
    step_until_shared(&g, &member[2],
                      names[2]); /* and then nothing, for as long as the rounds last */
    member_start(&member[0], &g, names[0], &p.y[0], &p.h[0]);
    member_start(&member[1], &g, names[1], &p.y[1], &p.h[1]);
    CU_ASSERT(group_wait(&g, 2));
    CHECK_INT(group_number(&g, names[2], "missed"), 8);
    CHECK_INT(group_number(&g, names[2], "rounds"), 0);
    member_run(&member[2]);
    CU_ASSERT(group_wait(&g, 3)); /* caught up */
    members_join_threads(member, PROBLEM_USERS);
    federated_t *f = reference(&p, &c.task.config, 2);
    compare(&g, member, 2, f, 1e-9);
    CHECK_AT_MOST(federated_station_result(member[2].station)->nmse_raw, 1.0);
    federated_destroy(f);
    for (int k = 0; k < PROBLEM_USERS; k++) {
        federated_station_destroy(member[k].station);
    }
    group_stop(&g);
    problem_destroy(&p);
}

static void test_back(void)
{
    problem_t p;
    group_t g;
    member_t member[PROBLEM_USERS];
    problem_create(&p, 3, ROWS, SAMPLES, ANTENNAS);
    federated_ap_config_t c = settings(&p, FEDERATED_WIENER);
    c.lease_s = 0.6;
    c.realign = true;
    c.users = 2;
    group_start(&g, &c);
    member_start(&member[0], &g, names[0], &p.y[0], &p.h[0]);
    member_start(&member[1], &g, names[1], &p.y[1], &p.h[1]);
    CU_ASSERT(group_wait(&g, 2));
    member_stop(&member[1]);
    clock_sleep_s(0.8); /* beyond the lease: gone */
    json_t *ben = group_user(&g, names[1]);
    CHECK_INT(json_is_true(json_object_get(ben, "here")), 0);
    json_decref(ben);
    federated_stamp_t before, after;
    federated_ap_stamp(g.ap, 0, &before);
    member_start(&member[1], &g, names[1], &p.y[1], &p.h[1]); /* as after a crash */
    CU_ASSERT(group_wait(&g, 2));
    federated_ap_stamp(g.ap, 1, &after);
    CHECK_INT(before.tag, after.tag); /* nothing began anew for somebody known */
    CU_ASSERT(before.tag != 0);
    member_start(&member[2], &g, names[2], &p.y[2], &p.h[2]); /* new: another alignment */
    CU_ASSERT(group_wait(&g, 3));
    federated_ap_stamp(g.ap, 2, &after);
    CU_ASSERT(after.tag != before.tag);
    members_join_threads(member, PROBLEM_USERS);
    for (int k = 0; k < PROBLEM_USERS; k++) {
        federated_station_destroy(member[k].station);
    }
    /* The transmitter doesn't go on with an adapter that nobody holds any more. */
    clock_sleep_s(0.9);
    federated_ap_stamp(g.ap, 3, &after);
    CHECK_INT(after.tag, 0);
    member_start(&member[0], &g, names[0], &p.y[0], &p.h[0]);
    CU_ASSERT(group_wait(&g, 1));
    federated_ap_stamp(g.ap, 4, &after);
    CU_ASSERT(after.tag != 0);
    member_stop(&member[0]);
    group_stop(&g);
    problem_destroy(&p);
}

static void test_ap_restarts(void)
{
    problem_t p;
    group_t g, again;
    member_t member;
    problem_create(&p, 3, ROWS, SAMPLES, ANTENNAS);
    federated_ap_config_t c = settings(&p, FEDERATED_ONE_SHOT);
    c.users = 1;
    group_start(&g, &c);
    member_start(&member, &g, names[0], &p.y[0], &p.h[0]);
    CU_ASSERT(group_wait(&g, 1));
    group_stop(&g);
    c.task.config.sigma2 = 0.5; /* and another task */
    federated_ap_config_t own = c;
    again = (group_t){.err = ERR_INIT};
    own.bind = g.endpoint;
    strcpy(again.endpoint, g.endpoint);
    pthread_mutex_init(&again.lock, NULL);
    again.ap = federated_ap_create(&own, &again.err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again.ap);
    pthread_create(&again.thread, NULL, group_loop, &again);
    CU_ASSERT(group_wait(&again, 1));
    member_join_thread(&member);
    CHECK_NEAR(federated_station_task(member.station)->config.sigma2, 0.5, 0.0);
    federated_station_destroy(member.station);
    group_stop(&again);
    problem_destroy(&p);
}

/* A user that is of no use: it ends by itself, and the AP names it. */
static void one_bad(group_t *g, const char *name, const federated_tensor_t *y,
                    const federated_tensor_t *h, const char *part)
{
    member_t member;
    member_start(&member, g, name, y, h);
    while (!member.ended) {
        clock_sleep_s(0.002);
    }
    CHECK_ERROR_NAMES(&member.err, part);
    json_t *user = group_user(g, name);
    const char *why = json_string_value(json_object_get(user, "left_out"));
    CU_ASSERT(why != NULL && strstr(why, part) != NULL);
    json_decref(user);
    member_stop(&member);
}

static void all_bad(group_t *g, const problem_t *p)
{
    static double zero[2 * ANTENNAS * ANTENNAS], wide[2 * ANTENNAS * 3] = {1.0};
    const size_t count = (size_t)(p->y[1].rows * SAMPLES);
    double *y = malloc(count * sizeof *y);
    federated_tensor_t bad = p->y[1], h = p->h[1];
    memcpy(y, p->y[1].v, count * sizeof *y);
    bad.v = y;
    y[SAMPLES + 4] = (double)NAN;
    one_bad(g, "nan", &bad, &p->h[1], "feature 1 has a value that is not finite");
    memcpy(y, p->y[1].v, count * sizeof *y);
    for (int s = 0; s < SAMPLES; s++) {
        y[SAMPLES + s] = y[s];
        y[(p->y[1].rows / 2 + 1) * SAMPLES + s] = y[(p->y[1].rows / 2) * SAMPLES + s];
    }
    one_bad(g, "singular", &bad, &p->h[1], "its covariance is singular");
    bad.samples = 11;
    one_bad(g, "few", &bad, &p->h[1], "Y has 11 samples");
    h.v = zero;
    one_bad(g, "deaf", &p->y[1], &h, "H is all zero");
    h.v = wide;
    h.samples = 3;
    one_bad(g, "wide", &p->y[1], &h, "H is 2 x 3, but the AP has 2 antennas");
    free(y);
}

static void test_bad_users(void)
{
    problem_t p;
    group_t g;
    member_t member[2];
    problem_create(&p, 3, ROWS, SAMPLES, ANTENNAS);
    const federated_tensor_t ys[] = {p.y[0], p.y[2]}, hs[] = {p.h[0], p.h[2]};
    federated_ap_config_t c = settings(&p, FEDERATED_WIENER);
    c.users = 7;
    group_start(&g, &c);
    all_bad(&g, &p);
    for (int k = 0; k < 2; k++) {
        member_start(&member[k], &g, names[k], &ys[k], &hs[k]);
        while (group_number(&g, names[k], "bytes_share") <= 0) {
            clock_sleep_s(0.002);
        }
    }
    CU_ASSERT(group_wait(&g, 2));
    CHECK_INT(federated_ap_left_out(g.ap), 5);
    members_join_threads(member, 2);
    problem_t two = p; /* as if the others weren't there */
    two.input.y = ys;
    two.input.h = hs;
    federated_t *f = reference(&two, &c.task.config, 2);
    compare(&g, member, 2, f, 1e-9);
    federated_destroy(f);
    federated_station_destroy(member[0].station);
    federated_station_destroy(member[1].station);
    group_stop(&g);
    problem_destroy(&p);
}

/* ---- nonsense on the wire -------------------------------------------------- */

static int ask(control_client_t *client, const char *command, json_t *args, const void *blob,
               size_t size, err_t *err)
{
    control_result_t got;
    *err = (err_t)ERR_INIT;
    const int code = control_client_ask(client, command, "", args, blob, size, 20.0, &got, err);
    control_result_free(&got);
    json_decref(args);
    return code;
}

static json_t *piece(const char *kind, int64_t size, int64_t offset)
{
    return json_pack("{s:s,s:s,s:s,s:i,s:i,s:I,s:I}", "name", "eve", "session", "0123456789abcdef",
                     "kind", kind, "alignment", 0, "round", 0, "size", (json_int_t)size, "offset",
                     (json_int_t)offset);
}

static void join_as_eve(control_client_t *client, group_t *g)
{
    char text[DIGEST_TEXT];
    control_result_t got;
    err_t err = ERR_INIT;
    (void)g;
    CHECK_INT(control_client_ask(client, "federated.task", "", NULL, NULL, 0, 20.0, &got, &err), 0);
    snprintf(text, sizeof text, "%s", json_string_value(json_object_get(got.result, "hash")));
    control_result_free(&got);
    CHECK_INT(ask(client, "federated.join",
                  json_pack("{s:s,s:s,s:i,s:i,s:s}", "name", "eve", "session", "0123456789abcdef",
                            "rx_session", 5, "order", 0, "hash", text),
                  NULL, 0, &err),
              0);
}

static void test_nonsense(void)
{
    problem_t p;
    group_t g;
    member_t member;
    err_t err = ERR_INIT;
    problem_create(&p, 3, ROWS, SAMPLES, ANTENNAS);
    federated_ap_config_t c = settings(&p, FEDERATED_ONE_SHOT);
    c.users = 1;
    group_start(&g, &c);
    const control_peer_config_t peer = {.endpoint = g.endpoint};
    control_client_t *client = control_client_create(&peer, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(client);
    CHECK_INT(ask(client, "federated.next", json_pack("{s:s,s:s}", "name", "eve", "session", "0"),
                  NULL, 0, &err),
              -1);
    CHECK_ERROR_NAMES(&err, "join first");
    CHECK_INT(ask(client, "federated.join", json_pack("{s:s}", "name", "../eve"), NULL, 0, &err),
              -1);
    CHECK_INT(ask(client, "federated.task", json_pack("{s:i}", "offset", 1 << 30), NULL, 0, &err),
              -1);
    CHECK_ERROR_NAMES(&err, "offset");
    join_as_eve(client, &g);
    CHECK_INT(ask(client, "federated.send", piece("answer", 8, 0), "12345678", 8, &err), -1);
    CHECK_ERROR_NAMES(&err, "is over");
    CHECK_INT(ask(client, "federated.send", piece("share", 1 << 27, 0), "12345678", 8, &err), -1);
    CHECK_ERROR_NAMES(&err, "more than any package");
    CHECK_INT(ask(client, "federated.send", piece("share", 16, 8), "12345678", 8, &err), -1);
    CHECK_ERROR_NAMES(&err, "does not follow");
    CHECK_INT(ask(client, "federated.send", piece("share", 8, 0), "123456789", 9, &err), -1);
    CHECK_ERROR_NAMES(&err, "does not follow");
    CHECK_INT(ask(client, "federated.send", piece("share", 8, 0), "12345678", 8, &err), -1);
    json_t *eve = group_user(&g, "eve");
    CU_ASSERT(json_is_string(json_object_get(eve, "left_out")));
    json_decref(eve);
    CHECK_INT(ask(client, "federated.send", piece("share", 8, 0), "12345678", 8, &err), -1);
    CHECK_ERROR_NAMES(&err, "left out");
    /* A NaN where statistics should be. */
    join_as_eve(client, &g);
    federated_share_t share = {.h = p.h[0], .energy = 1.0};
    federated_package_t package;
    CHECK_INT(matrix_create(&share.c, 3, ROWS / 2, false, &err), 0);
    share.c.v[3] = (double)NAN;
    CHECK_INT(federated_package_share(&share, FEDERATED_WIRE_F64, &package, &err), 0);
    CHECK_INT(ask(client, "federated.send", piece("share", (int64_t)package.size, 0), package.bytes,
                  package.size, &err),
              -1);
    CHECK_ERROR_NAMES(&err, "C has a value that is not finite");
    matrix_destroy(&share.c);
    free(package.bytes);
    control_client_destroy(client);
    member_start(&member, &g, names[0], &p.y[0], &p.h[0]);
    CU_ASSERT(group_wait(&g, 1)); /* it goes on with whoever is right */
    member_stop(&member);
    group_stop(&g);
    problem_destroy(&p);
}

static void test_bytes(void)
{
    problem_t p;
    group_t g;
    member_t member;
    problem_create(&p, 3, ROWS, SAMPLES, ANTENNAS);
    federated_ap_config_t c = settings(&p, FEDERATED_WIENER);
    c.task.wire = FEDERATED_WIRE_F32;
    c.users = 1;
    group_start(&g, &c);
    member_start(&member, &g, names[0], &p.y[0], &p.h[0]);
    CU_ASSERT(group_wait(&g, 1));
    member_stop(&member);
    federated_t *f = reference(&p, &c.task.config, 1);
    const double counted = federated_result(f)->user[0].bytes_up;
    const int64_t sent = group_number(&g, names[0], "bytes_round");
    CHECK_AT_LEAST(sent, counted);
    CHECK_AT_MOST(sent, counted + 300.0); /* names and shapes */
    CHECK_INT(group_number(&g, names[0], "bytes_up"), 8 * sent);
    CHECK_INT(group_number(&g, names[0], "rounds"), 8);
    federated_destroy(f);
    group_stop(&g);
    problem_destroy(&p);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"when all users answer, Z and every G are those of the file-based command to 1e-9",
         test_same},
        {"so they are widely linear, raw, unwhitened; and to 1e-4 in 32-bit numbers",
         test_same_variants},
        {"with a straggler the result is the one without him, and he catches up", test_straggler},
        {"a user that vanished comes back and is aligned, a new one begins another alignment",
         test_back},
        {"an access point that started anew, with another task, is found again", test_ap_restarts},
        {"NaN, a singular covariance, a wrong or zero H: named, left out, the others aligned",
         test_bad_users},
        {"nonsense on the wire is refused by name and does no harm", test_nonsense},
        {"bytes on the wire are those of the formulas, and little more", test_bytes},
    };
    return check_run("federated_protocol", tests, CHECK_COUNT(tests));
}
