/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `semradio-align federated-campaign`: one row a point, goes on where it was stopped, bad input. */
#include "alignment/federated_problem.h"
#include "check.h"
#include "federated/align_federated_campaign.h"
#include "safetensors.h"

#include <unistd.h>

enum { ALIGNED = 60, TESTED = 40, CLASSES = 3 };

static char folder[] = "/tmp/semradio-federated-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

static safetensors_tensor_t tensor(const char *name, int rows, int cols, const float *v)
{
    safetensors_tensor_t t = {
        .name = name, .dtype = SAFETENSORS_F32, .rank = rows > 0 ? 2 : 1, .data = v};
    t.shape[0] = rows > 0 ? rows : cols;
    t.shape[1] = cols;
    t.count = (size_t)((rows > 0 ? rows : 1) * cols);
    return t;
}

/* `t`: features x (ALIGNED + TESTED). */
static void write_party(const char *name, const federated_tensor_t *t, int labels)
{
    err_t err = ERR_INIT;
    int d = t->rows, n = t->samples;
    float *x = malloc((size_t)(d * n) * sizeof *x), *label = calloc(TESTED, sizeof *label);
    float *weight = calloc((size_t)(CLASSES * d), sizeof *weight), bias[CLASSES] = {0};
    for (int i = 0; i < d; i++) {
        for (int s = 0; s < n; s++) {
            float *to =
                s < ALIGNED ? x + i * ALIGNED + s : x + d * ALIGNED + i * TESTED + s - ALIGNED;
            *to = (float)t->v[i * n + s];
        }
        weight[i % CLASSES * d + i] = 1.0f;
    }
    for (int s = 0; s < TESTED; s++) {
        label[s] = (float)(s % CLASSES);
    }
    const safetensors_tensor_t all[] = {
        tensor("X", d, ALIGNED, x), tensor("X_test", d, TESTED, x + d * ALIGNED),
        tensor("head.weight", CLASSES, d, weight), tensor("head.bias", 0, CLASSES, bias),
        tensor("labels_test", 0, labels, label)};
    if (safetensors_write(in_folder(name), all, 5, NULL, NULL, 0, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
    }
    free(x);
    free(label);
    free(weight);
}

static int campaign(const char *methods, const char *users, const char *out)
{
    char words[6][600];
    char *argv[] = {"federated-campaign",
                    words[0],
                    words[1],
                    words[2],
                    words[3],
                    words[4],
                    "--campaign.k=1,2",
                    "--campaign.antennas=1,2",
                    "--campaign.seeds=1,2",
                    NULL};
    snprintf(words[0], sizeof words[0], "--campaign.ap=%s", in_folder("ap.safetensors"));
    snprintf(words[1], sizeof words[1], "--campaign.users=%s", users);
    snprintf(words[2], sizeof words[2], "--campaign.methods=%s", methods);
    snprintf(words[3], sizeof words[3], "--campaign.out=%s", in_folder(out));
    snprintf(words[4], sizeof words[4], "--campaign.rounds=3");
    return align_federated_campaign_main(9, argv);
}

static char *text_of(const char *name)
{
    FILE *file = fopen(in_folder(name), "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    char *text = calloc(1, 1 << 16);
    CU_ASSERT(fread(text, 1, (1 << 16) - 1, file) > 0);
    fclose(file);
    return text;
}

static int lines_of(const char *text)
{
    int lines = 0;
    for (; *text; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static char users[600];

static void test_resume(void)
{
    const char *methods = "mean,wiener-wide-task,top-k,multi,optimum";
    CHECK_INT(campaign(methods, users, "a.csv"), 0);
    char *whole = text_of("a.csv");
    CHECK_INT(lines_of(whole), 1 + 5 * 2 * 2 * 2);
    /* Stopped after 11 rows. */
    char *at = whole;
    for (int i = 0; i < 12; i++) {
        at = strchr(at, '\n') + 1;
    }
    FILE *file = fopen(in_folder("b.csv"), "w");
    fwrite(whole, 1, (size_t)(at - whole), file);
    fclose(file);
    CHECK_INT(campaign(methods, users, "b.csv"), 0);
    char *again = text_of("b.csv");
    CU_ASSERT_STRING_EQUAL(again, whole);
    CHECK_INT(campaign("mean", users, "b.csv"), 0); /* nothing is left to do */
    char *same = text_of("b.csv");
    CU_ASSERT_STRING_EQUAL(same, whole);
    free(whole);
    free(again);
    free(same);
}

static void test_refusals(void)
{
    CU_ASSERT(campaign("mean,men", users, "c.csv") != 0);
    CU_ASSERT(campaign("mean", in_folder("nobody.safetensors"), "c.csv") != 0);
    CU_ASSERT(campaign("mean", in_folder("cut.safetensors"), "c.csv") != 0);
    FILE *file = fopen(in_folder("d.csv"), "w");
    fputs("another,table\n1,2\n", file);
    fclose(file);
    CU_ASSERT(campaign("mean", users, "d.csv") != 0);
    char *text = text_of("d.csv");
    CHECK_INT(lines_of(text), 2); /* left as it was */
    free(text);
}

static const check_test_t tests[] = {
    {"a campaign that was stopped goes on, and ends with the same file", test_resume},
    {"unknown methods, missing files, labels that do not fit, another table: refused",
     test_refusals},
};

int main(void)
{
    problem_t p;
    if (!mkdtemp(folder)) {
        return 1;
    }
    problem_create(&p, 1, 24, ALIGNED + TESTED, 2);
    write_party("ap.safetensors", &p.input.x, TESTED);
    write_party("one.safetensors", &p.y[0], TESTED);
    write_party("two.safetensors", &p.y[1], TESTED);
    write_party("cut.safetensors", &p.y[1], TESTED - 1);
    snprintf(users, sizeof users, "%s,%s", in_folder("one.safetensors"),
             in_folder("two.safetensors"));
    int code = check_run("federated_campaign", tests, CHECK_COUNT(tests));
    static const char *const made[] = {
        "ap.safetensors", "one.safetensors", "two.safetensors", "cut.safetensors",
        "a.csv",          "b.csv",           "c.csv",           "d.csv"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        unlink(in_folder(made[i]));
    }
    rmdir(folder);
    problem_destroy(&p);
    return code;
}
