/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Alignment with real processes: over sockets with keys, and on the emulated air with a user that
 * is killed. */
#include "daemons.h"

#include "alignment/federated_problem.h"
#include "control/keys.h"
#include "safetensors.h"

static void write_problem(const char *path)
{
    static const char *const y[] = {"Y0", "Y1", "Y2"}, *const h[] = {"H0", "H1", "H2"};
    safetensors_tensor_t t[7];
    err_t err = ERR_INIT;
    problem_t p;
    problem_create(&p, 11, 24, 90, 2);
    t[0] = (safetensors_tensor_t){"X", SAFETENSORS_F64, 2, {24, 90}, 24 * 90, p.input.x.v};
    for (int k = 0; k < PROBLEM_USERS; k++) {
        t[1 + k] = (safetensors_tensor_t){
            y[k], SAFETENSORS_F64, 2, {p.y[k].rows, 90}, (size_t)p.y[k].rows * 90, p.y[k].v};
        t[4 + k] = (safetensors_tensor_t){h[k], SAFETENSORS_F64, 3, {2, 2, 2}, 8, p.h[k].v};
    }
    CHECK_INT(safetensors_write(path, t, 7, NULL, NULL, 0, &err), 0);
    problem_destroy(&p);
}

/* The largest difference of a tensor in two files, over its largest value. */
static double difference(const char *a, const char *b, const char *name_a, const char *name_b)
{
    err_t err = ERR_INIT;
    safetensors_t *one = safetensors_open(a, &err), *two = safetensors_open(b, &err);
    const safetensors_tensor_t *x = one ? safetensors_find(one, name_a) : NULL,
                               *y = two ? safetensors_find(two, name_b) : NULL;
    double most = 0.0, size = 0.0;
    if (!x || !y || x->count != y->count || x->dtype != SAFETENSORS_F64 ||
        y->dtype != SAFETENSORS_F64) {
        fprintf(stderr, "%s of %s and %s of %s: %s\n", name_a, a, name_b, b, err.text);
        most = HUGE_VAL;
        size = 1.0;
    } else {
        for (size_t i = 0; i < x->count; i++) {
            double v, w;
            memcpy(&v, (const char *)x->data + 8 * i, 8);
            memcpy(&w, (const char *)y->data + 8 * i, 8);
            most = fmax(most, fabs(v - w));
            size = fmax(size, fabs(w));
        }
    }
    safetensors_close(one);
    safetensors_close(two);
    return most / size;
}

static const char words[] =
    "--complexify --whiten --K=2 --P=2 --snr_db=13 --rounds=6 --method=joint";

static program_t start_party(int k)
{
    return start("align",
                 "user %s %s --user.name=user%d --user.latents=Y%d --user.channel=H%d --user.once "
                 "--user.connect=ipc://%s "
                 "--user.server_key=%s --user.key=%s --user.store=%s",
                 in_work("in"), in_work("user%d", k), k, k, k, in_work("ap.ipc"),
                 in_work("ap-key.pub"), in_work("user-key"), in_work("store"));
}

static void test_processes(void)
{
    err_t err = ERR_INIT;
    key_pair_t pair;
    program_t user[PROBLEM_USERS];
    write_problem(in_work("in"));
    CHECK_INT(keys_make(in_work("ap-key"), &pair, &err), 0);
    CHECK_INT(keys_make(in_work("user-key"), &pair, &err), 0);
    program_t ap = start("align",
                         "ap %s %s %s --ap.users=3 --ap.antennas=2 --ap.wire=f64 --ap.once "
                         "--ap.bind=ipc://%s --ap.key=%s "
                         "--ap.allow=%s --ap.deadline_s=60 --ap.lease_s=60",
                         in_work("in"), in_work("out"), words, in_work("ap.ipc"), in_work("ap-key"),
                         in_work("user-key.pub"));
    for (int k = 0; k < PROBLEM_USERS; k++) {
        char joined[32];
        user[k] = start_party(k);
        snprintf(joined, sizeof joined, "user%d has joined", k);
        CU_ASSERT(wait_for(&ap, joined)); /* the order of the file, for the order of sums */
    }
    CHECK_INT(finish(&ap, 60), 0);
    for (int k = 0; k < PROBLEM_USERS; k++) {
        CHECK_INT(finish(&user[k], 60), 0);
    }
    program_t file =
        start("align", "federated %s %s %s", in_work("in"), in_work("reference"), words);
    CHECK_INT(finish(&file, 60), 0);
    CHECK_AT_MOST(difference(in_work("out"), in_work("reference"), "Z", "Z"), 1e-9);
    CHECK_AT_MOST(difference(in_work("out"), in_work("reference"), "obj_round", "obj_round"), 1e-9);
    CHECK_AT_MOST(difference(in_work("user0"), in_work("reference"), "G", "Gdep0"), 1e-9);
    CHECK_AT_MOST(difference(in_work("user2"), in_work("reference"), "G", "Gdep2"), 1e-9);
}

static double inner(const json_t *object, const char *outer, const char *key)
{
    const json_t *value = json_object_get(json_object_get(object, outer), key);
    return json_is_number(value) ? json_number_value(value) : -1.0;
}

/* The lines of `live --live.json` that are objects. */
static int read_users(json_t *users[], int most)
{
    char *text = text_of(in_work("broadcast.out")), *save = NULL;
    int count = 0;
    for (char *line = strtok_r(text, "\n", &save); line && count < most;
         line = strtok_r(NULL, "\n", &save)) {
        json_t *object = line[0] == '{' ? json_loads(line, 0, NULL) : NULL;
        if (object) {
            users[count++] = object;
        }
    }
    free(text);
    return count;
}

static void test_live(void)
{
    json_t *user[4];
    program_t live = start(
        "broadcast",
        "live --users=4 --seconds=0.5 --live.kill --live.json --live.pace=free --live.features=48 "
        "--live.samples=300");
    CHECK_INT(finish(&live, 120), 0);
    const int count = read_users(user, 4);
    CHECK_INT(count, 4);
    for (int k = 0; k < count; k++) {
        CHECK_AT_LEAST(inner(user[k], "after", "messages"), 60.0);
        CHECK_AT_MOST(inner(user[k], "after", "nmse"), 0.4);
        if (k < 3) { /* the last one was killed; what it had seen went with it */
            CHECK_AT_LEAST(inner(user[k], "before", "nmse"), 0.9);
        }
        json_decref(user[k]);
    }
    char *text = text_of(in_work("broadcast.out"));
    CU_ASSERT(strstr(text, "killed and started again: aligned after") != NULL);
    free(text);
}

static void test_wrong(void)
{
    program_t wrong = start("broadcast", "user %s", in_work("nothing"));
    CHECK_INT(finish(&wrong, 20), 1);
    expect_says(&wrong, "nothing");
    wrong = start("broadcast", "ap");
    CHECK_INT(finish(&wrong, 20), 2);
    wrong = start("align", "ap %s --method=top-k --K=2 --P=2 --snr_db=3 --ap.bind=ipc://%s",
                  in_work("in"), in_work("wrong.ipc"));
    CHECK_INT(finish(&wrong, 20), 2);
    expect_says(&wrong, "top-k has no rounds");
    wrong = start("align", "ap %s --K=2 --P=2 --snr_db=3 --ap.bind=tcp://*:5999", in_work("in"));
    CHECK_INT(finish(&wrong, 20), 2);
    expect_says(&wrong, "can be reached from elsewhere");
}

int main(void)
{
    static const check_test_t tests[] = {
        {"processes with keys find what the file-based command finds, to 1e-9", test_processes},
        {"on the air: aligned from nothing, and a user that was killed is aligned again",
         test_live},
        {"wrong files and options are named", test_wrong},
    };
    if (mkdtemp(work_folder) == NULL) {
        return 1;
    }
    const int failed = check_run("broadcast", tests, CHECK_COUNT(tests));
    daemons_end(failed);
    return failed;
}
